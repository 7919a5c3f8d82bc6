"""What a later commit does to a landing is read from lines and objects, and from no word."""

from harness.domain.landing import Outcome
from harness.domain.trust.later import PathChange, act_on

A, B, C, D = "a", "b", "c", "d"
LANDED = {b"app.py": PathChange(A, B, added=(b"new = 1", b"}"), removed=(b"old = 1",))}


def later(**given):
    return {b"app.py": PathChange(**{"before": B, "after": C, **given})}


def test_the_same_object_as_before_is_a_revert() -> None:
    assert act_on(LANDED, later(after=A)) is Outcome.REVERTED


def test_the_inverse_lines_are_a_revert_even_where_others_changed_the_file_since() -> None:
    undone = later(added=(b"old = 1",), removed=(b"}", b"new = 1"))
    assert act_on(LANDED, undone) is Outcome.REVERTED


def test_half_a_revert_amends() -> None:
    two = {**LANDED, b"b.py": PathChange(None, D, added=(b"x = 2",))}
    assert act_on(two, later(after=A, removed=(b"new = 1",))) is Outcome.AMENDED
    whole = {**later(after=A), b"b.py": PathChange(D, None, removed=(b"x = 2",))}
    assert act_on(two, whole) is Outcome.REVERTED


def test_to_take_a_landed_line_out_amends_and_to_work_beside_it_does_not() -> None:
    assert act_on(LANDED, later(removed=(b"new = 1",), added=(b"new = 2",))) is Outcome.AMENDED
    assert act_on(LANDED, later(removed=(b"other = 1",), added=(b"old = 1",))) is None
    assert act_on(LANDED, later(removed=(b"}", b"  "))) is None
    assert act_on(LANDED, {b"else.py": PathChange(A, B, removed=(b"new = 1",))}) is None


def test_what_nobody_could_read_amends() -> None:
    picture = {b"app.py": PathChange(A, B, readable=False)}
    assert act_on(picture, later()) is Outcome.AMENDED
    assert act_on(picture, later(after=A)) is Outcome.REVERTED
    assert act_on(LANDED, later(readable=False)) is Outcome.AMENDED


def test_a_landing_that_changed_nothing_is_taken_back_by_nothing() -> None:
    assert act_on({}, later(after=A)) is None


def test_what_only_took_lines_out_is_taken_back_by_them() -> None:
    shorter = {b"app.py": PathChange(A, B, removed=(b"old = 1",))}
    assert act_on(shorter, later(added=(b"old = 1",))) is Outcome.REVERTED


def test_a_line_of_letters_is_more_than_space_and_one_of_controls_is_not() -> None:
    for line, found in ((b"\x80", Outcome.AMENDED), (b"\x7f", None), (b" \t", None)):
        landed = {b"app.py": PathChange(A, B, added=(line, b"x"))}
        assert act_on(landed, later(removed=(line,))) is found
