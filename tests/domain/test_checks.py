"""Which checks count: by name and app, on the commit that was asked about, and nothing but a
success."""

import pytest

from harness.domain.checks import (
    CheckRequirements,
    ChecksStatus,
    NotGreen,
    ReportedCheck,
    RequiredCheck,
    checks_status,
    failed,
    not_green,
)

CI = RequiredCheck("ci", 7)
ANY = RequiredCheck("ci", None)


def stands(wanted, *seen):
    return checks_status(not_green(wanted, seen))


def test_nothing_required_is_green_and_nothing_is_asked() -> None:
    assert not CheckRequirements()
    assert CheckRequirements((CI,))
    assert CheckRequirements(every=True)
    assert not_green(CheckRequirements(), (ReportedCheck("ci", 7, "failure"),)) == ()


@pytest.mark.parametrize(
    ("conclusion", "expected"),
    [
        ("success", ChecksStatus.GREEN),
        (None, ChecksStatus.WAITING),
        ("failure", ChecksStatus.RED),
        ("neutral", ChecksStatus.RED),
        ("skipped", ChecksStatus.RED),
        ("cancelled", ChecksStatus.RED),
        ("timed_out", ChecksStatus.RED),
        ("action_required", ChecksStatus.RED),
        ("stale", ChecksStatus.RED),
        ("startup_failure", ChecksStatus.RED),
        ("error", ChecksStatus.RED),
        ("", ChecksStatus.RED),
        ("SUCCESS", ChecksStatus.RED),
        ("a word of tomorrow", ChecksStatus.RED),
    ],
)
def test_only_a_success_is_green(conclusion, expected) -> None:
    assert stands(CheckRequirements((CI,)), ReportedCheck("ci", 7, conclusion)) is expected
    assert stands(CheckRequirements(every=True), ReportedCheck("ci", 7, conclusion)) is expected


@pytest.mark.parametrize(
    "other",
    [
        ReportedCheck("ci", 8, "success"),
        ReportedCheck("ci", None, "success"),
        ReportedCheck("CI", 7, "success"),
        ReportedCheck("ci ", 7, "success"),
    ],
)
def test_a_check_of_another_app_or_name_is_none(other) -> None:
    assert stands(CheckRequirements((CI,)), other) is ChecksStatus.WAITING


def test_what_others_reported_under_the_name_is_listed() -> None:
    faults = not_green(
        CheckRequirements((CI,)),
        (ReportedCheck("ci", 8, "success"), ReportedCheck("ci", None, "success")),
    )
    assert [fault.message for fault in faults] == [
        "ci of app 7 has not reported (there is one of 8, no app)"
    ]
    assert not_green(CheckRequirements((CI,)), ()) == (
        NotGreen(ChecksStatus.WAITING, "ci of app 7 has not reported"),
    )
    assert not_green(CheckRequirements((CI,)), (ReportedCheck("ci", 7, None),)) == (
        NotGreen(ChecksStatus.WAITING, "ci of app 7 has not ended"),
    )


def test_where_the_branch_leaves_the_source_open_any_will_do_and_all_must_agree() -> None:
    assert (
        stands(CheckRequirements((ANY,)), ReportedCheck("ci", 8, "success")) is ChecksStatus.GREEN
    )
    assert (
        stands(CheckRequirements((ANY,)), ReportedCheck("ci", None, "success"))
        is ChecksStatus.GREEN
    )
    assert (
        stands(
            CheckRequirements((ANY,)),
            ReportedCheck("ci", 8, "success"),
            ReportedCheck("ci", 9, "failure"),
        )
        is ChecksStatus.RED
    )
    assert (
        stands(
            CheckRequirements((ANY,)),
            ReportedCheck("ci", 8, "success"),
            ReportedCheck("ci", 9, None),
        )
        is ChecksStatus.WAITING
    )


def test_of_two_runs_of_one_check_both_must_be_green() -> None:
    assert (
        stands(
            CheckRequirements((CI,)),
            ReportedCheck("ci", 7, "success"),
            ReportedCheck("ci", 7, "failure"),
        )
        is ChecksStatus.RED
    )


def test_one_red_is_no_though_another_is_still_under_way() -> None:
    docs = RequiredCheck("docs", 7)
    assert (
        stands(CheckRequirements((CI, docs)), ReportedCheck("ci", 7, "failure")) is ChecksStatus.RED
    )
    assert (
        stands(CheckRequirements((CI, docs)), ReportedCheck("ci", 7, "success"))
        is ChecksStatus.WAITING
    )


def test_every_check_there_is_needs_one_at_least() -> None:
    assert not_green(CheckRequirements(every=True), ()) == (
        NotGreen(ChecksStatus.WAITING, "no check has reported, and none is not a pass"),
    )
    assert [
        fault.message
        for fault in not_green(
            CheckRequirements(every=True), (ReportedCheck("a", 1, None), ReportedCheck("b", 1, ""))
        )
    ] == ["a has not ended", "b ended as nothing, not as success"]
    assert (
        stands(
            CheckRequirements(every=True),
            ReportedCheck("a", 1, "success"),
            ReportedCheck("b", 2, None),
        )
        is ChecksStatus.WAITING
    )
    assert (
        stands(
            CheckRequirements(every=True),
            ReportedCheck("a", 1, "success"),
            ReportedCheck("b", None, "failure"),
        )
        is ChecksStatus.RED
    )


RED, NEUTRAL = ReportedCheck("ci", 7, "failure"), ReportedCheck("ci", 7, "neutral")
OTHERS = ReportedCheck("docs", 7, "failure")


@pytest.mark.parametrize(
    ("wanted", "there", "found"),
    [
        (CheckRequirements((CI,)), (RED, OTHERS), (RED,)),
        (CheckRequirements((ANY,)), (RED, OTHERS), (RED,)),
        (CheckRequirements((RequiredCheck("ci", 8),)), (RED,), ()),
        (CheckRequirements(every=True), (RED, OTHERS), (RED, OTHERS)),
        (CheckRequirements((CI,)), (ReportedCheck("ci", 7, "success"),), ()),
        (CheckRequirements((CI,)), (ReportedCheck("ci", 7, None),), ()),
        (CheckRequirements(every=True), (RED, NEUTRAL), ()),
        (CheckRequirements(), (RED,), ()),
    ],
)
def test_what_ended_red_tells_of_the_change_only_where_all_of_it_does(wanted, there, found) -> None:
    assert failed(wanted, there) == found
