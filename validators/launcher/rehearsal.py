"""Trying journeys out without sealing them: red on base, and green on a reference if the request names a candidate."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from validators.language.check import checked
from validators.launcher.desk import Desk, checked_base, checked_candidate
from validators.launcher.proving import Trial, trial
from validators.launcher.workplace import work_folder
from validators.store.shelf import journey_digest


def rehearsed(desk: Desk, texts: Mapping[Path, str]) -> dict[str, Any]:
    """What each journey showed on base, and the verdict on the candidate when there is one. JSON values only."""
    request = desk.request
    journeys = {journey_digest(text): checked(text, file=str(file)) for file, text in texts.items()}
    checked_base(request)
    if request.candidate is not None:
        checked_candidate(request)
    seed = secrets.randbits(31) if request.seed is None else request.seed
    with work_folder() as folder:
        ground = trial(desk, journeys, folder=folder, keep=folder / "kept", seed=seed)
        return _report(ground, candidate=request.candidate is not None, seed=seed)


def _report(ground: Trial, *, candidate: bool, seed: int) -> dict[str, Any]:
    verdict = ground.on_candidate() if candidate else None
    shown = ground.sealed() if candidate else ground.on_base()
    bases = [{"journey": one.journey, **asdict(one.proof)} for one in shown if one.proof]
    proved = all(base["proved"] for base in bases) and (verdict is None or verdict.outcome == "passed")
    candidate_facts = asdict(verdict) if verdict else None
    return {"proved": proved, "seed": seed, "base": bases, "candidate": candidate_facts}
