"""Which pictures stand beside each other: one moment of one page, also where base did not get as far
as the candidate."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import MISSION, TITLE, World
from validators.domain.evidence import ExpectationOutcome, RunEvidence, RunId, RunKind, StepOutcome
from validators.domain.verdict import Counts, Finding, Outcome, Symptom, Verdict
from validators.evidence.page import Deed, Moment
from validators.judging.judging import Judgement
from validators.judging.moments import compared, deeds, moments, pictures
from validators.judging.pages import promises
from validators.language.reader import read

CANARY = "canary: 00112233445566778899aabbccddeeff\n"
JOURNEY = read(f"{seaside.JOURNEY}{CANARY}")
STEPS = ("step-01.jpg", "step-02.jpg", "step-03.jpg", "step-04.jpg")
LOOKS = ("look-01.jpg", "look-03.jpg", "look-04.jpg")
NOW = datetime(2026, 1, 2, tzinfo=UTC)


def run(kind: RunKind, *files: str, stuck: int = 0, missed: int = 0) -> RunEvidence:
    """A run that left these pictures: stuck at a step, or with a look at a line that did not
    hold."""
    steps = tuple(StepOutcome(n, 4 + n, "click", passed=n + 1 != stuck) for n in range(stuck or 4))
    look = ExpectationOutcome(0, missed or 9, "text", "here", passed=not missed)
    return RunEvidence(
        RunId(JOURNEY.name, kind=kind),
        app_ready=True,
        complete=True,
        steps=steps,
        expectations=() if stuck else (look,),
        files=tuple(f"{kind}/{name}" for name in (*files, "page.png")),
    )


AFTER = run(RunKind.JOURNEY, *STEPS, *LOOKS)


def test_pictures_are_taken_in_the_order_of_the_journey() -> None:
    assert moments(JOURNEY) == (*STEPS, *LOOKS)
    between = seaside.JOURNEY.replace(
        "  - click", "  - expect: [text: {contains: Walk}]\n  - click"
    )
    assert moments(read(f"{between}{CANARY}"))[:5] == (
        *STEPS[:3],
        "look-01.jpg",
        "step-05.jpg",
    )


@pytest.mark.parametrize(
    ("line", "done"),
    [
        (0, (Deed.OPENED, Deed.FILLED, Deed.PRESSED)),
        (JOURNEY.steps[-1].line, (Deed.OPENED, Deed.FILLED)),
        (JOURNEY.steps[0].line, ()),
    ],
)
def test_a_caption_tells_the_kinds_of_what_was_done_by_then(
    line: int, done: tuple[Deed, ...]
) -> None:
    assert deeds(JOURNEY, line) == done


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        # The button is not there before the change: the page with it, before it is pressed.
        (
            run(RunKind.COMPARISON, *STEPS, stuck=4),
            ("comparison/step-04.jpg", "journey/step-03.jpg", "journey/page.png", Moment.STEP, 7),
        ),
        # There is no page before the first step.
        (
            run(RunKind.COMPARISON, *STEPS[:1], stuck=1),
            ("comparison/step-01.jpg", "journey/step-01.jpg", "journey/page.png", Moment.STEP, 4),
        ),
        (
            run(RunKind.COMPARISON, *STEPS, *LOOKS[:1], missed=9),
            ("comparison/look-01.jpg", "journey/look-01.jpg", "", Moment.LOOK, 9),
        ),
        (
            run(RunKind.COMPARISON, *STEPS, *LOOKS),
            ("comparison/look-04.jpg", "journey/look-04.jpg", "", Moment.END, 0),
        ),
        (None, ("", "journey/page.png", "", Moment.ALONE, 0)),
        (run(RunKind.COMPARISON), ("", "journey/page.png", "", Moment.ALONE, 0)),
    ],
)
def test_the_candidate_is_shown_where_base_ended(
    before: RunEvidence | None, shown: tuple[str, str, str, Moment, int]
) -> None:
    found = compared(JOURNEY, before, AFTER)
    assert found is not None
    assert (found.before, found.after, found.end, found.moment, found.line) == shown


def test_without_a_picture_nothing_is_shown() -> None:
    assert compared(JOURNEY, None, replace(AFTER, files=())) is None


def judgement(world: World, verdict: Verdict, *evidence: RunEvidence) -> Judgement:
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    sealed = world.seal(request, seaside.JOURNEY)
    journeys = {sealed.entry.digest: read(sealed.text)}
    purposes = {sealed.entry.digest: sealed.entry.purpose}
    return Judgement(world.context(request), journeys, purposes, 7, NOW, verdict, evidence=evidence)


PASSED = Verdict(Outcome.PASSED, "it passed", Counts(1, 1, 1))


def test_a_proof_with_other_data_stands_beside_nothing(world: World) -> None:
    base = run(RunKind.BASE, *STEPS, *LOOKS[:1], missed=9)
    judged = judgement(world, PASSED, base, AFTER)
    (journey,) = judged.journeys.values()
    alone, same = pictures(judged, journey), replace(judged, beside={journey.name: base.run})
    both = pictures(same, journey)
    assert (alone and alone.before, both and both.before) == ("", "base/look-01.jpg")


def test_a_promise_is_looked_at_in_some_ways_and_never_kept(world: World) -> None:
    judged = judgement(world, PASSED, AFTER)
    words = MISSION.splitlines()[3]
    assert [(one.words, one.state, one.tone) for one in promises(judged)] == [
        (TITLE, "looked at in 1 way", ""),
        (words, "looked at in 1 way", ""),
    ]
    finding = Finding(JOURNEY.name, "M-BOOK", Symptom.NOT_SHOWN)
    failed = Verdict(Outcome.FAILED, "it failed", Counts(1, 1, 0), findings=(finding,))
    assert [one.state for one in promises(replace(judged, verdict=failed))] == ["broken"] * 2
    unseen = replace(judged, evidence=())
    assert [one.state for one in promises(unseen)] == ["not looked at"] * 2
