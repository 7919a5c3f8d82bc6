"""Whose issue is looked at next: a fair queue before triage, so that nobody can buy a place by
filing more.

Properties kept:
- accounts that may command come first, and then the queue goes round: nobody's second issue before
  everybody's first;
- the operator's bounds hold whatever the law says, over all ticks of 24 hours, and the law's over
  its own windows;
- an appeal asks no model, so it waits for nobody;
- what waits is not lost: its filer is told once, in its one comment, and it keeps its place.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harness.domain.events import IssueQueued
from harness.domain.facts import UNKNOWN, ChangeFacts
from harness.domain.governance import Applies, Decision, OnFail
from harness.domain.lifecycle import Event
from harness.factory.records.history import History, history_of
from harness.factory.reporting.transitions import project
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.settings.config import Triage
from harness.governance.decide import decide

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class TriageStart:
    """One issue that was taken up for triage: whose, and when."""

    author: int
    of_the_house: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Wait:
    """Why an issue is not looked at yet, in words for its filer; by which rule, if by one."""

    says: str
    rule: str = ""
    path: str = ""


@dataclass(slots=True)
class Queue:
    """The queue of one tick. `turns` are all that were given before it, and those that it gives."""

    services: Services
    turns: list[TriageStart]
    given: int = 0
    waiting: dict[int, Wait] = field(default_factory=dict)
    _labels: Mapping[int, frozenset[str]] | None = None

    def next(self, waiting: Sequence[History], policy: PolicySnapshot) -> History | None:
        """The issue to look at now; None where all that are left wait."""
        if not self.has_room(policy):
            return None
        now = self.services.clock.now()
        for history in in_queue_order(waiting, self.turns, now=now):
            wait = self._wait(history, policy, now)
            if wait is None:
                return history
            self.waiting[history.issue] = wait
        return None

    def has_room(self, policy: PolicySnapshot) -> bool:
        """Whether this tick may give another turn."""
        return self.given < policy.config.triage.batch

    def begin(self, history: History) -> None:
        """Count a turn that is given."""
        self.waiting.pop(history.issue, None)
        if not is_appeal(history):
            self.given += 1
            self.turns.append(
                TriageStart(history.author, history.of_the_house, self.services.clock.now())
            )

    def notify_waiting(self, policy: PolicySnapshot) -> None:
        """Tell those who wait, once each and no more in a tick than are looked at: a flood is not
        answered with one."""
        ledger = self.services.ledger
        keys = {
            issue: f"waiting/{issue}/{len(history_of(ledger, issue).triages)}"
            for issue in self.waiting
        }
        untold = [issue for issue, key in keys.items() if ledger.find(key) is None]
        for issue in untold[: policy.config.triage.batch]:
            wait = self.waiting[issue]
            ledger.append(
                IssueQueued(wait.says, rule=wait.rule, path=wait.path, rules=policy.digest),
                keys[issue],
                issue=issue,
            )
            project(self.services, issue)

    def _wait(self, history: History, policy: PolicySnapshot, now: datetime) -> Wait | None:
        if is_appeal(history):
            return None
        return exceeded_limit(history, self.turns, policy.config.triage, now=now) or self._by_law(
            history, policy, now
        )

    def _by_law(self, history: History, policy: PolicySnapshot, now: datetime) -> Wait | None:
        """Only what the law wants to see again later waits; what it refuses outright is taken up,
        and told so."""
        if not any(rule.applies is Applies.ISSUE for rule in policy.governance.rules):
            return None
        facts = issue_facts(history, self.turns, labels=self._labels_of(history.issue), now=now)
        decision = decide(policy.governance, facts, applies=Applies.ISSUE)
        if refusal_of(decision) is not OnFail.RETRY:
            return None
        first = decision.refusals[0]
        return Wait(
            first.says,
            first.rule,
            f"blob/{policy.base}/{first.source.file}?plain=1#L{first.source.line}",
        )

    def _labels_of(self, issue: int) -> frozenset[str] | None:
        if self._labels is None:  # asked once, for all
            self._labels = {
                number: frozenset(shown.labels)
                for number, shown in self.services.watch_list.open_issues().items()
            }
        return self._labels.get(issue)


def queue_of(services: Services) -> Queue:
    """The queue as the ledger has it now."""
    return Queue(services, list(triage_starts(services.issue_index.filter(was_triaged))))


def was_triaged(history: History) -> bool:
    """Whether it was ever taken up for triage."""
    return bool(history.triages)


def triage_starts(histories: Iterable[History]) -> Iterator[TriageStart]:
    """Every turn that was given, by issue: a second look, after an edit or a reply, is a turn like
    the first."""
    for one in histories:
        for entry in one.triages:
            yield TriageStart(one.author, one.of_the_house, datetime.fromisoformat(entry.at))


def in_queue_order(
    waiting: Iterable[History], turns: Iterable[TriageStart], *, now: datetime
) -> list[History]:
    """Those who wait, in the order in which they are looked at."""
    had = Counter(turn.author for turn in turns if _age(turn, now) < DAY)
    places: dict[int, tuple[bool, bool, int, int]] = {}
    line = sorted(waiting, key=lambda history: history.issue)
    for history in line:
        places[history.issue] = (
            not is_appeal(history),
            not history.of_the_house,
            had[history.author],
            history.issue,
        )
        had[history.author] += 1
    return sorted(line, key=lambda history: places[history.issue])


def exceeded_limit(
    history: History, turns: Iterable[TriageStart], bounds: Triage, *, now: datetime
) -> Wait | None:
    """The operator's bound that this issue would cross now."""
    today = [turn for turn in turns if _age(turn, now) < DAY]
    mine = sum(turn.author == history.author for turn in today)
    if history.of_the_house:
        full = len(today) >= bounds.per_day
    else:
        kept = min(bounds.reserved, bounds.per_day // 2)
        full = (
            len(today) >= bounds.per_day
            or sum(not turn.of_the_house for turn in today) >= bounds.per_day - kept
        )
        if mine >= bounds.per_author:
            return Wait(
                f"within a day the factory looks at {_issues(bounds.per_author)} of one account,"
                " and it has"
            )
    return (
        Wait(f"within a day the factory looks at {_issues(bounds.per_day)}, and it has")
        if full
        else None
    )


def issue_facts(
    history: History, turns: Iterable[TriageStart], *, labels: frozenset[str] | None, now: datetime
) -> ChangeFacts:
    """What is known of an issue before anybody has read it: whose it is, how fast it came, its
    labels, what it cost."""
    ages = [(turn.author, int(_age(turn, now))) for turn in turns]
    return ChangeFacts(
        labels=UNKNOWN if labels is None else labels,
        author=history.login or UNKNOWN,
        author_ages=tuple(age for author, age in ages if author == history.author)
        if history.author
        else UNKNOWN,
        issue_ages=tuple(age for _, age in ages),
        attempts=len(history.triages) + 1,
        spend_usd=history.usage.cost_usd,
    )


def refusal_of(decision: Decision) -> OnFail | None:
    """What follows for an issue: of its refusals the strictest. The rules' `default:` speaks of
    changes, not of issues."""
    return decision.action if decision.refusals else None


def is_appeal(history: History) -> bool:
    """Whether it is here again because its filer, or a maintainer, appealed."""
    return history.last_event is Event.APPEALED


def _issues(count: int) -> str:
    return f"{count} issue{'' if count == 1 else 's'}"


def _age(turn: TriageStart, now: datetime) -> float:
    return (now - turn.at).total_seconds()
