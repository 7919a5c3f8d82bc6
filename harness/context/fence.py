"""Quotes a text so that it cannot end its own quotation: its fence has more backticks than the
text."""

import json
import re

from harness.governance.text.invisible import visible

_TICKS = re.compile("`+")


def fenced(text: str) -> str:
    """The text between fences, on lines of its own. Invisible characters are written as escapes."""
    shown = visible(text.replace("\r\n", "\n")).rstrip("\n")
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(shown)), default=0))
    return f"{fence}\n{shown}\n{fence}"


def quoted(name: str) -> str:
    """A name from outside, as one JSON string."""
    return visible(json.dumps(name, ensure_ascii=False))
