"""docs/seal.md names what each form of sandbox cannot hold in the words that verdicts use, all of
them and no other."""

from harness.domain.sandbox import Form
from harness.programs.sandbox import forms
from tests.docs.pages import ROOT
from tests.redteam.validators.knowing import (
    MARKS_IN_A_PAGE,
    MARKS_IN_A_REQUEST,
    MARKS_OF_A_CLICK,
)

PAGE = " ".join((ROOT / "docs" / "seal.md").read_text("utf-8").split())
_, _, SECTION = PAGE.partition("## What each form of sandbox cannot hold")
SECTION, _, _ = SECTION.partition("## What no sandbox holds")


def test_every_limit_that_a_verdict_may_name_is_on_the_page() -> None:
    nothing = frozenset[str]()
    named = {limit for form in Form for limit in forms.unheld(form, nothing)} | {
        forms.PIDS,
        forms.CALLS,
    }
    assert {limit for limit in named if f'"{limit}"' not in SECTION} == set()


def test_the_page_names_no_limit_that_does_not_exist() -> None:
    quoted = SECTION.split('"')[1::2]
    every = {
        *forms.UNSEALED,
        *forms.LANDLOCKED,
        forms.DISK,
        forms.MEMORY,
        forms.PIDS,
        forms.PIDS_SHARED,
        forms.CALLS,
    }
    assert set(quoted) <= every


def test_the_page_and_the_changelog_count_the_marks_that_one_visitor_has() -> None:
    # Besides the tables: what a click on the screen tells, and whether the icon is asked for.
    count = sum(map(len, (MARKS_IN_A_PAGE, MARKS_IN_A_REQUEST, MARKS_OF_A_CLICK))) + 2
    assert f"Each of {count} marks of an automated browser" in PAGE
    assert f"{count} marks of an automated browser" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_table_says_of_each_form_what_it_lacks_where_the_kernel_helps() -> None:
    for form in (Form.BWRAP_ROOT, Form.BWRAP_USERNS, Form.LANDLOCK):
        kinds = [
            limit.partition(":")[0] for limit in forms.unheld(form, frozenset({"memory", "pids"}))
        ]
        (row,) = [line for line in SECTION.split("| `")[1:] if line.startswith(f"{form}`")]
        assert row.split("|")[2].strip() == ", ".join(kinds)
