"""The project's own tests as a fact about a change: run in a box, over files exported from the
tree.

The base's tests are run over the candidate as well, with the base's configuration of the runner, so
that rewriting a test to match the code shows, and so does a conftest that rewrites results. What
pytest says is signed (`pytest_report.py`); of any other runner the JUnit report is believed. What
runs in that box is untrusted and could lie about its results all the same, from within the process
that tests it; this is a rule's fact, never a verdict. The judge is the gate."""

import json
import os
import shutil
import stat
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pathspec import GitIgnoreSpec

from harness.domain.errors import SandboxError
from harness.domain.issue import CommitSha
from harness.domain.sandbox import Bind, Limits, SandboxSpec
from harness.factory.project.pytest_report import (
    PYTEST,
    REPORT,
    importable,
    ordered,
    signed_run,
    told,
)
from harness.factory.project.pytest_run import PASSED, SKIPPED
from harness.factory.project.test_config import apply_base_tests, is_test_config
from harness.factory.run.node import Job

FORM = 4
"""Of what is compared and how; a kept answer of another form is asked for again."""

_DEEPEST = 64
_CHUNK = 64 * 1024
_KINDS = ("skipped", "failure", "error")
LARGEST_REPORT = 16 * 1024 * 1024
"""Bytes of a report that is read. It is written by what is tested."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """What the tests said. `base` are the ids that ran on base, `kept` those that passed or were
    skipped on the change, both with its own tests and with the base's; `skipped` the ids skipped in
    either."""

    green: bool
    says: str
    base: frozenset[str]
    kept: frozenset[str]
    base_skipped: frozenset[str]
    skipped: frozenset[str]

    def as_json(self) -> dict[str, Any]:
        """The report as it is kept in the home's facts."""
        sets = ("base", "kept", "base_skipped", "skipped")
        return {
            "green": self.green,
            "says": self.says,
            **{name: sorted(getattr(self, name)) for name in sets},
        }


@dataclass(frozen=True, slots=True)
class _Ran:
    exit_code: int
    passed: frozenset[str]
    skipped: frozenset[str]
    tail: str
    told: bool = True  # a report that could be read
    failed: int = 0  # cases of it that failed, or could not be set up

    @property
    def ended(self) -> bool:
        """Whether the runner came to its end and told all: by 0, or by 1 with a test that failed.
        Another code says that it was interrupted or could not begin: its report may lack any
        test."""
        return self.told and (self.exit_code == 0 or (self.exit_code == 1 and self.failed > 0))

    @property
    def seen(self) -> frozenset[str]:
        return self.passed | self.skipped


def compared(job: Job, *, base: CommitSha, head: CommitSha) -> TestReport:
    """Run the base's tests on the base, the change's on the change, and the base's on the change.
    The answer depends on the two trees alone, so it is kept in the home and asked for once. Raises
    SandboxError where no answer was had."""
    tree_of = job.services.repository.tree_of
    kept = job.services.places.home / "facts" / f"tests-{FORM}-{tree_of(base)}-{tree_of(head)}.json"
    if kept.exists():
        return _report_in(json.loads(kept.read_text("utf-8")))
    report = _compare(job, base, head)
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(f".{job.run}")
    partial.write_text(json.dumps(report.as_json()), "utf-8")
    partial.replace(kept)
    return report


def _report_in(document: dict[str, Any]) -> TestReport:
    sets = {name: frozenset(document[name]) for name in ("base", "kept", "base_skipped", "skipped")}
    return TestReport(green=document["green"], says=document["says"], **sets)


