"""The clock that an app may be given: a file that says by how many seconds it is ahead of the
machine's own."""

from __future__ import annotations

AHEAD = "ahead"


def ahead_text(seconds: int) -> str:
    """What stands in the file `ahead`: whole seconds in decimal digits, and a line break. 0: not
    ahead at all."""
    return f"{seconds}\n"
