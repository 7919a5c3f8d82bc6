"""Text from outside inside our words: nothing in it is a link, a picture, a mention, a name of an
issue or a mark-up."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence

from harness.governance.text.invisible import is_invisible

UrlFor = Callable[[str], str]
"""A path in the repository, or one of the forge that begins with a slash, as an address; "" where
there is none."""

MOST_ROWS = 50
"""Rows of a table in a check: what is beyond is counted."""
MOST_IN_A_CELL = 160
_NOT_IN_CODE = re.compile(r"[^\w./-]")


def words_only(text: str) -> str:
    """One line of outside text for a commit message, a pull request's title or what a squash makes
    of its text.

    Hosts act on what stands there: `[skip ci]` and `***NO_CI***` keep checks from running, `Fixes
    #7` and `ABC-7` close what they name, `@owner` tells people, a line `key: value` is a trailer,
    `/lgtm` a command. Their lists grow; what they are made of does not. So only letters, digits and
    plain punctuation stay, in their compatible form (NFKC), and nothing that is invisible, turns
    the line or speaks to a terminal."""
    kept = "".join(char if _stays(char) else " " for char in unicodedata.normalize("NFKC", text))
    return " ".join(_NO_JOINT.sub(" ", kept).split())


def _stays(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _JOINTS or char in ".,?"
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and not is_invisible(char)


_JOINTS = "-/_'"
"""What may join two words, and stays nowhere else: `--`, `---`, `/lgtm` and `___` are no words."""
_NO_JOINT = re.compile(rf"(?<![^\W_])[{_JOINTS}]|[{_JOINTS}](?![^\W_])|(?<=[^\W\d_])-(?=\d)")


def inline(text: str) -> str:
    """One line of outside text, with everything that Markdown or the forge would act on taken out
    of service."""
    flat = "".join(
        char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
        for char in " ".join(text.split())
    )
    escaped = _MARKS.sub(r"\\\g<0>", flat)
    return _NAMES.sub(rf"\g<0>{_NOTHING}", escaped)


_NOTHING = "\u200b"
"""A character without width: what stands on both sides of it is no longer one name."""
_MARKS = re.compile(r"[\\`*_\[\]<>|#!~&$]")
_NAMES = re.compile(
    r"[@#\uff03\uff20]|:(?=//)|GH(?=-[0-9])|www(?=\.)|(?:mailto|xmpp)(?=:)", re.IGNORECASE
)


def cell(text: str) -> str:
    """The beginning of such a line, for a table."""
    return inline(text[:MOST_IN_A_CELL])


def code(text: str) -> str:
    """A word of outside text as code."""
    return f"`{' '.join(_NOT_IN_CODE.sub(' ', text[:40]).split()) or ' '}`"


def fenced(text: str) -> str:
    longest = max((len(run) for run in _backtick_runs(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"


def _backtick_runs(text: str) -> Iterable[str]:
    run = ""
    for char in text:
        if char == "`":
            run += char
        elif run:
            yield run
            run = ""
    if run:
        yield run


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows[:MOST_ROWS])]
    more = f"\n\nand {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return "\n".join(lines) + more


def count(number: int, what: str) -> str:
    plural = f"{what.removesuffix('y')}ies" if what.endswith("y") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"
