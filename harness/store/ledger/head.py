"""The ledger's signed head: the number of entries, and the hash of the last one.

For a ledger in the home it is a file beside it, written after the entries. A crash in between
leaves it behind by the last batch. For a ledger in a database it is a row, written with the
entries; the file then records how far this home has seen that ledger. If the end of the ledger is
cut off, the head is ahead of it, and only the key could sign an older head.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.domain.errors import LedgerError
from harness.domain.ledger import Head
from harness.store.files import replace
from harness.store.ledger.signing import Signer

_REMEDY = "restore `ledger.db` and `ledger.head` from one copy of this home"


def read_head(path: Path, signer: Signer) -> Head | None:
    """The head, or None if none was written yet. Raises LedgerError if this key did not sign it."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise LedgerError(f"the ledger's head {path} cannot be read: {fault}") from fault
    return head_in(text, signer, where=str(path))


def write_head(path: Path, head: Head, *, signer: Signer) -> None:
    """Raises OSError if the disk refuses, and LedgerError if the key is gone."""
    replace(path, head_text(head, signer).encode(), mode=0o600)


def head_text(head: Head, signer: Signer) -> str:
    """The head as it is stored, signed. Raises LedgerError if the key is gone."""
    return _text(head, signer.signature(_signed(head)))


def head_in(text: str, signer: Signer, *, where: str) -> Head:
    """The head that `head_text` wrote. Raises LedgerError, naming `where`, if this key did not sign
    it."""
    try:
        stored = json.loads(text)
        head, signature = Head(int(stored["seq"]), str(stored["hash"])), str(stored["signature"])
    except KeyError as missing:
        raise LedgerError(
            f"the ledger's head {where} lacks {missing}: it is not what was written; {_REMEDY}"
        ) from missing
    except (ValueError, TypeError) as fault:
        raise LedgerError(
            f"the ledger's head {where} is not what was written ({fault}); {_REMEDY}"
        ) from fault
    # As text too: other JSON with the same values is not what was written.
    if text != _text(head, signature) or not signer.verifies(_signed(head), signature):
        raise LedgerError(f"the ledger's head {where} was not signed by this home's key")
    return head


def _signed(head: Head) -> str:
    return f"ledger head\n{head.seq}\n{head.hash}"


def _text(head: Head, signature: str) -> str:
    return json.dumps({"seq": head.seq, "hash": head.hash, "signature": signature}) + "\n"
