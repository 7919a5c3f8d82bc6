"""Files between a person and an app: made up for an upload, or taken from a download."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import MimeTypes

LARGEST_SIDE = 512
"""Pixels of a picture."""
# Only the library's own table: what is installed on the machine must not change what is sent.
_KINDS = MimeTypes(filenames=())


@dataclass(frozen=True, slots=True)
class File:
    """A name without folders, and the bytes."""

    name: str
    content: bytes

    @property
    def kind(self) -> str:
        """The media type that a browser derives from the name."""
        return _KINDS.guess_type(self.name)[0] or "application/octet-stream"

    @property
    def text(self) -> str | None:
        """The content as UTF-8 without a byte order mark; None if it is not UTF-8."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180): commas, quotes where they are needed, CR LF after each row."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)
    return written.getvalue()


def csv_rows(text: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a CSV text, without empty ones. A text that is not CSV has no rows."""
    try:
        return tuple(tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row)
    except csv.Error:
        return ()


def lines_of(text: str) -> int:
    """How many lines the text has. A final line break does not begin another line."""
    return len(text.splitlines())


def picture(width: int, height: int, *, of: str) -> bytes:
    """A PNG (W3C, third edition) of one colour, derived from `of`: equal words, equal pictures."""
    colour = sha256(of.encode()).digest()[:3]
    # Each scanline begins with the number of its filter: 0, none.
    scanlines = (b"\0" + colour * width) * height
    # 8 bits a sample; colour type 2: red, green, blue.
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
