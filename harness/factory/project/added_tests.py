"""The tests that a change adds, run without the rest of the change: on the base, with the change's
test files and what configures them.

Properties: a test is red there only if it ran and failed, or if the file that holds it could not be
collected; one that passed, was skipped or did not run is named; a run that did not
come to its end proves nothing. The code of that run is the change's, so this is a fact for a rule
and never a verdict."""

import json
from collections.abc import Iterator

from harness.domain.errors import SandboxError
from harness.domain.facts import UNKNOWN, AddedTest, Maybe, OnBase
from harness.domain.issue import CommitSha
from harness.factory.project import tests
from harness.factory.project.run_result import RunResult
from harness.factory.project.tests import FORM, facts_folder, keep_fact
from harness.factory.run.node import Job

# A new test often imports what only the change has. The tests of other files must run all the same.
_OPTIONS = ("--continue-on-collection-errors",)


def added_tests(job: Job, *, base: CommitSha, head: CommitSha) -> Maybe[tuple[AddedTest, ...]]:
    """Each added test, by name, and what became of it on the base; UNKNOWN where the tests of the
    change or this run did not come to an end.

    The answer depends on the two trees alone, so the home keeps it."""
    names = tests.compared(job, base=base, head=head).added
    if names is None:
        return UNKNOWN
    if not names:
        return ()
    tree_of = job.services.repository.tree_of
    kept = facts_folder(job) / f"added-{FORM}-{tree_of(base)}-{tree_of(head)}.json"
    if kept.exists():
        outcomes = json.loads(kept.read_text("utf-8"))
        return tuple(AddedTest(name, OnBase(found)) for name, found in outcomes.items())
    try:
        result = tests.run_tests(
            job,
            "added",
            base,
            tests.own_modules(job, base),
            tests.layer(job),
            base=base,
            tests_from=head,
            options=_OPTIONS,
        )
    except SandboxError:
        return UNKNOWN
    # Only an answer is kept: a run that hit a limit is made again.
    if not result.ended:
        return UNKNOWN
    found = tuple(AddedTest(name, outcome(name, result)) for name in sorted(names))
    keep_fact(kept, {one.name: one.on_base for one in found}, run=job.run)
    return found


def outcome(name: str, result: RunResult) -> OnBase:
    """What became of a test in a run that came to its end. What passed once is not red."""
    if name in result.passed:
        return OnBase.PASSED
    if name in result.skipped:
        return OnBase.SKIPPED
    if name in result.failed or any(holder in result.failed for holder in _holders(name)):
        return OnBase.FAILED
    return OnBase.NOT_RUN


def _holders(name: str) -> Iterator[str]:
    """The ids under which pytest reports that the file or a folder of a test could not be
    collected: `::tests.m` and `::tests` for `tests.m::test_x`. No test has such an id."""
    words = name.partition("::")[0].split(".")
    yield from (f"::{'.'.join(words[:end])}" for end in range(len(words), 0, -1))
