"""Is this the ledger that was signed? The first entry that cannot be trusted, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.domain.errors import LedgerError
from harness.domain.ledger import Entry, Fault, Head, first_fault
from harness.engine.rows import BY_SEQ, HASH_OF, STATEMENTS, Row, entry_of, signed_text
from harness.engine.sessions import Session, StoreError
from harness.engine.signing import Signer


class _Chain:
    """The entries in order, up to the first row that cannot be read or was not signed: `fault` names that one."""

    def __init__(self, session: Session, signer: Signer, *, after: int = 0) -> None:
        self._session = session
        self._signer = signer
        self._after = self.last = after
        self.fault: Fault | None = None

    def __iter__(self) -> Iterator[Entry]:
        try:
            for row in map(Row._make, self._session.execute(BY_SEQ, self._after)):
                entry = entry_of(row)
                if not self._signer.verifies(signed_text(entry), row.signature):
                    raise LedgerError(f"entry {entry.seq} was not signed by this home's key")
                self.last = entry.seq
                yield entry
        except LedgerError as fault:
            self.fault = Fault(self.last + 1, str(fault))
        except StoreError as fault:
            self.fault = Fault(self.last + 1, f"entry {self.last + 1} cannot be read: {fault}")


def first_fault_in(session: Session, signer: Signer, *, head: Callable[[], Head | None],
                   store: Callable[[Session], Fault | None]) -> Fault | None:
    """Every row, its hash, its signature and its place in the chain, against the signed head; then the store itself."""
    chain = _Chain(session, signer)
    try:
        signed = head()
    except LedgerError as unsigned:
        return first_fault(chain, None) or chain.fault or Fault(chain.last + 1, str(unsigned))
    fault = first_fault(chain, signed)
    return chain.fault or fault or _beyond(chain.last, signed) or store(session)


def first_fault_after(session: Session, signer: Signer, since: Head, *, head: Callable[[], Head | None]) -> Fault | None:
    """The same of the rows that follow `since`, which has to be there as it was read, and below the signed head."""
    if next(session.execute(HASH_OF, since.seq), None) != (since.hash,):
        return Fault(since.seq, f"entry {since.seq} is no longer the one that was read before")
    try:
        signed = head()
    except LedgerError as unsigned:
        return Fault(since.seq, str(unsigned))
    if signed is None or signed.seq < since.seq - 1:
        return Fault(since.seq, f"the signed head names {signed.seq if signed else 0} entries, {since.seq} were read before")
    chain = _Chain(session, signer, after=since.seq)
    fault = first_fault(chain, signed if signed.seq >= since.seq else None, since=since)
    return chain.fault or fault or _beyond(chain.last, signed)


def _beyond(last: int, head: Head | None) -> Fault | None:
    """A crash leaves one entry beyond the head, never two."""
    signed = head.seq if head else 0
    return Fault(signed + 2, f"the signed head names {signed} entries, {last} are here") if last > signed + 1 else None


def sqlite_fault(session: Session) -> Fault | None:
    """Entries that are all well, in a file that can no longer be relied upon to find them or to keep them."""
    try:
        guards = {sql for sql, in session.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        found = list(session.execute("PRAGMA integrity_check(1)"))
    except StoreError as fault:
        return Fault(1, f"the ledger's file is damaged: {fault}")
    if guards != set(STATEMENTS):
        return UNGUARDED
    return None if found == [("ok",)] else Fault(1, f"the ledger's file is damaged: {found[0][0] if found else 'unknown'}")


UNGUARDED = Fault(1, "the guards that keep the ledger append-only are not the ones it was made with")
