"""Scripts that rules ask about a change (`exec:`): each run is a fact, and the rule's check decides
over it.

Properties kept:
- the script is the base's, with all that lies beside it: what the change does to it has no say;
- the change's files are there to be read and not to be written, in a box without network or
  credentials;
- only 0 and 1 are answers. A script that is not there, crashes, is stopped by its limit or finds no
  box has said nothing;
- what it printed may be the change's own words: it is shown as `commands` shows output, and is
  never a verdict."""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from harness.domain.errors import SandboxError
from harness.domain.facts import EXECUTABLE, REGULAR, UNKNOWN, ChangeFacts, ScriptFact
from harness.domain.governance import Rule
from harness.domain.issue import CommitSha
from harness.domain.sandbox import Bind, Limits, SandboxSpec
from harness.factory.project import tests
from harness.factory.project.commands import excerpt
from harness.factory.run.node import Job
from harness.governance.checks.scripts import Exec

_SHOWN = 10  # lines of what a script printed, the last ones
_ANSWERS = (0, 1)


def script_facts(
    job: Job, head: CommitSha, *, rules: Iterable[Rule], facts: ChangeFacts
) -> tuple[ScriptFact, ...]:
    """What the scripts that these rules ask say of `head`, in the rules' order, each command line
    once.

    An answer depends on the two trees alone, so it is kept in the home and asked for once."""
    asked: dict[tuple[str, tuple[str, ...]], Exec] = {}
    for check in (rule.check for rule in rules):
        if isinstance(check, Exec):
            known = asked.setdefault((check.script, check.arguments), check)
            asked[check.script, check.arguments] = min(known, check, key=lambda one: one.seconds)
    return tuple(_kept(job, head, check, facts) for check in asked.values())


def _kept(job: Job, head: CommitSha, check: Exec, facts: ChangeFacts) -> ScriptFact:
    tree_of = job.services.repository.tree_of
    words = json.dumps(
        [tree_of(job.base), tree_of(head), check.script, check.arguments, check.seconds]
    )
    kept = (
        job.services.places.home
        / "facts"
        / f"script-{hashlib.sha256(words.encode()).hexdigest()}.json"
    )
    if kept.exists():
        document = json.loads(kept.read_text("utf-8"))
        return ScriptFact(
            check.script, check.arguments, document["exit_code"], tuple(document["said"])
        )
    fact = _asked(job, head, check, facts)
    if fact.exit_code in _ANSWERS:
        kept.parent.mkdir(parents=True, exist_ok=True)
        partial = kept.with_suffix(f".{job.run}")
        partial.write_text(json.dumps({"exit_code": fact.exit_code, "said": fact.said}), "utf-8")
        partial.replace(kept)
    return fact


def _asked(job: Job, head: CommitSha, check: Exec, facts: ChangeFacts) -> ScriptFact:
    """Run it, or say why it was not run."""
    mode = job.services.repository.files(job.base).get(
        check.script.encode("utf-8", "surrogateescape")
    )
    if mode not in (REGULAR, EXECUTABLE):
        return _silent(check, "is no file of the base")
    if mode != EXECUTABLE and not check.script.endswith(".py"):
        return _silent(check, "is neither executable nor a Python script")
    folder = job.services.places.run(job.run) / "scripts"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed while it was at this
    try:
        return _ran(job, head, check, folder, touched=_touched(facts))
    except SandboxError as error:
        return _silent(check, f"was not run: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ran(job: Job, head: CommitSha, check: Exec, folder: Path, *, touched: bytes) -> ScriptFact:
    services = job.services
    for name, commit in (("base", job.base), ("app", head)):
        services.worktrees.export(services.repository.tree_of(commit), folder / name)
    result = services.sandbox.run(_spec(job, check, folder), stdin=touched)
    if result.killed_by:
        return _silent(check, f"was stopped by its {result.killed_by} limit")
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
            *((Bind(str(layer), "/layer"),) if layer else ()),
        ),
        env={"PYTHONPATH": "/layer", "PYTHONDONTWRITEBYTECODE": "1"},
        limits=Limits(wall_seconds=check.seconds),
    )


def _touched(facts: ChangeFacts) -> bytes:
    """The paths of the change, each ended by a NUL: what a script finds on its standard input."""
    return (
        b"" if facts.files is UNKNOWN else b"".join(change.path + b"\0" for change in facts.files)
    )


def _silent(check: Exec, why: str) -> ScriptFact:
    return ScriptFact(check.script, check.arguments, None, (why,))
