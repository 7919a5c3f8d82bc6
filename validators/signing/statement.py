"""A verdict as an in-toto Statement v1: sign it, and check it offline.

Source: the in-toto attestation framework v1 (Statement, ResourceDescriptor, DigestSet with
gitCommit and gitTree, and its parsing rules).

A field of this predicate type is never removed and never changes its meaning. Fields may be added,
and a reader ignores those that it does not know. No added field may turn a refusal into an
approval: `outcome`, `binds`, `journeys` and `controls` are enough to refuse. A change that breaks
these rules needs a new predicate type, with the next number."""

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
OBSERVATION_TYPE = "https://lights-out-factory.dev/observation/v1"
"""What journeys showed about one commit, where no change was judged. It approves nothing."""


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


def signed_observation(predicate: Mapping[str, Any], notary: Notary) -> bytes:
    """The DSSE envelope's bytes of an observation. Its subject is the observed commit, and another
    predicate type keeps it from posing as a verdict."""
    binds = predicate["binds"]
    found = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": "commit", "digest": {"gitCommit": binds["commit"]}},
            {"name": "tree", "digest": {"gitTree": binds["tree"]}},
        ],
        "predicateType": OBSERVATION_TYPE,
        "predicate": dict(predicate),
    }
    payload = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return notary.signed(payload.encode(), payload_type=PAYLOAD_TYPE)


def verified_verdict(envelope: bytes, key: SSlibKey) -> dict[str, Any]:
    """The predicate of a verdict whose signature and statement are valid. Raises NotVerified with
    the reason."""
    found = json.loads(opened(envelope, key, payload_type=PAYLOAD_TYPE))
    if (found.get("_type"), found.get("predicateType")) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise NotVerified(f"signed, but not a verdict: expected a {PREDICATE_TYPE} statement")
    predicate: dict[str, Any] = found["predicate"]
    # Tools that know in-toto alone read the subject: it must name what the predicate binds.
    if found["subject"] != statement(predicate)["subject"]:
        raise NotVerified("the statement's subject is not what its predicate binds")
    return predicate
