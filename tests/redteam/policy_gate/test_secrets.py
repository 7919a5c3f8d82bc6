"""Row 87: one canary, as it would be carried out of a run in the change itself, and what the policy
says of it."""

import base64
import codecs
import gzip
import time
import tracemalloc
import zlib
from urllib.parse import quote

import pytest

from harness.domain.facts import UNKNOWN
from harness.governance.facts.secrets import secrets_in
from tests.redteam.attack import rules, words

CANARY = "ghp_" + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi"
LINE = f'token = "{CANARY}"\n'
RAW = LINE.encode()


def _escaped(text: str) -> str:
    return "".join(f"%{ord(char):02X}" for char in text)


ENCODINGS = {
    "plain": RAW,
    "base64": b'blob = "' + base64.b64encode(RAW) + b'"\n',
    "hexadecimal": b'blob = "' + RAW.hex().encode() + b'"\n',
    "literals in pieces": (
        f'token = "{CANARY[:9]}" + "{CANARY[9:20]}" \\\n    "{CANARY[20:]}"\n'.encode()
    ),
    "pieces with the sign in front": f'token = ("{CANARY[:20]}"\n    + "{CANARY[20:]}")\n'.encode(),
    "UTF-16": LINE.encode("utf-16"),
    "per cent signs": f'url = "https://x.example/?q={_escaped(LINE)}"\n'.encode(),
    "per cent signs where they must be": f'url = "{quote("{[" + LINE + "]}")}"\n'.encode(),
    "gzip in base64": b'blob = "' + base64.b64encode(gzip.compress(RAW, mtime=0)) + b'"\n',
    "zlib in hexadecimal": zlib.compress(RAW).hex().encode(),
    "gzip": gzip.compress(RAW, mtime=0),
    "base64 in base64": base64.b64encode(base64.b64encode(RAW)),
    "base64 in pieces": (
        b'blob = "' + base64.b64encode(RAW)[:30] + b'" + "' + base64.b64encode(RAW)[30:] + b'"\n'
    ),
}
MISSES = {
    "reversed": LINE[::-1].encode(),
    "rotated": codecs.encode(LINE, "rot13").encode(),
    "as numbers": repr(list(RAW)).encode(),
    "joined from a list": f'token = "".join({[*CANARY]!r})\n'.encode(),
    "base32": base64.b32encode(RAW),
    "XOR with a byte": bytes(byte ^ 0x55 for byte in RAW),
    "in four layers": base64.b64encode(base64.b64encode(base64.b64encode(base64.b64encode(RAW)))),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_row_87_a_canary_does_not_leave_in_a_change(attack, encoding) -> None:
    decision = attack.decision_on(
        lambda worktree: (worktree / "notes.txt").write_bytes(ENCODINGS[encoding])
    )
    assert "F-SECRETS" in rules(decision)
    assert CANARY not in words(decision) + repr(decision.findings)


@pytest.mark.parametrize("encoding", MISSES)
def test_a_known_miss_is_still_one(encoding) -> None:
    """When one of these is found one day, it belongs above."""
    assert secrets_in({b"notes.txt": MISSES[encoding]}) == ()


@pytest.mark.parametrize(
    "content",
    [
        b'"' + b" " * 2_000_000 + b"x",
        b'"\\' * 500_000,
        b"A" * 4_000_000,
        b"%41" * 1_000_000,
        b"ab" * 2_000_000,
        base64.b64encode(bytes(3_000_000)),
        b"\x1f\x8b" * 100_000,
        b"\0" * 4_000_000,
    ],
    ids=[
        "spaces after a quote",
        "quotes and backslashes",
        "one letter",
        "per cent signs",
        "hexadecimal",
        "base64",
        "gzip heads",
        "NULs",
    ],
)
def test_hostile_content_is_read_in_time_linear_in_its_length(content) -> None:
    began = time.process_time()
    secrets_in({b"a": content})
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    "made",
    [
        lambda: gzip.compress(bytes(1 << 26), mtime=0),
        lambda: base64.b64encode(gzip.compress(bytes(1 << 26), mtime=0)),
        lambda: b"\n".join([base64.b64encode(zlib.compress(bytes(200_000)))] * 1000),
        lambda: gzip.compress(bytes(5_000_000) + RAW, mtime=0),
    ],
    ids=[
        "a bomb",
        "a bomb in base64",
        "a thousand small bombs",
        "a canary behind more than is read",
    ],
)
def test_what_unpacks_to_more_than_is_read_is_unknown(made) -> None:
    content = made()
    tracemalloc.start()
    found = secrets_in({b"a": content})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found is UNKNOWN
    assert peak < 40_000_000
