"""One golden verdict that both programs must read and write. They share no code; this file is what
ties them."""

import json
import os
from pathlib import Path

import pytest

from harness.domain.errors import ValidatorError
from harness.domain.plain import plain
from harness.domain.verdict import Regression, Verdict
from harness.validator.envelope import key_id, verified_verdict
from harness.validator.program import ValidatorProgram
from validators.evidence.merkle import evidence_in, merkle_root
from validators.signing.key import public_key_at, signer_at
from validators.signing.notary import Notary, NotVerified
from validators.signing.statement import PAYLOAD_TYPE, signed_verdict, statement
from validators.signing.statement import verified_verdict as validators_own

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "verdict.json").read_text("utf-8"))


@pytest.fixture
def key(tmp_path):
    return tmp_path / "keys" / "validator.key"


def signed(key, predicate):
    return signed_verdict(predicate, Notary(signer_at(key)))


def test_what_the_validator_signs_the_harness_reads_whole(key) -> None:
    envelope = signed(key, GOLDEN)
    public = key.with_name("validator.key.pub")
    verdict = verified_verdict(envelope, public)
    assert verdict == Verdict.from_predicate(GOLDEN, key_id=key_id(public))
    assert {name: getattr(verdict.binds, name) for name in verdict.binds.__slots__} == GOLDEN[
        "binds"
    ]
    assert plain(verdict.controls) == GOLDEN["controls"]
    assert plain(verdict.regression) == GOLDEN["regression"]
    assert (verdict.outcome, verdict.sandbox_form, verdict.signer) == (
        "passed",
        GOLDEN["box"]["form"],
        GOLDEN["signer"],
    )


def test_both_programs_read_the_same_predicate_from_one_envelope(key) -> None:
    envelope = signed(key, GOLDEN)
    assert validators_own(envelope, public_key_at(key.with_name("validator.key.pub"))) == GOLDEN


def test_a_verdict_from_before_the_regression_set_has_none() -> None:
    old = {name: value for name, value in GOLDEN.items() if name != "regression"}
    assert Verdict.from_predicate(old, key_id="k").regression == Regression()
    assert not Regression().guarded


@pytest.mark.parametrize("lacking", sorted(GOLDEN["regression"]))
def test_a_regression_set_that_is_given_is_given_whole(lacking) -> None:
    part = {name: value for name, value in GOLDEN["regression"].items() if name != lacking}
    with pytest.raises(KeyError):
        Verdict.from_predicate({**GOLDEN, "regression": part}, key_id="k")


@pytest.mark.parametrize("name", sorted(GOLDEN.keys() - {"began", "ended", "regression"}))
def test_a_verdict_without_one_of_its_parts_is_none(key, name) -> None:
    lacking = (
        {**GOLDEN, name: {}} if name == "binds" else {k: v for k, v in GOLDEN.items() if k != name}
    )
    with pytest.raises((ValidatorError, KeyError)):
        verified_verdict(signed(key, lacking), key.with_name("validator.key.pub"))


def test_a_verdict_that_says_more_is_read_as_what_is_known_of_it(key) -> None:
    more = {
        name: {**part, "added_later": 1} if isinstance(part, dict) else part
        for name, part in GOLDEN.items()
    }
    public = key.with_name("validator.key.pub")
    known = verified_verdict(signed(key, GOLDEN), public)
    assert verified_verdict(signed(key, {**more, "exploration": {"claims": 3}}), public) == known


@pytest.mark.parametrize(
    ("part", "name"),
    [("binds", name) for name in GOLDEN["binds"]]
    + [("controls", name) for name in GOLDEN["controls"]],
)
def test_a_verdict_that_binds_or_controls_less_is_none(key, part, name) -> None:
    lacking = {
        **GOLDEN,
        part: {known: value for known, value in GOLDEN[part].items() if known != name},
    }
    with pytest.raises((ValidatorError, KeyError)):
        verified_verdict(signed(key, lacking), key.with_name("validator.key.pub"))


@pytest.mark.parametrize(
    "digests",
    [
        [],
        [{"gitCommit": "0" * 40}, {"gitTree": GOLDEN["binds"]["tree"]}],
        [{"gitCommit": GOLDEN["binds"]["candidate"]}, {"gitTree": "0" * 40}],
    ],
)
def test_a_statement_about_something_else_than_its_verdict_binds_is_none(key, digests) -> None:
    subject = [{"name": "candidate", "digest": one} for one in digests]
    about = {**statement(GOLDEN), "subject": subject}
    envelope = Notary(signer_at(key)).signed(json.dumps(about).encode(), payload_type=PAYLOAD_TYPE)
    public = key.with_name("validator.key.pub")
    with pytest.raises(ValidatorError, match="subject"):
        verified_verdict(envelope, public)
    with pytest.raises(NotVerified, match="subject"):
        validators_own(envelope, public_key_at(public))


def test_another_key_and_a_changed_payload_are_refused(key, tmp_path) -> None:
    envelope, other = signed(key, GOLDEN), tmp_path / "other" / "validator.key"
    signer_at(other)
    with pytest.raises(ValidatorError, match="not signed"):
        verified_verdict(envelope, other.with_name("validator.key.pub"))
    forged = json.loads(envelope)
    forged["payload"] = json.loads(signed(other, {**GOLDEN, "outcome": "failed"}))["payload"]
    with pytest.raises(ValidatorError, match="not signed"):
        verified_verdict(json.dumps(forged).encode(), key.with_name("validator.key.pub"))


def test_the_harness_hears_from_the_judges_own_program_whether_the_evidence_is_whole(
    key, tmp_path
) -> None:
    store = tmp_path / "store"
    home = store / "judged" / "run-1-1"
    (home / "evidence").mkdir(parents=True)
    (home / "evidence" / "page.png").write_text("png")
    files = evidence_in(home / "evidence")
    envelope = signed(
        key, {**GOLDEN, "evidence": {"merkle_root": merkle_root(files), "files": len(files)}}
    )
    for place in (home / "verdict.json", tmp_path / "verdict.json"):
        place.write_bytes(envelope)
    program = ValidatorProgram(
        key.with_name("validator.key.pub"), {"PATH": os.environ["PATH"]}, tmp_path, sealed=store
    )
    assert program.evidence_faults([tmp_path / "verdict.json"]) == {tmp_path / "verdict.json": ""}
    (home / "evidence" / "page.png").unlink()
    assert (
        "taken away"
        in program.evidence_faults([tmp_path / "verdict.json"])[tmp_path / "verdict.json"]
    )
    home.rename(tmp_path / "elsewhere")
    assert (
        "not in the store"
        in program.evidence_faults([tmp_path / "verdict.json"])[tmp_path / "verdict.json"]
    )


def test_a_store_that_cannot_be_looked_at_is_no_answer(key, tmp_path) -> None:
    (tmp_path / "verdict.json").write_bytes(signed(key, GOLDEN))
    nowhere = tmp_path / "none"
    program = ValidatorProgram(
        key.with_name("validator.key.pub"), {"PATH": os.environ["PATH"]}, tmp_path, sealed=nowhere
    )
    with pytest.raises(ValidatorError, match="the store cannot be read"):
        program.evidence_faults([tmp_path / "verdict.json"])
