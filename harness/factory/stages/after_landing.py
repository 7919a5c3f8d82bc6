"""The default branch after a landing: checks that turn red there freeze merging until a person has
looked.

Properties kept:
- each landing is watched for as long as its checks may take; then it is settled, for good, and
  costs no request any more;
- a required check that is red, or has no answer by then, freezes; nothing lifts a freeze but a
  person;
- a person who lifts it knows of what is red: the same landing does not freeze again;
- at most one landing is taken back by itself, where the operator asks for that, and merging stays
  frozen all the same: no revert is followed by another attempt, another landing or another revert.
"""

from datetime import datetime, timedelta

from harness.domain.checks import Standing, standing
from harness.domain.errors import FactoryError
from harness.domain.events import CommandGiven, Landed, LandingSettled, VerdictRecorded
from harness.domain.issue import CommitSha
from harness.factory.policy_gate import ci
from harness.factory.records.history import FREEZE, THAW, History
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.stages import revert
from harness.ports.ledger import Ledger, recorded

AUTO_REVERT = "auto-revert"


def is_unsettled(history: History) -> bool:
    """Whether something of it has landed that is still watched."""
    settled = {entry.event.commit for entry in history.of(LandingSettled)}
    return history.landed is not None and history.landed.commit not in settled


def watch(services: Services, policy: PolicySnapshot) -> None:
    """Look once at every landing that is not settled, and at what judgements have seen of the
    canaries."""
    for told in services.issue_index.filter(is_unsettled):
        _look_at(services, policy, told)
    _listen_to_canaries(services, policy)


def _look_at(services: Services, policy: PolicySnapshot, history: History) -> None:
    landing = history.of(Landed)[-1]
    commit, at = CommitSha(landing.event.commit), datetime.fromisoformat(landing.at)
    is_over = services.clock.now() - at >= timedelta(minutes=policy.config.merge.wait_minutes)
    says, red = _against(services, policy, commit, is_over=is_over)
    if says:
        freeze(
            services,
            f"main/{commit}/freeze",
            f"{landing.event.branch} at {commit:.7}, the landing of #{history.issue}: {says}",
            commit=commit,
        )
        if red:
            _take_back_once(services, policy, history, commit)
    if says or is_over or says is None:
        services.ledger.append(
            LandingSettled(commit, says or ""), f"main/{commit}/settled", issue=history.issue
        )


def _against(
    services: Services, policy: PolicySnapshot, commit: CommitSha, *, is_over: bool
) -> tuple[str | None, bool]:
    """What is wrong with a landed commit's checks, and whether one is red. Nothing yet is empty;
    None: none is required."""
    wanted = ci.configured_checks(services, policy)
    if wanted == ():
        return None, False
    if wanted is None:
        return "the forge does not say which checks it requires", False
    faults = ci.check_report(services, policy, commit).against or ()
    red = standing(faults) is Standing.RED
    told = [fault.says for fault in faults if is_over or fault.standing is Standing.RED]
    return "; ".join(told), red


def freeze(services: Services, key: str, why: str, *, commit: str) -> None:
    """Stop all merging until a person lifts it. The same key again changes nothing, also after it
    was lifted."""
    services.ledger.append(CommandGiven(FREEZE, why=why, commit=commit), key)


def _take_back_once(
    services: Services, policy: PolicySnapshot, history: History, commit: CommitSha
) -> None:
    """The landing that turned the branch red, if nothing was built on it and none was taken back
    since a person looked."""
    if (
        not policy.config.merge.auto_revert
        or policy.base != commit
        or _has_taken_back(services.ledger)
    ):
        return
    services.ledger.append(CommandGiven(AUTO_REVERT, commit=commit), f"main/{commit}/{AUTO_REVERT}")
    try:
        revert.land(
            services,
            history.issue,
            rules=policy.digest,
            says="its landing turned required checks red, and was taken back",
        )
    except FactoryError as error:
        if getattr(error, "retryable", False):
            raise
        services.tell(f"#{history.issue}", "revert", str(error))


def _has_taken_back(ledger: Ledger) -> bool:
    """Whether one was taken back by itself since merging was last thawed by a person. The mark is
    made before the act, so a kill between them leaves the act to a person."""
    commands = [entry.event.command for entry in recorded(ledger, CommandGiven)]
    since = max((number for number, command in enumerate(commands) if command == THAW), default=-1)
    return AUTO_REVERT in commands[since + 1 :]


def _listen_to_canaries(services: Services, policy: PolicySnapshot) -> None:
    """A journey that the operator named, and that a judgement found red on the default branch
    itself, freezes as well."""
    named = frozenset(policy.config.merge.canary)
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
