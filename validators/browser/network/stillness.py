"""What can make a page change by itself. A run that was given none of it need not wait for what is
not there.

A page without scripts, timers and animations shows for ever what it shows once its answers have
come. Waiting five seconds for a text on it is five seconds of certainty, and most of them are spent
where a journey is meant to fail: on the base tree, under a saboteur, as a twin. So every answer is
read as it passes, and what is not known to be still stirs: another kind, another encoding, any word
below, wherever it stands. To be wrong that way only costs time.

Nobody gains by posing as still: a page that does so and then changes is looked at earlier, and
fails."""

from __future__ import annotations

import re

from validators.browser.network.http1 import Head

READ = ("text/html", "text/css", "text/plain")
PICTURES = ("image/", "font/")
OVERLAP = 256
# Scripts and what can carry one, refreshes, and what moves by style alone. NUL: another encoding
# than it says.
STIRRING = re.compile(
    rb"<(?:script|i?frame|frameset|object|embed|applet|portal|fencedframe|marquee|animate|set)"
    rb"|[\s\"'/]on[a-z]{2,40}\s{0,40}=|javascript|data:text|http-equiv|animation|transition|\x00",
    re.IGNORECASE,
)


class Reading:
    """One answer, read while it passes. `stirs` turns true, and stays so, once a page may change by
    it."""

    def __init__(self, answer: Head, *, document: bool) -> None:
        kind, _, rest = answer.header("content-type").lower().partition(";")
        self._kind, self._document = kind.strip(), document
        self._plain = answer.header("content-encoding").lower() in ("", "identity") and (
            self._kind != "text/html" or rest.replace(" ", "").replace('"', "") == "charset=utf-8"
        )
        self._tail = b""
        self.stirs = bool(answer.header("refresh"))

    def feed(self, piece: bytes) -> None:
        """Take in the next bytes of the body. An answer without any stirs nothing."""
        if self.stirs or not piece or (self._kind.startswith(PICTURES) and not self._document):
            return
        text = self._tail + piece
        self.stirs = self._kind not in READ or not self._plain or STIRRING.search(text) is not None
        self._tail = text[-OVERLAP:]
