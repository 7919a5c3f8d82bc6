"""Which issues need to be looked at: the forge's news, the ledger's transitions, and hints.

Properties:
- the reviews of a pull request are asked for only after it changed;
- an issue that neither changed nor moved is not read again: the news of all issues cost one
  request;
- an issue leaves the list only after it was handled completely; a fault on the way leaves it for
  the next time;
- an issue that moved is looked at again even if nobody touched it: a command that came too early
  may count now;
- a hint only causes a read, and nothing in it is believed;
- once a day everything is read, whatever the news were, to find changes that they have missed."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.events import ForgeLooked
from harness.domain.issue import Issue, News
from harness.domain.lifecycle import ENDED
from harness.factory.records.history import History
from harness.factory.records.issue_index import IssueIndex
from harness.ports.clock import Clock
from harness.ports.forge import Forge
from harness.ports.ledger import Ledger, recorded

"""The kind of ledger entry that records that everything was read and handled."""

ALL_AGAIN = timedelta(days=1)
MARGIN = timedelta(hours=1)
"""How far the forge's lists may lag behind. All times here are the forge's: our clock cannot order
its changes."""


def is_proposed(history: History) -> bool:
    """Whether there is a pull request for it."""
    return history.proposal is not None


def is_live(history: History) -> bool:
    """Whether it may still change, by itself or by a person."""
    return history.state not in ENDED


class WatchList:
    """What one process has read from its forge. Thread-safe."""

    def __init__(self, forge: Forge, issue_index: IssueIndex, ledger: Ledger, clock: Clock) -> None:
        self._forge, self._ledger, self._clock = forge, ledger, clock
        self._issue_index = issue_index
        self._lock = threading.RLock()
        self._has_begun, self._cursor = False, ""
        # Open issues, as the forge last returned them.
        self._open: dict[int, Issue] = {}
        self._due: set[int] = set()
        # Due issues whose pull request changed.
        self._reviewed: set[int] = set()
        # Transitions up to this entry are on the list, or were handled.
        self._through = 0
        # What the forge refused for good about a due issue.
        self._faults: dict[int, str] = {}
        # The latest change that the forge reported, ISO 8601.
        self._newest = ""
        self._reads_all: datetime | None = None

    def hint(self, numbers: Iterable[int]) -> None:
        """Read these issues, whatever the news are. The number of one of our pull requests stands
        for its issue."""
        with self._lock:
            ours, hinted = self._proposals(), frozenset(numbers)
            self._reviewed |= {ours[number] for number in hinted & ours.keys()}
            for number in {ours.get(number, number) for number in hinted}:
                # Forgotten, so that `issue` reads it again and does not return the old state.
                self._open.pop(number, None)
                self._due.add(number)

    def refresh(self, *, whole: bool = False) -> tuple[int, ...]:
        """Ask the forge for news; with `whole`, for the whole list. Returns the numbers to look at,
        those left over from earlier included. Raises ForgeError."""
        with self._lock:
            if whole or not self._has_begun:
                self._list_all()
            else:
                self._take_in(self._forge.news(self._cursor))
            self._due.update(self._moved())
            return tuple(sorted(self._due))

    def issue(self, number: int) -> Issue:
        """One issue, as last returned or else read now. Raises ForgeError, not retryable if the
        issue is gone."""
        with self._lock:
            known_issue = self._open.get(number)
        # Outside the lock, so that nobody waits for this request.
        return known_issue or self.read(number)

    def read(self, number: int) -> Issue:
        """One issue as it is now. Raises ForgeError."""
        issue = self._forge.issue(number)
        with self._lock:
            self._remember(issue)
        return issue

    def open_issues(self) -> Mapping[int, Issue]:
        """Every open issue, as last returned."""
        with self._lock:
            if not self._has_begun:
                self._list_all()
            return dict(self._open)

    def may_have_reviews(self, number: int) -> bool:
        """Whether the issue's pull request changed since the issue was handled last."""
        with self._lock:
            return number in self._reviewed

    def mark_done(self, number: int) -> None:
        """The issue was handled completely."""
        with self._lock:
            self._due.discard(number)
            self._reviewed.discard(number)
            self._faults.pop(number, None)

    def is_new_fault(self, number: int, fault: str) -> bool:
        """Note why the issue could not be handled. Returns whether that is another fault than the
        last time."""
        with self._lock:
            before, self._faults[number] = self._faults.get(number), fault
            return before != fault

    def record_full_read(self) -> None:
        """All due issues were handled. If that was everything, record it in the ledger."""
        with self._lock:
            if self._reads_all is not None and not self._due:
                began, self._reads_all = self._reads_all.isoformat(), None
                self._ledger.append(ForgeLooked(began, self._newest), f"{ForgeLooked.kind}/{began}")

    def _list_all(self) -> None:
        """List what is open, and decide what to read: everything once a day; else what changed
        since then, what differs from the last list, and what should be open and is not."""
        last, now, before = self._last_full_read(), self._clock.now(), self._open
        recorded = {history.issue for history in self._issue_index.histories()}
        news, self._open = self._forge.news(), {}
        for issue in news.issues:
            self._remember(issue)
        # A full read that was interrupted keeps its beginning: `_reads_all` is set once.
        if last is None or not last.is_recent(now):
            self._reads_all = self._reads_all or now
            self._due |= self._open.keys() | recorded
        else:
            # The first list of a process has no earlier one to differ from, so it goes by time.
            self._due |= (
                self._differing(before)
                if self._has_begun
                else self._changed_since(last.newest - MARGIN)
            )
            self._due |= self._open.keys() - recorded
            self._due |= {
                history.issue for history in self._issue_index.filter(is_live)
            } - self._open.keys()
        self._has_begun = True
        self._take_in_pull_requests(news)

    def _differing(self, before: Mapping[int, Issue]) -> set[int]:
        return {number for number, issue in self._open.items() if before.get(number) != issue}

    def _changed_since(self, moment: datetime) -> set[int]:
        """What changed while no process watched, closed issues included."""
        changed = (*self._open.values(), *self._forge.issues(since=moment.isoformat()))
        return {
            issue.number for issue in changed if datetime.fromisoformat(issue.updated_at) >= moment
        }

    def _take_in(self, news: News) -> None:
        for issue in news.issues:
            self._remember(issue)
            self._due.add(issue.number)
        self._take_in_pull_requests(news)

    def _take_in_pull_requests(self, news: News) -> None:
        ours = self._proposals()
        changed = {ours[number] for number in news.pull_requests if number in ours}
        self._due |= changed
        self._reviewed |= changed
        self._cursor = news.cursor

    def _remember(self, issue: Issue) -> None:
        # The forge's times are all in UTC, so they sort as text.
        self._newest = max(self._newest, issue.updated_at)
        if issue.open:
            self._open[issue.number] = issue
        else:
            self._open.pop(issue.number, None)

    def _proposals(self) -> dict[int, int]:
        """The issue of each of our pull requests."""
        return {
            history.proposal.number: history.issue
            for history in self._issue_index.filter(is_proposed)
            if history.proposal
        }

    def _moved(self) -> set[int]:
        """The issues that moved since the last call; on the first, since everything was read."""
        moved, self._through = self._issue_index.moved_after(self._through)
        return moved

    def _last_full_read(self) -> "_FullRead | None":
        """When any process last read everything; None if never, or if there was nothing to read."""
        found = recorded(self._ledger, ForgeLooked)
        if not found or not found[-1].event.newest:
            return None
        # That read handled all transitions before it.
        self._through = max(self._through, found[-1].seq)
        looked = found[-1].event
        return _FullRead(
            datetime.fromisoformat(looked.began), datetime.fromisoformat(looked.newest)
        )


@dataclass(frozen=True, slots=True)
class _FullRead:
    """A read of everything: when it began, by our clock, and the latest change in it, by the
    forge's."""

    began: datetime
    newest: datetime

    def is_recent(self, now: datetime) -> bool:
        """Whether it is still valid. A clock that was set back makes it doubtful."""
        return timedelta() <= now - self.began < ALL_AGAIN