def _compare(job: Job, base: CommitSha, head: CommitSha) -> TestReport:
    if not job.policy.config.tests.command:
        nothing: frozenset[str] = frozenset()
        return TestReport(True, "the project declares no tests", nothing, nothing, nothing, nothing)
    own = importable(
        path.decode("utf-8", "replace") for path in job.services.repository.files(base)
    )
    before = _run(job, "base", base, own)
    if not before.ended:
        raise SandboxError(
            f"the project's tests did not come to an end on base (exit code {before.exit_code}), so"
            " nobody can tell which of them a change must keep; mend them there first:"
            f" {before.tail}",
            retryable=False,
        )
    after = _run(job, "head", head, own)
    over = (
        _run(job, "crossed", head, own, tests_from=base)
        if _test_surface_changed(job, base, head)
        else after
    )
    kept = after.seen - (before.passed - over.seen)
    lost = tuple(sorted(before.passed - kept))
    green = after.exit_code == 0 and over.exit_code == 0 and not lost and bool(after.passed)
    return TestReport(
        green,
        _says(after, over, lost),
        before.seen,
        kept,
        before.skipped,
        after.skipped | over.skipped,
    )


def _says(after: _Ran, over: _Ran, lost: tuple[str, ...]) -> str:
    if after.exit_code != 0:
        return f"the project's tests fail on the change: {after.tail}"
    if not after.passed:
        return "the project's tests ran nothing; an empty run is not a pass"
    if lost:
        return f"{len(lost)} tests that passed on base no longer do: {', '.join(lost[:3])}"
    if over.exit_code != 0:
        return f"the base's tests fail on the change: {over.tail}"
    return f"{len(after.passed)} tests pass, none of base's lost"


def _test_surface_changed(job: Job, base: CommitSha, head: CommitSha) -> bool:
    """Whether anything changed that has a say in what tests say. A new file has: a conftest is
    one."""
    is_test = surface_of(job)
    paths = (
        change.path.decode("utf-8", "replace")
        for change in job.services.repository.diff(base, head).files
    )
    return any(is_test(path) or is_test_config(path) for path in paths)


def surface_of(job: Job) -> Callable[[str], bool]:
    """Which paths belong to the project's tests, by its `factory.toml` at base: those it lists, and
    what its command runs."""
    config = job.policy.config.tests
    listed, run = (
        GitIgnoreSpec.from_lines(config.paths),
        frozenset(word.removeprefix("./") for word in config.command),
    )
    return lambda path: listed.match_file(path) or path in run


def _run(
    job: Job,
    name: str,
    commit: CommitSha,
    own: frozenset[str],
    *,
    tests_from: CommitSha | None = None,
) -> _Ran:
    services, config = job.services, job.policy.config
    folder = services.places.run(job.run) / "tests" / name
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed while it was at this
    services.worktrees.export(services.repository.tree_of(commit), folder)
    if tests_from:
        _overlay(job, tests_from, folder)
    out = services.places.run(job.run) / "tests" / f"{name}.out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    spec, key = _spec(job, folder, out, layer(job)), None
    if config.tests.command[: len(PYTEST)] == PYTEST:
        spec, key = signed_run(spec, str(Path(config.tests.report).parent)), ordered(out, own)
    result = services.sandbox.run(spec)
    if result.killed_by:
        raise SandboxError(
            f"the project's tests were stopped by their {result.killed_by} limit", retryable=False
        )
    tail = " ".join((result.stdout or result.stderr).decode("utf-8", "replace").split())[-300:]
    if key is None:
        return _read(result.exit_code, out / Path(config.tests.report).name, tail)
    return _read_signed(key, result.exit_code, out / REPORT, tail)


def layer(job: Job) -> Path | None:
    """What the project's tests and commands import beside the project: its lock at base, installed;
    None without one."""
    dependencies = job.policy.config.dependencies
    lock = job.services.repository.read(job.base, dependencies.tests or dependencies.lock)
    return job.services.sandbox.layer(lock, wheels=job.services.wheels) if lock else None


