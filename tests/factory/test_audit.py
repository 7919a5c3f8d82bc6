"""What the audit cannot be fooled by: each link from what landed back to the evidence, cut once."""

from dataclasses import replace
from typing import Never

import pytest

from harness.domain.errors import ValidatorError
from harness.domain.verdict import VerdictOutcome
from harness.factory.audit import audit
from tests.factory.world import World


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.file()
    while world.tick():
        pass
    return world


def audited(world):
    return audit(world.ledger, world.git, world.validator, world.work, evidence=world.validator)


def recorded(world):
    (entry,) = world.ledger.entries(kind="verdict")
    return entry


def resigned(world, **changed) -> None:
    """The judge's key signs another verdict over the same envelope."""
    (name,) = world.validator.kept
    world.validator.kept[name] = replace(world.validator.kept[name], **changed)


def says(world):
    return [(fault.subject, fault.says.partition(": ")[2]) for fault in audited(world).faults]


def test_after_a_lap_everything_is_sound(world) -> None:
    found = audited(world)
    assert (found.ok, found.verdicts, found.landings) == (True, 1, 1)


def test_what_was_not_checked_is_said(world) -> None:
    resigned(world, box_unheld=("disk: watched",))
    said = audited(world)
    assert said.ok
    assert [line.partition(":")[0] for line in said.unchecked] == ["who signed", "what a box did not hold"]


@pytest.mark.parametrize(("changed", "fault"), [
    ({"issue": 9, "run": "validate-9-1"}, "it speaks of issue 9, run validate-9-1: it was made for another run"),
    ({"run": "validate-1-9"}, "it speaks of issue 1, run validate-1-9: it was made for another run"),
    ({"outcome": VerdictOutcome.FAILED}, "it says failed, the ledger passed"),
    ({"key_id": "f" * 64}, "its key ffffffffffff is not pinned in factory.toml at base"),
], ids=["another issue's", "another run's", "another outcome", "another key"])
def test_a_verdict_that_is_not_what_was_recorded_is_named(world, changed, fault) -> None:
    resigned(world, **changed)
    assert says(world) == [("verdict", fault)]


@pytest.mark.parametrize("name", ["base", "head", "candidate", "tree", "journeys", "governance"])
def test_a_verdict_that_binds_something_else_is_named(world, name) -> None:
    (verdict,) = world.validator.kept.values()
    other = world.remote["main"] if name == "base" else "0" * 40
    resigned(world, binds=replace(verdict.binds, **{name: other}))
    (subject, fault), *_ = says(world)
    assert subject == "verdict"
    assert "is not what the ledger says it binds" in fault or "is not pinned" in fault


def test_an_envelope_that_was_changed_or_taken_away_is_named(world) -> None:
    envelope = world.work / recorded(world).data["envelope"]
    envelope.write_bytes(envelope.read_bytes() + b" ")
    assert says(world) == [("verdict", "its envelope was changed after it was recorded")]
    envelope.unlink()
    assert says(world) == [("verdict", "its envelope cannot be read: No such file or directory")]


def test_evidence_that_is_not_what_was_signed_is_named(world) -> None:
    envelope = world.work / recorded(world).data["envelope"]
    world.validator.spoiled[envelope] = "a file was changed, added or taken away"
    assert says(world) == [("evidence", "a file was changed, added or taken away")]


def test_evidence_that_nobody_may_look_at_is_not_called_sound(world) -> None:
    def locked(envelopes) -> Never:
        raise ValidatorError("the store cannot be read (Permission denied)")

    world.decorate("validator", evidence_faults=locked)
    said = audited(world)
    assert said.unchecked[0] == "the evidence behind 1 verdicts: the store cannot be read (Permission denied)"
