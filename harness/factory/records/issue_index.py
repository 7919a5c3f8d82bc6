"""Every issue that the ledger knows, folded as the ledger grows: a process reads each entry once.

Properties kept:
- what is here is what folding the whole ledger would give: entries are only ever added, so what was
  folded stays true;
- an entry is read after it was found to be signed, and is not read again: who changes the file
  under a factory at work changes no decision of it, and is found when the whole chain is read next;
- what is asked of each issue on every tick is asked once of each history, and again only of one
  that has grown."""

import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable
from datetime import datetime
from operator import itemgetter

from harness.domain.events import IssueSeen, TransitionRecorded
from harness.domain.ledger import BEGINNING, Entry, Fault, Head, is_of
from harness.factory.records.history import History
from harness.ports.ledger import Ledger

Question = Callable[[History], bool]
"""A pure function of a history, and one with a name: its answers are kept under it."""


class Known:
    """What one process has read of a ledger. Safe to use from many threads."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._lock = threading.RLock()
        self._last = self._sound = BEGINNING
        self._began: str | None = None
        self._moves: dict[
            str, list[tuple[int, int]]
        ] = {}  # by event, and all under no event: number of entry, issue
        self._entries: dict[int, list[Entry]] = {}
        self._histories: dict[int, History] = {}
        self._answers: dict[Question, set[int]] = {}

    def fault(self, *, whole: bool = False) -> Fault | None:
        """The first entry that cannot be trusted, among those that were not found sound before: all
        of them at the first time, and where the `whole` is asked for."""
        with self._lock:
            known = self._sound is not BEGINNING and not whole
            found = self._ledger.fault_after(self._sound) if known else self._ledger.fault()
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
        """One issue's history, an empty one where the ledger does not know it."""
        with self._lock:
            self._read()
            return self._histories.get(issue) or History(issue, ())

    def those(self, is_so: Question) -> tuple[History, ...]:
        """The issues of which `is_so` holds, by number."""
        with self._lock:
            self._read()
            if is_so not in self._answers:
                self._answers[is_so] = {
                    issue for issue, told in self._histories.items() if is_so(told)
                }
            return self._of(self._answers[is_so])

    def those_at(self, seq: int, is_so: Question) -> tuple[History, ...]:
        """As `those`, of the ledger as it stood with entry number `seq`, whatever was written
        since."""
        with self._lock:
            now = {history.issue: history for history in self.those(is_so)}
            for history in self._histories.values():
                if history.entries[-1].seq > seq:
                    then = History(
                        history.issue, tuple(entry for entry in history.entries if entry.seq <= seq)
                    )
                    now.pop(history.issue, None)
                    if then.entries and is_so(then):
                        now[history.issue] = then
            return tuple(now[issue] for issue in sorted(now))

    def moved_after(self, seq: int, event: str = "") -> tuple[set[int], int]:
        """The issues that were moved by an entry after number `seq`, by any event or by this one;
        and the number to ask with the next time."""
        with self._lock:
            self._read()
            moves = self._moves.get(event, [])
            return {
                issue for _, issue in moves[bisect_right(moves, seq, key=itemgetter(0)) :]
            }, self._last.seq

    @property
    def began(self) -> datetime | None:
        """When the first issue was taken in."""
        with self._lock:
            self._read()
            return datetime.fromisoformat(self._began) if self._began else None

    def _read(self) -> None:
        """Fold what was written since, by whichever process."""
        new = self._ledger.entries(after=self._last.seq)
        grown = set()
        for entry in new:
            if entry.issue is not None:
                self._entries.setdefault(entry.issue, []).append(entry)
                grown.add(entry.issue)
                self._note(entry, entry.issue)
        for issue in grown:
            self._fold(issue)
        if new:
            self._last = Head(new[-1].seq, new[-1].hash)

    def _note(self, entry: Entry, issue: int) -> None:
        if is_of(entry, TransitionRecorded):
            for event in ("", entry.event.event):
                self._moves.setdefault(event, []).append((entry.seq, issue))
        elif is_of(entry, IssueSeen) and self._began is None:
            self._began = entry.at

    def _fold(self, issue: int) -> None:
        told = self._histories[issue] = History(issue, tuple(self._entries[issue]))
        for is_so, answered in self._answers.items():
            (answered.add if is_so(told) else answered.discard)(issue)

    def _of(self, numbers: Iterable[int]) -> tuple[History, ...]:
        return tuple(self._histories[issue] for issue in sorted(numbers))
