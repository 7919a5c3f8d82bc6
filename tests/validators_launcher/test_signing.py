"""Keys are made private, verdicts verify offline, and nothing that was touched verifies."""

import base64
import json
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import blocks
from validators.domain.stops import UsageError
from validators.signing.key import public_key_at, signer_at, signer_kind
from validators.signing.notary import Notary, NotVerified
from validators.signing.statement import PAYLOAD_TYPE, signed_verdict, statement, verified_verdict

(OPENSSL,) = [block.text for block in blocks("docs/seal.md") if "openssl pkeyutl" in block.text]
PREDICATE = {"outcome": "passed", "binds": {"candidate": "c" * 40, "tree": "d" * 40}}


@pytest.fixture
def notary(tmp_path: Path) -> Notary:
    return Notary(signer_at(tmp_path / "keys" / "validator.key"))


def test_a_signed_verdict_verifies_with_the_public_half_alone(
    notary: Notary, tmp_path: Path
) -> None:
    key = public_key_at(tmp_path / "keys" / "validator.key.pub")
    assert verified_verdict(signed_verdict(PREDICATE, notary), key) == PREDICATE


def test_the_subject_is_the_candidate_and_its_tree(notary: Notary) -> None:
    statement = json.loads(
        base64.b64decode(json.loads(signed_verdict(PREDICATE, notary))["payload"])
    )
    assert [subject["digest"] for subject in statement["subject"]] == [
        {"gitCommit": "c" * 40},
        {"gitTree": "d" * 40},
    ]


def test_a_verdict_with_one_word_changed_does_not_verify(notary: Notary, tmp_path: Path) -> None:
    envelope = json.loads(signed_verdict({**PREDICATE, "outcome": "failed"}, notary))
    payload = base64.b64decode(envelope["payload"]).replace(b'"failed"', b'"passed"')
    envelope["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(NotVerified, match="it was changed"):
        verified_verdict(json.dumps(envelope).encode(), notary.signer.public_key)


def test_a_verdict_of_another_key_does_not_verify(notary: Notary, tmp_path: Path) -> None:
    other = Notary(signer_at(tmp_path / "other.key"))
    with pytest.raises(NotVerified, match="another key"):
        verified_verdict(signed_verdict(PREDICATE, other), notary.signer.public_key)


@pytest.mark.parametrize("part", ["payload", "payloadType", "signatures"])
def test_openssl_alone_shows_whether_a_verdict_was_changed(
    notary: Notary, tmp_path: Path, part: str
) -> None:
    """With the very commands of docs/seal.md; each part is taken from another envelope that the key
    signed."""
    place = tmp_path / "evidence" / "validate-1-1" / "verdict.json"
    place.parent.mkdir(parents=True)

    def openssl(envelope: dict[str, object]) -> int:
        place.write_text(json.dumps(envelope, indent=1))
        env = {"PATH": "/usr/bin:/bin", "FACTORY_HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", OPENSSL], env=env, capture_output=True
        ).returncode

    failed = json.loads(signed_verdict({**PREDICATE, "outcome": "failed"}, notary))
    other = json.loads(notary.signed(b"{}", payload_type="application/x-entry+json"))
    assert openssl(failed) == 0
    assert openssl({**failed, part: other[part]}) != 0


@pytest.mark.parametrize(
    "envelope", [b"", b"{}", b"[1]", b'{"payload": "", "payloadType": "x", "signatures": []}']
)
def test_what_is_not_a_signed_envelope_does_not_verify(notary: Notary, envelope: bytes) -> None:
    with pytest.raises(NotVerified):
        verified_verdict(envelope, notary.signer.public_key)


def test_something_else_that_the_key_signed_is_not_a_verdict(notary: Notary) -> None:
    entry = notary.signed(b"{}", payload_type="application/x-entry+json")
    with pytest.raises(NotVerified, match="signed, but as"):
        verified_verdict(entry, notary.signer.public_key)


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        (
            {"subject": [{"name": "tree", "digest": {"gitTree": "d" * 40}}]},
            "subject is not what its predicate binds",
        ),
        (
            {"subject": statement({"binds": {"candidate": "c" * 40, "tree": "e" * 40}})["subject"]},
            "subject is not what",
        ),
        ({"predicateType": "https://lights-out-factory.dev/verdict/v2"}, "not a verdict"),
        ({"_type": "https://in-toto.io/Statement/v0.1"}, "not a verdict"),
    ],
)
def test_a_statement_of_something_else_that_the_key_signed_is_not_a_verdict(
    notary: Notary, changed: dict[str, object], complaint: str
) -> None:
    signed = notary.signed(
        json.dumps({**statement(PREDICATE), **changed}).encode(), payload_type=PAYLOAD_TYPE
    )
    with pytest.raises(NotVerified, match=complaint):
        verified_verdict(signed, notary.signer.public_key)


def test_the_key_is_made_for_its_owner_alone_and_then_kept(tmp_path: Path) -> None:
    path = tmp_path / "validator.key"
    first = signer_at(path).public_key.keyid
    assert path.stat().st_mode & 0o777 == 0o600
    assert (
        signer_at(path).public_key.keyid
        == first
        == public_key_at(tmp_path / "validator.key.pub").keyid
    )


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "validator.key"
    signer_at(path)
    path.chmod(0o640)
    with pytest.raises(UsageError, match="mode 0600"):
        signer_at(path)


def test_one_account_for_harness_and_judge_is_said_so(tmp_path: Path) -> None:
    path, request = tmp_path / "validator.key", tmp_path / "request.json"
    signer_at(path)
    request.write_text("{}")
    assert signer_kind(path, caller=request) == "same-account"
