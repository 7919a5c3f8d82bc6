"""CI on the candidate: the commit that would land is shown to the forge's checks, and they are
waited for.

Properties kept:
- a candidate is shown only once nothing but checks speaks against it, on a branch of ours that is
  named for its run;
- nobody waits in a run: it ends, the issue stays approved, and each pass looks once whether there
  is an answer;
- a wait has an end, counted from the first time that this candidate was shown, and no answer until
  then is a no;
- an answer opens nothing: it has the gate asked again, which reads every fact anew;
- the branch goes when nobody waits for it any more, also after a kill: it is in the ledger before
  it is on the forge."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from harness.domain.checks import (
    CheckSeen,
    NotGreen,
    RequiredCheck,
    Standing,
    Wanted,
    not_green,
    standing,
)
from harness.domain.errors import ForgeError, GitError
from harness.domain.events import CandidatePushed, CandidateRemoved, CandidateShown, ChecksAnswered
from harness.domain.facts import UNKNOWN, CheckFact, Maybe
from harness.domain.governance import Applies, Level, Rule, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.run.effects import effect
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.governance.checks.gates import ChecksGreen

BRANCHES = "factory/candidate/"


@dataclass(frozen=True, slots=True)
class Demands:
    """Which checks must be green before something lands: those that the operator and the branch's
    own rules name (None: the forge would not say), and those that rules of the law ask for."""

    required: tuple[RequiredCheck, ...] | None
    rules: frozenset[str] = frozenset()
    named: tuple[RequiredCheck, ...] = ()

    @property
    def whole(self) -> Wanted:
        return Wanted(
            tuple(dict.fromkeys((*(self.required or ()), *self.named))), every=bool(self.rules)
        )


@dataclass(frozen=True, slots=True)
class Report:
    """What is demanded of one commit, and what has been reported on it; `fault` is why that could
    not be read."""

    demands: Demands
    there: tuple[CheckSeen, ...]
    fault: str = ""

    @property
    def against(self) -> tuple[NotGreen, ...] | None:
        """The required checks that are not green; None where nobody can say which are required."""
        return (
            None if self.demands.required is None else self._faults(Wanted(self.demands.required))
        )

    @property
    def open(self) -> tuple[NotGreen, ...]:
        """Everything that is not green, of what the law asks for as well."""
        return self._faults(self.demands.whole)

    def _faults(self, wanted: Wanted) -> tuple[NotGreen, ...]:
        unread = (
            (NotGreen(Standing.WAITING, f"the checks cannot be read: {self.fault}"),)
            if self.fault and wanted
            else ()
        )
        return (*unread, *not_green(wanted, self.there))

    @property
    def facts(self) -> Maybe[tuple[CheckFact, ...]]:
        """The same for the law; unknown where nobody asked the forge."""
        return (
            tuple(CheckFact(one.name, one.conclusion or "pending") for one in self.there)
            if self.demands.whole
            else UNKNOWN
        )


def demands(services: Services, policy: PolicySnapshot) -> Demands:
    """What is demanded now. The branch's own rules are asked of the forge."""
    rules = [rule for rule in policy.governance.rules if _asks_for_checks(rule)]
    named = tuple(
        RequiredCheck(name, None)
        for rule in rules
        if isinstance(rule.check, ChecksGreen)
        for name in rule.check.require
    )
    return Demands(required(services, policy), frozenset(rule.id for rule in rules), named)


def required(services: Services, policy: PolicySnapshot) -> tuple[RequiredCheck, ...] | None:
    """The checks that `factory.toml` and the branch's own rules name; None where the forge says for
    good that it will not tell. Raises ForgeError where it may tell later."""
    try:
        of_branch = services.forge.required_checks(services.forge.default_branch())
    except ForgeError as error:
        if error.retryable:
            raise
        return None
    return tuple(dict.fromkeys((*policy.config.merge.required_checks, *of_branch)))


def _asks_for_checks(rule: Rule) -> bool:
    here = (
        rule.applies is Applies.MERGE
        and rule.level is Level.ENFORCED
        and rule.status is Status.ENFORCE
    )
    return here and isinstance(rule.check, ChecksGreen)


def report(services: Services, policy: PolicySnapshot, commit: CommitSha | None) -> Report:
    """What is demanded, and how it stands on exactly this commit; without one nothing is reported.
    Where nothing is demanded the forge is not asked. What it says for good that it cannot tell may
    be there later: a commit takes a moment to be known."""
    demanded = demands(services, policy)
    if not demanded.whole or not commit:
        return Report(demanded, ())
    try:
        return Report(
            demanded, (*services.forge.check_runs(commit), *services.forge.statuses(commit))
        )
    except ForgeError as error:
        if error.retryable:
            raise
        return Report(demanded, (), fault=str(error))


