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
from typing import Any

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
from harness.domain.facts import UNKNOWN, CheckFact, Maybe
from harness.domain.governance import Applies, Level, Rule, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.run.effects import effect
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.governance.checks.gates import ChecksGreen

BRANCHES = "factory/candidate/"
SHOWN, ANSWERED = "candidate-shown", "checks-answered"
SHOW, TAKE_BACK = "show-candidate", "take-candidate-back"


@dataclass(frozen=True, slots=True)
class RequiredChecks:
    """Which checks must be green before something lands: those that the operator and the branch's
    own rules name (None: the forge would not say), and those that rules of the law ask for."""

    configured: tuple[RequiredCheck, ...] | None
    rules: frozenset[str] = frozenset()
    named: tuple[RequiredCheck, ...] = ()

    @property
    def whole(self) -> Wanted:
        return Wanted(
            tuple(dict.fromkeys((*(self.configured or ()), *self.named))), every=bool(self.rules)
        )


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What is required of one commit, and what has been reported on it; `fault` is why that could
    not be read."""

    required: RequiredChecks
    there: tuple[CheckSeen, ...]
    fault: str = ""

    @property
    def against(self) -> tuple[NotGreen, ...] | None:
        """The required checks that are not green; None where nobody can say which are required."""
        return (
            None
            if self.required.configured is None
            else self._faults(Wanted(self.required.configured))
        )

    @property
    def open(self) -> tuple[NotGreen, ...]:
        """Everything that is not green, of what the law asks for as well."""
        return self._faults(self.required.whole)

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
            if self.required.whole
            else UNKNOWN
        )


def required_checks(services: Services, policy: PolicySnapshot) -> RequiredChecks:
    """What is required now. The branch's own rules are asked of the forge."""
    rules = [rule for rule in policy.governance.rules if _asks_for_checks(rule)]
    named = tuple(
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


def check_report(
    services: Services, policy: PolicySnapshot, commit: CommitSha | None
) -> CheckReport:
    """What is required, and how it stands on exactly this commit; without one nothing is reported.
    Where nothing is required the forge is not asked. What it says for good that it cannot tell may
    be there later: a commit takes a moment to be known."""
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
        return CheckReport(required, (), fault=str(error))


def is_shown(history: History, candidate: str) -> bool:
    """Whether the forge has this candidate: before it is shown, nothing can have been reported on
    it."""
    return any(
        entry.kind == "done"
        and entry.data.get("effect") == SHOW
        and entry.data["result"]["candidate"] == candidate
        for entry in history.entries
    )


def time_waited(services: Services, history: History, candidate: str) -> timedelta:
    """How long ago this candidate was first shown; nothing where it was not."""
    shown = [
        entry
        for entry in history.entries
        if entry.kind == SHOWN and entry.data["candidate"] == candidate
    ]
    return services.clock.now() - datetime.fromisoformat(shown[0].at) if shown else timedelta()


def is_late(
    services: Services, policy: PolicySnapshot, history: History, *, candidate: str
) -> bool:
    """Whether its checks have had all the time they may have."""
    return time_waited(services, history, candidate) >= timedelta(
        minutes=policy.config.merge.wait_minutes
    )


def show_candidate(job: Job, candidate: CommitSha) -> None:
    """Put the candidate on a branch of its run's, where the forge's checks see it."""
    branch = f"{BRANCHES}{job.run}"
    job.services.ledger.append(
        SHOWN,
        f"{job.run}/candidate",
        issue=job.issue,
        run=job.run,
        data={"candidate": candidate, "branch": branch, "base": job.base},
    )
    effect(
        job.services,
        SHOW,
        job.key("show-candidate"),
        lambda: _push(job, candidate, branch),
        issue=job.issue,
        run=job.run,
    )


def _push(job: Job, candidate: CommitSha, branch: str) -> dict[str, Any]:
    job.services.candidates.push(candidate, branch, expected=None)
    return {"branch": branch, "candidate": candidate}


def awaited_candidate(history: History) -> Entry | None:
    """The showing of its candidate that is without an answer; None where nothing is waited for."""
    last = history.transitions[-1] if history.transitions else None
    if last is None or last.data["event"] != Event.CHECKS_AWAITED:
        return None
    after = (entry for entry in history.entries if entry.kind == ANSWERED and entry.seq > last.seq)
    shown = [entry for entry in history.entries if entry.kind == SHOWN and entry.seq < last.seq]
    return shown[-1] if shown and not any(after) else None


def waits_for_checks(history: History) -> bool:
    """Whether it waits for an answer of the forge's checks."""
    return awaited_candidate(history) is not None


def record_check_answers(services: Services, policy: PolicySnapshot) -> None:
    """Look once at each candidate that is waited for. What has an answer is written down, and the
    gate is asked again."""
    for history in services.issue_index.filter(waits_for_checks):
        shown = awaited_candidate(history)
        if shown is not None and (says := _answer(services, policy, history, shown)):
            services.ledger.append(
                ANSWERED,
                f"{shown.run}/candidate/answered/{len(history.transitions)}",
                issue=history.issue,
                run=shown.run,
                data={"candidate": shown.data["candidate"], "says": says},
            )


def _answer(services: Services, policy: PolicySnapshot, history: History, shown: Entry) -> str:
    """Why there is nothing more to wait for; empty while there is."""
    candidate = CommitSha(shown.data["candidate"])
    if policy.base != shown.data["base"]:
        return f"the base moved on to {policy.base:.7}"
    found = standing(check_report(services, policy, candidate).open)
    if found is Standing.WAITING and is_late(services, policy, history, candidate=candidate):
        return f"no answer in {policy.config.merge.wait_minutes} minutes"
    return "" if found is Standing.WAITING else f"the checks are {found}"


def has_shown(history: History) -> bool:
    """Whether a candidate of it was ever shown and is not known to be taken back."""
    back = {
        entry.run
        for entry in history.entries
        if entry.kind == "done" and entry.data.get("effect") == TAKE_BACK
    }
    return any(entry.kind == SHOWN and entry.run not in back for entry in history.entries)


def remove_candidates(services: Services) -> None:
    """Remove the branches of candidates that nobody waits for: after an answer, and after a
    kill."""
    for history in services.issue_index.filter(has_shown):
        for shown in (
            entry
            for entry in history.entries
            if entry.kind == SHOWN and not _is_needed(history, entry)
        ):
            effect(
                services,
                TAKE_BACK,
                f"{shown.run}/take-candidate-back",
                partial(_remove, services, shown),
                issue=history.issue,
                run=str(shown.run),
            )


def _is_needed(history: History, shown: Entry) -> bool:
    """While an answer is awaited, and while the run that shows it may still be taken up."""
    waiting, left = awaited_candidate(history), history.open_run
    return (waiting is not None and waiting.run == shown.run) or (
        left is not None and left.run == shown.run and history.state is State.APPROVED
    )


def _remove(services: Services, shown: Entry) -> dict[str, Any]:
    """A branch that the forge keeps, or that somebody moved, is left there, and said."""
    try:
        left = services.candidates.remove(
            shown.data["branch"], expected=CommitSha(shown.data["candidate"])
        )
    except GitError as error:
        if error.retryable:
            raise
        return {"branch": shown.data["branch"], "left": str(error)}
    return {"branch": shown.data["branch"], "left": left}
