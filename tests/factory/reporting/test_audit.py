"""What the audit cannot be fooled by: each link from what landed back to the evidence, cut once."""

from dataclasses import replace
from itertools import pairwise
from typing import Never

import pytest

from harness.domain.errors import GitError, LedgerError, ValidatorError
from harness.domain.events import TransitionRecorded
from harness.domain.issue import Permission
from harness.domain.ledger import of_kind
from harness.domain.lifecycle import Event, State
from harness.domain.verdict import VerdictOutcome
from harness.factory.records.history import histories
from harness.factory.reporting.audit import audit, issue_faults
from tests.events import event_of
from tests.factory.lives import Life
from tests.factory.world import World


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.file()
    while world.tick():
        pass
    return world


def audited(world):
    return audit(
        world.ledger,
        world.git,
        world.validator,
        world.work,
        evidence=world.validator,
        branch="main",
    )


def recorded(world):
    (entry,) = world.ledger.entries(kind="verdict")
    return entry


def resigned(world, **changed) -> None:
    """The judge's key signs another verdict over the same envelope."""
    (name,) = world.validator.kept
    world.validator.kept[name] = replace(world.validator.kept[name], **changed)


def fault_texts(world):
    return [(fault.subject, fault.message.partition(": ")[2]) for fault in audited(world).faults]


def test_after_a_whole_pipeline_everything_is_sound(world) -> None:
    found = audited(world)
    assert (found.ok, found.verdicts, found.landings) == (True, 1, 1)


def test_what_was_not_checked_is_said(world) -> None:
    resigned(world, sandbox_unheld=("disk: watched",))
    said = audited(world)
    assert said.ok
    assert [line.partition(":")[0] for line in said.unchecked] == [
        "who signed",
        "a limit that a sandbox did not enforce",
    ]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"issue": 9, "run": "validate-9-1"},
            "it is about issue 9, run validate-9-1: it was made for another run",
        ),
        (
            {"run": "validate-1-9"},
            "it is about issue 1, run validate-1-9: it was made for another run",
        ),
        ({"outcome": VerdictOutcome.FAILED}, "its outcome is failed, in the ledger passed"),
        ({"key_id": "f" * 64}, "its key ffffffffffff is not pinned in factory.toml at base"),
    ],
    ids=["another issue's", "another run's", "another outcome", "another key"],
)
def test_a_verdict_that_is_not_what_was_recorded_is_named(world, changed, fault) -> None:
    resigned(world, **changed)
    assert fault_texts(world) == [("verdict", fault)]


@pytest.mark.parametrize("name", ["base", "head", "candidate", "tree", "journeys", "governance"])
def test_a_verdict_that_binds_something_else_is_named(world, name) -> None:
    (verdict,) = world.validator.kept.values()
    other = world.remote["main"] if name == "base" else "0" * 40
    resigned(world, binds=replace(verdict.binds, **{name: other}))
    (subject, fault), *_ = fault_texts(world)
    assert subject == "verdict"
    assert "differs from the ledger" in fault or "is not pinned" in fault


def test_an_envelope_that_was_changed_or_taken_away_is_named(world) -> None:
    envelope = world.work / recorded(world).data["envelope"]
    envelope.write_bytes(envelope.read_bytes() + b" ")
    assert fault_texts(world) == [("verdict", "its envelope was changed after it was recorded")]
    envelope.unlink()
    assert fault_texts(world) == [
        ("verdict", "its envelope cannot be read: No such file or directory")
    ]


def test_evidence_that_is_not_what_was_signed_is_named(world) -> None:
    envelope = world.work / recorded(world).data["envelope"]
    world.validator.spoiled[envelope] = "a file was changed, added or taken away"
    assert fault_texts(world) == [("evidence", "a file was changed, added or taken away")]


def test_evidence_that_nobody_may_look_at_is_not_called_sound(world) -> None:
    def locked(envelopes) -> Never:
        raise ValidatorError("the store cannot be read (Permission denied)")

    world.decorate("validator", evidence_faults=locked)
    said = audited(world)
    assert (
        said.unchecked[0]
        == "the evidence behind 1 verdicts: the store cannot be read (Permission denied)"
    )


def test_a_landing_that_is_not_what_was_judged_or_is_gone_from_its_branch_is_named(world) -> None:
    landed = world.remote["main"]
    world.remote["main"] = world.base
    assert fault_texts(world) == [("landing", f"{landed:.10} is not in main any more")]
    world.remote["main"] = landed
    assert fault_texts(world) == []
    world.decorate("git", tree_of=lambda commit: "0" * 40)
    assert fault_texts(world) == [
        ("landing", f"commit {landed:.10} has another tree than was judged")
    ]


def entry_where(world, is_so):
    return next(at for at, entry in enumerate(world.ledger.written) if is_so(entry))


PUT_BACK = {
    "to nothing": (lambda entry: True, "when the ledger had"),
    "to before the run": (
        lambda entry: entry.key == "run/validate-1-1",
        "validate-1-1 made it, which never began here",
    ),
    "to before the verdict": (
        lambda entry: entry.kind == "verdict",
        "no landing of it is in the ledger",
    ),
    "to before the landing": (
        lambda entry: entry.data.get("effect") == "land",
        "no landing of it is in the ledger",
    ),
}


@pytest.mark.parametrize("until", PUT_BACK)
def test_a_ledger_that_was_put_back_with_its_head_is_named(world, until) -> None:
    is_so, expected = PUT_BACK[until]
    del world.ledger.written[entry_where(world, is_so) :]
    assert world.ledger.fault() is None
    (fault,) = audited(world).faults
    assert (fault.subject, fault.entry <= len(world.ledger.written) + 1) == ("ledger", True)
    assert expected in fault.message
    assert "main holds" in fault.message
    assert "`factory stop`, and put the newest copy of both back" in fault.message


