"""Drafts: journeys that an author wrote, parsed outside of the sandbox, with what each showed on
base. Nothing here is sealed yet.

A draft that should be red on base is performed there twice, with other data the second time, and
must be red both times. A draft that should be green is performed there as on a candidate, with its
negative control and injected faults: a regression journey must be shown able to fail today. A
draft that does not hold carries the reason in fixed words or those of the language: never text of a
page."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from validators.app.side import Side
from validators.domain.errors import JourneyInvalid
from validators.domain.evidence import ON_BASE, RunEvidence
from validators.domain.fold import verdict
from validators.domain.journeys.journey import Journey
from validators.domain.journeys.meaning import meaning
from validators.domain.stops import UsageError
from validators.domain.verdict import Outcome, Purpose, Sealed
from validators.language.check import checked
from validators.launcher.clocks import NO_CLOCK
from validators.launcher.context import Context
from validators.launcher.proving import new_trial
from validators.store.journeys import journey_digest, purpose_of, with_canary

SAME_NAME = "another of these journeys has the same name; give each its own"
UNPROVED_GUARD = "it passes on base, and nothing shows that it could fail there"
SAME_MEANING = "it does and expects what another of these journeys does and expects"


@dataclass(frozen=True, slots=True)
class Draft:
    """One journey that may be sealed: `yaml` as it was written, `text` with its canary. `why` is
    the reason why it does not hold; empty when it does."""

    yaml: str
    purpose: Purpose
    text: str = ""
    journey: Journey | None = None
    why: str = ""

    @property
    def holds(self) -> bool:
        return self.journey is not None and not self.why

    @property
    def is_red(self) -> bool:
        """Whether it shows the change, and does not only protect what works."""
        return self.holds and self.purpose is not Purpose.REGRESSION

    @property
    def digest(self) -> str:
        """The digest that it is sealed under."""
        return journey_digest(self.text or self.yaml)

    @property
    def name(self) -> str:
        """Its name, empty where it cannot be read."""
        return self.journey.name if self.journey else ""


def draft(yaml: str, *, passes: bool, kind: str, clock_env: str | None) -> Draft:
    """The draft of one text, checked again here because the author's sandbox is not trusted.

    `clock_env` is the variable of the app's clock. Without one, no journey may travel in time."""
    purpose = Purpose.REGRESSION if passes else purpose_of(kind)
    try:
        text = with_canary(yaml)
        journey = checked(text)
        if journey.travels and not clock_env:
            return Draft(yaml, purpose, why=NO_CLOCK)
        return Draft(yaml, purpose, text, journey)
    except JourneyInvalid as invalid:
        return Draft(yaml, purpose, why="\n".join(str(problem) for problem in invalid.problems))
    except UsageError:
        return Draft(yaml, purpose, why="it names a canary; leave that to the store")


def deduplicated(drafts: Iterable[Draft], *, beside: Sequence[Draft] = ()) -> tuple[Draft, ...]:
    """The drafts, where one is refused that means the same as an earlier one, or has its name."""
    names = {one.name for one in beside if one.holds}
    meanings = {meaning(one.journey) for one in beside if one.journey and one.holds}
    kept = list[Draft]()
    for one in drafts:
        if one.journey is None:
            kept.append(one)
        elif (meant := meaning(one.journey)) in meanings:
            kept.append(replace(one, why=SAME_MEANING))
        elif one.name in names:
            kept.append(replace(one, why=SAME_NAME))
        else:
            names.add(one.name)
            meanings.add(meant)
            kept.append(one)
    return tuple(kept)


def proved_on_base(
    context: Context, drafts: Sequence[Draft], *, folder: Path, base: Side | None = None
) -> tuple[Draft, ...]:
    """The drafts with what each has shown on base. A draft that does not hold already is not
    performed. `base` is the base where it has been prepared. Raises Inconclusive."""
    holding = [one for one in drafts if one.holds]
    if not holding:
        return tuple(drafts)
    # One seed for all drafts; the second performance on base uses the next one.
    seed = secrets.randbits(31) if context.request.seed is None else context.request.seed
    folder.mkdir()
    trial = new_trial(
        context,
        {one.digest: one.journey for one in holding if one.journey},
        folder=folder,
        keep=folder / "kept",
        seed=seed,
        purposes={one.digest: one.purpose for one in holding},
        base=base,
    )
    shown = {
        one.journey: _why_not_proved(one, trial.evidence)
        for one in trial.on_base_with_other_data(seed=seed + 1)
    }
    return tuple(replace(one, why=shown[one.name]) if one.holds else one for one in drafts)


def _why_not_proved(one: Sealed, evidence: tuple[RunEvidence, ...]) -> str:
    """Why a journey that was performed on base does not hold; empty when it does."""
    if one.proof is None or not one.proof.proved:
        return one.proof.reason if one.proof else "it was not performed on base"
    if one.purpose is not Purpose.REGRESSION:
        return ""
    # The runs on base were judged above; here base is judged as a candidate would be.
    runs = (run for run in evidence if run.run.journey == one.journey)
    own = tuple(run for run in runs if run.run.kind not in ON_BASE)
    found = verdict((one,), own)
    reason = found.reason.removeprefix(f"journey {one.journey!r}: ")
    return "" if found.outcome is Outcome.PASSED else f"{UNPROVED_GUARD}: {reason}"
