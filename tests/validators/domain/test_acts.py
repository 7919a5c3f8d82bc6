"""What an actor may ask for is a closed set, and its acts become a journey that states no
more than its persona."""

from __future__ import annotations

import json
from typing import Any

import pytest

from validators.domain.errors import DocumentInvalid
from validators.domain.evidence import (
    Breach,
    ExpectationOutcome,
    Identity,
    RunEvidence,
    RunId,
    StepOutcome,
    Trouble,
)
from validators.domain.exploring.acts import PARTS, Act, ActKind, Aspect, read_act
from validators.domain.exploring.exploration import (
    Ending,
    Made,
    NotAJourney,
    Transcript,
    compiled,
    journey_name,
    read_transcript,
    transcript_json,
)
from validators.domain.exploring.explored import (
    Exploration,
    Explored,
    GoalOutcome,
    explored,
    with_exploration,
)
from validators.domain.exploring.persona import Persona
from validators.domain.journeys.spot import Spot
from validators.domain.verdict import Finding, Outcome, Symptom, Verdict
from validators.language.check import checked

PERSONA = Persona("guest", "a guest", "book a walk", "M-BOOK", shown=("Name",), kept_at="/bookings")
ONE_OF_EACH = {
    "path": "/walks?day=1", "ref": "e12", "text": "Ada Holt", "key": "Enter", "aspect": "words", "part": 2,
}  # fmt: skip


def made(
    kind: ActKind, text: str = "", spot: Spot | None = None, trouble: Trouble | None = None
) -> Made:
    return Made(Act(kind, "e1" if spot else "", text), spot, trouble)


NAME = Spot(label="Name")
BOOKED = (
    made(ActKind.FILL, "Ada Holt", NAME),
    made(ActKind.CLICK, spot=Spot(role="button", name="Book")),
    made(ActKind.DONE),
)
DONE = Transcript("guest", BOOKED, Ending.DONE, shown=("Name",))


@pytest.mark.parametrize("kind", ActKind)
def test_each_act_of_the_set_is_read_with_all_of_its_parts_and_no_other(kind: ActKind) -> None:
    line = {"act": kind, **{part: ONE_OF_EACH[part] for part in PARTS[kind]}}
    assert read_act(json.dumps(line)).kind is kind
    for part in PARTS[kind]:
        with pytest.raises(DocumentInvalid):
            read_act(json.dumps({key: value for key, value in line.items() if key != part}))
    with pytest.raises(DocumentInvalid, match="unknown key"):
        read_act(json.dumps({**line, "verdict": "passed"}))


@pytest.mark.parametrize(
    "line",
    [
        {"act": "evaluate", "text": "fetch('/admin')"},
        {"act": "open", "path": "http://127.0.0.1:22/"},
        {"act": "open", "path": "//example.org/"},
        {"act": "open", "path": "/\\example.org"},
        {"act": "open", "path": "file:///etc/passwd"},
        {"act": "open", "path": "/a b"},
        {"act": "click", "ref": "e5 >> visible=true"},
        {"act": "click", "ref": "f1e2"},
        {"act": "click", "ref": "css=button"},
        {"act": "click", "ref": 5},
        {"act": "press", "key": "Control+w"},
        {"act": "fill", "ref": "e5", "text": "two\nlines"},
        {"act": "fill", "ref": "e5", "text": "a\u2028b"},
        {"act": "fill", "ref": "e5", "text": "x" * 501},
        {"act": "fill", "ref": "e5", "text": "\u202egnidaol"},
        {"act": "look", "aspect": "source", "part": 1},
        {"act": "look", "aspect": "words", "part": True},
        {"act": "passed"},
        {"ref": "e5"},
        ["click", "e5"],
        "passed",
        None,
        7,
    ],
)
def test_what_is_not_in_the_set_is_refused(line: Any) -> None:
    with pytest.raises(DocumentInvalid):
        read_act(json.dumps(line))


