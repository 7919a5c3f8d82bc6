"""The agent's tools. The sandbox contains the agent; here are only limits, and errors that help
it."""

import inspect
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from . import evidence as shows
from . import files, search
from .shell import Ended, Shell
from .shown import cut, excerpt

ENDINGS = {"finish": "finished", "give_up": "gave-up"}
TEXTS = list[str]
KINDS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    TEXTS: {"type": "array", "items": {"type": "string"}},
    shows.Reason: {"enum": list(shows.REASONS)},
}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a call.

    `brief` is its summary in one line, `place` where the whole output is. `edited` is there after
    an edit.
    """

    text: str
    failed: bool = False
    brief: str = ""
    place: str = ""
    edited: files.EditedFile | None = None


class Tools:
    """The tools, in one folder. Models read the docstrings of the public methods.

    `output` bounds a result (characters), `given_text` is what the model was given. The shell keeps
    what a command prints, and its path is named when not all of it is shown.
    """

    def __init__(self, shell: Shell, *, output: int, given_text: str = "") -> None:
        self.shell, self.folder, self.output, self.given_text = (
            shell,
            shell.folder,
            output,
            given_text,
        )
        self.ran: dict[str, int | None] = {}

    def use(self, name: str, given: Any) -> Result:
        """Carry out a call. A call that is malformed or fails also has a result, with `failed`."""
        if fault := fault_in(name, given):
            return Result(fault, failed=True)
        try:
            result: Result = getattr(self, name)(**given)
        except (OSError, ValueError) as error:
            return Result(str(error), failed=True)
        return result

    def run(self, command: str, seconds: int = 0) -> Result:
        """Run a bash command in the worktree; nothing can type into it. Long output is cut in the
        middle, and the whole is kept in a file that is named. Nothing started here outlives it."""
        ended = self.shell.run(["bash", "-c", command], seconds=seconds)
        self.ran[command] = ended.exit_code
        return self._printed(ended, f"run {shlex.quote(command)[:120]}")

    def read(self, path: str, first: int = 1, last: int = 0) -> Result:
        """Read a text file, or its lines first to last. Each line has its number, from 1, and a tab
        before it."""
        content = files.content_of(self.folder / path)
        if b"\0" in content:
            return Result(
                f"{path} is binary: {len(content):,} bytes; use run to look into it", failed=True
            )
        lines = files.lines_in(content)
        chosen = list(enumerate(lines, 1))[max(first, 1) - 1 : last if last > 0 else None]
        numbered = [f"{number}\t{line}" for number, line in chosen]
        text = cut(
            numbered,
            None,
            self.output,
            lines=len(numbered),
            place=f"{path}: read on by first and last",
        )
        return Result(
            text or f"[no such lines: {path} has {len(lines)}]",
            brief=f"{len(chosen):,} lines of {path}; read them again",
        )

    def search(self, pattern: str, path: str = ".") -> Result:
        """Find lines by a Python regular expression in a file, or in all files below a folder:
        path:line: text, in order."""
        ended = self.shell.run(
            [sys.executable, "-I", "-S", str(Path(search.__file__).resolve()), pattern, path]
        )
        result = self._printed(ended, f"search {pattern[:80]!r} in {path}")
        return replace(
            result,
            text=result.text.rpartition("\n[exit")[0] or result.text,
            failed=ended.exit_code not in (0, 1),
        )

    def edit(self, path: str, new: str, old: str = "") -> Result:
        """Replace old, which must occur exactly once in the file, by new. Without old: create the
        file."""
        file = self.folder / path
        edited = (
            files.replaced(file, old, new, path=path)
            if old
            else files.created(file, new, path=path)
        )
        return Result(edited.summary, brief=edited.summary, edited=edited)

    def finish(self, summary: str) -> Result:
        """The work is done and its tests have passed. Say what was changed, and why. Call it alone,
        as the last thing."""
        return Result(summary)

    def give_up(self, reason: shows.Reason, explanation: str, evidence: TEXTS) -> Result:
        """The work cannot be done as asked: an honest end, as good as a change. Say what was tried
        and what was found. evidence is looked up word for word: for cannot-reproduce and blocked
        the commands of yours that show it, for spec-conflict the sentences that contradict each
        other."""
        if lack := shows.lacking(reason, evidence, ran=self.ran, given_text=self.given_text):
            raise ValueError(lack)
        return Result(explanation)

    def _printed(self, ended: Ended, what: str) -> Result:
        left = (
            f"; {ended.left} left running in the background, and ended"
            if ended.left and ended.exit_code is not None
            else ""
        )
        text = excerpt(ended.output, self.output, place=str(ended.output))
        how = f"[{ended.how}{left}]"
        return Result(
            f"{text}\n{how}".lstrip("\n"),
            place=str(ended.output),
            brief=f"{what}: {ended.how}; what it printed is in {ended.output}",
        )


def declared(method: Callable[..., Result]) -> dict[str, Any]:
    """A method as a tool of the Messages API."""
    _, *parameters = inspect.signature(method).parameters.values()
    return {
        "name": method.__name__,
        "description": " ".join((method.__doc__ or "").split()),
        "input_schema": {
            "type": "object",
            "properties": {each.name: KINDS[each.annotation] for each in parameters},
            "required": [each.name for each in parameters if each.default is each.empty],
            "additionalProperties": False,
        },
    }


def fault_in(name: str, given: Any) -> str:
    """What is wrong with a call, as a message for the model; empty when it is as declared."""
    schema = next((tool["input_schema"] for tool in TOOLS if tool["name"] == name), None)
    if schema is None:
        return (
            f"there is no tool {name:.100}; there are {', '.join(tool['name'] for tool in TOOLS)}"
        )
    kinds, needed = schema["properties"], schema["required"]
    takes = (
        f"{name} takes {', '.join(key if key in needed else f'{key} (optional)' for key in kinds)}"
    )
    if not isinstance(given, dict):
        return f"{takes}, as an object; it was given {given!r:.100}"
    if unknown := [key for key in given if key not in kinds]:
        return f"{takes}; it has no {' and no '.join(unknown):.200}"
    if missing := [key for key in needed if key not in given]:
        return f"{takes}; {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    return "; ".join(
        f"{name}: {key} is {given[key]!r:.100}; expected {_expected(kinds[key])}"
        for key in given
        if not _fits(given[key], kinds[key])
    )


def _fits(value: Any, kind: dict[str, Any]) -> bool:
    if "enum" in kind:
        return isinstance(value, str) and value in kind["enum"]
    if kind["type"] == "array":
        return (
            isinstance(value, list) and bool(value) and all(isinstance(each, str) for each in value)
        )
    return KINDS.get(type(value)) == kind


def _expected(kind: dict[str, Any]) -> str:
    if "enum" in kind:
        return " or ".join(kind["enum"])
    return {"string": "a text", "integer": "a whole number", "array": "a list of one text or more"}[
        kind["type"]
    ]


TOOLS = [
    declared(method)
    for method in (Tools.run, Tools.read, Tools.search, Tools.edit, Tools.finish, Tools.give_up)
]
