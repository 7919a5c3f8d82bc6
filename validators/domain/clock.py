"""The app's clock: a file with the number of seconds by which it is ahead of the machine's
clock."""

from __future__ import annotations

AHEAD = "ahead"


def ahead_text(seconds: int) -> str:
    """The content of the file `ahead`: whole seconds in decimal digits, and a line break."""
    return f"{seconds}\n"
