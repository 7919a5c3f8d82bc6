"""The ledger's own key. It proves that this home wrote an entry; it is not the judge's key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import LedgerError
from harness.store.files import is_there, replace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )


class Signer:
    """An ed25519 key at `path`, mode 0600, and its public half beside it as `.pub`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._private: Ed25519PrivateKey | None = None
        self._public: Ed25519PublicKey | None = None

    def create(self) -> None:
        """Create the key if there is none."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        if is_there(self._path):
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = Ed25519PrivateKey.generate()
        # The public half first: whoever finds the private key takes both for complete.
        replace(
            self._path.with_suffix(".pub"), _hex(key.public_key().public_bytes_raw()), mode=0o644
        )
        replace(self._path, _hex(key.private_bytes_raw()), mode=0o600)

    def signature(self, text: str) -> str:
        """Hex, lower case. Raises LedgerError if the key is gone."""
        if self._private is None:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

            self._private = Ed25519PrivateKey.from_private_bytes(_read(self._path))
        return self._private.sign(text.encode()).hex()

    def verifies(self, text: str, signature: str) -> bool:
        """Whether this is the key's signature of `text`, byte for byte. Raises LedgerError if the
        key is gone."""
        from cryptography.exceptions import InvalidSignature

        if self._public is None:
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

            self._public = Ed25519PublicKey.from_public_bytes(_read(self._path.with_suffix(".pub")))
        try:
            raw = bytes.fromhex(signature)
            self._public.verify(raw, text.encode())
        except (InvalidSignature, ValueError):
            return False
        # `fromhex` also reads capitals and spaces, so one signature would have many texts.
        return raw.hex() == signature


def _hex(raw: bytes) -> bytes:
    return raw.hex().encode() + b"\n"


def _read(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as fault:
        raise LedgerError(
            f"{path} cannot be read as a key ({fault}); restore it from a copy of this home"
        ) from fault
