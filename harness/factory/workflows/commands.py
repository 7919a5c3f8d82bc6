"""A command of a workflow of your own, and the files that it leaves.

Properties:
- it runs in the sandbox in which the four workflows' commands run: no network, no credentials, a
  copy of the base that is thrown away;
- what it prints is data: a JSON object of the declared form, or nothing is handed on;
- of its files only the named ones are read, none through a link, and they become a commit of ours
  that no branch has."""

import json
import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.domain.errors import GitError, SandboxError
from harness.domain.facts import SYMLINK
from harness.domain.sandbox import SandboxResult
from harness.domain.workflow import NodeResult, Outcome, RunNode
from harness.factory.project import commands
from harness.factory.run.node import MACHINE, Job, failed
from harness.governance.text.invisible import without_invisible

MOST_OUTPUT = 64 * 1024
MOST_FILE = 1024 * 1024
"""The most bytes that a command may print as its output, and that a file of it may have."""
REVISION_VARIABLE = "REVISION"
"""Where a command finds the words of a person who sent its work back; empty the first time."""
_CODE_SETS = frozenset({"head", "changed"})


def command(job: Job, revision: str) -> NodeResult:
    """Run the node's command once. It passes with exit code 0 and its declared output."""
    assert isinstance(job.node, RunNode)
    tests = job.policy.config.tests
    by_name = isinstance(job.node.command, str)
    argv = tests.command if isinstance(job.node.command, str) else job.node.command
    env = {**(dict(tests.env) if by_name else {}), REVISION_VARIABLE: revision.replace("\0", "")}
    shown = shlex.join(argv)
    try:
        with commands.ran(job, job.node, job.base, argv=argv, env=env) as (result, folder):
            return _result(job, job.node, result, folder, shown)
    except SandboxError as error:
        return failed(f"`{shown}` was not run: {error}", fault=MACHINE, retryable=True)


def _result(job: Job, node: RunNode, result: SandboxResult, folder: Path, shown: str) -> NodeResult:
    printed = commands.excerpt(result.stdout + result.stderr)
    if not result.ok:
        how = (
            f"was stopped by its {result.killed_by} limit"
            if result.killed_by
            else f"ended with exit code {result.exit_code}"
        )
        words = " ".join(printed.split())[-300:]
        return failed(f"`{shown}` {how}: {words}", retryable=True, printed=printed)
    own = set((node.output or {}).get("properties", {}))
    if node.files:
        own -= _CODE_SETS
    try:
        output = _output(result.stdout) if own else {}
        kept = _kept(job, node, folder) if node.files else {}
    except (ValueError, GitError) as error:
        return failed(f"`{shown}`: {error}")
    return NodeResult(Outcome.PRODUCED, {**output, **kept}, f"`{shown}` passed")


def _output(stdout: bytes) -> dict[str, Any]:
    """The object that a command printed. Raises ValueError for anything else."""
    if len(stdout) > MOST_OUTPUT:
        raise ValueError(f"printed {len(stdout)} bytes; its output may have {MOST_OUTPUT}")
    try:
        found = json.loads(stdout, parse_constant=_no_number)
    # Deep nesting ends in a RecursionError, and half a character in a UnicodeDecodeError.
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected one JSON object on standard output: {error}"[:300]) from error
    if not isinstance(found, dict):
        raise ValueError("expected one JSON object on standard output")
    cleaned: dict[str, Any] = _cleaned(found)
    return cleaned


def _no_number(name: str) -> float:
    raise ValueError(f"`{name}` is no JSON")


def _cleaned(value: Any) -> Any:
    """The value with texts that show all they hold. Half of a surrogate pair cannot be written."""
    match value:
        case str():
            text = value.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
            return without_invisible(text)[0]
        case list():
            return [_cleaned(one) for one in value]
        case dict():
            return {_cleaned(name): _cleaned(one) for name, one in value.items()}
    return value


def _kept(job: Job, node: RunNode, folder: Path) -> dict[str, Any]:
    """The commit of the named files on the base, and how many of them changed. Raises GitError or
    ValueError."""
    services, base = job.services, job.base
    _refuse_links(services.repository.files(base), node.files)
    # A worktree of the node's own: no sandbox may write there.
    name = f"{job.run}.{node.id}"
    worktree = services.worktrees.open(name, base)
    try:
        for path in node.files:
            _put(worktree / path, _plain_bytes(folder, path))
        tree = services.worktrees.snapshot(worktree, base)
    finally:
        services.worktrees.close(name)
    if tree == services.repository.tree_of(base):
        return {"head": "", "changed": 0}
    began = services.own_runs.of(job.run).started
    message = f"Change files by the workflow {began.event.workflow}\n\nFactory-Run: {job.run}\n"
    head = services.candidates.commit(tree, [base], message=message, at=began.at)
    services.candidates.keep(head, f"workflow/{job.run}/{node.id}")
    return {"head": head, "changed": len(services.repository.changed(base, head))}


def _refuse_links(modes: Mapping[bytes, str], paths: tuple[str, ...]) -> None:
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            if modes.get(part.encode()) == SYMLINK:
                raise ValueError(f"`{part}` is a symbolic link; a command may not change it")


def _plain_bytes(folder: Path, path: str) -> bytes | None:
    """The bytes of a plain file below `folder`; None where there is none. The command may have put
    links anywhere, so none is followed."""
    *parents, last = path.split("/")
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for parent in parents:
            below = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = below
        # Not blocking: a pipe that nobody writes to would be waited for.
        file = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
        with os.fdopen(file, "rb") as opened:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise ValueError(f"`{path}` is no plain file")
            content = opened.read(MOST_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ValueError(f"`{path}` is no plain file: {error.strerror}") from error
    finally:
        os.close(here)
    if len(content) > MOST_FILE:
        raise ValueError(f"`{path}` has more than {MOST_FILE} bytes")
    return content


def _put(place: Path, content: bytes | None) -> None:
    if content is None:
        place.unlink(missing_ok=True)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
