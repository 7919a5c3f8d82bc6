"""The project's own tests as a fact about a change: run in a sandbox, over files exported from the
tree.

The base's tests run over the candidate too, with the base's configuration of the runner. So a test
that was rewritten to match the code shows, and so does a conftest that rewrites results. Pytest's
results are signed (`pytest_report.py`); any other runner's JUnit report is believed. Code in that
sandbox is untrusted and could still fake its results from within the process that tests it. So this
is a fact for a rule and never a verdict: the judge is the gate."""

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pathspec import GitIgnoreSpec

from harness.domain.errors import SandboxError
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict
from harness.domain.sandbox import Bind, Layer, SandboxLimits, SandboxSpec
from harness.factory.project.config_names import import_roots, named_by_config
from harness.factory.project.pytest_report import (
    PYTEST,
    REPORT,
    importable,
    signed_run,
    write_order,
)
from harness.factory.project.run_result import RunResult, read_report, read_signed
from harness.factory.project.services import root_of, services_of
from harness.factory.project.test_config import apply_tests, is_test_config
from harness.factory.run.node import Job
from harness.folder_walk import delete
from harness.programs.services import with_services

FORM = 9
"""The version of what is compared and how. An answer that was kept under another version is not
used."""

PYTHONPATH = "PYTHONPATH"
LAYER = "/layer"
"""Where a sandbox has the project's dependencies, if they need not be in its tree."""


@dataclass(frozen=True, slots=True)
class TestReport:
    """The results of the tests. `base` are the ids that ran on base. `kept` are those that passed
    or were skipped on the change, both with its own tests and with the base's. `skipped` are the
    ids skipped in either. `added` are those that ran on the change and not on base; None where the
    change's tests did not come to an end."""

    green: bool
    summary: str
    base: frozenset[str]
    kept: frozenset[str]
    base_skipped: frozenset[str]
    skipped: frozenset[str]
    added: frozenset[str] | None

    def as_json(self) -> JsonDict:
        """The report as the home's facts keep it."""
        sets = ("base", "kept", "base_skipped", "skipped")
        return {
            "green": self.green,
            "says": self.summary,
            **{name: sorted(getattr(self, name)) for name in sets},
            "added": None if self.added is None else sorted(self.added),
        }


def compared(job: Job, *, base: CommitSha, head: CommitSha) -> TestReport:
    """Run the base's tests on the base, the change's on the change, and the base's on the change,
    side by side. The answer depends on the two trees alone, so the home keeps it, and that of the
    base for the next change. Raises SandboxError where there is no answer."""
    tree_of = job.services.repository.tree_of
    kept = facts_folder(job) / f"tests-{FORM}-{tree_of(base)}-{tree_of(head)}.json"
    if kept.exists():
        return _report_in(json.loads(kept.read_text("utf-8")))
    report = _compare(job, base, head)
    keep_fact(kept, report.as_json(), run=job.run)
    return report


def _on_base(job: Job, base: CommitSha, own: frozenset[str], packages: Layer | None) -> RunResult:
    """The base's tests on the base. What came to its end is kept."""
    kept = facts_folder(job) / f"tests-{FORM}-{job.services.repository.tree_of(base)}.json"
    if kept.exists():
        return RunResult.of_json(json.loads(kept.read_text("utf-8")))
    result = run_tests(job, "base", base, own, packages, base=base)
    if result.ended:
        keep_fact(kept, result.as_json(), run=job.run)
    return result


def facts_folder(job: Job) -> Path:
    """Where the home keeps what its own tests have shown."""
    return job.services.places.home / "facts"


