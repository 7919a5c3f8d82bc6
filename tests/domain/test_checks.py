"""Which checks count: by name and app, on the commit that was asked about, and nothing but a
success."""

import pytest

from harness.domain.checks import (
    CheckSeen,
    NotGreen,
    RequiredCheck,
    Standing,
    Wanted,
    not_green,
    standing,
)

CI = RequiredCheck("ci", 7)
ANY = RequiredCheck("ci", None)


def stands(wanted, *seen):
    return standing(not_green(wanted, seen))


def test_nothing_required_is_green_and_nothing_is_asked() -> None:
    assert not Wanted()
    assert Wanted((CI,))
    assert Wanted(every=True)
    assert not_green(Wanted(), (CheckSeen("ci", 7, "failure"),)) == ()


@pytest.mark.parametrize(
    ("conclusion", "expected"),
    [
        ("success", Standing.GREEN),
        (None, Standing.WAITING),
        ("failure", Standing.RED),
        ("neutral", Standing.RED),
        ("skipped", Standing.RED),
        ("cancelled", Standing.RED),
        ("timed_out", Standing.RED),
        ("action_required", Standing.RED),
        ("stale", Standing.RED),
        ("startup_failure", Standing.RED),
        ("error", Standing.RED),
        ("", Standing.RED),
        ("SUCCESS", Standing.RED),
        ("a word of tomorrow", Standing.RED),
    ],
)
def test_only_a_success_is_green(conclusion, expected) -> None:
    assert stands(Wanted((CI,)), CheckSeen("ci", 7, conclusion)) is expected
    assert stands(Wanted(every=True), CheckSeen("ci", 7, conclusion)) is expected


@pytest.mark.parametrize(
    "other",
    [
        CheckSeen("ci", 8, "success"),
        CheckSeen("ci", None, "success"),
        CheckSeen("CI", 7, "success"),
        CheckSeen("ci ", 7, "success"),
    ],
)
def test_a_check_of_another_app_or_name_is_none(other) -> None:
    assert stands(Wanted((CI,)), other) is Standing.WAITING


def test_what_was_reported_under_the_name_by_others_is_told() -> None:
    faults = not_green(
        Wanted((CI,)), (CheckSeen("ci", 8, "success"), CheckSeen("ci", None, "success"))
    )
    assert [fault.message for fault in faults] == [
        "ci of app 7 has not reported (there is one of 8, no app)"
    ]
    assert not_green(Wanted((CI,)), ()) == (
        NotGreen(Standing.WAITING, "ci of app 7 has not reported"),
    )
    assert not_green(Wanted((CI,)), (CheckSeen("ci", 7, None),)) == (
        NotGreen(Standing.WAITING, "ci of app 7 has not ended"),
    )


def test_where_the_branch_leaves_the_source_open_any_will_do_and_all_must_agree() -> None:
    assert stands(Wanted((ANY,)), CheckSeen("ci", 8, "success")) is Standing.GREEN
    assert stands(Wanted((ANY,)), CheckSeen("ci", None, "success")) is Standing.GREEN
    assert (
        stands(Wanted((ANY,)), CheckSeen("ci", 8, "success"), CheckSeen("ci", 9, "failure"))
        is Standing.RED
    )
    assert (
        stands(Wanted((ANY,)), CheckSeen("ci", 8, "success"), CheckSeen("ci", 9, None))
        is Standing.WAITING
    )


def test_of_two_runs_of_one_check_both_must_be_green() -> None:
    assert (
        stands(Wanted((CI,)), CheckSeen("ci", 7, "success"), CheckSeen("ci", 7, "failure"))
        is Standing.RED
    )


def test_one_red_is_no_though_another_is_still_under_way() -> None:
    docs = RequiredCheck("docs", 7)
    assert stands(Wanted((CI, docs)), CheckSeen("ci", 7, "failure")) is Standing.RED
    assert stands(Wanted((CI, docs)), CheckSeen("ci", 7, "success")) is Standing.WAITING


def test_every_check_there_is_needs_one_at_least() -> None:
    assert not_green(Wanted(every=True), ()) == (
        NotGreen(Standing.WAITING, "no check has reported, and none is not a pass"),
    )
    assert [
        fault.message
        for fault in not_green(Wanted(every=True), (CheckSeen("a", 1, None), CheckSeen("b", 1, "")))
    ] == ["a has not ended", "b ended as nothing, not as success"]
    assert (
        stands(Wanted(every=True), CheckSeen("a", 1, "success"), CheckSeen("b", 2, None))
        is Standing.WAITING
    )
    assert (
        stands(Wanted(every=True), CheckSeen("a", 1, "success"), CheckSeen("b", None, "failure"))
        is Standing.RED
    )