def test_a_ledger_that_was_put_back_and_worked_on_is_named(world) -> None:
    there = len(world.ledger.written)
    del world.ledger.written[
        entry_where(world, lambda entry: entry.key == "run/validate-1-1") - 1 :
    ]
    while len(world.ledger.written) < there:
        world.ledger.append(event_of("note", {}), f"another {len(world.ledger.written)}")
    (fault,) = audited(world).faults
    assert "and here it is another" in fault.message


def test_a_landing_that_was_begun_and_is_not_confirmed_is_no_fault(world) -> None:
    del world.ledger.written[
        entry_where(world, lambda entry: entry.kind == "done" and entry.data["effect"] == "land") :
    ]
    assert audited(world).ok


def commit_on_main(world, message) -> None:
    world.remote["main"] = world.git.commit(
        world.git.tree_of(world.remote["main"]), [world.remote["main"]], message=message
    )


def test_what_a_stranger_writes_into_a_commit_or_copies_is_no_word_of_the_ledgers(world) -> None:
    landed = world.git.commits[world.remote["main"]][2]
    commit_on_main(world, landed)
    commit_on_main(
        world, f"Nice\n\nFactory-Run: validate-1-9\nFactory-Ledger: 99999 {'a' * 64} {'b' * 128}\n"
    )
    assert audited(world).ok
    assert (
        "1 commits on main have an anchor that another key signed" in audited(world).unchecked[-1]
    )


def test_the_words_of_a_candidate_that_did_not_land_make_no_landing_of_what_they_are_copied_to(
    world,
) -> None:
    entry = recorded(world)
    words = world.git.commits[entry.data["binds"]["candidate"]][2]
    world.remote["main"] = world.base
    commit_on_main(world, words)
    del world.ledger.written[entry.seq :]
    assert audited(world).ok


def test_landings_without_anchors_are_reported_as_unchecked(tmp_path) -> None:
    world = World(tmp_path)
    world.decorate("ledger", anchor=lambda run: "")
    world.file()
    while world.tick():
        pass
    said = audited(world)
    assert (said.ok, said.landings) == (True, 1)
    assert "no commit on main has an anchor of a landing" in said.unchecked[-1]


def test_a_change_of_ours_that_somebody_else_merged_is_reported(world) -> None:
    head = recorded(world).data["binds"]["head"]
    del world.ledger.written[entry_where(world, lambda entry: entry.data.get("effect") == "land") :]
    world.remote["main"] = world.git.commit(
        world.git.tree_of(head), [world.base, head], message="Merge pull request #2"
    )
    said = audited(world)
    assert said.ok
    assert any(
        line.startswith("changes of #1 are on main without a landing in the ledger")
        for line in said.unchecked
    )


def test_a_branch_that_cannot_be_read_is_reported(world) -> None:
    def unread(tip, *, line) -> Never:
        raise GitError("git log took too long")

    world.decorate("git", messages=unread)
    assert audited(world).unchecked[-1] == "the ledger anchors on main: git log took too long"


def test_without_the_forge_the_last_fetched_branch_is_used(world) -> None:
    def away(branch) -> Never:
        raise GitError("the forge is not here")

    fetched = world.git.fetched
    world.decorate("git", tip=away, fetched=fetched)
    assert audited(world).ok
    assert not any("ledger anchors" in line for line in audited(world).unchecked)
    del world.ledger.written[entry_where(world, PUT_BACK["to before the run"][0]) :]
    assert not audited(world).ok


def test_a_move_that_does_not_follow_from_those_before_is_named_and_the_issue_cannot_be_read(
    world,
) -> None:
    """Incident: every command ended as if the factory had a bug, and the audit found nothing."""
    maya = world.forge.person("maya", Permission.MAINTAIN)
    issue = world.file("Another", "The places are gone, too.")
    for word in ("hold", "resume"):
        world.forge.say(issue, f"/factory {word}", author=maya)
        world.tick()
    whole = world.ledger.entries()
    assert list(issue_faults(whole)) == []
    moves = of_kind(whole, TransitionRecorded)
    assert {Event.OWNER_HOLD, Event.RESUMED} <= {move.event.event for move in moves}
    for missing, following in pairwise(moves):
        if missing.issue == following.issue:
            rest = [entry for entry in whole if entry is not missing]
            assert [fault.entry for fault in issue_faults(rest)] == [following.seq]
            broken = next(one for one in histories(rest) if one.issue == missing.issue)
            with pytest.raises(LedgerError, match=f"issue #{missing.issue} .*`factory audit`"):
                assert broken.state


@pytest.mark.parametrize(
    ("event", "before", "after", "message"),
    [
        (Event.DISPATCHED, State.ACCEPTED, State.IMPLEMENTING, "and it was untriaged"),
        (Event.LANDED, State.UNTRIAGED, State.MERGED, "an issue that is untriaged cannot take"),
        (Event.TRIAGE_ACCEPTED, State.UNTRIAGED, State.MERGED, "to merged, not to accepted"),
    ],
)
def test_a_move_that_the_table_does_not_have_is_named(event, before, after, message) -> None:
    life = Life()
    entry = life.move(event, before, after)
    (fault,) = issue_faults(life.ledger.entries())
    assert (fault.entry, fault.subject) == (entry.seq, "issue")
    assert message in fault.message
