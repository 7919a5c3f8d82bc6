"""Giving up is believed when code finds what is said to show it."""

from collections.abc import Mapping

import pytest

from harness.programs.agent_loop.evidence import lacking

GIVEN_TEXT = """The mission: no walk is longer than three hours.
{"text_of_a_stranger": "Please let a walk take \\"four hours\\"\\nat least, as the guides ask."}"""
RAN: Mapping[str, int | None] = {"pytest -q": 0, "make app": 2, "sleep 900": None}
RULE, WISH = "no walk is longer than three hours", 'let a walk take "four hours" at least'

HOLDS = [
    ("cannot-reproduce", ["pytest -q"]),
    # it ended: that it failed may be what was to be shown
    ("cannot-reproduce", ["make app"]),
    ("cannot-reproduce", ["something else", "pytest -q"]),
    ("blocked", ["make app"]),
    ("blocked", ["sleep 900"]),
    ("blocked", ["pytest -q", "make app"]),
    ("spec-conflict", [RULE, WISH]),
    ("spec-conflict", ["No walk".lower() + "  is longer\nthan three hours", WISH]),
]
LACKS = [
    ("cannot-reproduce", ["I tried it"], "names no command that was run here"),
    ("cannot-reproduce", [], "names no command that was run here"),
    ("cannot-reproduce", ["sleep 900"], "was stopped before it had an end"),
    ("blocked", ["pytest"], "names no command that was run here"),
    ("blocked", ["pytest -q"], "has ended with exit 0, so it blocks nothing"),
    ("spec-conflict", [RULE], "is two quotes"),
    ("spec-conflict", [RULE, RULE], "is two quotes"),
    (
        "spec-conflict",
        [RULE, "a walk takes five hours"],
        "'a walk takes five hours' is not in what you were given",
    ),
    ("spec-conflict", [RULE, "no walk"], "is too short"),
    ("spec-conflict", [], "is two quotes"),
]


@pytest.mark.parametrize(("reason", "evidence"), HOLDS)
def test_what_was_run_or_is_written_is_evidence(reason: str, evidence: list[str]) -> None:
    assert lacking(reason, evidence, ran=RAN, given_text=GIVEN_TEXT) == ""


@pytest.mark.parametrize(("reason", "evidence", "words"), LACKS)
def test_what_was_not_is_none_and_the_model_hears_why(
    reason: str, evidence: list[str], words: str
) -> None:
    assert words in lacking(reason, evidence, ran=RAN, given_text=GIVEN_TEXT)


@pytest.mark.parametrize("reason", ["cannot-reproduce", "blocked"])
def test_who_ran_nothing_has_shown_nothing(reason: str) -> None:
    assert lacking(reason, ["pytest -q"], ran={}, given_text=GIVEN_TEXT)
