"""Sign bytes of a named type with the validator's key, into a DSSE envelope and back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from validators.domain.errors import ValidatorsError

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]


class NotVerified(ValidatorsError):
    """An envelope that the given key did not sign, or whose content is not what was expected."""


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs, and opens only what the same key has signed."""

    signer: CryptoSigner

    def signed(self, payload: bytes, *, payload_type: str) -> bytes:
        """The envelope as JSON bytes."""
        from securesystemslib.dsse import Envelope

        envelope = Envelope(payload, payload_type, {})
        envelope.sign(self.signer)
        return json.dumps(envelope.to_dict(), indent=1).encode() + b"\n"

    def opened(self, envelope: bytes, *, payload_type: str) -> bytes:
        """The payload of an envelope that this key signed. Raises NotVerified."""
        return opened(envelope, self.signer.public_key, payload_type=payload_type)


def opened(envelope: bytes, key: SSlibKey, *, payload_type: str) -> bytes:
    """The payload of an envelope that `key` signed. Raises NotVerified with the reason."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    try:
        found: Any = json.loads(envelope)
        parsed = Envelope.from_dict(found)
    except (ValueError, KeyError, TypeError) as error:
        raise NotVerified(f"not a DSSE envelope: {error}") from error
    try:
        parsed.verify([key], threshold=1)
    except VerificationError as error:
        raise NotVerified(
            f"no signature by key {key.keyid} holds: it was changed, or another key made it"
        ) from error
    # The key signs verdicts and store pages: without this check, one could pose as the other.
    if parsed.payload_type != payload_type:
        raise NotVerified(f"signed, but as {parsed.payload_type!r}; expected {payload_type!r}")
    return parsed.payload
