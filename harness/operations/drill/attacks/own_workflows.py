"""Attacks on workflows of one's own: an effect that no rule grants, and approvals by whoever may
not give them, or too late."""

import time
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError
from harness.domain.events import WorkflowRequested
from harness.domain.issue import Issue
from harness.factory.reporting.questions import is_question
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.shop import RULES

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment
    from harness.operations.drill.scratch_factory import ScratchFactory

SUBJECT = "workflows of one's own"
TITLE = "A find of the drill"
_DOCUMENT = "workflows/finds.yaml"
_HEAD = "name: finds\nnodes:\n"
_FILE = f"use: issue.file, with: {{title: {TITLE}, text: It was found.}}"
GRANT = """
## What the workflow may do {#W-FINDS}
```yaml rule
id: W-FINDS
level: enforced
grants: {workflow: finds, effects: [issue.file]}
```
"""
"""The rule, for the end of `factory_rules.md`."""
_EXPIRES = 5
"""Seconds: more than a busy machine takes to ask."""


def ungranted(drill: "DrillEnvironment") -> AttackOutcome:
    """A workflow files an issue without a grant; then a grant is taken back under a run that waits.
    As the control, it stands."""
    factory = drill.factory("ungranted")
    files = f"{_HEAD}  - {{id: file, {_FILE}}}\n"
    try:
        _begin(factory, {_DOCUMENT: files}, 1)
        refused = ""
    except ConfigError as error:
        refused = str(error)
    if _filed(factory) or "no rule grants" not in refused:
        return not_held(f"an issue was filed that no rule grants; {refused or 'nobody refused'}")
    question = _asked(factory, 2)
    without = f"{_HEAD}  - {{id: rest, wait: 1h}}\n"
    factory.push({_DOCUMENT: without, "factory_rules.md": RULES})
    _approve(factory, question, by=factory.owner.token)
    factory.tick(states=frozenset(), hours={})
    if _filed(factory):
        return not_held("an issue was filed after the grant was taken back")
    run = factory.services.own_runs.all()[-1]
    if run.ended is None or "grants" not in run.ended.reason:
        return not_held(f"nothing was filed, but for another reason: {run.ended}")
    _approve(factory, _asked(factory, 3), by=factory.owner.token)
    factory.tick(states=frozenset(), hours={})
    if not _filed(factory):
        return not_held("with its grant it files nothing either, so nothing was proven")
    return held("refused when it was read, and right before the effect; with the grant it is filed")


def wrong_person(drill: "DrillEnvironment") -> AttackOutcome:
    """A stranger and an app approve. As the control, the owner does."""
    factory = drill.factory("wrong person")
    question = _asked(factory, 1)
    for by in (factory.stranger.token, factory.bot.token):
        _approve(factory, question, by=by)
    factory.tick(states=frozenset(), hours={})
    if _filed(factory):
        return not_held("it went on after the approval of somebody who may not give it")
    _approve(factory, question, by=factory.owner.token)
    factory.tick(states=frozenset(), hours={})
    if not _filed(factory):
        return not_held("the owner's approval does not count either, so nothing was proven")
    return held("it waited after a stranger's and an app's approval, and went on after the owner's")


def too_late(drill: "DrillEnvironment") -> AttackOutcome:
    """The owner approves when the question has expired, before anybody looked."""
    factory = drill.factory("too late")
    question = _asked(factory, 1, expires=f"{_EXPIRES}s")
    # A forge's moments have whole seconds.
    time.sleep(_EXPIRES + 1)
    _approve(factory, question, by=factory.owner.token)
    factory.tick(states=frozenset(), hours={})
    if _filed(factory):
        return not_held("it went on after an approval that came too late")
    run = factory.services.own_runs.all()[-1]
    if run.ended is None or "in time" not in run.ended.reason:
        return not_held(f"nothing was filed, but for another reason: {run.ended}")
    return held(run.ended.reason)


def _begin(factory: "ScratchFactory", files: dict[str, str], number: int) -> None:
    factory.push(files)
    factory.ledger.append(WorkflowRequested("finds"), f"workflow-requested/{number}")
    factory.tick(states=frozenset(), hours={})


def _asked(factory: "ScratchFactory", number: int, *, expires: str = "1h") -> Issue:
    """The question of a workflow that files an issue once somebody with write permission
    approves."""
    asks = f"approve: write, shows: Shall it be filed, expires: {expires}"
    document = f"{_HEAD}  - {{id: ask, {asks}}}\n  - {{id: file, needs: [ask], {_FILE}}}\n"
    _begin(factory, {_DOCUMENT: document, "factory_rules.md": RULES + GRANT}, number)
    return next(one for one in factory.services.forge.issues() if is_question(one))


def _approve(factory: "ScratchFactory", question: Issue, *, by: str) -> None:
    path = f"/issues/{question.number}/comments"
    factory.request("POST", path, by=by, json={"body": "/factory approve"})


def _filed(factory: "ScratchFactory") -> bool:
    return any(one.title == TITLE for one in factory.services.forge.issues())


ATTACKS = (
    Attack(
        "an effect without a grant",
        SUBJECT,
        (121,),
        "grants, read again before each effect",
        "files an issue without a rule, and after the rule is gone",
        ungranted,
    ),
    Attack(
        "somebody else's approval",
        SUBJECT,
        (122,),
        "the permission that the forge reports",
        "approves as a stranger and as an app",
        wrong_person,
    ),
    Attack(
        "an approval too late",
        SUBJECT,
        (122,),
        "`expires`",
        "approves when the question has expired",
        too_late,
    ),
)