@pytest.mark.parametrize(
    "line", ["", "\x00", "{", '{"act": "done"}{"act": "done"}', " " * 9_000 + '{"act": "done"}']
)
def test_a_line_that_is_not_one_document_is_refused(line: str) -> None:
    with pytest.raises(DocumentInvalid):
        read_act(line)


def test_a_transcript_becomes_a_journey_that_expects_what_the_persona_demands_and_can_fail() -> (
    None
):
    journey = checked(compiled(PERSONA, DONE))
    assert (journey.name, journey.promise) == ("persona-guest", "M-BOOK")
    assert [type(step).__name__ for step in journey.steps] == ["Open", "Fill", "Click"]
    assert [str(block.vantage) for block in journey.expect] == ["here", "other_session"]
    assert journey.negative_control is not None


@pytest.mark.parametrize(
    ("spot", "expected"),
    [
        (
            Spot(role="button", name="Cancel", within=Spot(role="row", words="Ada")),
            '{"button": "Cancel", "in": {"row": "Ada"}}',
        ),
        (Spot(role="menuitem", name='He said "no" \\'), '{"menuitem": "He said \\"no\\" \\\\"}'),
        (Spot(role="slider", name="Depth"), '{"role": "slider", "name": "Depth"}'),
        (
            Spot(role="button", within=Spot(role="dialog", name="Sure")),
            '{"role": "button", "in": {"role": "dialog", "name": "Sure"}}',
        ),
        (Spot(role="link", name="- x: {a}\u00e9 #"), '{"link": "- x: {a}\u00e9 #"}'),
    ],
)
def test_an_element_is_named_in_the_journey_as_it_was_found(spot: Spot, expected: str) -> None:
    text = compiled(
        PERSONA, Transcript("guest", (BOOKED[0], made(ActKind.CLICK, spot=spot)), Ending.DONE)
    )
    assert f'  - {{"click": {expected}}}' in text
    checked(text)


def test_what_was_not_done_is_not_repeated() -> None:
    pays = made(ActKind.CLICK, spot=Spot(role="button", name="Pay"), trouble=Trouble.NOT_ACTIONABLE)
    acts = (*BOOKED[:1], pays, made(ActKind.RELOAD))
    text = compiled(PERSONA, Transcript("guest", acts, Ending.GAVE_UP))
    assert "Pay" not in text
    assert [type(step).__name__ for step in checked(text).steps] == ["Open", "Fill", "Reload"]


@pytest.mark.parametrize(
    ("acts", "why"),
    [
        ((made(ActKind.DONE),), "nothing was put in under 'Name'"),
        ((made(ActKind.FILL, "", NAME),), "nothing was put in under 'Name'"),
        ((made(ActKind.FILL, "Ada", NAME, Trouble.MISSING),), "nothing was put in under 'Name'"),
        ((made(ActKind.FILL, "{{ any.name }}", NAME),), "holds {{ or }}"),
        (
            (
                made(ActKind.FILL, "Ada", NAME),
                made(ActKind.CLICK, spot=Spot(role="link", name="}} twin: x")),
            ),
            "holds {{ or }}",
        ),
        (
            (
                made(ActKind.FILL, "Ada", NAME),
                made(ActKind.CLICK, spot=Spot(role="link", name="a\u2029b")),
            ),
            "cannot be written",
        ),
    ],
)
def test_a_transcript_that_no_journey_can_express_is_refused_with_the_reason(
    acts: tuple[Made, ...], why: str
) -> None:
    with pytest.raises(NotAJourney, match=why):
        compiled(PERSONA, Transcript("guest", acts, Ending.DONE))


