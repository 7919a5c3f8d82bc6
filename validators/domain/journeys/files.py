"""Files as they pass between a person and an app: made up to be uploaded, taken when they are
downloaded."""

from __future__ import annotations

import csv
import io
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from mimetypes import MimeTypes

LARGEST_SIDE = 512  # pixels of a picture
_KINDS = MimeTypes(
    filenames=()
)  # the library's own table: what a machine has installed must not decide what is sent


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
        """The text in UTF-8, a byte order mark left out; None for anything else."""
        try:
            return self.content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180): commas, quotes where they are needed, CR LF after each row."""
    told = io.StringIO(newline="")
    csv.writer(told).writerows(rows)
    return told.getvalue()


def csv_rows(text: str) -> tuple[tuple[str, ...], ...]:
    """The rows of a CSV text, empty ones left out. A text that is not CSV is one of other rows,
    never an error."""
    try:
        return tuple(tuple(row) for row in csv.reader(io.StringIO(text, newline="")) if row)
    except csv.Error:
        return ()


def lines_of(text: str) -> int:
    """How many lines the text has: what ends with a line break has no empty line after it."""
    return len(text.splitlines())


def picture(width: int, height: int, *, of: str) -> bytes:
    """A PNG (W3C, third edition) of one colour, which `of` decides: equal words, equal pictures."""
    colour = sha256(of.encode()).digest()[:3]
    scanlines = (b"\0" + colour * width) * height  # each begins with its filter: none
    header = struct.pack(
        ">IIBBBBB", width, height, 8, 2, 0, 0, 0
    )  # 8 bits a sample, red green blue
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(scanlines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
