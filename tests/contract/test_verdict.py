"""One golden verdict that both programs must read and write. They share no code; this file is what ties them."""

import json
from pathlib import Path

import pytest

from harness.domain.verdict import Verdict
from harness.validator.envelope import key_id, verified_verdict
from validators.signing.key import public_key_at, signer_at
from validators.signing.notary import Notary
from validators.signing.statement import signed_verdict
from validators.signing.statement import verified_verdict as validators_own

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "verdict.json").read_text("utf-8"))


@pytest.fixture
def key(tmp_path):
    return tmp_path / "keys" / "validator.key"


def signed(key, predicate):
    return signed_verdict(predicate, Notary(signer_at(key)))


def test_what_the_validator_signs_the_harness_reads_whole(key):
    envelope = signed(key, GOLDEN)
    public = key.with_name("validator.key.pub")
    verdict = verified_verdict(envelope, public)
    assert verdict == Verdict.from_predicate(GOLDEN, key_id=key_id(public))
    assert {name: getattr(verdict.binds, name) for name in verdict.binds.__slots__} == GOLDEN["binds"]
    assert {name: getattr(verdict.controls, name) for name in verdict.controls.__slots__} == GOLDEN["controls"]
    assert (verdict.outcome, verdict.box_form, verdict.signer) == ("passed", GOLDEN["box"]["form"], GOLDEN["signer"])


def test_both_programs_read_the_same_predicate_from_one_envelope(key):
    envelope = signed(key, GOLDEN)
    assert validators_own(envelope, public_key_at(key.with_name("validator.key.pub"))) == GOLDEN


@pytest.mark.parametrize("name", sorted(GOLDEN.keys() - {"began", "ended"}))
def test_a_verdict_without_one_of_its_parts_is_none(key, name):
    from harness.domain.errors import ValidatorError

    lacking = {**GOLDEN, name: {}} if name == "binds" else {k: v for k, v in GOLDEN.items() if k != name}
    with pytest.raises((ValidatorError, KeyError)):
        verified_verdict(signed(key, lacking), key.with_name("validator.key.pub"))


def test_another_key_and_a_changed_payload_are_refused(key, tmp_path):
    from harness.domain.errors import ValidatorError

    envelope, other = signed(key, GOLDEN), tmp_path / "other" / "validator.key"
    signer_at(other)
    with pytest.raises(ValidatorError, match="not signed"):
        verified_verdict(envelope, other.with_name("validator.key.pub"))
    forged = json.loads(envelope)
    forged["payload"] = json.loads(signed(other, {**GOLDEN, "outcome": "failed"}))["payload"]
    with pytest.raises(ValidatorError, match="not signed"):
        verified_verdict(json.dumps(forged).encode(), key.with_name("validator.key.pub"))
