"""Make a repository's words safe to repeat in a binding document: plain text on one line, without
ids or promises.

A README may hold `{#M-X}`, a code fence or an invisible character. A draft that repeats it must
still parse.
"""

import json
import re

from harness.governance.text.invisible import is_invisible

LONGEST = 400
_CITING = re.compile(r"(?<![\w-])[A-Z]-[A-Z0-9]|workflows/|\{#")
_PROMISING = re.compile(r"\b(?:MUST|NEVER)\b")
_NUMBER = re.compile(
    r"\d|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b", re.IGNORECASE
)
_UNIT = re.compile(r"\b(?:lines|files|attempts|tries|dollars|usd)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[^\W\d_]|`[^`]|\*{1,2}[^\s*]|[\"“('‘]")


def plain(text: str, *, longest: int = LONGEST) -> str:
    """The text on one line, without invisible characters, cut at a word."""
    shown = "".join(
        " " if char.isspace() else char for char in text if char.isspace() or not is_invisible(char)
    )
    line = " ".join("".join(char for char in shown if char.isprintable()).split())
    return (
        # Cut at a space, so that no half word changes the meaning.
        line if len(line) <= longest else f"{line[:longest].rpartition(' ')[0] or line[:longest]} …"
    )


def is_citable(text: str) -> bool:
    """Whether the line may stand above a block, where promises and numbers are allowed:
    it names no id and no workflow."""
    return not _CITING.search(text)


def is_harmless(text: str) -> bool:
    """Whether a reader of rules finds nothing in the line that binds, cites or limits."""
    return (
        is_citable(text)
        and not _PROMISING.search(text)
        and not (_UNIT.search(text) and _NUMBER.search(text))
    )


def paragraph(text: str) -> str:
    """The text as one paragraph if it is harmless and starts like a sentence; else empty."""
    line = plain(text)
    return line if is_harmless(line) and _SENTENCE.match(line) else ""


def quoted(text: str) -> str:
    """The text in quotation marks, so that it starts no Markdown construct."""
    return f"“{plain(text)}”"


def literal(text: str) -> str:
    """The text as a string that JSON, YAML and TOML read alike."""
    return json.dumps(plain(text), ensure_ascii=False)
