"""Verifies a ledger: finds the first entry that cannot be trusted, and why.

Properties:
- An entry is trusted if a signature covers it: its own, or that of the last entry that was written
  together with it.
- An end without a signature is a fault. So a part of what was written together is not accepted as
  the whole.
- A crash leaves only the last batch beyond the signed head, and nothing else.
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
    LedgerRow,
    entry_of,
    signed_text,
)
from harness.store.ledger.signing import Signer
from harness.store.sessions import KeptSession, StoreError


class _Chain:
    """The entries in order, up to the first row that cannot be read or is not signed, which `fault`
    names. `signed` is the last entry that a signature covers. `beyond` has the first entry of each
    batch that was written after the `head`."""

    def __init__(
        self, session: KeptSession, signer: Signer, *, head: Head | None, after: int = 0
    ) -> None:
        self._session = session
        self._signer = signer
        self._head = head or BEGINNING
        self._after = self.last = self.signed = after
        self.beyond: list[int] = []
        self.fault: Fault | None = None

    def __iter__(self) -> Iterator[Entry]:
        try:
            for row in map(LedgerRow._make, self._session.execute(BY_SEQ, self._after)):
                entry = entry_of(row)
                # An entry is missing; `first_fault` has the better message for that.
                if entry.seq != self.last + 1:
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
        """Whether this signature covers everything after the last signed entry, up to this one."""
        first = self.signed + 1
        if not self._signer.verifies(signed_text(entry, first=first), signature):
            return False
        if entry.seq > self._head.seq:
            self.beyond.append(first)
        self.signed = entry.seq
        return True

    def _refuse(self, last: int) -> None:
        """None of the entries without a signature can be trusted, whichever of them has the
        fault."""
        first = self.signed + 1
        which = f"entry {last} was" if first == last else f"entries {first} to {last} were"
        self.fault = Fault(first, f"{which} not signed by this home's key")


def first_fault_in(
    session: KeptSession,
    signer: Signer,
    *,
    head: Callable[[], Head | None],
    store: Callable[[KeptSession], Fault | None],
) -> Fault | None:
    """The first fault: every row, its hash, its signature and its place in the chain, against the
    signed head; then the store itself."""
    try:
        signed = head()
    except LedgerError as unsigned:
        chain = _Chain(session, signer, head=None)
        return first_fault(chain, None) or chain.fault or Fault(chain.last + 1, str(unsigned))
    chain = _Chain(session, signer, head=signed)
    fault = first_fault(chain, signed)
    return chain.fault or fault or _beyond(chain, signed) or store(session)


def first_fault_after(
    session: KeptSession, signer: Signer, since: Head, *, head: Callable[[], Head | None]
) -> Fault | None:
    """The same for the rows after `since`. That entry must be there unchanged, and at or below the
    signed head, or in the batch that a crash left beyond it, which is then read again."""
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
    """A crash leaves one batch beyond the head, and nothing that was written after it."""
    if len(chain.beyond) < 2:
        return None
    return Fault(
        chain.beyond[1],
        f"the signed head names {head.seq if head else 0} entries, {chain.last} are here",
    )


def sqlite_fault(session: KeptSession) -> Fault | None:
    """A fault of the file itself: it is damaged, or it lacks the triggers that keep it
    append-only."""
    try:
        guards = {
            sql for (sql,) in session.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        found = list(session.execute("PRAGMA integrity_check(1)"))
    except StoreError as fault:
        return Fault(1, f"the ledger's file is damaged: {fault}")
    if guards != set(STATEMENTS):
        return UNGUARDED
    if found == [("ok",)]:
        return None
    return Fault(1, f"the ledger's file is damaged: {found[0][0] if found else 'unknown'}")


UNGUARDED = Fault(
    1, "the guards that keep the ledger append-only are not the ones it was made with"
)
