"""Verifies a verdict's DSSE envelope (ed25519, securesystemslib) against the pinned public key."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.domain.errors import ValidatorError
from harness.domain.verdict import Verdict

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://lights-out-factory.dev/verdict/v1"


def verified_verdict(envelope: bytes, public_key: Path) -> Verdict:
    """The verdict that `public_key` signed. Raises ValidatorError with the reason why it is not
    one."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    key = _public_key(public_key)
    try:
        parsed = Envelope.from_dict(json.loads(envelope))
        parsed.verify([key], threshold=1)
        return _verdict(parsed.payload_type, json.loads(parsed.payload), key.keyid)
    except VerificationError as error:
        raise ValidatorError(
            f"the verdict is not signed by key {key.keyid:.12}: it was changed, or another key "
            "made it"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValidatorError(f"not a verdict: {error!r}") from error


def key_id(public_key: Path) -> str:
    """The id that the key's own bytes give it."""
    return str(_public_key(public_key).keyid)


def _public_key(path: Path) -> Any:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    try:
        return SSlibKey.from_crypto(load_pem_public_key(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise ValidatorError(
            f"{path.name}: the launcher's public key cannot be read: {error}"
        ) from error


def _verdict(payload_type: str, statement: Any, signed_by: str) -> Verdict:
    found = (payload_type, statement["_type"], statement["predicateType"])
    if found != (PAYLOAD_TYPE, STATEMENT_TYPE, PREDICATE_TYPE):
        raise ValueError(f"expected a signed verdict, found {found}")
    verdict = Verdict.from_predicate(statement["predicate"], key_id=signed_by)
    digests = {
        name: value for subject in statement["subject"] for name, value in subject["digest"].items()
    }
    if digests != {"gitCommit": verdict.binds.candidate, "gitTree": verdict.binds.tree}:
        raise ValueError("its subject is not what it binds")
    return verdict


def trusted(key_ids: Iterable[str], public_key: Path) -> frozenset[str]:
    """Those of `key_ids` (pinned by people) that this public key really has."""
    return frozenset(key_ids) & {key_id(public_key)}