def test_a_transcript_is_read_as_it_was_written_and_strictly() -> None:
    deep = Spot(role="button", within=Spot(role="row", words="Ada"))
    transcript = Transcript(
        "guest",
        (*BOOKED, made(ActKind.CLICK, spot=deep, trouble=Trouble.AMBIGUOUS)),
        Ending.GAVE_UP,
        (),
        3,
        99,
    )
    assert read_transcript(transcript_json(transcript)) == transcript
    document = json.loads(transcript_json(transcript))
    for changed in (
        {"outcome": "passed"},
        {"ending": "satisfied"},
        {"acts": [{}]},
        {"tokens": True},
    ):
        with pytest.raises(DocumentInvalid):
            read_transcript(json.dumps({**document, **changed}))


def run(
    identity: Identity, *, passed: bool = True, breach: bool = False, ready: bool = True
) -> RunEvidence:
    return RunEvidence(
        RunId("persona-guest", identity), app_ready=ready, complete=True,
        steps=(StepOutcome(0, 1, "open", passed=True),),
        expectations=(ExpectationOutcome(0, 1, "text", "other_session", passed=passed),),
        breaches=(Breach("http_status", 1),) if breach else (),
    )  # fmt: skip


def both(**facts: bool) -> tuple[RunEvidence, ...]:
    return tuple(run(identity, **facts) for identity in Identity)


UNSHOWN = Transcript("guest", BOOKED, Ending.DONE)
ABANDONED = Transcript("guest", BOOKED, Ending.GAVE_UP, shown=("Name",))


@pytest.mark.parametrize(
    ("transcript", "runs", "standing"),
    [
        (DONE, both(), GoalOutcome.SATISFIED),
        (UNSHOWN, both(), GoalOutcome.SATISFIED),
        (ABANDONED, both(), GoalOutcome.UNSATISFIED),
        (DONE, both(passed=False), GoalOutcome.FAILED),
        (
            UNSHOWN,
            both(passed=False),
            GoalOutcome.UNSATISFIED,
        ),  # it may have typed what an app is right to refuse
        (ABANDONED, both(passed=False), GoalOutcome.UNSATISFIED),
        (ABANDONED, both(passed=False, breach=True), GoalOutcome.FAILED),
        (DONE, (run(Identity.PLAIN), run(Identity.MASKED, passed=False)), GoalOutcome.UNSATISFIED),
        (DONE, both(ready=False), GoalOutcome.UNSATISFIED),
        (DONE, (run(Identity.PLAIN),), GoalOutcome.UNSATISFIED),
        (DONE, (run(Identity.PLAIN), run(Identity.PLAIN)), GoalOutcome.UNSATISFIED),
        (DONE, (), GoalOutcome.UNSATISFIED),
    ],
)
def test_only_what_was_found_again_counts(
    transcript: Transcript, runs: tuple[RunEvidence, ...], standing: GoalOutcome
) -> None:
    found = explored(PERSONA, transcript, runs)
    assert found.standing is standing
    assert (found.finding is not None) == (standing is GoalOutcome.FAILED)


FOUND = Explored(
    "guest",
    GoalOutcome.FAILED,
    "",
    True,
    Finding(journey_name(PERSONA), "M-BOOK", Symptom.NOT_SHARED),
)
CONTENT = Explored("guest", GoalOutcome.SATISFIED, "", True)


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("found", [(), (FOUND,), (CONTENT,), (CONTENT, FOUND)])
def test_exploring_turns_nothing_green_and_green_red_only_by_what_was_found_again(
    outcome: Outcome, found: tuple[Explored, ...]
) -> None:
    verdict = Verdict(outcome, "as it was")
    after = with_exploration(verdict, Exploration(found))
    if outcome is Outcome.PASSED and FOUND in found:
        assert (after.outcome, after.findings) == (Outcome.FAILED, (FOUND.finding,))
    else:
        assert after == verdict


def test_aspects_are_what_the_view_can_show() -> None:
    assert read_act('{"act": "look", "aspect": "words", "part": 3}') == Act(
        ActKind.LOOK, aspect=Aspect.WORDS, part=3
    )
