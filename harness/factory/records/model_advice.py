"""What models advised, and which model replaced which: a title, a fact and a quote, the same on
every page.

A model's words are a quote, or marked as its own: they may contain a stranger's text."""

from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.events import (
    ApproachChanged,
    DiagnosisGiven,
    LedgerEvent,
    ModelSubstituted,
    ModelTried,
    PlanMade,
)
from harness.domain.model_choice.breaker import ModelSignal
from harness.domain.plain import JsonObject
from harness.factory.records.history import History


@dataclass(frozen=True, slots=True)
class ModelAdvice:
    """One such fact. `fact` may contain text from outside, and `quote` is nothing else."""

    title: str
    fact: str
    quote: str = ""


def advice_in(event: LedgerEvent) -> ModelAdvice | None:
    """The advice in an event, as shown; None if there is nothing to show."""
    match event:
        case ApproachChanged():
            return ModelAdvice("Tried differently than before", event.message, event.last)
        case ModelSubstituted():
            return ModelAdvice(
                f"Another model plays {event.role}",
                f"{event.model} in place of {event.in_place_of}: {event.why}",
            )
        case ModelTried(sound=ModelSignal.FAILED):
            return ModelAdvice(
                "A model did not do its part", f"{event.model} as {event.role}", event.message
            )
        case DiagnosisGiven():
            return _diagnosis(event)
        case PlanMade():
            return _plan(event)
    return None


def _diagnosis(given: DiagnosisGiven) -> ModelAdvice:
    found = given.diagnosis
    if found is None:
        return ModelAdvice("A diagnosis was dropped", f"{given.model}: {given.dropped}")
    return ModelAdvice(
        "What went wrong before, by a model",
        f"{given.model}: {found.cause}. {found.what_went_wrong} Next: {found.do_next}",
        found.quotes[0],
    )


def _plan(made: PlanMade) -> ModelAdvice:
    plan = made.plan
    gaps = f"; left open by the issue: {' '.join(plan.gaps)}" if plan.gaps else ""
    dropped = f"; dropped: {'; '.join(plan.dropped)}" if plan.dropped else ""
    return ModelAdvice(
        "A plan, as a model proposes it",
        f"{made.model}, steps: {len(plan.steps)}{gaps}{dropped}",
        plan.approach,
    )


def remarks(output: JsonObject) -> Iterator[tuple[bool, ModelAdvice]]:
    """The reviewers' findings in a node's output, each with whether it sent the change back."""
    for asks, name in ((True, "requested"), (False, "remarks")):
        for one in output.get(name) or ():
            beside = (
                f"; {one['companion']} would have to change with it" if one["companion"] else ""
            )
            place = f"{one['severity']} ({', '.join(one['lenses'])}), {one['file']}:{one['line']}"
            yield (
                asks,
                ModelAdvice(
                    "A reviewer asks for a change" if asks else "A reviewer's remark",
                    f"{place}: {one['says']}{beside}",
                    one["quote"],
                ),
            )
    if dropped := output.get("dropped"):
        yield (
            False,
            ModelAdvice(
                "Reviewers' findings that do not count",
                f"{len(dropped)} dropped: {'; '.join(dropped)}",
            ),
        )


def what_differed(history: History) -> tuple[str, ...]:
    """How the last attempt differed from those before, one line each; empty if it did not."""
    runs = [entry.run for entry in history.runs]
    found = [
        advice_in(entry.event)
        for entry in history.entries
        if isinstance(entry.event, ApproachChanged | ModelSubstituted) and entry.run in runs[-2:]
    ]
    return tuple(f"{one.title}: {one.fact}." for one in found if one is not None)