def keep_fact(path: Path, document: JsonDict, *, run: str) -> None:
    """Write it whole or not at all. Runs may keep the same at once, so each has its own partial
    file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{run}")
    partial.write_text(json.dumps(document), "utf-8")
    partial.replace(path)


def _report_in(document: JsonDict) -> TestReport:
    sets = {name: frozenset(document[name]) for name in ("base", "kept", "base_skipped", "skipped")}
    added = document["added"]
    return TestReport(
        green=document["green"],
        summary=document["says"],
        added=None if added is None else frozenset(added),
        **sets,
    )


def _compare(job: Job, base: CommitSha, head: CommitSha) -> TestReport:
    if not job.policy.config.tests.command:
        nothing: frozenset[str] = frozenset()
        return TestReport(
            True, "the project declares no tests", nothing, nothing, nothing, nothing, nothing
        )
    own, packages = own_modules(job, base), layer(job)
    # One more than there are processors: half of a run's time its sandbox starts and ends.
    workers = min(3, 1 + (os.cpu_count() or 1))
    with ThreadPoolExecutor(workers, thread_name_prefix="tests") as pool:
        on_base = pool.submit(_on_base, job, base, own, packages)
        run = partial(run_tests, job, own=own, packages=packages, base=base)
        on_head = pool.submit(run, "head", head)
        crossed = (
            pool.submit(run, "crossed", head, tests_from=base)
            if _test_surface_changed(job, base, head)
            else on_head
        )
    before = on_base.result()
    if not before.ended:
        raise SandboxError(
            f"the project's tests did not come to an end on base (exit code {before.exit_code}), so"
            " nobody can tell which of them a change must keep; mend them there first:"
            f" {before.tail}",
            retryable=False,
        )
    after, over = on_head.result(), crossed.result()
    # What passed on base has to hold over the change with the base's own tests, too.
    kept = after.seen - (before.passed - over.seen)
    lost = tuple(sorted(before.passed - kept))
    green = after.exit_code == 0 and over.exit_code == 0 and not lost and bool(after.passed)
    return TestReport(
        green,
        _summary(after, over, lost),
        before.seen,
        kept,
        before.skipped,
        after.skipped | over.skipped,
        (after.seen | after.failed) - (before.seen | before.failed) if after.ended else None,
    )


def own_modules(job: Job, base: CommitSha) -> frozenset[str]:
    """The names by which the base's own modules are imported."""
    return importable(
        path.decode("utf-8", "replace") for path in job.services.repository.files(base)
    )


def _summary(after: RunResult, over: RunResult, lost: tuple[str, ...]) -> str:
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
    """Whether anything changed that can influence the results. A new file can: a conftest is
    one."""
    is_test = surface_of(job, base)
    roots = import_roots(dict(job.policy.config.tests.env))
    paths = (
        change.path.decode("utf-8", "replace")
        for change in job.services.repository.diff(base, head).files
    )
    return any(is_test(path) or is_test_config(path, roots=roots) for path in paths)


def listed_by(job: Job) -> Callable[[str], bool]:
    """A function that answers which paths `[tests] paths` lists in `factory.toml` at base. Nothing
    else is a test and no part of the app: the command may run the app's own `manage.py`."""
    listed = GitIgnoreSpec.from_lines(job.policy.config.tests.paths)
    return lambda path: bool(listed.match_file(path))


def surface_of(job: Job, base: CommitSha) -> Callable[[str], bool]:
    """A function that answers which paths decide what the tests ask: those that `factory.toml`
    lists, what its command runs, and what the base's configuration of the runner names."""
    config, repository = job.policy.config.tests, job.services.repository
    is_listed = listed_by(job)
    run = frozenset(word.removeprefix("./") for word in config.command)
    named = run | named_by_config(
        [path.decode("utf-8", "replace") for path in repository.files(base)],
        partial(repository.read, base),
        command=config.command,
        env=dict(config.env),
    )
    return lambda path: is_listed(path) or path in named


