"""Detects whether an answer can make a page change by itself. A run without such an answer need not
wait for what is not there.

A page without scripts, timers and animations never changes once its answers have come. To wait five
seconds for a text on it is a waste, and most such waits happen where a journey is meant to fail: on
the base tree, with injected faults, as a negative control. So every answer is read as it passes.
Whatever is not known to be still counts as moving: another media type, another encoding, any of the
words below, wherever it stands. A mistake in that direction only costs time.

An app gains nothing by looking still: a page that does so and then changes is looked at earlier,
and fails."""

from __future__ import annotations

import re

from validators.browser.network.http1 import Head

READ = ("text/html", "text/css", "text/plain")
PICTURES = ("image/", "font/")
OVERLAP = 256
# Scripts and elements that can carry one, refreshes, and movement by style alone. NUL shows that
# the encoding is another than declared.
STIRRING = re.compile(
    rb"<(?:script|i?frame|frameset|object|embed|applet|portal|fencedframe|marquee|animate|set)"
    rb"|[\s\"'/]on[a-z]{2,40}\s{0,40}=|javascript|data:text|http-equiv|animation|transition|\x00",
    re.IGNORECASE,
)


class Reading:
    """One answer, read while it passes. `stirs` turns true, and stays true, once the answer may
    make a page change."""

    def __init__(self, answer: Head, *, document: bool) -> None:
        kind, _, rest = answer.header("content-type").lower().partition(";")
        self._kind, self._document = kind.strip(), document
        self._plain = answer.header("content-encoding").lower() in ("", "identity") and (
            self._kind != "text/html" or rest.replace(" ", "").replace('"', "") == "charset=utf-8"
        )
        self._tail = b""
        self.stirs = bool(answer.header("refresh"))

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes of the body. An answer without a body stirs nothing."""
        if self.stirs or not piece or (self._kind.startswith(PICTURES) and not self._document):
            return
        # A word may be split between two pieces, so the end of the last piece is searched again.
        text = self._tail + piece
        self.stirs = self._kind not in READ or not self._plain or STIRRING.search(text) is not None
        self._tail = text[-OVERLAP:]
