"""The ledger in memory: the same chain, no disk."""

import hashlib
from threading import Lock

from harness.domain.ledger import Entry, Fault, Head, NewEntry, chained, first_fault
from harness.store.ledger.decoding import stored
from tests.fakes.clock import FakeClock


class FakeLedger:
    def __init__(self, clock=None) -> None:
        self.clock = clock or FakeClock()
        self.written: list[Entry] = []
        self._writing = (
            Lock()
        )  # a crew writes from many threads, and each entry follows the one before

    @property
    def head(self) -> Head | None:
        return Head(self.written[-1].seq, self.written[-1].hash) if self.written else None

    def append(self, event, key, *, issue=None, run=None) -> Entry:
        with self._writing:
            if there := self.find(key):
                return there
            decoded, data = stored(event)
            new = NewEntry(decoded, key, issue, run)
            entry = chained(self.head, new, at=self.clock.now().isoformat(), data=data)
            self.written.append(entry)
            return entry

    def append_all(self, new):
        return tuple(self.append(one.event, one.key, issue=one.issue, run=one.run) for one in new)

    def entries(self, *, issue=None, kind=None, after=0):
        return tuple(
            entry
            for entry in self.written[after:]
            if (issue is None or entry.issue == issue) and (kind is None or entry.kind == kind)
        )

    def find(self, key):
        return next((entry for entry in self.written if entry.key == key), None)

    def anchor(self, run):
        return f"{self.head.seq} {self.head.hash} {_signature(run, self.head)}" if self.head else ""

    def anchored(self, run, anchor):
        seq, digest, signature = anchor.split(" ")
        place = Head(int(seq), digest)
        return place if signature == _signature(run, place) else None

    def fault(self):
        return first_fault(self.written, self.head)

    def fault_after(self, since):
        there = self.written[since.seq - 1] if since.seq <= len(self.written) else None
        if there is None or there.hash != since.hash:
            return Fault(since.seq, f"entry {since.seq} is not the one that was read")
        return first_fault(self.written[since.seq :], self.head, since=since)


def _signature(run, place):
    return hashlib.sha512(f"{run} {place}".encode()).hexdigest()
