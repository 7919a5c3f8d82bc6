"""What anybody may propose is read after the work of a pass, within bounds, and not again where
that failed."""

import pickle
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest

from harness.domain.errors import GitError, RemoteError
from harness.domain.lifecycle import State
from harness.factory.pipeline.tick import current_policy
from harness.factory.policy_gate import edit_trial
from harness.factory.policy_gate.edit_trial import (
    TooCostly,
    evaluate_edit,
    evaluate_edit_in_subprocess,
    proposed_edit,
)
from harness.factory.policy_gate.policy_edits import TRIES
from harness.governance.past.edit_effects import CONSEQUENCE
from tests.factory.proposals import (
    NEW_RULE,
    check,
    edited,
    look,
    propose,
    record,
    rules,
)
from tests.factory.world import World


@pytest.fixture
def world(tmp_path) -> World:
    return World(tmp_path)


def counted(world, method: str, error=None) -> list[str]:
    """The heads that were asked for, with a method of the repository that fails of them."""
    asked: list[str] = []
    own = getattr(world.git, method)

    def called(*words):
        asked.extend(word for word in words if word.startswith("refs/pull/"))
        if error is not None and (method != "fetch" or words[0].startswith("refs/pull/")):
            raise error
        return own(*words)

    world.decorate("git", **{method: called})
    return asked


@pytest.mark.parametrize(
    ("error", "looks"),
    [
        (GitError("fsck: this object is not what it says"), 1),
        (RemoteError("reset by peer", retryable=True), TRIES),
    ],
)
def test_a_head_that_cannot_be_read_is_not_tried_at_each_pass(world, error, looks) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))}, same_repository=False)
    fetched = counted(world, "fetch", error)
    for _ in range(TRIES + 2):
        look(world)
    assert len(fetched) == looks


def test_a_tree_that_is_too_large_is_neither_merged_nor_looked_at_again(world) -> None:
    propose(world, {"factory_rules.md": edited(rules(world))}, same_repository=False)
    counted(world, "changed", GitError("changes more than 100,000 paths"))
    merged = counted(world, "merge", AssertionError("merged before anybody knew how large it is"))
    look(world)
    world.push_to_main(**{"README.md": b"by hand"})
    look(world)
    assert merged == []
    assert [entry.data["failed"] for entry in world.ledger.entries(kind=CONSEQUENCE)] == [
        "changes more than 100,000 paths"
    ]


def test_a_proposal_is_read_after_the_work_of_the_pass(world) -> None:
    issue = world.file()
    propose(world, {"factory_rules.md": edited(rules(world))}, same_repository=False)
    own, states = world.git.fetch, []

    def fetch(*refs):
        if refs[0].startswith("refs/pull/"):
            states.append(world.history(issue).state)
        own(*refs)

    world.decorate("git", fetch=fetch)
    world.tick()
    assert set(states) == {State.MERGED}


def test_a_pass_goes_on_to_the_next_proposal_only_for_so_long_and_its_own_branches_are_first(
    world,
) -> None:
    for number in range(3):
        propose(
            world, {"README.md": b"%d" % number}, branch=f"b{number}", same_repository=number == 2
        )
    fetched = counted(world, "fetch")
    for number, head in enumerate(("refs/pull/3/head", "refs/pull/1/head", "refs/pull/2/head")):
        look(world, within=timedelta(0))
        assert fetched[number:] == [head]


def edit_of(world, files):
    services = world.services()
    propose(world, files)
    law = current_policy(services).governance
    return proposed_edit(
        services.repository, world.remote["edit"], old=law, past=(record(31, 150),), merged=True
    )


@pytest.mark.parametrize(
    "changed",
    [
        lambda text: text,
        lambda text: edited(text) + NEW_RULE,
        lambda text: edited(text, (b"check: ", b"chekc: ")),
    ],
    ids=["nothing", "a rule", "a fault"],
)
def test_a_process_of_its_own_gives_the_same_answer(world, changed) -> None:
    edit = edit_of(world, {"factory_rules.md": changed(rules(world))})
    assert evaluate_edit_in_subprocess(edit) == evaluate_edit(edit)


def test_an_edit_that_takes_more_than_it_may_is_ended(world) -> None:
    with pytest.raises(TooCostly, match="1 MB of memory"):
        evaluate_edit_in_subprocess(
            edit_of(world, {"factory_rules.md": rules(world) + NEW_RULE}), memory=1024**2
        )


def test_the_texts_of_a_proposal_have_a_bound_together(world) -> None:
    files = {f"f{number}/factory_rules.md": b"#" * 300_000 for number in range(20)}
    propose(world, {**files, "factory_rules.md": rules(world) + NEW_RULE})
    look(world)
    assert "more than 4194304 bytes together" in check(world).summary
    world.push_to_main(**{"README.md": b"by hand"})
    written = len(world.forge.writes)
    look(world)
    assert len(world.forge.writes) == written


@pytest.mark.parametrize("value", [print, edit_trial.main, b"".join, GitError("x"), Path("x")])
def test_nothing_comes_back_from_it_that_does_anything(value) -> None:
    with pytest.raises(pickle.UnpicklingError, match="is no value of ours"):
        edit_trial._SafeUnpickler(BytesIO(pickle.dumps(value))).load()
