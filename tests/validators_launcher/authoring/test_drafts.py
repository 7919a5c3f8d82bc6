"""What an author under a stranger's orders sends in: bounded, read again outside, compared by
meaning, and never passed on."""

import json
from pathlib import Path

import pytest

from tests.validators.runs import performed_runs, sealed
from tests.validators_launcher import seaside
from validators.authoring.author_client import _read
from validators.authoring.authoring import _refusal
from validators.authoring.drafts import (
    SAME_MEANING,
    SAME_NAME,
    UNPROVED_GUARD,
    Draft,
    _why_not_proved,
    deduplicated,
    draft,
)
from validators.domain.journeys.meaning import meaning
from validators.domain.stops import Inconclusive
from validators.domain.verdict import Proof, Purpose
from validators.language.reader import read
from validators.roles.author import MAX_CHARACTERS, MAX_JOURNEYS

VACUOUS = """journey: always-passes
promise: issue
steps:
  - open: /
expect:
  - absent: {text: "no such words"}
"""
NAMED = seaside.JOURNEY.replace("book-a-large-group", "edit-harness-factory-implement-py")
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n" + seaside.JOURNEY


def drafted(*texts: str, kind: str = "bug") -> tuple[Draft, ...]:
    return deduplicated(draft(text, passes=False, kind=kind, clock_env=None) for text in texts)


@pytest.mark.parametrize(
    "text",
    [
        VACUOUS,
        BOMB,
        "!!python/object/apply:os.system [id]",
        "[" * MAX_CHARACTERS,
        "",
        "\x00",
        "canary: 0123456789abcdef0123456789abcdef\n" + seaside.JOURNEY,
        seaside.JOURNEY.replace("open: /", "open: https://example.org/"),
        seaside.JOURNEY + "script: alert(1)\n",
        seaside.JOURNEY.split("twin:")[0],
        seaside.JOURNEY + "---\n" + seaside.JOURNEY,
    ],
    ids=[
        "vacuous",
        "bomb",
        "tag",
        "nested",
        "empty",
        "nul",
        "canary",
        "elsewhere",
        "script",
        "no twin",
        "two documents",
    ],
)
def test_what_proves_nothing_or_is_no_journey_is_refused_before_anything_performs_it(
    text: str,
) -> None:
    (one,) = drafted(text)
    assert (one.holds, one.journey) == (False, None)
    assert one.why


def test_the_refusal_that_leaves_has_no_word_of_a_journey_in_it() -> None:
    """The issue's text may tell the author to put a journey into its name: names and complaints
    stay in the store."""
    for one in drafted(VACUOUS, NAMED, BOMB):
        refusal = _refusal(
            [
                one
                if not one.holds
                else Draft(one.yaml, one.purpose, one.text, one.journey, "it passes on base")
            ]
        )
        assert not any(
            word in refusal for word in ("always", "harness", "implement", "absent", "book", "line")
        )


def test_journeys_that_mean_the_same_are_one_whatever_they_are_called() -> None:
    same = [
        seaside.JOURNEY.replace("book-a-large-group", "again"),
        seaside.JOURNEY.replace("{{ any.int(6, 8) }}", "{{any.int( 6,8 )}}").replace(
            "book-a-large-group", "spaces"
        ),
        "# a comment\n"
        + seaside.JOURNEY.replace("book-a-large-group", "comment").replace("M-BOOK", "issue"),
        seaside.JOURNEY.replace("book-a-large-group", "never").replace(
            "{text: Traceback}", "{console: error}"
        ),
        seaside.JOURNEY.replace("book-a-large-group", "twin").replace(
            "Booked for 9", "Booked for 12"
        ),
    ]
    first, *others = drafted(seaside.JOURNEY, *same)
    assert first.holds
    assert [one.why for one in others] == [SAME_MEANING] * len(same)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("any.int(6, 8)", "any.int(7, 8)"),
        ("Booked for {{", "Booked by {{"),
        ("button: Book", "button: Save"),
        ("open: /", "open: /x"),
    ],
)
def test_another_step_value_or_expectation_is_another_journey(old: str, new: str) -> None:
    assert meaning(read(seaside.JOURNEY)) != meaning(read(seaside.JOURNEY.replace(old, new)))


