"""Escaping of text from outside, so that nothing in it is a link, an image, a mention, a reference
or markup."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from harness.domain.shortened import in_one_line, shortened
from harness.governance.text.invisible import is_invisible

MOST_ROWS = 50
"""How many rows of a table are shown; the rest is counted."""
MOST_IN_A_CELL = 300
_NOT_IN_CODE = re.compile(r"[^\w./-]")


def words_only(text: str) -> str:
    """One line of outside text for commit messages and titles of pull requests.

    Forges act on what stands there. `[skip ci]` and `***NO_CI***` skip checks, `Fixes #7` and
    `ABC-7` close issues, `@owner` notifies people, a line `key: value` is a trailer, `/lgtm` is a
    command. These lists grow, but the characters do not. So only letters, digits and plain
    punctuation stay, normalised to NFKC, and nothing that is invisible, changes the direction of
    the text or controls a terminal."""
    kept = "".join(char if _stays(char) else " " for char in unicodedata.normalize("NFKC", text))
    return " ".join(_NO_JOINT.sub(" ", kept).split())


def _stays(char: str) -> bool:
    if char.isascii():
        return char.isalnum() or char in _JOINTS or char in ".,?"
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and not is_invisible(char)


_JOINTS = "-/_'"
"""Characters that may join two words. They stay nowhere else: `--`, `/lgtm` and `___` are no
words."""
# A hyphen before a digit goes as well: `ABC-7` names an issue of some tracker.
_NO_JOINT = re.compile(rf"(?<![^\W_])[{_JOINTS}]|[{_JOINTS}](?![^\W_])|(?<=[^\W\d_])-(?=\d)")


def inline(text: str) -> str:
    """One line of outside text with everything escaped that Markdown or the forge would act on."""
    escaped = _MARKUP.sub(r"\\\g<0>", without_places(in_one_line(text)))
    return _NAMES.sub(rf"\g<0>{_NOTHING}", escaped)


def public_reason(reason: str) -> str:
    """A reason as strangers may read it. The words of a model's provider tell of an account, an
    address or a machine, and are its operator's business."""
    if not _OF_A_PROVIDER.match(reason):
        return reason
    return "a model's provider refused the request; the factory's log has its words"


def without_places(text: str) -> str:
    """The text with the last part alone of each absolute path of a machine: an error of a program
    names its folders, and whoever reads a comment has no business there."""
    return _PLACES.sub(r"…/\1", text)


def referred(inert: str, number: int, address: str) -> str:
    """The inert text with a link where it names a number that the factory knows: `#9`."""
    return re.sub(rf"\\#{_NOTHING}{number}(?!\d)", f"[#{number}]({address})", inert)


_NOTHING = "\u200b"
"""A character without width: a name that it splits is no longer one name."""
_OF_A_PROVIDER = re.compile(r"[a-z]+(?:_[a-z]+)*_error: ")
"""How an answer that is an error begins in the ledger: with its type on the wire."""
_PLACES = re.compile(
    r"(?<![\w.:/])/(?:home|root|tmp|var|srv|opt|usr|mnt|run|etc|private|Users)/(?:[^\s/:'\",;()]+/)*"
    r"([^\s/:'\",;()]*)"
)
_MARKUP = re.compile(r"[\\`*_\[\]<>|#!~&$]")
_NAMES = re.compile(
    r"[@#\uff03\uff20]|:(?=//)|GH(?=-[0-9])|www(?=\.)|(?:mailto|xmpp)(?=:)", re.IGNORECASE
)


def cell(text: str) -> str:
    """The beginning of such a line, for a table."""
    # Cut before it is escaped: a later cut could split an escape.
    return inline(shortened(text, MOST_IN_A_CELL))


def code(text: str) -> str:
    """A word of outside text as inline code."""
    return f"`{' '.join(_NOT_IN_CODE.sub(' ', text[:40]).split()) or ' '}`"


def fenced(text: str) -> str:
    """Outside text in a code fence that is longer than any run of backticks in it. No marker of
    ours stays whole in it: it would be in a body that our account wrote."""
    text = text.replace("<!--", "<! --")
    longest = max((len(run) for run in _backtick_runs(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text.strip()}\n{fence}"


def quoted(text: str, most: int) -> str:
    """The first `most` characters of outside text, its lines as they are, in a code fence."""
    return fenced(text if len(text) <= most else f"{text[: most - 1]}…") if text else "(nothing)"


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
    """A Markdown table; empty without rows."""
    if not rows:
        return ""
    lines = [f"| {' | '.join(row)} |" for row in (heads, ["---"] * len(heads), *rows[:MOST_ROWS])]
    more = f"\n\nand {len(rows) - MOST_ROWS} more" if len(rows) > MOST_ROWS else ""
    return "\n".join(lines) + more