def _spec(job: Job, folder: Path, out: Path, layer: Path | None) -> SandboxSpec:
    config = job.policy.config.tests
    binds = [Bind(str(folder), "/app", "rw"), Bind(str(out), str(Path(config.report).parent), "rw")]
    if layer:
        binds.append(Bind(str(layer), "/layer"))
    return SandboxSpec(
        name="tests",
        argv=config.command,
        cwd="/app",
        binds=tuple(binds),
        env={"PYTHONPATH": "/layer", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=Limits(wall_seconds=config.seconds),
    )


def _overlay(job: Job, commit: CommitSha, folder: Path) -> None:
    """Put the base's tests and what steers them over the change's: new ones stay out, changed ones
    are as they were."""
    base = folder.with_name(f"{folder.name}.base")
    shutil.rmtree(base, ignore_errors=True)
    job.services.worktrees.export(job.services.repository.tree_of(commit), base)
    apply_base_tests(folder, base, surface_of(job))
    shutil.rmtree(base)


def _unreadable(exit_code: int, tail: str) -> _Ran:
    return _Ran(exit_code or 1, frozenset(), frozenset(), f"no readable report; {tail}", told=False)


def _read_signed(key: bytes, exit_code: int, report: Path, tail: str) -> _Ran:
    """What pytest told, where it told all and the box ended as it said."""
    try:
        said = told(key, _plain(report))
    except OSError:
        said = None
    if said is None or said[0] != exit_code:
        return _unreadable(exit_code, tail)
    ways = {
        way: frozenset(name for name, ended in said[1] if ended == way) for way in (PASSED, SKIPPED)
    }
    failed = sum(ended not in ways for _, ended in said[1])
    return _Ran(exit_code, ways[PASSED], ways[SKIPPED], tail, failed=failed)


def _read(exit_code: int, report: Path, tail: str) -> _Ran:
    try:
        cases = cases_in(_plain(report))
    except (OSError, ET.ParseError):
        return _unreadable(exit_code, tail)
    return _Ran(
        exit_code, frozenset(cases.passed), frozenset(cases.skipped), tail, failed=cases.failed
    )


def cases_in(report: bytes) -> "Cases":
    """The test cases of a JUnit report. Raises ET.ParseError."""
    cases = Cases()
    parser = ET.XMLParser(target=cases)  # noqa: S314 - expat, no external entities; size and depth are capped
    for at in range(
        0, len(report), _CHUNK
    ):  # expat goes on to the end of what it was fed, whatever is found in it
        parser.feed(report[at : at + _CHUNK])
    parser.close()
    return cases


class Cases:
    """Notes each test case while expat reads. No tree is built: one of 16 MB of opening tags took
    1.6 GB."""

    def __init__(self) -> None:
        self.passed, self.skipped, self.failed = set[str](), set[str](), 0
        self._open: list[tuple[str, set[str]] | None] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element opens. What stands right in a test case says what became of it."""
        if len(self._open) >= _DEEPEST:
            raise ET.ParseError("nested more deeply than any report")
        if self._open and self._open[-1] is not None and tag in _KINDS:
            self._open[-1][1].add(tag)
        is_case = tag == "testcase"
        self._open.append(
            (f"{attributes.get('classname')}::{attributes.get('name')}", set()) if is_case else None
        )

    def end(self, tag: str) -> None:
        """An element closes."""
        case = self._open.pop()
        if case is None:
            return
        name, kinds = case
        if "skipped" in kinds:
            self.skipped.add(name)
        elif kinds:
            self.failed += 1
        else:
            self.passed.add(name)

    def close(self) -> None:
        """The report ends."""


def _plain(report: Path) -> bytes:
    """The bytes of a plain file, and of nothing else: a pipe in its place would have us wait for
    ever, a link lead us out."""
    file = os.open(report, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(file, "rb") as opened:
        told = os.fstat(file)
        if not stat.S_ISREG(told.st_mode) or told.st_size > LARGEST_REPORT:
            raise OSError("no plain file of a sane size")
        return opened.read(LARGEST_REPORT)
