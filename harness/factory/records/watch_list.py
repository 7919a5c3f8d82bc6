"""Which issues are to be looked at: what the forge tells as news, what was moved, and what somebody
hinted at.

Properties kept:
- an issue that neither changed nor was moved is not read again: what is not new costs one request,
  for all of them together;
- nothing is taken off the list before it was looked at to the end: a fault on the way leaves it for
  the next look;
- an issue that was moved is looked at again although nobody touched it: what was said too early may
  count now;
- a hint is only a hint: it makes an issue be read, and nothing of what it said is believed;
- once a day everything is read, whatever the news were: a change that no look has shown is found
  then."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.events import ForgeLooked
from harness.domain.issue import Issue, News
from harness.domain.lifecycle import ENDED
from harness.factory.records.history import History
from harness.factory.records.issue_index import Known
from harness.ports.clock import Clock
from harness.ports.forge import Forge
from harness.ports.ledger import Ledger, recorded

"""The kind of entry that says: everything was read, and all that followed from it was done."""

ALL_AGAIN = timedelta(days=1)
MARGIN = timedelta(hours=1)
"""How far a list may lie behind what it lists. By the forge's own clock: ours says nothing about
when something changed."""


def is_proposed(history: History) -> bool:
    """Whether there is a pull request for it."""
    return history.proposal is not None


def is_live(history: History) -> bool:
    """Whether something may still become of it by itself or by a person."""
    return history.state not in ENDED


class WatchList:
    """What one process has seen of its forge. Safe to use from many threads."""

    def __init__(self, forge: Forge, known: Known, ledger: Ledger, clock: Clock) -> None:
        self._forge, self._known, self._ledger, self._clock = forge, known, ledger, clock
        self._lock = threading.RLock()
        self._has_begun, self._cursor = False, ""
        self._open: dict[int, Issue] = {}  # as the forge told them last
        self._due: set[int] = set()
        self._through = 0  # what the ledger moved up to here is on the list, or was looked at
        self._newest = ""  # the latest moment of change that the forge told of, ISO 8601
        self._reads_all: datetime | None = None

    def hint(self, numbers: Iterable[int]) -> None:
        """Read these, whatever the news say. The number of a pull request of ours stands for its
        issue."""
        with self._lock:
            ours = self._proposals()
            for number in {ours.get(number, number) for number in numbers}:
                self._open.pop(number, None)
                self._due.add(number)

    def look(self, *, whole: bool = False) -> tuple[int, ...]:
        """Ask for what is new, and the list again from its beginning where the `whole` is asked
        for. The numbers that are to be looked at, those which an earlier look left over included.
        Raises ForgeError."""
        with self._lock:
            if whole or not self._has_begun:
                self._look_at_all()
            else:
                self._hear(self._forge.news(self._cursor))
            self._due.update(self._moved())
            return tuple(sorted(self._due))

    def issue(self, number: int) -> Issue:
        """One issue, as it was told last or else read now. Raises ForgeError that is not retryable
        where it is gone."""
        with self._lock:
            told = self._open.get(number)
        return told or self.read(number)

    def read(self, number: int) -> Issue:
        """One issue as it is now. Raises ForgeError."""
        issue = self._forge.issue(number)
        with self._lock:
            self._keep(issue)
        return issue

    def open_issues(self) -> Mapping[int, Issue]:
        """Every open issue, as it was told last."""
        with self._lock:
            if not self._has_begun:
                self._look_at_all()
            return dict(self._open)

    def settle(self, number: int) -> None:
        """It was looked at to the end."""
        with self._lock:
            self._due.discard(number)

    def rest(self) -> None:
        """All that was on the list was looked at. Where that was everything, the ledger is told."""
        with self._lock:
            if self._reads_all is not None and not self._due:
                began, self._reads_all = self._reads_all.isoformat(), None
                self._ledger.append(ForgeLooked(began, self._newest), f"{ForgeLooked.kind}/{began}")

    def _look_at_all(self) -> None:
        """The list of what is open, from its beginning. What of it is to be read: once a day all;
        else what changed since that was done last, what differs from what was told before, and what
        should be open and is not."""
        last, now, before = self._looked(), self._clock.now(), self._open
        known = {history.issue for history in self._known.histories()}
        news, self._open = self._forge.news(), {}
        for issue in news.issues:
            self._keep(issue)
        if last is None or not last.is_of(now):
            self._reads_all = self._reads_all or now
            self._due |= self._open.keys() | known
        else:
            self._due |= (
                self._differing(before)
                if self._has_begun
                else self._changed_since(last.newest - MARGIN)
            )
            self._due |= self._open.keys() - known
            self._due |= {
                history.issue for history in self._known.those(is_live)
            } - self._open.keys()
        self._has_begun = True
        self._hear_of_pull_requests(news)

    def _differing(self, before: Mapping[int, Issue]) -> set[int]:
        return {number for number, issue in self._open.items() if before.get(number) != issue}

    def _changed_since(self, moment: datetime) -> set[int]:
        """What changed while nobody here looked, closed issues too."""
        changed = (*self._open.values(), *self._forge.issues(since=moment.isoformat()))
        return {
            issue.number for issue in changed if datetime.fromisoformat(issue.updated_at) >= moment
        }

    def _hear(self, news: News) -> None:
        for issue in news.issues:
            self._keep(issue)
            self._due.add(issue.number)
        self._hear_of_pull_requests(news)

    def _hear_of_pull_requests(self, news: News) -> None:
        ours = self._proposals()
        self._due |= {ours[number] for number in news.pull_requests if number in ours}
        self._cursor = news.cursor

    def _keep(self, issue: Issue) -> None:
        self._newest = max(self._newest, issue.updated_at)
        if issue.open:
            self._open[issue.number] = issue
        else:
            self._open.pop(issue.number, None)

    def _proposals(self) -> dict[int, int]:
        """The issue behind each pull request of ours."""
        return {
            history.proposal.number: history.issue
            for history in self._known.those(is_proposed)
            if history.proposal
        }

    def _moved(self) -> set[int]:
        """What the ledger moved since this was asked last; at first, since everything was read."""
        moved, self._through = self._known.moved_after(self._through)
        return moved

    def _looked(self) -> "_Looked | None":
        """When everything was read last, by whichever process; None where that was never, or
        nothing was there to read."""
        found = recorded(self._ledger, ForgeLooked)
        if not found or not found[-1].event.newest:
            return None
        self._through = max(self._through, found[-1].seq)
        looked = found[-1].event
        return _Looked(datetime.fromisoformat(looked.began), datetime.fromisoformat(looked.newest))


@dataclass(frozen=True, slots=True)
class _Looked:
    """Everything was read: from when on, by our clock, and what had changed last then, by the
    forge's."""

    began: datetime
    newest: datetime

    def is_of(self, now: datetime) -> bool:
        """Whether that holds for a while yet. A clock that was put back makes it doubtful."""
        return timedelta() <= now - self.began < ALL_AGAIN
