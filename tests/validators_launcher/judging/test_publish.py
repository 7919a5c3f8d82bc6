"""Publishing: what would leave is searched for sealed words before anything is written."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.world import World
from validators.domain.errors import ValidatorsError
from validators.domain.verdict import Counts, Finding, Outcome, Symptom, Verdict
from validators.judging.judging import Judgement
from validators.judging.publish import EVIDENCE, publish
from validators.language.reader import read

NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG = seaside.JOURNEY.replace("Booked for 9", "Booked for the whole family")


def judged(world: World, reason: str, *, journey: str = LONG) -> tuple[Judgement, Path]:
    """A judgement that failed its one sealed journey for this reason, and its folder."""
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    sealed = world.seal(request, journey)
    one, entry, context = read(sealed.text), sealed.entry, world.context(request)
    finding = Finding(one.name, one.promise, Symptom.NOT_SHOWN)
    reason, counts = reason.format(canary=sealed.canary), Counts(sealed=1, executed=1)
    verdict = Verdict(Outcome.FAILED, reason, counts, findings=(finding,))
    kept = context.journey_store.judged_folder(run="kept", round_number=1)
    (kept / EVIDENCE).mkdir(parents=True)
    journeys, purposes = {entry.digest: one}, {entry.digest: entry.purpose}
    return Judgement(context, journeys, purposes, 7, NOW, verdict), kept


def left_in(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("reason", ["never Booked for the whole family", "it said {canary}"])
def test_what_would_carry_sealed_words_is_not_written(world: World, reason: str) -> None:
    judgement, kept = judged(world, reason)
    with pytest.raises(ValidatorsError, match="nothing was written"):
        publish(judgement, kept=kept, out=world.home / "out", ended=NOW)
    assert left_in(world.home / "out") == left_in(kept) == []


def test_what_the_page_alone_would_carry_is_not_written(world: World) -> None:
    """It names each promise, also one that nothing was found against, by the id that a journey's
    author gave it."""
    named = LONG.replace("M-BOOK", "M-WHOLE-FAMILY").replace(
        "Booked for the whole family", "whole-family"
    )
    judgement, kept = judged(world, "nothing was found", journey=named)
    unfound = replace(judgement, verdict=replace(judgement.verdict, findings=()))
    with pytest.raises(ValidatorsError, match="nothing was written"):
        publish(unfound, kept=kept, out=world.home / "out", ended=NOW)
    assert left_in(world.home / "out") == left_in(kept) == []


def test_the_control_a_reason_without_them_is_published(world: World) -> None:
    judgement, kept = judged(world, "1 of 1 sealed journeys failed")
    publish(judgement, kept=kept, out=world.home / "out", ended=NOW)
    assert left_in(world.home / "out") == ["index.html", "public.json", "verdict.json"]
