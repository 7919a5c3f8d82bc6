"""Judging one candidate: what is sealed is performed on fresh apps, the evidence is folded, and the verdict is signed.

Whatever stops a judgement on the way becomes an inconclusive verdict with the reason. A launcher that is killed leaves
no verdict at all: it is the last file written, and it is written whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from validators.app.boxes import BoxResult
from validators.domain.evidence import RunEvidence
from validators.domain.journey import Journey
from validators.domain.stops import Inconclusive
from validators.domain.verdict import Counts, Outcome, Verdict
from validators.language.reader import read
from validators.launcher.desk import Desk, checked_candidate
from validators.launcher.proving import Trial, trial
from validators.launcher.workplace import work_folder

UNSEALED = "unsealed"


@dataclass(slots=True)
class Judgement:
    """One judgement as it grows. `journeys` by digest; `verdict` is inconclusive until evidence says otherwise."""

    desk: Desk
    journeys: dict[str, Journey]
    seed: int
    began: datetime
    verdict: Verdict
    evidence: tuple[RunEvidence, ...] = ()
    boxes: tuple[BoxResult, ...] = ()


def judgement_of(desk: Desk, *, keep: Path) -> Judgement:
    """The judgement that the desk's request asks for; every file of its evidence is kept below `keep`."""
    request = desk.request
    standing = desk.shelf.journeys(request.issue.number)
    journeys = {one.entry.digest: read(one.text, file=one.entry.journey) for one in standing}
    seed = secrets.randbits(31) if request.seed is None else request.seed
    nothing = Verdict(Outcome.INCONCLUSIVE, "nothing was judged", Counts(sealed=len(journeys)))
    judgement = Judgement(desk, journeys, seed, desk.now(), nothing)
    try:
        judgement.verdict = believable(_performed(judgement, keep=keep), judgement.boxes)
    except Inconclusive as stop:
        judgement.verdict = replace(nothing, reason=str(stop))
    desk.phases("sign and write")
    return judgement


def _performed(judgement: Judgement, *, keep: Path) -> Verdict:
    checked_candidate(judgement.desk.request)
    if not judgement.journeys:
        raise Inconclusive(f"no journey is sealed for issue {judgement.desk.request.issue.number}: have one authored")
    with work_folder() as folder:
        ground = trial(
            judgement.desk,
            judgement.journeys,
            folder=folder,
            keep=keep,
            seed=judgement.seed,
        )
        return _told(ground, judgement)


def _told(ground: Trial, judgement: Judgement) -> Verdict:
    try:
        return ground.on_candidate()
    finally:
        judgement.evidence, judgement.boxes = ground.evidence, ground.boxes


def believable(found: Verdict, boxes: Iterable[BoxResult]) -> Verdict:
    """Green without a box is not green: whoever wrote the app could have read the journeys, or written the evidence."""
    if found.outcome is Outcome.PASSED and any(box.form == UNSEALED for box in boxes):
        return replace(found, outcome=Outcome.INCONCLUSIVE, reason="no box holds on this machine, so a pass proves nothing")
    return found
