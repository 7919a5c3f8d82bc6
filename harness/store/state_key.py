"""The key of a home that moves between machines: an age identity, and what is derived from it.

age encrypts to a recipient, and whoever knows the recipient can encrypt to it. So what is encrypted
is also authenticated, under a key that only the holder of the identity can derive.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from harness.domain.errors import ConfigError, LedgerError

VARIABLE = "FACTORY_HOME_KEY"
KEY_BYTES = 32


class StateKey:
    """The age identity in a text. Raises ConfigError for anything else, without showing it."""

    def __init__(self, text: str) -> None:
        from pyrage import IdentityError, x25519  # type: ignore[import-untyped]

        try:
            self._identity: Any = x25519.Identity.from_str(text.strip())
        except IdentityError:
            raise ConfigError(
                "expected an age identity (AGE-SECRET-KEY-1 …), as `factory home key` prints it",
                key=VARIABLE,
            ) from None
        self._mac = self.secret(b"state")

    def secret(self, use: bytes) -> bytes:
        """A secret key for one use. Who has it does not have the identity."""
        return derived(str(self._identity).encode(), use)

    def sealed(self, content: bytes) -> bytes:
        """The content as an age file. Each call gives other bytes."""
        from pyrage import encrypt

        return bytes(encrypt(content, [self._identity.to_public()]))

    def opened(self, sealed: bytes) -> bytes:
        """The content of an age file. Raises LedgerError if it is not for this identity."""
        from pyrage import DecryptError, decrypt

        try:
            return bytes(decrypt(sealed, [self._identity]))
        except DecryptError:
            raise LedgerError(
                f"the state cannot be decrypted: {VARIABLE} is another one, or it was changed"
            ) from None

    def mac(self, name: str, sealed: bytes) -> str:
        """An authentication code of these bytes under this name, in hexadecimal digits."""
        said = name.encode() + b"\0" + hashlib.sha256(sealed).digest()
        return hmac.new(self._mac, said, hashlib.sha256).hexdigest()

    def made(self, mac: str, name: str, sealed: bytes) -> bool:
        """Whether the holder of this key made that code for these bytes under this name."""
        return hmac.compare_digest(mac.encode(), self.mac(name, sealed).encode())


def made_key() -> str:
    """A new age identity."""
    from pyrage import x25519

    return str(x25519.Identity.generate())


def derived(key: bytes, use: bytes) -> bytes:
    """A key for one use."""
    return HKDF(
        algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"lights-out-factory " + use
    ).derive(key)
