"""Observe one commit, or a living place that is said to run it: perform journeys of landed work
there, judge no change, and sign what they showed.

Properties:
- It never sees a difference, a message or an author: the commit's tree and sealed journeys alone.
- Red takes two performances with other data; what is red once proves nothing.
- Outside of a sandbox nothing is known: the app could have read the journeys.
- Whatever stops an observation makes it inconclusive, with the reason.
- The document that leaves names journeys by their digests, in public words. The evidence stays in
  the store, and is kept only where something is red."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from validators.app.sandboxes import SandboxResult
from validators.domain.evidence import RunEvidence
from validators.domain.run_result import symptom
from validators.domain.standing import Standing
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.merkle import evidence_in, merkle_root
from validators.judging.judging import UNSEALED
from validators.judging.predicate import sandbox_facts, stamp
from validators.judging.promise import promise_words, public_reason
from validators.judging.publish import refuse_leaks
from validators.judging.smoking import smoke_suite, smoked
from validators.launcher.context import Context, checked_base
from validators.launcher.living import living_address
from validators.launcher.proving import new_trial
from validators.launcher.regression_suite import (
    EMPTY_SUITE,
    RegressionJourney,
    RegressionSuite,
    regression_suite,
)
from validators.launcher.workplace import work_folder
from validators.performance.redact import NOTICED
from validators.signing.statement import signed_observation
from validators.store.journeys import set_digest

OBSERVED, INCONCLUSIVE = "observed", "inconclusive"


@dataclass(frozen=True, slots=True)
class JourneyShown:
    """What one journey showed. `observed` is what a person would have noticed where it is red."""

    one: RegressionJourney
    standing: Standing
    observed: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of the request's base. `reason` is why nothing was, where nothing was."""

    context: Context
    seed: int
    began: datetime
    suite: RegressionSuite = EMPTY_SUITE
    shown: tuple[JourneyShown, ...] = ()
    sandboxes: tuple[SandboxResult, ...] = ()
    reason: str = ""

    @property
    def is_red(self) -> bool:
        return any(one.standing is Standing.RED for one in self.shown)


def observation_of(context: Context, *, keep: Path) -> Observation:
    """The observation that the request asks for. The evidence is kept below `keep`."""
    request = context.request
    if (request.watching is None) == (request.living is None):
        raise UsageError("request: an observation needs either watching or living")
    seed = secrets.randbits(31) if request.seed is None else request.seed
    found = Observation(context, seed, context.now())
    try:
        checked_base(request)
        if request.living:
            suite = smoke_suite(context, promises=request.living.promises)
        else:
            suite = regression_suite(context, seed=seed, names=())
        found = replace(found, suite=suite)
        return _performed(found, keep=keep) if suite.chosen else found
    except Inconclusive as stop:
        return replace(found, shown=(), reason=public_reason(str(stop)))


def _performed(found: Observation, *, keep: Path) -> Observation:
    with work_folder(rescue_to=keep) as folder:
        shown, evidence, sandboxes = _standings(found, folder=folder, keep=keep)
    if any(one.form == UNSEALED for one in sandboxes):
        raise Inconclusive("no sandbox works on this machine, so what was seen proves nothing")
    return replace(
        found,
        shown=tuple(_shown(one, shown[one.journey.name], evidence) for one in found.suite.chosen),
        sandboxes=sandboxes,
    )


def _standings(
    found: Observation, *, folder: Path, keep: Path
) -> tuple[dict[str, Standing], tuple[RunEvidence, ...], tuple[SandboxResult, ...]]:
    """What each journey shows, by its name, and how that is known."""
    context, suite = found.context, found.suite
    if living := context.request.living:
        address = living_address(living.url)
        return smoked(context, suite, address, folder=folder, keep=keep, seed=found.seed)
    trial = new_trial(
        context, {}, folder=folder, keep=keep, seed=found.seed, regression=suite.chosen
    )
    return trial.observed(other=found.seed + 1), trial.evidence, trial.sandboxes


def _shown(
    one: RegressionJourney, standing: Standing, evidence: tuple[RunEvidence, ...]
) -> JourneyShown:
    if standing is not Standing.RED:
        return JourneyShown(one, standing)
    first = next(run for run in evidence if run.run.journey == one.journey.name)
    return JourneyShown(one, standing, NOTICED[symptom(first)])


def publish_observation(found: Observation, *, kept: Path, ended: datetime) -> bytes:
    """The signed observation, as it may leave. Raises ValidatorsError where it would carry words of
    a journey."""
    context = found.context
    facts = _predicate(found, kept, ended=ended)
    refuse_leaks(
        (json.dumps(facts, ensure_ascii=False),),
        journeys=[one.journey for one in found.suite.chosen],
        known=_public_words(found),
        canaries=context.journey_store.canaries(),
    )
    return signed_observation(facts, context.notary)


def _predicate(found: Observation, kept: Path, *, ended: datetime) -> dict[str, Any]:
    request, files = found.context.request, evidence_in(kept) if found.is_red else ()
    words = promise_words(request.governance.files, request.issue.title)
    return {
        "outcome": INCONCLUSIVE if found.reason else OBSERVED,
        "reason": found.reason,
        "run": request.run,
        "round": request.round,
        "binds": {
            "commit": request.base.commit,
            "tree": request.base.tree,
            "journeys": set_digest(found.suite.digests),
            "governance": request.governance.digest,
            **(
                {"url": request.living.url, "environment": request.living.environment}
                if request.living
                else {}
            ),
        },
        "standing": len(found.suite.digests),
        "journeys": [_document(one, words) for one in found.shown],
        # A key of stored verdicts, and the same facts.
        "box": sandbox_facts(found.sandboxes),
        "seed": found.seed,
        "signer": found.context.signer,
        "evidence": {"merkle_root": merkle_root(files), "files": len(files)},
        "began": stamp(found.began),
        "ended": stamp(ended),
    }


def _document(shown: JourneyShown, words: Mapping[str, str]) -> dict[str, Any]:
    entry, promised = shown.one.entry, shown.one.promised
    return {
        "journey": entry.digest,
        "issue": entry.issue,
        "promise": promised,
        "words": words.get(promised) or entry.title or promised,
        "standing": str(shown.standing),
        "observed": shown.observed,
    }


def _public_words(found: Observation) -> Iterator[str]:
    request = found.context.request
    yield from (request.issue.title, request.issue.body, *request.governance.files.values())
    yield from NOTICED.values()
    yield from (one.entry.title for one in found.suite.chosen)
