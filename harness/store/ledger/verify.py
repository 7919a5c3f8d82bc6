"""Is this the ledger that was signed? The first entry that cannot be trusted, and why.

Properties kept:
- an entry is trusted once a signature stands for it: its own, or that of the last of those it was
  written together with;
- what ends without a signature is a fault, so no part of what was written together passes for the
  whole;
- a crash leaves beyond the signed head what was written together last, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.domain.errors import LedgerError
from harness.domain.ledger import BEGINNING, Entry, Fault, Head, first_fault
from harness.store.ledger.rows import (
    BY_SEQ,
    HASH_OF,
    STATEMENTS,
    UNSIGNED,
    Row,
    entry_of,
    signed_text,
)
from harness.store.ledger.signing import Signer
from harness.store.sessions import Session, StoreError


class _Chain:
    """The entries in order, up to the first row that cannot be read or was not signed: `fault`
    names that one. `signed` is the last for which a signature stands; `beyond` is where each began
    that was written after the `head`."""

    def __init__(
        self, session: Session, signer: Signer, *, head: Head | None, after: int = 0
    ) -> None:
        self._session = session
        self._signer = signer
        self._head = head or BEGINNING
        self._after = self.last = self.signed = after
        self.beyond: list[int] = []
        self.fault: Fault | None = None

    def __iter__(self) -> Iterator[Entry]:
        try:
            for row in map(Row._make, self._session.execute(BY_SEQ, self._after)):
                entry = entry_of(row)
                if (
                    entry.seq != self.last + 1
                ):  # what is missing has the better name, and `first_fault` gives it
                    yield entry
                    return
                if row.signature != UNSIGNED and not self._stands_for(entry, row.signature):
                    return self._refuse(entry.seq)
                self.last = entry.seq
                yield entry
            if self.signed != self.last:
                self._refuse(self.last)
        except LedgerError as fault:
            self.fault = Fault(self.last + 1, str(fault))
        except StoreError as fault:
            self.fault = Fault(self.last + 1, f"entry {self.last + 1} cannot be read: {fault}")

    def _stands_for(self, entry: Entry, signature: str) -> bool:
        """Whether this is the signature of all that follows the last one, up to this entry."""
        first = self.signed + 1
        if not self._signer.verifies(signed_text(entry, first=first), signature):
            return False
        if entry.seq > self._head.seq:
            self.beyond.append(first)
        self.signed = entry.seq
        return True

    def _refuse(self, last: int) -> None:
        """None of what no signature stands for can be trusted, wherever in it the fault lies."""
        first = self.signed + 1
        told = f"entry {last} was" if first == last else f"entries {first} to {last} were"
        self.fault = Fault(first, f"{told} not signed by this home's key")


def first_fault_in(
    session: Session,
    signer: Signer,
    *,
    head: Callable[[], Head | None],
    store: Callable[[Session], Fault | None],
) -> Fault | None:
    """Every row, its hash, its signature and its place in the chain, against the signed head; then
    the store itself."""
    try:
        signed = head()
    except LedgerError as unsigned:
        chain = _Chain(session, signer, head=None)
        return first_fault(chain, None) or chain.fault or Fault(chain.last + 1, str(unsigned))
    chain = _Chain(session, signer, head=signed)
    fault = first_fault(chain, signed)
    return chain.fault or fault or _beyond(chain, signed) or store(session)


def first_fault_after(
    session: Session, signer: Signer, since: Head, *, head: Callable[[], Head | None]
) -> Fault | None:
    """The same of the rows that follow `since`, which has to be there as it was read, and below the
    signed head, or in what a crash left beyond it: that is read again."""
    if next(session.execute(HASH_OF, since.seq), None) != (since.hash,):
        return Fault(since.seq, f"entry {since.seq} is no longer the one that was read before")
    try:
        signed = head()
    except LedgerError as unsigned:
        return Fault(since.seq, str(unsigned))
    start = min(since, signed or BEGINNING, key=lambda place: place.seq)
    chain = _Chain(session, signer, head=signed, after=start.seq)
    fault = first_fault(chain, signed, since=start)
    return chain.fault or fault or _beyond(chain, signed)


def _beyond(chain: _Chain, head: Head | None) -> Fault | None:
    """A crash leaves beyond the head what was written together last, and nothing that was written
    after it."""
    if len(chain.beyond) < 2:
        return None
    return Fault(
        chain.beyond[1],
        f"the signed head names {head.seq if head else 0} entries, {chain.last} are here",
    )


def sqlite_fault(session: Session) -> Fault | None:
    """Entries that are all well, in a file that can no longer be relied upon to find them or to
    keep them."""
    try:
        guards = {
            sql for (sql,) in session.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        found = list(session.execute("PRAGMA integrity_check(1)"))
    except StoreError as fault:
        return Fault(1, f"the ledger's file is damaged: {fault}")
    if guards != set(STATEMENTS):
        return UNGUARDED
    return (
        None
        if found == [("ok",)]
        else Fault(1, f"the ledger's file is damaged: {found[0][0] if found else 'unknown'}")
    )


UNGUARDED = Fault(
    1, "the guards that keep the ledger append-only are not the ones it was made with"
)
