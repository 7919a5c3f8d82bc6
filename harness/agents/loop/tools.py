"""What the agent can do. The box is the wall; here are only good manners: limits, and errors that help."""

import inspect
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, get_args

Reason = Literal["cannot-reproduce", "spec-conflict", "blocked"]
KINDS: dict[Any, dict[str, Any]] = {str: {"type": "string"}, int: {"type": "integer"},
                                    Reason: {"enum": list(get_args(Reason))}}
ENDINGS = {"finish": "finished", "give_up": "gave-up"}


class Tools:
    """The tools in one folder. `seconds` bounds a command, `output` the bytes of a result. Models read their docs."""

    def __init__(self, folder: Path, environment: dict[str, str], *, seconds: int, output: int) -> None:
        self.folder, self.environment, self.seconds, self.output = folder, environment, seconds, output

    def use(self, name: str, given: Any) -> tuple[str, bool]:
        """The result of a call, and whether it is an error that the model should look at."""
        if wrong := complaint(name, given):
            return wrong, True
        try:
            return getattr(self, name)(**given), False
        except (OSError, ValueError) as error:
            return str(error), True

    def run(self, command: str, seconds: int = 0) -> str:
        """Run a bash command in the worktree. Long output is cut in the middle. Nothing started here outlives it."""
        limit = min(seconds, self.seconds) if seconds > 0 else self.seconds
        with tempfile.TemporaryFile() as out:       # a file, for a pipe stays open as long as anyone holds it
            shell = subprocess.Popen(["bash", "-c", command], cwd=self.folder, env=self.environment, stdout=out,
                                     stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                ended = f"exit {shell.wait(limit)}"
            except subprocess.TimeoutExpired:
                ended = f"stopped after {limit} s"
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(shell.pid, signal.SIGKILL)
                shell.wait()
            out.seek(0)
            return f"{self.shortened(out.read())}\n[{ended}]".lstrip("\n")

    def read(self, path: str, first: int = 1, last: int = 0) -> str:
        """Read a text file, or its lines first to last. Each line has its number, from 1, and a tab before it."""
        lines = (self.folder / path).read_text(encoding="utf-8", errors="replace").splitlines()
        chosen = list(enumerate(lines, 1))[max(first, 1) - 1:last if last > 0 else None]
        numbered = "\n".join(f"{number}\t{line}" for number, line in chosen)
        return self.shortened(numbered.encode()) or f"[no such lines: {path} has {len(lines)}]"

    def edit(self, path: str, new: str, old: str = "") -> str:
        """Replace old, which must occur exactly once in the file, by new. Without old: create the file."""
        file = self.folder / path
        if not old:
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("xb") as created:
                created.write(new.encode())
            return f"created {path}"
        before = file.read_bytes()
        if (count := before.count(old.encode())) != 1:
            raise ValueError(f"old occurs {count} times in {path}; give a piece that occurs exactly once")
        file.write_bytes(before.replace(old.encode(), new.encode()))
        return f"changed {path}"

    def finish(self, summary: str) -> str:
        """The work is done and its tests have passed. Say what was changed, and why."""
        return summary

    def give_up(self, reason: Reason, explanation: str) -> str:
        """The work cannot be done: an honest end, and a good one. Say what was tried and what was found."""
        return explanation

    def shortened(self, output: bytes) -> str:
        if len(output) > self.output:
            half = self.output // 2
            mark = f"\n[… {len(output) - 2 * half} bytes left out …]\n".encode()
            output = output[:half] + mark + output[-half:]
        return output.decode("utf-8", "replace")


def declared(method: Callable[..., str]) -> dict[str, Any]:
    """A method as the Messages API wants a tool."""
    _, *parameters = inspect.signature(method).parameters.values()
    return {"name": method.__name__, "description": method.__doc__, "input_schema": {
        "type": "object", "properties": {each.name: KINDS[each.annotation] for each in parameters},
        "required": [each.name for each in parameters if each.default is each.empty], "additionalProperties": False}}


def complaint(name: str, given: Any) -> str:
    """What is wrong with a call, as the model should be told; nothing when it is as declared."""
    schema = next((tool["input_schema"] for tool in TOOLS if tool["name"] == name), None)
    if schema is None:
        return f"there is no tool {name}; there are {', '.join(tool['name'] for tool in TOOLS)}"
    kinds, needed = schema["properties"], schema["required"]
    if isinstance(given, dict) and set(needed) <= set(given) <= set(kinds) and all(
            value in kind["enum"] if "enum" in (kind := kinds[key]) else KINDS.get(type(value)) == kind
            for key, value in given.items()):
        return ""
    return f"{name} takes an object with {kinds}, and needs {' and '.join(needed)}"


TOOLS = [declared(method) for method in (Tools.run, Tools.read, Tools.edit, Tools.finish, Tools.give_up)]
