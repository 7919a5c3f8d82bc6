"""A verdict as an in-toto Statement v1: what is signed, and checking it offline.

Source: the in-toto attestation framework v1 (Statement, ResourceDescriptor, DigestSet with
gitCommit and gitTree, and its parsing rules).

What a predicate of this type says is never taken away and never changes its meaning; things may be
added, and a reader passes over what it does not know. Nothing added may turn a no into a yes:
`outcome`, `binds`, `journeys` and `controls` are enough to refuse. Whatever cannot keep to that is
another predicate type, with the next number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from validators.signing.notary import Notary, NotVerified, opened

if TYPE_CHECKING:
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://lights-out-factory.dev/verdict/v1"


def statement(predicate: Mapping[str, Any]) -> dict[str, Any]:
    """The statement about the candidate commit and the tree that the predicate binds."""
    binds = predicate["binds"]
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": "candidate", "digest": {"gitCommit": binds["candidate"]}},
            {"name": "tree", "digest": {"gitTree": binds["tree"]}},
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": dict(predicate),
    }


def signed_verdict(predicate: Mapping[str, Any], notary: Notary) -> bytes:
    """The DSSE envelope's bytes."""
    payload = json.dumps(
        statement(predicate), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return notary.signed(payload.encode(), payload_type=PAYLOAD_TYPE)


def verified_verdict(envelope: bytes, key: SSlibKey) -> dict[str, Any]:
    """The predicate, once the signature and the statement's own shape hold. Raises NotVerified with
    the reason."""
    found = json.loads(opened(envelope, key, payload_type=PAYLOAD_TYPE))
    if (found.get("_type"), found.get("predicateType")) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise NotVerified(f"signed, but not a verdict: expected a {PREDICATE_TYPE} statement")
    predicate: dict[str, Any] = found["predicate"]
    if found["subject"] != statement(predicate)["subject"]:
        raise NotVerified("the statement's subject is not what its predicate binds")
    return predicate
