"""CI on the merge candidate: the factory pushes the commit that would land, and waits for its
checks.

Properties:
- a candidate is pushed only if nothing but checks speaks against it, to a branch that is named for
  its run;
- no run waits: it ends, the issue stays approved, and each tick looks once for an answer;
- a wait ends some time after the candidate was first pushed, and no answer by then is a no;
- an answer opens nothing: the merge gate is asked again and reads every fact anew;
- the branch is removed when nobody waits for it any more, even after a kill: it is in the ledger
  before it is on the forge."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from harness.domain.checks import (
    CheckRequirements,
    ChecksStatus,
    NotGreen,
    ReportedCheck,
    RequiredCheck,
    checks_status,
    failed,
    not_green,
)
from harness.domain.errors import ForgeError, GitError
from harness.domain.events import (
    CandidatePushed,
    CandidateRemoved,
    CandidateShown,
    ChecksAnswered,
    CommandReported,
)
from harness.domain.facts import UNKNOWN, CheckFact, Maybe
from harness.domain.governance import Applies, Level, Rule, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Recorded
from harness.domain.lifecycle import Event, State
from harness.factory.project.commands import excerpt
from harness.factory.records.history import History
from harness.factory.run.effects import effect
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.governance.checks.gates import ChecksGreen

BRANCHES = "factory/candidate/"
MOST_FAILURES = 3
"""How many red checks the next attempt reads of."""


@dataclass(frozen=True, slots=True)
class RequiredChecks:
    """Which checks must be green before something lands. `configured` are those of `factory.toml`
    and of the branch's own rules (None if the forge would not tell). `named` are those that policy
    rules ask for by name, and `rules` the ids of these rules."""

    configured: tuple[RequiredCheck, ...] | None
    rules: frozenset[str] = frozenset()
    named: tuple[RequiredCheck, ...] = ()

    @property
    def whole(self) -> CheckRequirements:
        """All of them together. With a rule, every check that is there must be green."""
        return CheckRequirements(
            tuple(dict.fromkeys((*(self.configured or ()), *self.named))), every=bool(self.rules)
        )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The required checks, and what was reported on one commit. `fault` is why that could not be
    read."""

    required: RequiredChecks
    there: tuple[ReportedCheck, ...]
    fault: str = ""

    @property
    def against(self) -> tuple[NotGreen, ...] | None:
        """The configured checks that are not green; None if nobody knows which are required."""
        return (
            None
            if self.required.configured is None
            else self._faults(CheckRequirements(self.required.configured))
        )

    @property
    def open(self) -> tuple[NotGreen, ...]:
        """Every check that is not green, those of policy rules included."""
        return self._faults(self.required.whole)

    @property
    def failed(self) -> tuple[ReportedCheck, ...]:
        """The required checks that another attempt may turn green: all that are red, or none."""
        return failed(self.required.whole, self.there)

    def _faults(self, wanted: CheckRequirements) -> tuple[NotGreen, ...]:
        unread = (
            (NotGreen(ChecksStatus.WAITING, f"the checks cannot be read: {self.fault}"),)
            if self.fault and wanted
            else ()
        )
        return (*unread, *not_green(wanted, self.there))

    @property
    def facts(self) -> Maybe[tuple[CheckFact, ...]]:
        """The reported checks as facts for the rules; UNKNOWN if the forge was not asked."""
        return (
            tuple(CheckFact(one.name, one.conclusion or "pending") for one in self.there)
            if self.required.whole
            else UNKNOWN
        )


def required_checks(services: Services, policy: PolicySnapshot) -> RequiredChecks:
    """The checks that are required now. Asks the forge for the branch's own rules."""
    rules = [rule for rule in policy.governance.rules if _asks_for_checks(rule)]
    named = tuple(
        # A rule names no app, so the check may be any app's.
        RequiredCheck(name, None)
        for rule in rules
        if isinstance(rule.check, ChecksGreen)
        for name in rule.check.require
    )
    return RequiredChecks(
        configured_checks(services, policy), frozenset(rule.id for rule in rules), named
    )


def configured_checks(
    services: Services, policy: PolicySnapshot
) -> tuple[RequiredCheck, ...] | None:
    """The checks that `factory.toml` and the branch's own rules name; None if the forge refuses for
    good to tell. Raises ForgeError if it may tell later."""
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


def check_report(
    services: Services, policy: PolicySnapshot, commit: CommitSha | None
) -> CheckReport:
    """The required checks and their results on exactly this commit; without a commit there are no
    results. The forge is not asked if nothing is required."""
    required = required_checks(services, policy)
    if not required.whole or not commit:
        return CheckReport(required, ())
    try:
        return CheckReport(
            required, (*services.forge.check_runs(commit), *services.forge.statuses(commit))
        )
    except ForgeError as error:
        if error.retryable:
            raise
        # A new commit takes the forge a moment. So even a lasting refusal counts as waiting here.
        return CheckReport(required, (), fault=str(error))


