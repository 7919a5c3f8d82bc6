"""The ledger's signed head: how many entries there are, and the hash of the last, in a file beside it.

It is written after the entry, so a crash between the two leaves it one behind. Cutting the tail off the ledger leaves
it ahead, and only the key could bring it back.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.domain.errors import LedgerError
from harness.domain.ledger import Head
from harness.engine.files import replace
from harness.engine.signing import Signer


def read_head(path: Path, signer: Signer) -> Head | None:
    """The head, or None where none was written yet. Raises LedgerError for one that this key did not sign."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as fault:
        raise LedgerError(f"the ledger's head {path} cannot be read: {fault}") from fault
    try:
        said = json.loads(text)
        head, signature = Head(int(said["seq"]), str(said["hash"])), str(said["signature"])
    except (ValueError, KeyError, TypeError) as fault:
        raise LedgerError(f"the ledger's head {path} is not what was written: {fault}") from fault
    if text != _text(head, signature) or not signer.verifies(_signed(head), signature):
        raise LedgerError(f"the ledger's head {path} was not signed by this home's key")
    return head


def write_head(path: Path, head: Head, *, signer: Signer) -> None:
    """Raises OSError where the disk refuses, and LedgerError when the key is gone."""
    replace(path, _text(head, signer.signature(_signed(head))).encode(), mode=0o600)


def _signed(head: Head) -> str:
    return f"ledger head\n{head.seq}\n{head.hash}"


def _text(head: Head, signature: str) -> str:
    return json.dumps({"seq": head.seq, "hash": head.hash, "signature": signature}) + "\n"
