"""The index of all issues in the ledger, folded as the ledger grows: a process reads each entry
once.

Properties:
- it equals a fold of the whole ledger: entries are only ever added, so what was folded stays true;
- entries are read once, after their signature was checked: editing the file of a running factory
  changes no decision, and the next check of the whole chain finds it;
- a predicate is evaluated once for each history, and again only when that history has grown."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import itemgetter

from harness.domain.events import (
    CommandGiven,
    CommandIgnored,
    IssueSeen,
    ReplyGiven,
    TransitionRecorded,
)
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.ledger import BEGINNING, Entry, Fault, Head, is_of
from harness.factory.records.history import History
from harness.ports.ledger import Ledger

Predicate = Callable[[History], bool]
"""A pure, named function of a history: the index caches its results by the function."""


class IssueIndex:
    """What one process has read of a ledger. Thread-safe."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        # Reentrant, because `filter_at` holds it while it calls `filter`.
        self._lock = threading.RLock()
        self._last = self._sound = BEGINNING
        self._began: str | None = None
        # By event (and all of them under ""): the number of the entry, and the issue.
        self._moves: dict[str, list[tuple[int, int]]] = {}
        self._entries: dict[int, list[Entry]] = {}
        self._histories: dict[int, History] = {}
        self._matches: dict[Predicate, set[int]] = {}
        # The numbers of the accounts that were seen under a login.
        self._accounts: dict[str, set[int]] = {}

    def fault(self, *, whole: bool = False) -> Fault | None:
        """The first entry that cannot be trusted. Checks only the entries that were not checked
        before; all of them the first time, and with `whole`."""
        with self._lock:
            is_known = self._sound is not BEGINNING and not whole
            found = self._ledger.fault_after(self._sound) if is_known else self._ledger.fault()
            if found is None:
                self._read()
                self._sound = self._last
            return found

    def histories(self) -> tuple[History, ...]:
        """Every issue's history, by number."""
        with self._lock:
            self._read()
            return self._of(self._histories)

    def of(self, issue: int) -> History:
        """One issue's history; an empty one if the ledger does not have it."""
        with self._lock:
            self._read()
            return self._histories.get(issue) or History(issue, ())

    def filter(self, predicate: Predicate) -> tuple[History, ...]:
        """The histories for which `predicate` holds, by number."""
        with self._lock:
            self._read()
            if predicate not in self._matches:
                self._matches[predicate] = {
                    issue for issue, history in self._histories.items() if predicate(history)
                }
            return self._of(self._matches[predicate])

    def filter_at(self, seq: int, predicate: Predicate) -> tuple[History, ...]:
        """As `filter`, for the ledger as it was at entry number `seq`."""
        with self._lock:
            now = {history.issue: history for history in self.filter(predicate)}
            for history in self._histories.values():
                if history.entries[-1].seq > seq:
                    # Only histories that have grown since can answer differently.
                    then = History(
                        history.issue, tuple(entry for entry in history.entries if entry.seq <= seq)
                    )
                    now.pop(history.issue, None)
                    if then.entries and predicate(then):
                        now[history.issue] = then
            return tuple(now[issue] for issue in sorted(now))

    def moved_after(self, seq: int, event: str = "") -> tuple[set[int], int]:
        """The issues with a transition after entry number `seq` (by this event, if there is one),
        and the number to pass the next time."""
        with self._lock:
            self._read()
            moves = self._moves.get(event, [])
            since = bisect_right(moves, seq, key=itemgetter(0))
            return {issue for _, issue in moves[since:]}, self._last.seq

    def author_of(self, history: History) -> Maybe[str]:
        """What the account that filed the issue is called. UNKNOWN also where another account had
        that name: whoever is renamed leaves it to anybody."""
        with self._lock:
            self._read()
            is_one = len(self._accounts.get(history.login.casefold(), ())) <= 1
        return history.login if history.login and is_one else UNKNOWN

    @property
    def began(self) -> datetime | None:
        """When the first issue was recorded."""
        with self._lock:
            self._read()
            return datetime.fromisoformat(self._began) if self._began else None

    def _read(self) -> None:
        """Fold the new entries, whichever process wrote them."""
        new = self._ledger.entries(after=self._last.seq)
        grown = set()
        for entry in new:
            if entry.issue is not None:
                self._entries.setdefault(entry.issue, []).append(entry)
                grown.add(entry.issue)
                self._note(entry, entry.issue)
        # Once for all new entries of an issue: every fold evaluates all predicates again.
        for issue in grown:
            self._fold(issue)
        if new:
            self._last = Head(new[-1].seq, new[-1].hash)

    def _note(self, entry: Entry, issue: int) -> None:
        if is_of(entry, TransitionRecorded):
            for event in ("", entry.event.event):
                self._moves.setdefault(event, []).append((entry.seq, issue))
        elif is_of(entry, IssueSeen):
            self._began = self._began or entry.at
            self._note_account(entry.event.login, entry.event.author)
        elif isinstance(entry.event, (CommandGiven, CommandIgnored, ReplyGiven)):
            self._note_account(entry.event.login, entry.event.actor)

    def _note_account(self, login: str, account: int | None) -> None:
        if login and account:
            self._accounts.setdefault(login.casefold(), set()).add(account)

    def _fold(self, issue: int) -> None:
        history = self._histories[issue] = History(issue, tuple(self._entries[issue]))
        for predicate, matches in self._matches.items():
            (matches.add if predicate(history) else matches.discard)(issue)

    def _of(self, numbers: Iterable[int]) -> tuple[History, ...]:
        return tuple(self._histories[issue] for issue in sorted(numbers))
