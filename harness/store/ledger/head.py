"""The ledger's signed head: how many entries there are, and the hash of the last.

For a ledger in the home it is a file beside it, written after the entries, so a crash between the
two leaves it behind by those that were written together last. For one in a database it is a row,
written with the entries; the file then says how far this home has seen that ledger go. Cutting the
tail off the ledger leaves a head ahead of it, and only the key could bring it back."""

from __future__ import annotations

import json
from pathlib import Path

from harness.domain.errors import LedgerError
from harness.domain.ledger import Head
from harness.store.files import replace
from harness.store.ledger.signing import Signer

_MEND = "put `ledger.db` and `ledger.head` back from one copy of this home"


def read_head(path: Path, signer: Signer) -> Head | None:
    """The head, or None where none was written yet. Raises LedgerError for one that this key did
    not sign."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise LedgerError(f"the ledger's head {path} cannot be read: {fault}") from fault
    return head_in(text, signer, where=str(path))


def write_head(path: Path, head: Head, *, signer: Signer) -> None:
    """Raises OSError where the disk refuses, and LedgerError when the key is gone."""
    replace(path, head_text(head, signer).encode(), mode=0o600)


def head_text(head: Head, signer: Signer) -> str:
    """The head as it is kept, signed. Raises LedgerError when the key is gone."""
    return _text(head, signer.signature(_signed(head)))


def head_in(text: str, signer: Signer, *, where: str) -> Head:
    """The head that `head_text` wrote. Raises LedgerError, naming `where`, for one that this key
    did not sign."""
    try:
        said = json.loads(text)
        head, signature = Head(int(said["seq"]), str(said["hash"])), str(said["signature"])
    except KeyError as missing:
        raise LedgerError(
            f"the ledger's head {where} lacks {missing}: it is not what was written; {_MEND}"
        ) from missing
    except (ValueError, TypeError) as fault:
        raise LedgerError(
            f"the ledger's head {where} is not what was written ({fault}); {_MEND}"
        ) from fault
    if text != _text(head, signature) or not signer.verifies(_signed(head), signature):
        raise LedgerError(f"the ledger's head {where} was not signed by this home's key")
    return head


def _signed(head: Head) -> str:
    return f"ledger head\n{head.seq}\n{head.hash}"


def _text(head: Head, signature: str) -> str:
    return json.dumps({"seq": head.seq, "hash": head.hash, "signature": signature}) + "\n"
