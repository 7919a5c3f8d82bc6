"""Scripts that rules ask about a change (`exec:`). Each run is a fact, and the rule's check decides
on it.

Properties:
- the script and everything beside it come from the base: the change cannot edit them;
- the script can read the change's files and not write them, in a sandbox without network or
  credentials;
- only the exit codes 0 and 1 are answers; a script that is missing, crashes, hits a limit or finds
  no sandbox has given none;
- its output may hold the change's own words: it is shown to people and is never a verdict."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.facts import EXECUTABLE, REGULAR, UNKNOWN, ChangeFacts, ScriptFact
from harness.domain.governance import Rule
from harness.domain.issue import CommitSha
from harness.domain.sandbox import Bind, SandboxLimits, SandboxSpec
from harness.factory.project import tests
from harness.factory.project.commands import excerpt
from harness.factory.project.services import root_of
from harness.factory.run.node import Job
from harness.folder_walk import delete
from harness.governance.checks.scripts import Exec

# How many lines of a script's output are shown: the last ones.
_SHOWN = 10
_ANSWERS = (0, 1)


def script_facts(
    job: Job, head: CommitSha, *, rules: Iterable[Rule], facts: ChangeFacts
) -> tuple[ScriptFact, ...]:
    """The answers of the scripts of these rules about `head`, in the rules' order, each command
    line once.

    An answer depends only on the two trees, so it is cached in the home."""
    asked: dict[tuple[str, tuple[str, ...]], Exec] = {}
    for check in (rule.check for rule in rules):
        if isinstance(check, Exec):
            earlier = asked.setdefault((check.script, check.arguments), check)
            # Two rules may ask the same script: the shorter time limit holds for both.
            asked[check.script, check.arguments] = min(earlier, check, key=lambda one: one.seconds)
    return tuple(_cached(job, head, check, facts) for check in asked.values())


def _cached(job: Job, head: CommitSha, check: Exec, facts: ChangeFacts) -> ScriptFact:
    tree_of = job.services.repository.tree_of
    # The time limit too: with more time the answer may be another.
    words = json.dumps(
        [tree_of(job.base), tree_of(head), check.script, check.arguments, check.seconds]
    )
    cached = (
        job.services.places.home
        / "facts"
        / f"script-{hashlib.sha256(words.encode()).hexdigest()}.json"
    )
    if cached.exists():
        document = json.loads(cached.read_text("utf-8"))
        return ScriptFact(
            check.script, check.arguments, document["exit_code"], tuple(document["said"])
        )
    fact = _answer(job, head, check, facts)
    # Only answers are cached: a script that crashed or found no sandbox is run again.
    if fact.exit_code in _ANSWERS:
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Two runs may ask the same at once, so each has its own partial file.
        partial = cached.with_suffix(f".{job.run}")
        partial.write_text(json.dumps({"exit_code": fact.exit_code, "said": fact.said}), "utf-8")
        partial.replace(cached)
    return fact


def _answer(job: Job, head: CommitSha, check: Exec, facts: ChangeFacts) -> ScriptFact:
    """Run the script, or give the reason why it was not run."""
    mode = job.services.repository.files(job.base).get(
        check.script.encode("utf-8", "surrogateescape")
    )
    if mode not in (REGULAR, EXECUTABLE):
        return _no_answer(check, "is no file of the base")
    if mode != EXECUTABLE and not check.script.endswith(".py"):
        return _no_answer(check, "is neither executable nor a Python script")
    folder = job.services.places.run(job.run) / "scripts"
    # A run that was killed here may have left its files.
    delete(folder)
    try:
        return _ran(job, head, check, folder, paths=_changed_paths(facts))
    except SandboxError as error:
        return _no_answer(check, f"was not run: {error}")
    finally:
        delete(folder)


def _ran(job: Job, head: CommitSha, check: Exec, folder: Path, *, paths: bytes) -> ScriptFact:
    services = job.services
    for name, commit in (("base", job.base), ("app", head)):
        services.worktrees.export(services.repository.tree_of(commit), folder / name)
    result = services.sandbox.run(_spec(job, check, folder), stdin=paths)
    if result.killed_by:
        return _no_answer(check, f"was stopped by its {result.killed_by} limit")
    lines = excerpt(result.stdout + result.stderr).splitlines()[-_SHOWN:]
    return ScriptFact(check.script, check.arguments, result.exit_code, tuple(lines))


def _spec(job: Job, check: Exec, folder: Path) -> SandboxSpec:
    script = f"/base/{check.script}"
    layer = tests.layer(job)
    return SandboxSpec(
        name="script",
        argv=(*(("python",) if check.script.endswith(".py") else ()), script, *check.arguments),
        cwd="/app",
        binds=(
            Bind(str(folder / "base"), "/base"),
            Bind(str(folder / "app"), "/app"),
            *((layer.bind("/app", apart=tests.LAYER),) if layer else ()),
        ),
        env={**tests.layer_env(layer), "PYTHONDONTWRITEBYTECODE": "1"},
        limits=SandboxLimits(wall_seconds=check.seconds),
        root=root_of(job),
    )


def _changed_paths(facts: ChangeFacts) -> bytes:
    """The paths of the change, each ended by a NUL: the script's standard input."""
    return (
        b"" if facts.files is UNKNOWN else b"".join(change.path + b"\0" for change in facts.files)
    )


def _no_answer(check: Exec, why: str) -> ScriptFact:
    return ScriptFact(check.script, check.arguments, None, (why,))
