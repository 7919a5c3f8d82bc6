"""The triage queue: a fair order, so that nobody gets ahead by filing more issues.

Properties:
- accounts that may command come first; then the queue goes round, and nobody's second issue comes
  before everybody's first;
- the operator's limits hold over all ticks of 24 hours, whatever the rules are; the rules' limits
  hold over their own windows;
- an appeal asks no model, so it does not wait;
- an issue that waits keeps its place, and its filer learns of it once, in the one comment."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harness.domain.events import IssueQueued
from harness.domain.facts import UNKNOWN, ChangeFacts, Maybe
from harness.domain.governance import Applies, Decision, OnFail
from harness.domain.lifecycle import Event
from harness.domain.shortened import count
from harness.factory.records.history import History, history_of
from harness.factory.reporting.transitions import project
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.settings.limits_config import Triage
from harness.governance.decide import decide

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TriageStart:
    """One triage that began: whose issue, and when."""

    author: int
    by_maintainer: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Why an issue is not triaged yet, in words for its filer, and by which rule, if by one."""

    message: str
    rule: str = ""
    path: str = ""


@dataclass(slots=True)
class Queue:
    """The queue of one tick. `starts` holds all triages that began before it and in it; `given`
    counts those of this tick."""

    services: Services
    starts: list[TriageStart]
    given: int = 0
    waiting: dict[int, Wait] = field(default_factory=dict)
    _labels: Mapping[int, frozenset[str]] | None = None

    def next(self, waiting: Sequence[History], policy: PolicySnapshot) -> History | None:
        """The issue to triage now. None where all that are left have to wait."""
        if not self.has_room(policy):
            return None
        now = self.services.clock.now()
        for history in in_queue_order(waiting, self.starts, now=now):
            wait = self._wait(history, policy, now)
            if wait is None:
                return history
            self.waiting[history.issue] = wait
        return None

    def has_room(self, policy: PolicySnapshot) -> bool:
        """Whether this tick may begin another triage."""
        return self.given < policy.config.triage.batch

    def begin(self, history: History) -> None:
        """Count a triage that begins."""
        self.waiting.pop(history.issue, None)
        # An appeal asks no model, so it takes no place.
        if not is_appeal(history):
            self.given += 1
            self.starts.append(
                TriageStart(history.author, history.filer_may_command, self.services.clock.now())
            )

    def notify_waiting(self, policy: PolicySnapshot) -> None:
        """Tell the filers of waiting issues, once each, and no more in one tick than are triaged: a
        flood of issues does not cause a flood of answers."""
        ledger = self.services.ledger
        keys = {
            issue: f"waiting/{issue}/{len(history_of(ledger, issue).triages)}"
            for issue in self.waiting
        }
        not_notified = [issue for issue, key in keys.items() if ledger.find(key) is None]
        for issue in not_notified[: policy.config.triage.batch]:
            wait = self.waiting[issue]
            ledger.append(
                IssueQueued(wait.message, rule=wait.rule, path=wait.path, rules=policy.digest),
                keys[issue],
                issue=issue,
            )
            project(self.services, issue)

    def _wait(self, history: History, policy: PolicySnapshot, now: datetime) -> Wait | None:
        if is_appeal(history):
            return None
        return exceeded_limit(
            history, self.starts, policy.config.triage, now=now
        ) or self._by_rules(history, policy, now)

    def _by_rules(self, history: History, policy: PolicySnapshot, now: datetime) -> Wait | None:
        """The wait that a rule asks for. An issue that a rule refuses outright does not wait:
        triage refuses it and explains why."""
        # Most projects have no rule for issues, and then the forge need not list the labels.
        if not any(rule.applies is Applies.ISSUE for rule in policy.governance.rules):
            return None
        facts = issue_facts(
            history,
            self.starts,
            author=self.services.issue_index.author_of(history),
            labels=self._labels_of(history.issue),
            now=now,
        )
        decision = decide(policy.governance, facts, applies=Applies.ISSUE)
        if refusal_of(decision) is not OnFail.RETRY:
            return None
        first = decision.refusals[0]
        return Wait(
            first.message,
            first.rule,
            f"blob/{policy.base}/{first.source.file}?plain=1#L{first.source.line}",
        )

    def _labels_of(self, issue: int) -> frozenset[str] | None:
        # Read once in a tick, for all issues.
        if self._labels is None:
            self._labels = {
                number: frozenset(shown.labels)
                for number, shown in self.services.watch_list.open_issues().items()
            }
        return self._labels.get(issue)


