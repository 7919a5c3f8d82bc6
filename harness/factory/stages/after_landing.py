"""After a landing: checks that turn red on the default branch freeze merging until a person has
looked.

Properties:
- each landing is watched as long as its checks may take; then it is settled for good, and costs no
  further request;
- a required check that is red, or has no answer by then, freezes merging; only a person lifts a
  freeze;
- the person who lifts it has seen the red check, so the same landing does not freeze again;
- at most one landing is reverted automatically, where the operator asks for that, and merging stays
  frozen all the same: no revert is followed by another attempt, landing or revert."""

from datetime import timedelta

from harness.domain.checks import ChecksStatus, checks_status
from harness.domain.errors import FactoryError, PortError
from harness.domain.events import (
    CommandGiven,
    CommitObserved,
    Landed,
    LandingSettled,
    VerdictRecorded,
)
from harness.domain.issue import CommitSha
from harness.factory.policy_gate import ci
from harness.factory.records.brakes import FREEZE, THAW
from harness.factory.records.history import History
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.stages import revert
from harness.log import WARNING
from harness.ports.ledger import Ledger, recorded

AUTO_REVERT = "auto-revert"


def is_unsettled(history: History) -> bool:
    """Whether a change of the issue has landed and is still watched."""
    settled = {entry.event.commit for entry in history.of(LandingSettled)}
    return history.landed is not None and history.landed.commit not in settled


def watch(services: Services, policy: PolicySnapshot) -> None:
    """Look once at every landing that is not settled, and at the canaries in the judge's
    reports."""
    for history in services.issue_index.filter(is_unsettled):
        _look_at(services, policy, history)
    _freeze_on_red_canaries(services, policy)


def _look_at(services: Services, policy: PolicySnapshot, history: History) -> None:
    landing = history.of(Landed)[-1]
    commit, at = CommitSha(landing.event.commit), landing.moment
    is_over = services.clock.now() - at >= timedelta(minutes=policy.config.merge.wait_minutes)
    fault, red = _fault(services, policy, commit, is_over=is_over)
    if fault:
        freeze(
            services,
            f"main/{commit}/freeze",
            f"{landing.event.branch} at {commit:.7}, the landing of #{history.issue}: {fault}",
            commit=commit,
        )
        if red:
            _take_back_once(services, policy, history, commit)
    if fault or is_over or fault is None:
        services.ledger.append(
            LandingSettled(commit, fault or ""), f"main/{commit}/settled", issue=history.issue
        )


def _fault(
    services: Services, policy: PolicySnapshot, commit: CommitSha, *, is_over: bool
) -> tuple[str | None, bool]:
    """What is wrong with a landed commit's checks, and whether one is red. The fault is empty where
    nothing is wrong so far, and None where no check is required."""
    wanted = ci.configured_checks(services, policy)
    if wanted == ():
        return None, False
    if wanted is None:
        return "the forge does not say which checks it requires", False
    faults = ci.check_report(services, policy, commit).against or ()
    red = checks_status(faults) is ChecksStatus.RED
    found = [fault.message for fault in faults if is_over or fault.status is ChecksStatus.RED]
    return "; ".join(found), red


def freeze(services: Services, key: str, why: str, *, commit: str) -> None:
    """Stop all merging until a person lifts it. The same key again changes nothing, also after a
    person lifted it."""
    services.ledger.append(CommandGiven(FREEZE, why=why, commit=commit), key)


def _take_back_once(
    services: Services, policy: PolicySnapshot, history: History, commit: CommitSha
) -> None:
    """Revert the landing that turned the branch red, if nothing was built on it and no landing was
    reverted since a person last looked."""
    if (
        not policy.config.merge.auto_revert
        or policy.base != commit
        or _has_taken_back(services.ledger)
    ):
        return
    # The mark comes before the act: a kill between the two leaves the revert to a person.
    services.ledger.append(CommandGiven(AUTO_REVERT, commit=commit), f"main/{commit}/{AUTO_REVERT}")
    try:
        revert.land(
            services,
            history.issue,
            rules=policy.digest,
            reason="its landing turned required checks red, and was taken back",
        )
    except FactoryError as error:
        if isinstance(error, PortError) and error.retryable:
            raise
        services.log.write("revert-failed", str(error), issue=history.issue, level=WARNING)


def _has_taken_back(ledger: Ledger) -> bool:
    """Whether a landing was reverted automatically since a person last lifted a freeze."""
    commands = [entry.event.command for entry in recorded(ledger, CommandGiven)]
    since = max((number for number, command in enumerate(commands) if command == THAW), default=-1)
    return AUTO_REVERT in commands[since + 1 :]


def _freeze_on_red_canaries(services: Services, policy: PolicySnapshot) -> None:
    """Freeze merging where the judge or the watch found a journey red on the default branch itself,
    and the operator named that journey a canary."""
    named = frozenset(policy.config.merge.canary)
    for seen in recorded(services.ledger, CommitObserved) if named else ():
        for red in seen.event.red if seen.event.cause.of_tip else ():
            if red.journey in named:
                freeze(
                    services,
                    f"canary/{red.journey}/{seen.key}",
                    commit=seen.event.commit,
                    why=f"{red.words}: a journey of what has landed is red, as {seen.run} saw",
                )
    for entry in recorded(services.ledger, VerdictRecorded) if named else ():
        for one in entry.event.broken_on_base:
            if one["journey"] in named:
                freeze(
                    services,
                    f"canary/{one['journey']}/{entry.key}",
                    commit=entry.event.binds.base,
                    why=(
                        f"{one['words']}: a journey of what has landed is red on the default"
                        f" branch, as {entry.run} saw"
                    ),
                )
