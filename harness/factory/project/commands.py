"""A project's own command, as a workflow names it: the tests by name, or a list of arguments.

Properties:
- it runs in a sandbox without network or credentials, on a copy of the tree that is thrown away: it
  can fail the change, and it can change nothing;
- it gets values by its environment alone, literal or from an earlier node;
- a model may have written the program, so its output is normalised, cut and cleared of what looks
  like a credential before people and the next attempt see it. The sandbox holds nothing sealed."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.events import CommandReported
from harness.domain.facts import UNKNOWN
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event
from harness.domain.sandbox import Bind, Layer, SandboxLimits, SandboxResult, SandboxSpec
from harness.domain.workflow import FieldOf, NodeResult, Outcome, RunNode
from harness.factory.project import tests as projecttests
from harness.factory.project.services import root_of, services_of
from harness.factory.records.history import History
from harness.factory.run.node import MACHINE, Job, failed, produced
from harness.factory.run.outputs import MergeCandidate, Snapshot
from harness.folder_walk import delete
from harness.governance.facts.secrets import secrets_in
from harness.governance.text.invisible import without_invisible
from harness.programs.services import with_services

SECONDS = 300
"""How long a command may take whose node sets no `timeout`."""

# The command gets this share of its node's time, so that it ends before the node is given up.
_SHARE = 0.9
# The last characters of its output that are shown.
_SHOWN = 2000
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")

NO_VALUES: Mapping[str, str] = {}
FAILED: Mapping[str, Event] = {"implement": Event.RUN_FAILED, "validate": Event.CHANGES_REQUESTED}
NOT_RUN: Mapping[str, Event] = {"implement": Event.RUN_FAILED, "validate": Event.INCONCLUSIVE}


def tests(job: Job) -> NodeResult:
    """Run the project's tests over the change, in a sandbox: the change's own ones, and the
    base's."""
    try:
        report = projecttests.compared(job, base=job.base, head=_commit(job))
    except SandboxError as error:
        return failed(str(error), event=NOT_RUN[job.workflow.name], fault=MACHINE)
    if report.green:
        return produced(report.summary, tests_pass=True)
    return _failure(job, "tests", report.summary, tests_pass=False)


def command(job: Job) -> NodeResult:
    """Run a command by its arguments. It passes with exit code 0 and with nothing else."""
    assert isinstance(job.node, RunNode)
    shown = shlex.join(job.node.command)
    try:
        result = _run(job, job.node)
    except SandboxError as error:
        return failed(
            f"`{shown}` was not run: {error}", event=NOT_RUN[job.workflow.name], fault=MACHINE
        )
    printed = excerpt(result.stdout + result.stderr)
    if result.ok:
        return produced(f"`{shown}` passed", exit_code=0, printed=printed)
    how = (
        f"was stopped by its {result.killed_by} limit"
        if result.killed_by
        else f"ended with exit code {result.exit_code}"
    )
    return _failure(job, shown, f"`{shown}` {how}", printed=printed, exit_code=result.exit_code)


def reports(history: History) -> tuple[CommandReported, ...]:
    """The failures that commands reported in the run before the last, for the attempt that follows
    it."""
    # The last run is the one that asks.
    runs = [entry.run for entry in history.runs]
    return tuple(entry.event for entry in history.of(CommandReported) if entry.run in runs[-2:-1])


def _failure(
    job: Job, name: str, message: str, *, printed: str = "", exit_code: int = 1, **more: bool
) -> NodeResult:
    """A failure, recorded for the attempt that follows."""
    job.services.ledger.append(
        CommandReported(name, message=message, printed=printed, exit_code=exit_code),
        job.key(f"{job.node.id}/report"),
        issue=job.issue,
        run=job.run,
    )
    ending = " ".join(printed.split())[-300:]
    return NodeResult(
        Outcome.FAILED,
        {"exit_code": exit_code, "printed": printed, **more},
        f"{message}: {ending}" if ending else message,
        FAILED[job.workflow.name],
        retryable=False,
    )


def _commit(job: Job) -> CommitSha:
    """The commit that a command runs on: the snapshot of the agent's files, or the candidate that
    would land."""
    if "candidate" in job.outputs:
        return job.output("candidate", MergeCandidate).candidate
    return job.output("snapshot", Snapshot).head


def _run(job: Job, node: RunNode) -> SandboxResult:
    assert not isinstance(node.command, str), "the tests are run by name"
    with ran(job, node, _commit(job), argv=node.command) as (result, _):
        return result


@contextmanager
def ran(
    job: Job,
    node: RunNode,
    commit: CommitSha,
    *,
    argv: tuple[str, ...],
    env: Mapping[str, str] = NO_VALUES,
) -> Iterator[tuple[SandboxResult, Path]]:
    """The result of a command on a copy of a commit's files, and the copy while the block lasts.
    `env` comes before the node's own. Raises SandboxError."""
    services = job.services
    folder = services.places.run(job.run) / "commands" / node.id
    # A run that was killed here may have left its copy.
    delete(folder)
    services.worktrees.export(services.repository.tree_of(commit), folder)
    try:
        layer = projecttests.layer(job)
        yield services.sandbox.run(_spec(job, node, folder, layer, argv=argv, env=env)), folder
    finally:
        delete(folder)


def _spec(
    job: Job,
    node: RunNode,
    folder: Path,
    layer: Layer | None,
    *,
    argv: tuple[str, ...],
    env: Mapping[str, str],
) -> SandboxSpec:
    own = {
        name: value if isinstance(value, str) else _value(job, value)
        for name, value in node.env.items()
    }
    seconds = node.timeout_seconds * _SHARE if node.timeout_seconds else SECONDS
    return SandboxSpec(
        name="command",
        argv=with_services(argv, services_of(job)),
        cwd="/app",
        binds=(
            Bind(str(folder), "/app", "rw"),
            *((layer.bind("/app", apart=projecttests.LAYER),) if layer else ()),
        ),
        env={**projecttests.layer_env(layer), "PYTHONDONTWRITEBYTECODE": "1", **env, **own},
        limits=SandboxLimits(wall_seconds=seconds),
        root=root_of(job),
    )


def _value(job: Job, field: FieldOf) -> str:
    """A field as text. The workflow reader has checked that the node declares it. A NUL cannot be
    in an environment, so it is dropped."""
    value = field.value_in(job.by_node)
    # What has parts is handed over as JSON, which every language reads.
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return ("" if value is None else str(value)).replace("\0", "")


def excerpt(printed: bytes) -> str:
    """The end of a program's output, as text that shows all it holds: without escapes, invisible
    characters and lines that look like a credential. Where the scanner cannot look, nothing is
    shown."""
    text, _ = without_invisible(
        _ESCAPE.sub("", printed.decode("utf-8", "replace")).replace("\r", "\n")
    )
    lines = [line.rstrip() for line in text[-2 * _SHOWN :].splitlines()]
    found = secrets_in({b"output": "\n".join(lines).encode()})
    # Line 0 marks a secret that spans lines, so no single line could be withheld.
    if found is UNKNOWN or any(secret.line == 0 for secret in found):
        return "(withheld: it may show a credential)"
    for secret in found:
        lines[secret.line - 1] = f"(a line that looks like a credential: {secret.rule})"
    return "\n".join(line for line in lines if line)[-_SHOWN:]