def queue_of(services: Services) -> Queue:
    """The queue by what the ledger holds now."""
    return Queue(services, list(triage_starts(services.issue_index.filter(was_triaged))))


def was_triaged(history: History) -> bool:
    """Whether a triage of the issue ever began."""
    return bool(history.triages)


def triage_starts(histories: Iterable[History]) -> Iterator[TriageStart]:
    """Every triage that began. A second one, after an edit or a reply, counts like the first."""
    for one in histories:
        for entry in one.triages:
            yield TriageStart(one.author, one.filer_may_command, entry.moment)


def in_queue_order(
    waiting: Iterable[History], starts: Iterable[TriageStart], *, now: datetime
) -> list[History]:
    """The waiting issues, in the order in which they are triaged."""
    had = Counter(turn.author for turn in starts if _age(turn, now) < DAY)
    places: dict[int, tuple[bool, bool, int, int]] = {}
    line = sorted(waiting, key=lambda history: history.issue)
    for history in line:
        places[history.issue] = (
            not is_appeal(history),
            not history.filer_may_command,
            had[history.author],
            history.issue,
        )
        # Each issue of an account comes behind one more round of the others.
        had[history.author] += 1
    return sorted(line, key=lambda history: places[history.issue])


def exceeded_limit(
    history: History, starts: Iterable[TriageStart], limits: Triage, *, now: datetime
) -> Wait | None:
    """The operator's limit that this issue would exceed now."""
    today = [turn for turn in starts if _age(turn, now) < DAY]
    mine = sum(turn.author == history.author for turn in today)
    if history.filer_may_command:
        full = len(today) >= limits.per_day
    else:
        # Strangers can never use up the places that are reserved for maintainers.
        reserved = min(limits.reserved, limits.per_day // 2)
        full = (
            len(today) >= limits.per_day
            or sum(not turn.by_maintainer for turn in today) >= limits.per_day - reserved
        )
        if mine >= limits.per_author:
            return Wait(
                f"within a day the factory looks at {count(limits.per_author, 'issue')} of one"
                " account, and it has"
            )
    return (
        Wait(f"within a day the factory looks at {count(limits.per_day, 'issue')}, and it has")
        if full
        else None
    )


def issue_facts(
    history: History,
    starts: Iterable[TriageStart],
    *,
    author: Maybe[str],
    labels: frozenset[str] | None,
    now: datetime,
) -> ChangeFacts:
    """The facts of an issue that nobody has read yet: whose it is (`author`), how fast issues come,
    its labels and what it cost."""
    ages = [(turn.author, int(_age(turn, now))) for turn in starts]
    return ChangeFacts(
        labels=UNKNOWN if labels is None else labels,
        author=author,
        author_ages=tuple(age for author, age in ages if author == history.author)
        if history.author
        else UNKNOWN,
        issue_ages=tuple(age for _, age in ages),
        attempts=len(history.triages) + 1,
        spend_usd=history.usage.cost_usd,
    )


def refusal_of(decision: Decision) -> OnFail | None:
    """What follows for an issue from the strictest of its refusals. The rules' `default:` is about
    changes, not about issues."""
    return decision.action if decision.refusals else None


def is_appeal(history: History) -> bool:
    """Whether the issue is here again because its filer, or a maintainer, appealed."""
    return history.last_event is Event.APPEALED


def _age(turn: TriageStart, now: datetime) -> float:
    return (now - turn.at).total_seconds()
