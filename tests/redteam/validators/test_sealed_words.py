"""Row 67: a canary that has come into the repository, as somebody would write it who knows that it
is looked for."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from validators.domain.stops import UsageError
from validators.store.leaks import refuse_leaked

CANARY = "7f3a91c2d4e85b60a1f2c3d4e5f60718"
WORDS = f"the hidden test says canary: {CANARY}, and what is booked"
SPELT = {
    "as it is": WORDS.encode(),
    "in capitals": WORDS.upper().encode(),
    "backwards": WORDS[::-1].encode(),
    "in UTF-16": WORDS.encode("utf-16"),
    "in hexadecimal": WORDS.encode().hex().encode(),
    **{
        f"in base64, {start} in": base64.b64encode(b"x" * start + WORDS.encode())
        for start in range(3)
    },
}
MISSES = {
    "compressed": gzip.compress(WORDS.encode(), mtime=0),
    "in pieces": f'"{CANARY[:16]}" + "{CANARY[16:]}"'.encode(),
    "base64 in base64": base64.b64encode(base64.b64encode(WORDS.encode())),
    "the journey's words without it": b'click: {button: "Reserve these places"}',
}


class OneObject:
    """A repository of one object, which is what a leak comes to."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def names(self) -> frozenset[str]:
        return frozenset(("0" * 40,))

    def chunks(self, names: Iterable[str]) -> Iterator[bytes]:
        return (self.content for _ in names)


@pytest.mark.parametrize("how", SPELT)
def test_row_67_a_canary_in_any_spelling_stops_everything(how, tmp_path: Path) -> None:
    for _ in range(2):  # and it is not taken for looked at
        with pytest.raises(UsageError, match="canary"):
            refuse_leaked(tmp_path, OneObject(SPELT[how]), canaries=[CANARY])


@pytest.mark.parametrize("how", MISSES)
def test_a_known_miss_is_still_one(how, tmp_path: Path) -> None:
    """When one of these is found one day, it belongs above."""
    refuse_leaked(tmp_path, OneObject(MISSES[how]), canaries=[CANARY])


def test_an_innocent_repository_is_judged(tmp_path: Path) -> None:
    refuse_leaked(tmp_path, OneObject(WORDS.replace(CANARY, "0" * 32).encode()), canaries=[CANARY])
