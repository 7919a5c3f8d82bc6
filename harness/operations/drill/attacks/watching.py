"""Faults that a landing brings and nobody saw before it: what worked works no more."""

from typing import TYPE_CHECKING

from harness.domain.events import RegressionTraced
from harness.domain.issue import CommitSha
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.records.regressions import broken
from harness.factory.settings.config import read_config
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.shop import MINIMAL_POLICY
from harness.ports.ledger import recorded

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment
    from harness.operations.drill.scratch_factory import ScratchFactory

SUBJECT = "after the landing"
MOST_FIX_RUNS = 3
_JOURNEY = f"sha256:{'5' * 64}"
_SIGN = "broken.txt"
"""A commit that has this file is broken."""
_ORDER = f"WRITE {_SIGN} yes"


def breaks_what_worked(drill: "DrillEnvironment") -> AttackOutcome:
    """A change lands that breaks what worked, and so does each change that is to mend it. Under the
    user's own `[watch]`. As the control, a person mends it."""
    factory = _watched(drill, "breaks what worked", answer="fix")
    if not factory.services.issue_index.of(1).landed:
        return not_held(f"nothing landed in the first place: {factory.status(1)}")
    issue = factory.file(_ORDER, title="Another till")
    factory.tick()
    traced = [one.event for one in recorded(factory.ledger, RegressionTraced)]
    if [one.culprit_issue for one in traced] != [issue]:
        found = ", ".join(one.message or f"#{one.culprit_issue}" for one in traced) or "nothing"
        return not_held(
            f"the landing that broke what worked was not found: {found}",
            "set `on = true` under [watch] in factory.toml",
        )
    for _ in range(2 * MOST_FIX_RUNS):
        factory.tick()
        history = factory.history(issue)
        began = _fix_runs(history)
        if began > MOST_FIX_RUNS:
            break
    if history.state is not State.NEEDS_HUMAN or not 0 < began <= MOST_FIX_RUNS:
        return not_held(f"{began} runs tried to mend it, and it is {factory.status(issue)}")
    return _mended(factory, f"named; {began} runs did not mend it, then a person is asked")


def _mended(factory: "ScratchFactory", observation: str) -> AttackOutcome:
    factory.push({"README.md": "# A shop that works again\n"})
    factory.tick()
    if broken(factory.ledger):
        return not_held("it works again, and still counts as broken, so nothing was proven")
    return held(observation)


def lands_on_what_is_broken(drill: "DrillEnvironment") -> AttackOutcome:
    """Another change of a file whose landing broke something. As the control, it lands once that
    works again."""
    factory = _watched(drill, "lands on what is broken", answer="person")
    factory.file(_ORDER, title="Another till")
    factory.tick()
    if not broken(factory.ledger):
        return not_held("nothing was found to be broken", "set `on = true` under [watch]")
    other = factory.file(f"WRITE {_SIGN} more", title="A third till")
    factory.tick()
    factory.tick()
    if factory.history(other).state is not State.APPROVED:
        return not_held(f"another change of {_SIGN} did not wait: {factory.status(other)}")
    factory.judge.works[_JOURNEY] = lambda commit: True
    factory.push({"README.md": "# A shop that works again\n"})
    for _ in range(2):
        factory.tick()
    if factory.history(other).state is not State.MERGED:
        return not_held(
            "it does not land when all works again either, so nothing was proven:"
            f" {factory.status(other)}"
        )
    return held(f"a change of {_SIGN} waited, and landed once what was broken worked again")


def _watched(drill: "DrillEnvironment", name: str, *, answer: str) -> "ScratchFactory":
    """A factory whose first change has landed; what it fixed is broken wherever the sign is."""
    on = str(read_config(drill.policy_files["factory.toml"]).watch.on).lower()
    toml = f'{MINIMAL_POLICY["factory.toml"]}[watch]\non = {on}\nanswer = "{answer}"\n'
    factory = drill.factory(name, policy_files={**MINIMAL_POLICY, "factory.toml": toml})

    def works(commit: CommitSha) -> bool:
        return factory.services.repository.read(commit, _SIGN) is None

    factory.judge.works[_JOURNEY] = works
    factory.file()
    factory.tick()
    return factory


def _fix_runs(history: History) -> int:
    """How many runs began since its landing was found to have broken something."""
    since = [one.seq for one in history.transitions if one.event.event is Event.REGRESSED]
    return sum(
        run.event.workflow == "implement" and run.seq > min(since, default=run.seq)
        for run in history.runs
    )


ATTACKS = (
    Attack(
        "a landing that breaks what worked",
        SUBJECT,
        (123,),
        "[watch], three fix runs",
        "lands what a journey of landed work shows as broken, and mends that do not mend",
        breaks_what_worked,
    ),
    Attack(
        "a landing on what is broken",
        SUBJECT,
        (123,),
        "the files of a regression are frozen",
        "has another change of the same file land meanwhile",
        lands_on_what_is_broken,
    ),
)
