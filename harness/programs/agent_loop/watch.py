"""Decides whether a run still makes progress, by the steps that it has made. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

ALIKE, BACK, READING, WRONG = 3, 3, 12, 6
"""How many same calls, undoing edits, reading turns, and failed calls in a row are too many."""
_READERS = frozenset(
    {
        "cat",
        "head",
        "tail",
        "less",
        "ls",
        "find",
        "grep",
        "rg",
        "wc",
        "pwd",
        "cd",
        "tree",
        "stat",
        "file",
        "nl",
        "echo",
    }
)
# Two runs of the same tests differ in nothing else.
_DURATIONS = re.compile(r"[0-9.]+ ?(?:ms|s|seconds?)\b")
_LOOKING = frozenset({"log", "show", "diff", "status", "blame", "grep", "ls-files"})


@dataclass(frozen=True, slots=True)
class Step:
    """One call and its result.

    After an edit, `path` is the edited file; `before` and `after` are digests of its content.
    """

    turn: int
    tool: str
    given: str
    text: str
    failed: bool
    reads: bool = False
    path: str = ""
    before: str = ""
    after: str = ""


def stall(steps: Sequence[Step]) -> tuple[str, str] | None:
    """What stops the progress of these steps, as its kind and a sentence; None when nothing
    does."""
    if not steps:
        return None
    if _alike(steps) >= ALIKE:
        return "alike", f"`{steps[-1].tool}` was called {ALIKE} times alike, with the same result."
    if len(undone := _undone(steps)) >= BACK:
        return (
            "undone",
            f"{BACK} edits have put back what was there before, the last one in {undone[-1]}.",
        )
    if (turns := _only_reading(steps)) >= READING:
        return "reading", f"The last {turns} turns only read."
    if len(steps) >= WRONG and all(step.failed for step in steps[-WRONG:]):
        return "failed", f"The last {WRONG} calls failed."
    return None


def only_reads(command: str) -> bool:
    """Whether a shell command only reads, by its words. An unknown command may do anything."""
    plain = re.sub(r"[0-9&]?>\s*(/dev/null|&[0-9])", "", command)
    return not re.search(r">|`|\$\(", plain) and all(
        _looks(part.split()) for part in re.split(r"[|;&\n]+", plain)
    )


def _looks(words: Sequence[str]) -> bool:
    match words:
        case ["git", verb, *_]:
            return verb in _LOOKING
        case ["sed", "-n", *_]:
            return True
        case ["find", *rest]:
            return not {"-delete", "-exec", "-execdir", "-ok"} & set(rest)
        case [name, *_]:
            return name in _READERS
        case _:
            return True


def _alike(steps: Sequence[Step]) -> int:
    """How often the newest step was made since anything new came up."""
    made = [(step.tool, step.given, _DURATIONS.sub("", step.text)) for step in steps]
    newest = max(number for number, step in enumerate(made) if step not in made[:number])
    return made[newest:].count(made[-1])


def _undone(steps: Sequence[Step]) -> list[str]:
    """The paths of the edits that put back an earlier content."""
    made, found = set[tuple[str, str]](), list[str]()
    for step in steps:
        if step.path:
            made.add((step.path, step.before))
            if (step.path, step.after) in made:
                found.append(step.path)
            made.add((step.path, step.after))
    return found


def _only_reading(steps: Sequence[Step]) -> int:
    """How many of the newest turns did nothing but read."""
    doing = max((step.turn for step in steps if not step.reads), default=steps[0].turn - 1)
    return steps[-1].turn - doing
