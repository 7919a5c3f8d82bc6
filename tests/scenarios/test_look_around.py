"""After the demo: what a stranger does next, as the README has it."""

from tests.scenarios.conftest import factory


def test_an_issue_is_thought_through_and_what_it_leaves_open_is_named(copy) -> None:
    said = factory(copy, "plan", "7")
    assert said.code == 1, said.out + said.err
    for words in (
        "accepted by M-BOOK",
        "step 2 ",
        "Should the page of a booking say it, too?",
        "Not clear yet.",
    ):
        assert words in said.out
    assert "CUT SHORT" not in said.out


def test_an_issue_that_is_not_there_is_said_not_to_be(copy) -> None:
    said = factory(copy, "plan", "99")
    assert (said.code, said.err.strip().splitlines()[-1]) == (
        2,
        "factory: there is no issue #99 on the forge; `factory status` lists the known ones",
    )