def test_two_of_one_name_are_not_sealed_together_and_none_that_held_before_comes_again() -> None:
    other = seaside.JOURNEY.replace("any.int(6, 8)", "any.int(7, 8)")
    first, second = drafted(seaside.JOURNEY, other)
    assert (first.why, second.why) == ("", SAME_NAME)
    (again,) = deduplicated(
        [draft(seaside.JOURNEY, passes=False, kind="bug", clock_env=None)], beside=[first]
    )
    assert again.why == SAME_MEANING


@pytest.mark.parametrize(
    ("kind", "passes", "purpose"),
    [
        ("bug", False, Purpose.BUG),
        ("feature", False, Purpose.FEATURE),
        ("bug", True, Purpose.REGRESSION),
        ("chore", False, Purpose.REGRESSION),
        ("chore", True, Purpose.REGRESSION),
    ],
)
def test_what_a_draft_must_show_on_base(kind: str, passes: bool, purpose: Purpose) -> None:
    assert draft(seaside.JOURNEY, passes=passes, kind=kind, clock_env=None).purpose is purpose


@pytest.mark.parametrize(
    ("controls", "why"),
    [
        ({}, ""),
        ({"negative_control": "passes"}, "the control did not fail"),
        ({"negative_control": "absent"}, "the control was not performed"),
        ({"fault": ("missed",) * 5}, "went unnoticed"),
        ({"fault": ("not applicable",) * 5}, "no injected fault applied"),
    ],
    ids=["both noticed", "control passes", "no control", "faults missed", "no fault applies"],
)
def test_a_guard_that_passes_on_base_must_be_able_to_fail_there(controls: dict, why: str) -> None:
    (guard,) = sealed(Proof(True, "green on base"), Purpose.REGRESSION)
    found = _why_not_proved(guard, performed_runs(**controls))
    assert found.startswith(UNPROVED_GUARD if why else "")
    assert why in found
    assert bool(found) == bool(why)


JOURNEYS = {"journeys": [{"yaml": "good", "passes": False}], "reason": "", "declined": False}


def printed(folder: Path, text: str) -> Path:
    file = folder / "author.out"
    file.write_text(text)
    return file


def test_what_a_sandbox_printed_is_parsed_and_nothing_is_assumed(tmp_path: Path) -> None:
    found = _read(printed(tmp_path, json.dumps(JOURNEYS)), most=4)
    assert ([one.yaml for one in found.journeys], found.declined) == (["good"], False)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "[",
        "null",
        "[" * 100_000,
        json.dumps({**JOURNEYS, "journeys": JOURNEYS["journeys"] * 1000}),
        json.dumps({**JOURNEYS, "journeys": JOURNEYS["journeys"] * (MAX_JOURNEYS + 1)}),
        json.dumps(
            {**JOURNEYS, "journeys": [{"yaml": "x" * (MAX_CHARACTERS + 1), "passes": False}]}
        ),
        json.dumps({**JOURNEYS, "journeys": [{"yaml": "x" * 10_000_000, "passes": False}]}),
        json.dumps({**JOURNEYS, "journeys": [{"yaml": 7, "passes": False}]}),
        json.dumps({**JOURNEYS, "journeys": [{"yaml": "good", "passes": "yes"}]}),
        json.dumps({**JOURNEYS, "journeys": ["good"]}),
        json.dumps({"journeys": []}),
    ],
    ids=[
        "nothing",
        "cut",
        "null",
        "deep",
        "thousand",
        "five",
        "long",
        "10 MB",
        "number",
        "word",
        "old form",
        "no reason",
    ],
)
def test_a_sandbox_that_prints_anything_else_has_written_nothing(tmp_path: Path, said: str) -> None:
    with pytest.raises(Inconclusive, match="the author's sandbox printed"):
        _read(printed(tmp_path, said), most=MAX_JOURNEYS)