def run_tests(
    job: Job,
    name: str,
    commit: CommitSha,
    own: frozenset[str],
    packages: Layer | None,
    *,
    base: CommitSha,
    tests_from: CommitSha | None = None,
    options: tuple[str, ...] = (),
) -> RunResult:
    """One run of the project's tests on a commit. `own` are the base's modules, `packages` what the
    tests need; what belongs to the tests is known by the base's configuration. `tests_from` is the
    commit whose tests, and what configures them, take the place of this one's. `options` are for
    pytest alone. Raises SandboxError when the run was not made or hit a limit."""
    services, config = job.services, job.policy.config
    folder = services.places.run(job.run) / "tests" / name
    # A run that was killed here may have left its copy.
    delete(folder)
    services.worktrees.export(services.repository.tree_of(commit), folder)
    if tests_from:
        _overlay(job, tests_from, folder, base=base)
    out = services.places.run(job.run) / "tests" / f"{name}.out"
    delete(out)
    out.mkdir(parents=True, exist_ok=True)
    spec, key = _spec(job, folder, out, packages), None
    # Only pytest can be made to sign; of any other runner the report is believed.
    if config.tests.command[: len(PYTEST)] == PYTEST:
        spec = replace(spec, argv=(*spec.argv, *options))
        paths = dict(config.tests.env).get(PYTHONPATH, "")
        spec = signed_run(spec, str(Path(config.tests.report).parent), paths=paths)
        key = write_order(out, own)
    result = services.sandbox.run(replace(spec, argv=with_services(spec.argv, services_of(job))))
    if result.killed_by:
        raise SandboxError(
            f"the project's tests were stopped by their {result.killed_by} limit", retryable=False
        )
    tail = " ".join((result.stdout or result.stderr).decode("utf-8", "replace").split())[-300:]
    if key is None:
        return read_report(result.exit_code, out / Path(config.tests.report).name, tail)
    return read_signed(key, result.exit_code, out / REPORT, tail)


def layer(job: Job) -> Layer | None:
    """The dependencies for the project's tests, commands and agents: its lock file at base,
    installed. None without one."""
    services, dependencies = job.services, job.policy.config.dependencies
    name = dependencies.tests or dependencies.lock
    read = partial(services.repository.read, job.base)
    lock = read(name)
    if not lock:
        return None
    return services.sandbox.layer(
        lock, name=name, wheels=services.wheels, read=read, root=root_of(job)
    )


def layer_env(layer: Layer | None) -> dict[str, str]:
    """What the environment of a sandbox needs to find the dependencies that are at LAYER."""
    return layer.env(apart=LAYER) if layer else {}


def _spec(job: Job, folder: Path, out: Path, layer: Layer | None) -> SandboxSpec:
    config = job.policy.config.tests
    binds = [Bind(str(folder), "/app", "rw"), Bind(str(out), str(Path(config.report).parent), "rw")]
    if layer:
        binds.append(layer.bind("/app", apart=LAYER))
    return SandboxSpec(
        name="tests",
        argv=config.command,
        cwd="/app",
        binds=tuple(binds),
        env=environment_of_tests(layer_env(layer), dict(config.env)),
        limits=SandboxLimits(wall_seconds=config.seconds),
        root=root_of(job),
    )


def environment_of_tests(packages: Mapping[str, str], theirs: Mapping[str, str]) -> dict[str, str]:
    """The packages' variables and the project's; where both name a PYTHONPATH, packages first."""
    found = {**packages, "PYTHONDONTWRITEBYTECODE": "1", **theirs}
    if PYTHONPATH in packages and PYTHONPATH in theirs:
        found[PYTHONPATH] = f"{packages[PYTHONPATH]}:{theirs[PYTHONPATH]}"
    return found


def _overlay(job: Job, commit: CommitSha, folder: Path, *, base: CommitSha) -> None:
    """Put a commit's tests and their configuration in the place of the folder's: its others stay
    out, changed ones are as the commit has them."""
    theirs = folder.with_name(f"{folder.name}.tests")
    delete(theirs)
    job.services.worktrees.export(job.services.repository.tree_of(commit), theirs)
    roots = import_roots(dict(job.policy.config.tests.env))
    apply_tests(folder, theirs, surface_of(job, base), roots=roots)
    delete(theirs)
