"""Credentials in added bytes, found by Betterleaks: a rule set kept by the people who made
Gitleaks, run in-process.

Its expressions are RE2's, linear in the text, which matters because the text is a stranger's. It
opens no socket here (asking a provider whether a credential is live is off). Where there is no
build for this machine, the answer is UNKNOWN, which is no.

Undone before it looks: literals in pieces, base64, hexadecimal, per cent signs, UTF-16, gzip and
zlib, and these within each other. Missed, each with a test that shows it: what is reversed,
rotated, spelt as numbers or joined from a list, base32 and its like, what is drawn in a picture,
what is encrypted. A scanner finds carelessness; against intent there is that the agent is given
nothing worth taking."""

import binascii
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from harness.domain.facts import UNKNOWN, Maybe, SecretFound

if TYPE_CHECKING:
    from betterleaks import Finding

_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){16,}")
_ESCAPED = re.compile(rb"(?:%[0-9a-fA-F]{2}[\w.~-]{0,8}){4}")
# no way back: linear
_SPLIT = re.compile(rb"""["'][ \t]*+(?:[+\\][ \t]*+)?(?:\r?\n[ \t]*+)?(?:[+][ \t]*+)?["']""")
_PACKED = (b"\x1f\x8b", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_DEEPEST = 3
_SHORTEST = 24
_MOST_UNPACKED = 4 * 1024 * 1024
# Rules of the library that match any login form.
_GUESSES = ("generic-password", "generic-credential-uri")
_SHOWN = 4


def secrets_in(added: Mapping[bytes, bytes]) -> Maybe[tuple[SecretFound, ...]]:
    """Every added text is read as it is, with split literals joined, and with what encodes or
    packs it undone. What is found comes masked; its line is 0 where it was found in another
    reading than the first."""
    try:
        from betterleaks import BetterleaksError, scan_string
    except (ImportError, OSError):
        return UNKNOWN
    found: dict[tuple[bytes, str, str], SecretFound] = {}
    try:
        for path, content in sorted(added.items()):
            for number, text in enumerate(_readings(content)):
                for finding in filter(_counts, scan_string(text)):
                    secret = _secret(path, finding, plain=number == 0)
                    found.setdefault((path, secret.rule, finding.secret), secret)
    # What was not read to its end is not known to be clean.
    except (BetterleaksError, _TooMuch):
        return UNKNOWN
    return tuple(found.values())


def _counts(finding: "Finding") -> bool:
    """Whether this is more than a guess. `{"password": "correct horse"}` in a test is one; a gate
    that cries wolf at every login form is switched off by its owners."""
    return finding.confidence != "low" or finding.rule_id not in _GUESSES


def _secret(path: bytes, finding: "Finding", *, plain: bool) -> SecretFound:
    line = finding.location.start_line if plain else 0
    return SecretFound(path, line, finding.rule_id, f"{finding.secret[:_SHOWN]}…")


def _readings(content: bytes) -> Iterator[str]:
    """The content as text, and its text when what commonly hides a credential is undone.

    The library reads C strings: a NUL would end its reading and hide all that follows, so none is
    ever left."""
    yield _text(content.replace(b"\0", b"\n"))
    if b"\0" in content:
        yield _text(content.replace(b"\0", b""))
    joined = _SPLIT.sub(b"", content)
    if joined != content:
        yield _text(joined)
    if undone := _undone(joined, _DEEPEST, _Unpacking()):
        yield "\n".join(map(_text, undone))


def _undone(content: bytes, depth: int, unpacking: "_Unpacking") -> list[bytes]:
    """The text of each encoded run, and what is encoded in that, a few layers deep."""
    if depth == 0:
        return []
    runs = [
        *map(_from_base64, _BASE64.findall(content)),
        *map(binascii.unhexlify, _HEX.findall(content)),
    ]
    if _ESCAPED.search(content):
        runs.append(unquote_to_bytes(content))
    opened = [*runs, *filter(None, map(unpacking.unpacked, (content, *runs)))]
    return [
        *opened,
        *(
            inner
            for run in opened
            if len(run) >= _SHORTEST
            for inner in _undone(run, depth - 1, unpacking)
        ),
    ]


class _Unpacking:
    """Gzip and zlib, up to so many bytes for one file together: beyond, nobody has looked, and a
    bomb has not gone off."""

    def __init__(self) -> None:
        self._left = _MOST_UNPACKED

    def unpacked(self, run: bytes) -> bytes:
        """What is packed in a run; empty for one that is not packed. Raises _TooMuch."""
        if not run.startswith(_PACKED):
            return b""
        # either header
        reader = zlib.decompressobj(wbits=47)
        try:
            found = reader.decompress(run, self._left)
        except zlib.error:
            return b""
        self._left -= len(found)
        # Either the budget of the file is used up, or this run alone holds more.
        if self._left <= 0 or reader.unconsumed_tail:
            raise _TooMuch
        return found


class _TooMuch(Exception):
    """More is packed in a file than is read of it."""


def _from_base64(run: bytes) -> bytes:
    # A run cut off in the middle still decodes as far as it goes.
    letters = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return binascii.a2b_base64(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


def _text(content: bytes) -> str:
    return content.replace(b"\0", b"\n").decode("utf-8", "replace")
