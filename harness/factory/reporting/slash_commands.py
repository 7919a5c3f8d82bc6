"""What people may tell the factory in a comment, and who may: one table, and what a comment says by
it. Pure.

Properties: a command stands on a line of its own that a reader of the page sees as its author's own
words, so nothing that is quoted, folded away, hidden or in a code block is one; a right comes from
the forge's answer on an account and never from a text; what is not in the table is no command."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from harness.domain.issue import Comment, Permission
from harness.domain.lifecycle import Event
from harness.governance.text.hidden import Provenance
from harness.governance.text.normalise import normalise

WORD = "/factory"
MOST = 5
"""Commands of one comment that are heard, the first ones."""
LONGEST = 16_000
"""Characters of a comment that are read."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_LINE = re.compile(rf" {{0,3}}{WORD}(?:[ \t]+(?P<word>\S+)(?P<rest>.*))?[ \t]*", re.IGNORECASE)
_TAGS = re.compile(r"<(/?)(?:pre|code|blockquote|details)\b", re.IGNORECASE)


class CommandKind(StrEnum):
    """What follows from a command: the life of the issue goes on otherwise, it is answered, or
    everything stops."""

    STEERS = "steers"
    ASKS = "asks"
    STOPS = "stops"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `least` is the permission that may give it; with `filer`, whoever filed the
    issue may as well. NONE is whoever may comment."""

    word: str
    does: str
    kind: CommandKind
    least: Permission
    filer: bool = False
    event: Event | None = None
    argument: str = ""

    @property
    def shown(self) -> str:
        """How it is written."""
        return f"{WORD} {self.word} {self.argument}".rstrip()


COMMANDS: dict[str, Command] = {
    command.word: command
    for command in (
        Command(
            "help",
            "lists these commands, and which of them you may give",
            CommandKind.ASKS,
            Permission.NONE,
        ),
        Command(
            "why",
            "tells what was decided, by which rule, on which fact",
            CommandKind.ASKS,
            Permission.NONE,
        ),
        Command(
            "rules",
            "links the texts that govern here, as they are in force",
            CommandKind.ASKS,
            Permission.NONE,
        ),
        Command("cost", "tells what this issue has cost so far", CommandKind.ASKS, Permission.NONE),
        Command(
            "appeal",
            "has a person look at a no",
            CommandKind.STEERS,
            Permission.TRIAGE,
            filer=True,
            event=Event.APPEALED,
            argument="WHY",
        ),
        Command(
            "hold",
            "puts the issue on hold",
            CommandKind.STEERS,
            Permission.TRIAGE,
            event=Event.OWNER_HOLD,
        ),
        Command(
            "resume", "lifts the hold", CommandKind.STEERS, Permission.WRITE, event=Event.RESUMED
        ),
        Command(
            "retry",
            "starts again on an issue that needs a person",
            CommandKind.STEERS,
            Permission.WRITE,
            event=Event.RETRIED,
        ),
        Command(
            "stop",
            "stops the whole factory, until `factory resume` is given where it runs",
            CommandKind.STOPS,
            Permission.WRITE,
        ),
        Command(
            "approve",
            "lifts what a rule leaves to a person, for exactly this commit; it is judged again all"
            " the same",
            CommandKind.STEERS,
            Permission.MAINTAIN,
            event=Event.APPROVED_BY_PERSON,
            argument="SHA",
        ),
    )
}
"""Every command by its word, the harmless ones first. docs/operations.md has this table too, and a
test compares them."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A line of a comment that is meant as a command. `word` may be in no table; `argument` is text
    from outside."""

    word: str
    argument: str = ""

    @property
    def command(self) -> Command | None:
        return COMMANDS.get(self.word)


def may_give(command: Command, permission: Permission, *, is_filer: bool) -> bool:
    """Whether an account with this permission may give it. An app may give none; that is asked
    before."""
    return (command.filer and is_filer) or permission.reaches(command.least)


def commands_in(body: str) -> tuple[ParsedCommand, ...]:
    """The commands of a comment, in their order. A bare `/factory` asks for help."""
    if WORD not in body.casefold():
        return ()
    found = [_spoken(match) for line in _own_lines(body) if (match := _LINE.fullmatch(line))]
    return tuple(found[:MOST])


def is_command(comment: Comment) -> bool:
    """Whether a comment is meant for the factory, and so is no word on the issue."""
    return comment.body.lstrip().startswith(WORD)


def _spoken(match: re.Match[str]) -> ParsedCommand:
    return ParsedCommand((match["word"] or "help").casefold(), (match["rest"] or "").strip())


def _own_lines(body: str) -> Iterator[str]:
    """The lines that are the author's own words, in plain sight. What follows a quoted line without
    an empty one between them is still of the quotation, as Markdown has it."""
    seen = normalise(body, limit=LONGEST)
    others = {
        line
        for span in seen.spans
        if span.provenance is not Provenance.PLAIN
        for line in range(span.line, span.end_line + 1)
    }
    fence, quoted, depth = "", False, 0
    for number, line in enumerate(seen.text.split("\n"), 1):
        mark = _FENCE.fullmatch(line)
        if fence:
            fence = "" if mark and _closes(mark, fence) else fence
            continue
        quoted = bool(line.strip()) and (quoted or line.lstrip().startswith(">"))
        inside = depth > 0 or number in others or quoted
        depth = max(0, depth + sum(-1 if closing else 1 for closing in _TAGS.findall(line)))
        if mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
        elif not inside:
            yield line


def _closes(mark: re.Match[str], fence: str) -> bool:
    return mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip()
