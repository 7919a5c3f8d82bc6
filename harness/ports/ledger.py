"""The ledger: the source of truth, which labels, comments and pages only show."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from harness.domain.events import LedgerEvent
from harness.domain.ledger import Entry, Fault, Head, NewEntry, Recorded, of_kind

E = TypeVar("E", bound=LedgerEvent)


class Ledger(Protocol):
    """Append-only, hash-chained, with a signed head."""

    def append(
        self,
        event: LedgerEvent,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
    ) -> Entry:
        """Write one entry, durably. The same `key` again returns the entry that is there and writes
        nothing.

        Raises LedgerError when it cannot be written; then nothing was."""
        ...

    def append_all(self, new: Iterable[NewEntry]) -> tuple[Entry, ...]:
        """Write these in their order, all of them or none, as one by one `append` would; an entry
        for each of them.

        Raises LedgerError when they cannot be written; then nothing was."""
        ...

    def entries(
        self, *, issue: int | None = None, kind: str | None = None, after: int = 0
    ) -> tuple[Entry, ...]:
        """Entries in order, all or those of one issue or kind, or those that follow the entry of
        number `after`."""
        ...

    def find(self, key: str) -> Entry | None:
        """The entry with this key."""
        ...

    def fault(self) -> Fault | None:
        """The first entry that cannot be trusted; None when the whole chain ends at its signed
        head."""
        ...

    def fault_after(self, since: Head) -> Fault | None:
        """The same, of what follows an entry that was found sound before; what lies before that is
        not read again.

        An entry that is no longer there, or is another one, is a fault."""
        ...

    def anchor(self, run: str) -> str:
        """Where the chain ends now, signed for a run that is about to begin: a line to be kept
        elsewhere, where whoever puts an older ledger back cannot put it back as well. Empty where
        nothing is written yet, or nothing is signed."""
        ...

    def anchored(self, run: str, anchor: str) -> Head | None:
        """The place in this ledger that `anchor` named for this run; None for a line that this
        ledger's key did not sign."""
        ...


def recorded(ledger: Ledger, kind: type[E], *, issue: int | None = None) -> tuple[Recorded[E], ...]:
    """The entries that tell of events of this type, in order; those of one issue, or all."""
    return of_kind(ledger.entries(issue=issue, kind=kind.kind), kind)
