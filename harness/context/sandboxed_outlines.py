"""Parses files in a sandbox: the program gets them on its standard input and sees nothing else."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.domain.plain import JsonObject
from harness.domain.sandbox import Bind, SandboxLimits, SandboxResult, SandboxSpec
from harness.ports.sandbox import Sandbox
from harness.programs import context_indexer
from harness.programs.context_indexer.grammars import DISTRIBUTIONS

PROGRAM = "/opt/context"
LIMITS = SandboxLimits(wall_seconds=120, memory_mb=1024, pids=16, disk_mb=16, file_mb=64)
NOTHING: JsonObject = {"definitions": [], "imports": []}


class SandboxedOutlines:
    """Outlines of files, a thousand or so per sandbox.

    A file that ends its sandbox has no outline: the others are parsed without it.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __call__(self, files: Sequence[tuple[str, str]]) -> tuple[JsonObject, ...]:
        """What each file defines and imports, in order. Raises SandboxError when no sandbox
        could be made."""
        found = _outlines_in(self._sandbox.run(self.spec(), stdin=_input_of(files)), len(files))
        if found is not None:
            return found
        if len(files) == 1:
            return (NOTHING,)
        # One of them ends the sandbox. Halving finds it.
        half = len(files) // 2
        return (*self(files[:half]), *self(files[half:]))

    def spec(self) -> SandboxSpec:
        """A sandbox with the program and its grammars."""
        return SandboxSpec(
            name="outline",
            argv=("python", "-m", "context_indexer"),
            cwd="/",
            env={"PYTHONPATH": PROGRAM},
            binds=(Bind(str(Path(context_indexer.__file__).parent), f"{PROGRAM}/context_indexer"),),
            distributions=DISTRIBUTIONS,
            limits=LIMITS,
            form=self._sandbox.form(),
        )


def _input_of(files: Sequence[tuple[str, str]]) -> bytes:
    return b"".join(
        json.dumps({"path": path, "text": text}).encode("ascii") + b"\n" for path, text in files
    )


def _outlines_in(result: SandboxResult, count: int) -> tuple[JsonObject, ...] | None:
    """One outline per file; None when the sandbox did not end well, or printed anything else."""
    if not result.ok:
        return None
    try:
        found = tuple(
            _outline(json.loads(line)) for line in result.stdout.decode("utf-8").splitlines()
        )
    except (ValueError, RecursionError):
        return None
    return found if len(found) == count else None


def _outline(document: Any) -> JsonObject:
    """A parser's output, as far as it has the form of an outline."""
    if not isinstance(document, dict):
        raise ValueError("an outline is an object")
    definitions, imports = document.get("definitions"), document.get("imports")
    if not isinstance(definitions, list) or not isinstance(imports, list):
        raise ValueError("an outline has lists")
    return {
        "definitions": [one for one in definitions if isinstance(one, list)],
        "imports": [one for one in imports if isinstance(one, str)],
    }
