"""What of a reviewer's findings counts: words that are in the change, at the line where they really
stand, each once."""

import json

import pytest

from harness.domain.governance import Sight
from harness.governance.votes.hunks import hunks
from harness.governance.votes.review import (
    Remark,
    Severity,
    lens_findings,
    review_schema,
    rows_shown,
    together,
)
from harness.governance.votes.view import VoterView

BEFORE = (
    "def places(walk):",
    "    taken = booked(walk)",
    "    return walk.size - taken",
    "",
    "def note():",
    "    return ''",
)
AFTER = (
    "def places(walk):",
    "    taken = booked(walk)",
    "    if walk.size == 8:",
    "        return 8",
    "    return walk.size - taken",
    "",
    "def note():",
    "    return ''",
)
THERE = ("store.py", "page.html", "tests/test_store.py")


def view(before=BEFORE, after=AFTER, file="store.py") -> VoterView:
    rows = [row for hunk in hunks(before, after) for row in hunk]
    difference = json.dumps({"file": file, "change": "modified", "lines": rows})
    return VoterView(((Sight.ISSUE, "{}"), (Sight.DIFF, difference)), {file: after})


ROWS = rows_shown(view())


def finding(
    quote="    if walk.size == 8:",
    *,
    line=3,
    file="store.py",
    severity="major",
    message="It is right for eight only.",
    companion="",
) -> dict:
    return {
        "severity": severity,
        "file": file,
        "line": line,
        "quote": quote,
        "says": message,
        "companion": companion,
    }


def answer(*findings: dict, can_tell=True, reason="I looked.") -> dict:
    return {"can_tell": can_tell, "findings": list(findings), "reason": reason}


def test_only_the_difference_is_what_was_shown_to_be_quoted() -> None:
    assert set(ROWS) == {"store.py"}
    assert [row for row in ROWS["store.py"] if row[1] == "+"] == [
        (3, "+", "    if walk.size == 8:"),
        (4, "+", "        return 8"),
    ]


@pytest.mark.parametrize(
    ("claimed", "at"),
    [
        (finding(), 3),
        (finding(line=99), 3),
        (finding("if walk.size == 8:"), 3),
        (finding("    taken = booked(walk)"), 2),
        (finding("    if walk.size == 8:\n        return 8"), 3),
    ],
)
def test_a_finding_stands_at_the_line_where_its_words_are(claimed, at) -> None:
    found = lens_findings("correctness", answer(claimed), rows=ROWS, there=THERE)
    assert [(one.line, one.lenses) for one in found.found] == [(at, ("correctness",))]
    assert found.dropped == ()


@pytest.mark.parametrize(
    ("claimed", "why"),
    [
        (finding("    if walk.size == 9:"), "its quote is not in the change to 'store.py'"),
        (finding("walk.size"), "its quote is not in the change to 'store.py'"),
        (finding(file="page.html"), "'page.html' is not in the change"),
        (finding(file="../../etc/passwd"), "'../../etc/passwd' is not in the change"),
        (finding(""), "too short"),
        (finding("  }"), "too short"),
        (finding(message="  "), "it has no words"),
        (
            finding(companion="nowhere.py"),
            "'nowhere.py' is no file that was left out of the change",
        ),
        (finding(companion="store.py"), "'store.py' is no file that was left out of the change"),
    ],
)
def test_a_finding_without_words_that_are_there_is_dropped_and_reported(claimed, why) -> None:
    found = lens_findings("scope", answer(claimed, finding()), rows=ROWS, there=THERE)
    assert len(found.found) == 1
    assert len(found.dropped) == 1
    assert why in found.dropped[0]


def test_of_two_places_the_nearer_one_is_meant() -> None:
    rows = rows_shown(view((), ("total = 1",) * 9))
    assert [
        one.line
        for one in lens_findings(
            "tests", answer(finding("total = 1", line=7)), rows=rows, there=THERE
        ).found
    ] == [7]


def test_a_line_that_is_gone_can_be_quoted_and_stands_where_the_next_one_is() -> None:
    rows = rows_shown(view(AFTER, BEFORE))
    assert [
        one.line
        for one in lens_findings("correctness", answer(finding()), rows=rows, there=THERE).found
    ] == [3]


def test_a_line_can_be_quoted_across_lines_that_are_gone() -> None:
    rows = rows_shown(view(("first = 1", "old = 2", "last = 3"), ("first = 1", "last = 3")))
    assert (
        lens_findings("correctness", answer(finding("first = 1\nlast = 3")), rows=rows, there=THERE)
        .found[0]
        .line
        == 1
    )


def test_a_companion_that_is_there_and_was_left_out_is_kept() -> None:
    (found,) = lens_findings(
        "companions", answer(finding(companion="page.html")), rows=ROWS, there=THERE
    ).found
    assert found.companion == "page.html"


def test_who_cannot_tell_abstains_whatever_else_is_said() -> None:
    found = lens_findings(
        "security",
        answer(finding(), can_tell=False, reason="The caller is not shown."),
        rows=ROWS,
        there=THERE,
    )
    assert (found.found, found.abstains) == ((), "The caller is not shown.")
    assert lens_findings(
        "security", answer(can_tell=False, reason=""), rows=ROWS, there=THERE
    ).abstains


def remark(
    lens="correctness",
    line=3,
    message="It is right for eight only.",
    severity=Severity.MAJOR,
    file="store.py",
    companion="",
) -> Remark:
    return Remark((lens,), severity, file, line, "if walk.size == 8:", message, companion)


def test_what_two_lenses_saw_is_said_once_as_grave_as_the_graver_holds_it() -> None:
    (found,) = together(
        [
            remark(),
            remark(
                "scope", line=4, message="Right only for eight places.", severity=Severity.BLOCKER
            ),
        ]
    )
    assert (found.severity, found.lenses) == (Severity.BLOCKER, ("scope", "correctness"))


@pytest.mark.parametrize(
    "other",
    [
        remark("scope", line=7),
        remark("scope", file="page.html"),
        remark("scope", message="This opens a path to any file on the disk."),
    ],
)
def test_what_is_elsewhere_or_something_else_stays_a_finding_of_its_own(other) -> None:
    assert len(together([remark(), other])) == 2


def test_two_companions_are_two_findings() -> None:
    assert (
        len(together([remark(companion="page.html"), remark(companion="tests/test_store.py")])) == 2
    )


def test_the_gravest_comes_first() -> None:
    found = together(
        [
            remark(severity=Severity.MINOR),
            remark(file="a.py", severity=Severity.MAJOR),
            remark(file="z.py", severity=Severity.BLOCKER),
        ]
    )
    assert [one.severity for one in found] == [Severity.BLOCKER, Severity.MAJOR, Severity.MINOR]
    assert [one.severity.reaches(Severity.MAJOR) for one in found] == [True, True, False]


def test_the_form_is_closed_and_has_no_word_for_an_approval() -> None:
    schema = review_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["findings"]["items"]["additionalProperties"] is False
    assert "approve" not in json.dumps(schema)