def is_shown(history: History, candidate: str) -> bool:
    """Whether the forge has this candidate: before it is shown, nothing can have been reported on
    it."""
    return any(entry.event.candidate == candidate for entry in history.of(CandidatePushed))


def waited(services: Services, history: History, candidate: str) -> timedelta:
    """How long ago this candidate was first shown; nothing where it was not."""
    shown = [one for one in history.of(CandidateShown) if one.event.candidate == candidate]
    return services.clock.now() - datetime.fromisoformat(shown[0].at) if shown else timedelta()


def is_late(
    services: Services, policy: PolicySnapshot, history: History, *, candidate: str
) -> bool:
    """Whether its checks have had all the time they may have."""
    return waited(services, history, candidate) >= timedelta(
        minutes=policy.config.merge.wait_minutes
    )


def show(job: Job, candidate: CommitSha) -> None:
    """Put the candidate on a branch of its run's, where the forge's checks see it."""
    branch = f"{BRANCHES}{job.run}"
    job.services.ledger.append(
        CandidateShown(candidate, branch, base=job.base),
        f"{job.run}/candidate",
        issue=job.issue,
        run=job.run,
    )
    effect(
        job.services,
        CandidatePushed,
        job.key("show-candidate"),
        lambda: _push(job, candidate, branch),
        issue=job.issue,
        run=job.run,
    )


def _push(job: Job, candidate: CommitSha, branch: str) -> CandidatePushed:
    job.services.candidates.push(candidate, branch, expected=None)
    return CandidatePushed(branch, candidate)


def awaited(history: History) -> Recorded[CandidateShown] | None:
    """The showing of its candidate that is without an answer; None where nothing is waited for."""
    last = history.transitions[-1] if history.transitions else None
    if last is None or last.event.event is not Event.CHECKS_AWAITED:
        return None
    after = (entry for entry in history.of(ChecksAnswered) if entry.seq > last.seq)
    shown = [entry for entry in history.of(CandidateShown) if entry.seq < last.seq]
    return shown[-1] if shown and not any(after) else None


def waits_for_checks(history: History) -> bool:
    """Whether it waits for an answer of the forge's checks."""
    return awaited(history) is not None


def take_in_answers(services: Services, policy: PolicySnapshot) -> None:
    """Look once at each candidate that is waited for. What has an answer is written down, and the
    gate is asked again."""
    for history in services.known.those(waits_for_checks):
        shown = awaited(history)
        if shown is not None and (says := _answer(services, policy, history, shown)):
            services.ledger.append(
                ChecksAnswered(shown.event.candidate, says),
                f"{shown.run}/candidate/answered/{len(history.transitions)}",
                issue=history.issue,
                run=shown.run,
            )


def _answer(
    services: Services, policy: PolicySnapshot, history: History, shown: Recorded[CandidateShown]
) -> str:
    """Why there is nothing more to wait for; empty while there is."""
    candidate = CommitSha(shown.event.candidate)
    if policy.base != shown.event.base:
        return f"the base moved on to {policy.base:.7}"
    found = standing(report(services, policy, candidate).open)
    if found is Standing.WAITING and is_late(services, policy, history, candidate=candidate):
        return f"no answer in {policy.config.merge.wait_minutes} minutes"
    return "" if found is Standing.WAITING else f"the checks are {found}"


def has_shown(history: History) -> bool:
    """Whether a candidate of it was ever shown and is not known to be taken back."""
    back = {entry.run for entry in history.of(CandidateRemoved)}
    return any(entry.run not in back for entry in history.of(CandidateShown))


def take_back(services: Services) -> None:
    """Remove the branches of candidates that nobody waits for: after an answer, and after a
    kill."""
    for history in services.known.those(has_shown):
        for shown in (
            entry for entry in history.of(CandidateShown) if not _is_needed(history, entry)
        ):
            effect(
                services,
                CandidateRemoved,
                f"{shown.run}/take-candidate-back",
                partial(_remove, services, shown),
                issue=history.issue,
                run=str(shown.run),
            )


def _is_needed(history: History, shown: Recorded[CandidateShown]) -> bool:
    """While an answer is awaited, and while the run that shows it may still be taken up."""
    waiting, left = awaited(history), history.open_run
    return (waiting is not None and waiting.run == shown.run) or (
        left is not None and left.run == shown.run and history.state is State.APPROVED
    )


def _remove(services: Services, shown: Recorded[CandidateShown]) -> CandidateRemoved:
    """A branch that the forge keeps, or that somebody moved, is left there, and said."""
    branch, candidate = shown.event.branch, CommitSha(shown.event.candidate)
    try:
        left = services.candidates.remove(branch, expected=candidate)
    except GitError as error:
        if error.retryable:
            raise
        return CandidateRemoved(branch, left=str(error))
    return CandidateRemoved(branch, left=left)
