"""Verifies a verdict's DSSE envelope (ed25519, securesystemslib) against the pinned public key."""

import json
from pathlib import Path
from typing import Any

from harness.domain.errors import ValidatorError
from harness.domain.plain import valued
from harness.domain.verdict import Verdict
from harness.ports.validator import JourneyShown, Observed

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://lights-out-factory.dev/verdict/v1"
OBSERVATION_TYPE = "https://lights-out-factory.dev/observation/v1"


def verified_verdict(envelope: bytes, public_key: Path) -> Verdict:
    """The verdict that `public_key` signed. Raises ValidatorError with the reason why it is not
    one."""
    statement, signed_by = _statement(envelope, public_key, "verdict", PREDICATE_TYPE)
    try:
        return _verdict(statement, signed_by)
    except (ValueError, KeyError, TypeError) as error:
        raise ValidatorError(f"not a verdict: {error!r}") from error


def verified_observation(envelope: Path, public_key: Path, *, run: str) -> Observed:
    """The observation that `public_key` signed in this file, of this run. Raises ValidatorError."""
    try:
        content = envelope.read_bytes()
    except OSError as error:
        raise ValidatorError("the validator ended without an observation") from error
    statement, signed_by = _statement(content, public_key, "observation", OBSERVATION_TYPE)
    try:
        found = statement["predicate"]
        binds = found["binds"]
        _check_subject(statement, commit=binds["commit"], tree=binds["tree"])
        if found["run"] != run:
            raise ValueError(f"it is of run {found['run']!r}, not of {run!r}")
        # Whatever does not say that it observed has observed nothing.
        reason = "" if found["outcome"] == "observed" else str(found["reason"]) or "no reason"
        shown = tuple(valued(JourneyShown, one) for one in found["journeys"])
        return Observed(
            str(binds["commit"]),
            str(binds["tree"]),
            signed_by,
            int(found["standing"]),
            () if reason else shown,
            reason,
            envelope,
            url=str(binds.get("url", "")),
            environment=str(binds.get("environment", "")),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ValidatorError(f"not an observation: {error!r}") from error


def _statement(
    envelope: bytes, public_key: Path, what: str, predicate_type: str
) -> tuple[Any, str]:
    """The signed statement of this type, and the id of the key that signed it."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    key = _public_key(public_key)
    try:
        parsed = Envelope.from_dict(json.loads(envelope))
        parsed.verify([key], threshold=1)
        statement = json.loads(parsed.payload)
        found = (parsed.payload_type, statement["_type"], statement["predicateType"])
        if found != (PAYLOAD_TYPE, STATEMENT_TYPE, predicate_type):
            raise ValueError(f"expected a signed {what}, found {found}")
        return statement, str(key.keyid)
    except VerificationError as error:
        raise ValidatorError(
            f"the {what} is not signed by key {key.keyid:.12}: it was changed, or another key "
            "made it"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValidatorError(f"not a {what}: {error!r}") from error


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


def _verdict(statement: Any, signed_by: str) -> Verdict:
    verdict = Verdict.from_predicate(statement["predicate"], key_id=signed_by)
    _check_subject(statement, commit=verdict.binds.candidate, tree=verdict.binds.tree)
    return verdict


def _check_subject(statement: Any, *, commit: str, tree: str) -> None:
    digests = {
        name: value for subject in statement["subject"] for name, value in subject["digest"].items()
    }
    if digests != {"gitCommit": commit, "gitTree": tree}:
        raise ValueError("its subject is not what it binds")
