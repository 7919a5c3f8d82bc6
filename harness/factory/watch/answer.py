"""What follows from a landing that broke something, by `[watch] answer`.

Properties:
- each landing is answered once, and the answer is recorded after it was done: a watch that was
  killed does the same again, and each act looks before it creates;
- an issue whose change has landed and stands is worked on again, or taken back by the revert that
  was prepared; where that revert conflicts, it is worked on again;
- a revert is never reverted, and what a person has in hand stays theirs;
- a person's push is nobody's to take back: an issue is filed, and names the commit."""

from collections.abc import Sequence
from dataclasses import replace

from harness.domain.errors import FactoryError
from harness.domain.events import (
    Answer,
    CommitObserved,
    Landed,
    RegressionAnswered,
    RegressionFiled,
)
from harness.domain.lifecycle import Event, State
from harness.factory.records.regressions import Broken, broken
from harness.factory.reporting.comments.regression import (
    regression_issue,
    regression_marker,
    regression_title,
)
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import effect, raise_if_stopped, write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.stages import revert
from harness.log import WARNING
from harness.ports.ledger import recorded

WATCH = "watch"


def answer(services: Services, policy: PolicySnapshot) -> None:
    """Answer each landing that broke something and was not answered yet. Raises Stopped at the
    owner's stop."""
    done = {one.event.culprit: one.event for one in recorded(services.ledger, RegressionAnswered)}
    by_culprit: dict[str, list[Broken]] = {}
    for one in broken(services.ledger):
        if one.traced and one.traced.event.culprit:
            by_culprit.setdefault(one.traced.event.culprit, []).append(one)
    for culprit, found in by_culprit.items():
        raise_if_stopped(services)
        if culprit not in done:
            given = _answered(services, policy, culprit, found)
            services.ledger.append(
                given, f"{RegressionAnswered.kind}/{culprit}", issue=_issue(found)
            )
        elif done[culprit].answer in (Answer.FIX, Answer.FILED):
            _mend_again(services, policy, culprit, found)


def _mend_again(
    services: Services, policy: PolicySnapshot, culprit: str, found: Sequence[Broken]
) -> None:
    """Where a mend has landed and it is red all the same, another run follows; `fix_runs` bounds
    them."""
    mender = found[0].mended_by
    history = services.issue_index.of(mender) if mender else None
    if history is None or history.state is not State.MERGED or history.landed is None:
        return
    landing = history.of(Landed)[-1]
    seen = [
        one.event
        for one in recorded(services.ledger, CommitObserved)
        if one.seq > landing.seq and one.event.cause.of_tip and not one.event.reason
    ]
    # Until the tip with the mend in it was looked at, nobody knows.
    if seen and {one.red.journey for one in found} & {one.journey for one in seen[-1].red}:
        _begin_fix(services, policy, history.issue, f"{culprit}/{landing.event.commit}", found)


def _issue(found: Sequence[Broken]) -> int | None:
    """The issue whose landing it was."""
    traced = found[0].traced
    return traced.event.culprit_issue if traced else None


def _answered(
    services: Services, policy: PolicySnapshot, culprit: str, found: Sequence[Broken]
) -> RegressionAnswered:
    given, issue = RegressionAnswered(culprit, Answer.PERSON), _issue(found)
    if issue is None:
        return _filed(services, given, found)
    history = services.issue_index.of(issue)
    # Killed after the act, and before it was recorded.
    if services.ledger.find(_key(culprit, Event.REGRESSED)):
        return replace(given, answer=Answer.FIX)
    if history.state is not State.MERGED:
        taken_back = revert.taken_back(history)
        if taken_back and taken_back.of == culprit:
            return replace(given, answer=Answer.REVERT)
        return replace(given, message=f"#{issue} is {history.state} already")
    if history.landed and history.landed.commit != culprit:
        return replace(given, message=f"#{issue} has landed again since")
    if policy.config.watch.answer == Answer.PERSON:
        return replace(given, message="`[watch] answer` leaves it to a person")
    if policy.config.watch.answer == Answer.REVERT and _taken_back(services, policy, issue, found):
        return replace(given, answer=Answer.REVERT)
    _begin_fix(services, policy, issue, culprit, found)
    return replace(given, answer=Answer.FIX)


def _key(culprit: str, event: str) -> str:
    return f"{WATCH}/{culprit}/{event}"


def _reason(found: Sequence[Broken]) -> str:
    return f"its landing broke what worked: {'; '.join(one.red.words for one in found)[:400]}"


def _begin_fix(
    services: Services,
    policy: PolicySnapshot,
    issue: int,
    culprit: str,
    found: Sequence[Broken],
) -> None:
    # Reopen it first: a closed issue would count as closed by a person.
    write_projection(services, lambda: services.writer.reopen_issue(issue))
    transition(
        services,
        issue,
        Event.REGRESSED,
        key=_key(culprit, Event.REGRESSED),
        reason=_reason(found),
        rules=policy.digest,
    )
    project(services, issue)


def _taken_back(
    services: Services, policy: PolicySnapshot, issue: int, found: Sequence[Broken]
) -> bool:
    """Whether the landing was taken back. Later work may stand on it; then it was not."""
    try:
        revert.land(services, issue, rules=policy.digest, reason=_reason(found))
    except FactoryError as error:
        if getattr(error, "retryable", False):
            raise
        services.log.write("revert-failed", str(error), issue=issue, level=WARNING)
        return False
    return True


def _filed(
    services: Services, given: RegressionAnswered, found: Sequence[Broken]
) -> RegressionAnswered:
    """File the issue about a push, or find it."""
    culprit, red = given.culprit, [one.red for one in found]
    files = found[0].traced.event.files if found[0].traced else ()

    def act() -> RegressionFiled:
        number = services.writer.upsert_issue(
            regression_marker(culprit),
            title=regression_title(red),
            body=regression_issue(culprit, red, files),
        )
        return RegressionFiled(number, culprit)

    # No history of an issue begins with this: the next sync takes the new one in.
    filed = effect(services, RegressionFiled, _key(culprit, "filed"), act, issue=None, run=WATCH)
    return replace(given, answer=Answer.FILED, number=filed.number)
