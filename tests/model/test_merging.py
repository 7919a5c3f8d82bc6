"""Two pull requests, everything that may happen to them, in every order: what the factory promises
of a merge, held in all.

`python -m tests.model.test_merging` prints how many states there are.
"""

import pytest

from tests.model.explorer import Explored, Step, explore
from tests.model.merging import Model, without

# what is taken out, by whom the branch is written, what is missed then, and by how short a way
BROKEN = [
    (("lease",), False, "what was on the branch is gone", 8),
    (("head",), False, "the factory did not push this head", 7),
    (("freshness",), False, "another base", 7),
    (("freshness", "lease"), False, "another base", 7),
    (("freeze",), False, "merging is frozen", 16),
    (("stop",), False, "the owner has said stop", 7),
    (("checks",), False, "the checks on the candidate are not green", 4),
    (("target",), False, "asks for another branch", 7),
    (("looks",), False, "what has landed is judged again", 11),
    (("compares",), True, "a tree that nobody judged is on the branch", 10),
]


def walked(model: Model) -> Explored:
    return explore(model.start(), model.steps, at_rest=model.at_rest)


def test_every_tree_on_the_branch_has_a_green_verdict_in_every_interleaving() -> None:
    """And nothing lands twice, nothing that was there is gone, and from every state there is a way
    on, or to a person."""
    found = walked(Model())
    print(found.states, "states,", found.steps, "steps")
    assert (found.broken, found.trace) == ("", ())
    assert found.states > 30_000


def test_where_only_the_forges_merge_may_write_another_tree_freezes_in_every_interleaving() -> None:
    found = walked(Model(by_api=True))
    print(found.states, "states,", found.steps, "steps")
    assert (found.broken, found.trace) == ("", ())
    assert found.states > 30_000


@pytest.mark.parametrize(
    ("taken_out", "by_api", "missed", "length"), BROKEN, ids=["+".join(one[0]) for one in BROKEN]
)
def test_each_guard_that_is_taken_out_is_missed_by_a_shortest_way(
    taken_out, by_api, missed, length
) -> None:
    found = walked(Model(without(*taken_out), by_api=by_api))
    assert missed in found.broken, found
    assert len(found.trace) == length, found.trace


def test_a_walk_names_the_state_from_which_nothing_leads_on() -> None:
    """The explorer itself: 1 and 2 lead to each other, 0 to them and to 3, and only 3 is at
    rest."""
    ways = {0: (1, 3), 1: (2,), 2: (1,), 3: ()}
    found = explore(
        0,
        lambda here: [Step(f"to {there}", there, True) for there in ways[here]],
        at_rest=lambda here: here == 3,
    )
    assert (found.states, found.trace) == (4, ("to 1",))


def test_a_walk_finds_a_shortest_way_to_what_is_broken() -> None:
    def steps(here):
        return [
            Step("one", here + 1, True, breaks="seven" if here == 6 else ""),
            Step("two", here + 2, True),
        ]

    assert explore(0, steps, at_rest=lambda here: True).trace == ("two", "two", "two", "one")


if __name__ == "__main__":
    for way, by_api in (("by push", False), ("by the forge's merge", True)):
        told = walked(Model(by_api=by_api))
        print(f"{way}: {told.states} states, {told.steps} steps, {told.broken or 'nothing broken'}")