def record_failures(job: Job, checks: tuple[ReportedCheck, ...]) -> None:
    """Record what failed checks printed, for people and for the attempt that follows."""
    for number, check in enumerate(checks[:MOST_FAILURES], start=1):
        log = _log(job.services, check)
        job.services.ledger.append(
            CommandReported(
                f"check {check.name}"[:100],
                message=f"{check.name} ended as {check.conclusion}"[:200],
                printed=excerpt(f"{check.output}\n{log}".encode("utf-8", "replace")),
            ),
            job.key(f"check-{number}/report"),
            issue=job.issue,
            run=job.run,
        )


def _log(services: Services, check: ReportedCheck) -> str:
    """The end of a check's log. Without one, what the check itself reports has to do."""
    if check.run is None:
        return ""
    try:
        return services.forge.check_log(check.run)
    except ForgeError as error:
        if error.retryable:
            raise
        return ""


def is_shown(history: History, candidate: str) -> bool:
    """Whether this candidate was pushed to the forge. Before that, no check can have run on it."""
    return any(entry.event.candidate == candidate for entry in history.of(CandidatePushed))


def time_waited(services: Services, history: History, candidate: str) -> timedelta:
    """The time since this candidate was first pushed; zero if it was not."""
    shown = [one for one in history.of(CandidateShown) if one.event.candidate == candidate]
    # By the first push: a repeated one must not prolong the wait.
    return services.clock.now() - shown[0].moment if shown else timedelta()


def is_late(
    services: Services, policy: PolicySnapshot, history: History, *, candidate: str
) -> bool:
    """Whether its checks have had `merge.wait_minutes`."""
    return time_waited(services, history, candidate) >= timedelta(
        minutes=policy.config.merge.wait_minutes
    )


def show_candidate(job: Job, candidate: CommitSha) -> None:
    """Push the candidate to a branch of its run, where the forge's checks run on it."""
    # The entry comes before the push: after a kill, remove_candidates must know the branch.
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


def awaited_candidate(history: History) -> Recorded[CandidateShown] | None:
    """The entry of the pushed candidate that has no answer yet; None if nothing is awaited."""
    last = history.transitions[-1] if history.transitions else None
    if last is None or last.event.event is not Event.CHECKS_AWAITED:
        return None
    after = (entry for entry in history.of(ChecksAnswered) if entry.seq > last.seq)
    shown = [entry for entry in history.of(CandidateShown) if entry.seq < last.seq]
    return shown[-1] if shown and not any(after) else None


def waits_for_checks(history: History) -> bool:
    """Whether it waits for the forge's checks."""
    return awaited_candidate(history) is not None


def record_check_answers(services: Services, policy: PolicySnapshot) -> None:
    """Look once at each awaited candidate, and record an answer. The merge gate is then asked
    again."""
    for history in services.issue_index.filter(waits_for_checks):
        shown = awaited_candidate(history)
        if shown is not None and (reason := _answer(services, policy, history, shown)):
            services.ledger.append(
                ChecksAnswered(shown.event.candidate, reason),
                # After another transition the same candidate may be awaited again.
                f"{shown.run}/candidate/answered/{len(history.transitions)}",
                issue=history.issue,
                run=shown.run,
            )


def _answer(
    services: Services, policy: PolicySnapshot, history: History, shown: Recorded[CandidateShown]
) -> str:
    """Why there is nothing more to wait for; empty while there is."""
    candidate = CommitSha(shown.event.candidate)
    # A candidate on an old base can never land, whatever its checks report.
    if policy.base != shown.event.base:
        return f"the base moved on to {policy.base:.7}"
    found = checks_status(check_report(services, policy, candidate).open)
    if found is ChecksStatus.WAITING and is_late(services, policy, history, candidate=candidate):
        return f"no answer in {policy.config.merge.wait_minutes} minutes"
    return "" if found is ChecksStatus.WAITING else f"the checks are {found}"


def has_shown(history: History) -> bool:
    """Whether a candidate of the issue was pushed and is not removed yet, as far as the ledger
    knows."""
    back = {entry.run for entry in history.of(CandidateRemoved)}
    return any(entry.run not in back for entry in history.of(CandidateShown))


def remove_candidates(services: Services) -> None:
    """Remove the branches of candidates that nobody waits for: after an answer, and after a
    kill."""
    for history in services.issue_index.filter(has_shown):
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
    """Whether an answer is awaited, or an interrupted run may still push the candidate."""
    waiting, left = awaited_candidate(history), history.open_run
    return (waiting is not None and waiting.run == shown.run) or (
        left is not None and left.run == shown.run and history.state is State.APPROVED
    )


def _remove(services: Services, shown: Recorded[CandidateShown]) -> CandidateRemoved:
    """Remove the branch. One that somebody moved, or that the forge keeps, stays, and the result
    records it."""
    branch, candidate = shown.event.branch, CommitSha(shown.event.candidate)
    try:
        left = services.candidates.remove(branch, expected=candidate)
    except GitError as error:
        if error.retryable:
            raise
        return CandidateRemoved(branch, left=str(error))
    return CandidateRemoved(branch, left=left)
