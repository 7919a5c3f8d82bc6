"""The slash commands that people give in comments: one table, who may give each, and the parser.
Pure.

Properties:
- a command stands on a line of its own that a reader sees as the author's own words; what is
  quoted, folded away, hidden or in a code block is none;
- permissions come from the forge's answer about an account, never from text;
- what is not in the table is no command."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.domain.issue import Comment, Permission
from harness.domain.lifecycle import Event
from harness.governance.text.hidden import Provenance
from harness.governance.text.normalise import normalise

WORD = "/factory"
MOST = 5
"""How many commands of one comment are obeyed: the first ones."""
LONGEST = 16_000
"""How many characters of a comment are read."""

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
# At most three spaces: with four, Markdown shows a block of code.
_LINE = re.compile(rf" {{0,3}}{WORD}(?:[ \t]+(?P<word>\S+)(?P<rest>.*))?[ \t]*", re.IGNORECASE)
_TAGS = re.compile(r"<(/?)(?:pre|code|blockquote|details)\b", re.IGNORECASE)


class CommandKind(StrEnum):
    """What a command does: it changes the course of an issue, asks a question, or stops the
    factory."""

    CONTROLS = "controls"
    ASKS = "asks"
    STOPS = "stops"


@dataclass(frozen=True, slots=True)
class Command:
    """One command. `least` is the lowest permission that may give it; NONE means anybody who may
    comment. With `filer`, the person who filed the issue may give it too."""

    word: str
    does: str
    kind: CommandKind
    least: Permission
    filer: bool = False
    event: Event | None = None
    argument: str = ""

    @property
    def shown(self) -> str:
        """How it is written in a comment."""
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
            "shows what was decided, by which rule, on which fact, and where the change runs",
            CommandKind.ASKS,
            Permission.NONE,
        ),
        Command(
            "rules",
            "links the texts that govern here, as they are in force",
            CommandKind.ASKS,
            Permission.NONE,
        ),
        Command("cost", "shows what this issue has cost so far", CommandKind.ASKS, Permission.NONE),
        Command(
            "appeal",
            "has a person look at a no",
            CommandKind.CONTROLS,
            Permission.TRIAGE,
            filer=True,
            event=Event.APPEALED,
            argument="WHY",
        ),
        Command(
            "hold",
            "puts the issue on hold",
            CommandKind.CONTROLS,
            Permission.TRIAGE,
            event=Event.OWNER_HOLD,
        ),
        Command(
            "resume", "lifts the hold", CommandKind.CONTROLS, Permission.WRITE, event=Event.RESUMED
        ),
        Command(
            "retry",
            "starts again on an issue that needs a person, with triage where that decided nothing;"
            " after a suspected attack, write `retry confirmed`",
            CommandKind.CONTROLS,
            Permission.WRITE,
            event=Event.RETRIED,
        ),
        Command(
            "revise",
            "has the change made again, your way; the words go on to the end of the comment",
            CommandKind.CONTROLS,
            Permission.WRITE,
            event=Event.REVISED,
            argument="WORDS",
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
            CommandKind.CONTROLS,
            Permission.MAINTAIN,
            event=Event.APPROVED_BY_PERSON,
            argument="SHA",
        ),
    )
}
"""Every command by its word, the harmless ones first. docs/user.md has the same table, and a
test compares them."""


@dataclass(frozen=True, slots=True)
class ParsedCommand:
    """A line of a comment that looks like a command. `word` may be unknown; `argument` is text from
    outside."""

    word: str
    argument: str = ""

    @property
    def command(self) -> Command | None:
        return COMMANDS.get(self.word)


def may_give(command: Command, permission: Permission, *, is_filer: bool) -> bool:
    """Whether an account with this permission may give the command. The caller must have excluded
    apps."""
    return (command.filer and is_filer) or permission.reaches(command.least)


def commands_in(body: str) -> tuple[ParsedCommand, ...]:
    """The commands of a comment, in order. A bare `/factory` asks for help."""
    # Most comments have no command, and reading their lines is slow.
    if WORD not in body.casefold():
        return ()
    found: list[ParsedCommand] = []
    for line in _own_lines(body):
        if match := _LINE.fullmatch(line):
            found.append(_spoken(match))
        elif found and found[-1].command is COMMANDS["revise"]:
            found[-1] = replace(found[-1], argument=f"{found[-1].argument}\n{line}".strip())
    return tuple(found[:MOST])


def own_words(body: str) -> str:
    """The author's own words in plain sight, code included: without what is quoted, folded away or
    hidden."""
    return "\n".join(_own_lines(body, code=True)).strip()


def is_command(comment: Comment) -> bool:
    """Whether a comment is addressed to the factory, and so is not part of the discussion."""
    return comment.body.lstrip().startswith(WORD)


def _spoken(match: re.Match[str]) -> ParsedCommand:
    return ParsedCommand((match["word"] or "help").casefold(), (match["rest"] or "").strip())


def _own_lines(body: str, *, code: bool = False) -> Iterator[str]:
    """The lines that are the author's own words, in plain sight; with `code` also those of
    fences."""
    visible = normalise(body, limit=LONGEST)
    others = {
        line
        for span in visible.spans
        if span.provenance is not Provenance.PLAIN
        for line in range(span.line, span.end_line + 1)
    }
    fence, is_quoted, depth = "", False, 0
    for number, line in enumerate(visible.text.split("\n"), 1):
        mark = _FENCE.fullmatch(line)
        if fence:
            fence = "" if mark and _closes(mark, fence) else fence
            if code:
                yield line
            continue
        # Markdown counts a line as quoted if it follows a quoted line without an empty line between
        # them.
        is_quoted = bool(line.strip()) and (is_quoted or line.lstrip().startswith(">"))
        inside = depth > 0 or number in others or is_quoted
        # The tags of a line count from the next line on; stray closing tags must not let depth fall
        # below 0.
        depth = max(0, depth + sum(-1 if closing else 1 for closing in _TAGS.findall(line)))
        # A backtick fence with a backtick after it is inline code, by CommonMark.
        if mark and not (mark[1][0] == "`" and "`" in mark[2]):
            fence = mark[1]
            if code and not inside:
                yield line
        elif not inside:
            yield line


def _closes(mark: re.Match[str], fence: str) -> bool:
    # By CommonMark: the same character, at least as often, and nothing after it.
    return mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not mark[2].strip()
