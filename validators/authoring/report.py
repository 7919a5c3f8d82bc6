"""What runs have shown, in lines for whoever writes the journey, who may see everything: each step
and look in the words of the file, what was expected, what was there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validators.authoring.rehearsal import Rehearsed, Round
from validators.domain.evidence import ExpectationOutcome, RunEvidence, RunKind, StepOutcome
from validators.domain.fold import Result, caught, result, silence
from validators.domain.verdict import Outcome, Purpose

WIDTH = 76


def parts(run: RunEvidence) -> tuple[StepOutcome | ExpectationOutcome, ...]:
    """Every step and look of a run, in their order."""
    return (*run.steps, *run.expectations)


def run_lines(run: RunEvidence, source: str) -> Iterator[str]:
    """Every step and look of a run, one line each, and below a line that did not hold what was
    there instead."""
    texts = source.splitlines()
    for part in parts(run):
        yield f"  {'ok ' if part.passed else 'NO '} {part.line:>3}  {_quoted(texts, part)}"
        if not part.passed:
            yield from (f"           {line}" for line in _instead(part))
    for breach in run.breaches:
        yield f"  NO  {breach.line:>3}  never {breach.kind}: {breach.observed}"
    for note in (*run.notes, *run.errors):
        yield f"  --       {note}"
    if result(run) is Result.NOTHING:
        yield f"  --       it says nothing: {silence(run)}"


def round_lines(told: Rehearsed) -> Iterator[str]:
    """What the rounds of one journey have shown, one line a round; below the first that shows too
    little, its runs."""
    explained = False
    for number, one in enumerate(told.rounds, 1):
        yield f"  round {number} (seed {one.seed}): {_base(one)}; {_reference(one)}"
        if one.trouble and not explained:
            explained = True
            yield from (f"  {line}" for line in _explained(one, told.journey.source))
    yield f"  {told.conclusion}"


def report(told: Rehearsed, file: str) -> dict[str, Any]:
    """The same as JSON values, with every run."""
    return {
        "file": file,
        "journey": told.journey.name,
        "digest": told.digest,
        "proved": told.proved,
        "reason": told.conclusion,
        "rounds": [_round(one) for one in told.rounds],
    }


def _round(one: Round) -> dict[str, Any]:
    from validators.performance.evidence_json import evidence_document

    return {
        "seed": one.seed,
        "trouble": one.trouble,
        "base": {"proved": one.proof.proved, "reason": one.proof.reason} if one.proof else None,
        "reference": {"outcome": one.verdict.outcome, "reason": one.verdict.reason}
        if one.verdict
        else None,
        "runs": [evidence_document(run) for run in one.evidence],
    }


def _base(one: Round) -> str:
    if one.proof is None:
        return f"nothing on base: {one.trouble}"
    return one.proof.reason


def _reference(one: Round) -> str:
    if one.verdict is None:
        return "no reference was asked for"
    controls = one.verdict.controls
    if one.verdict.outcome is Outcome.PASSED:
        return (
            f"green on the reference, its twin failed, {controls.faults_caught} of {controls.faults_injected}"
            " mutants were killed"
        )
    return f"{one.verdict.outcome} on the reference: {one.verdict.reason}"


def _explained(one: Round, source: str) -> Iterator[str]:
    """The runs that went otherwise than they must, each with its lines; those of one before it are
    not told again."""
    told: dict[tuple[str, ...], object] = {}
    for run in one.evidence:
        if why := _wrong(run, one):
            lines = (why, *run_lines(run, source))
            same = told.setdefault(lines, run.run)
            yield f"{run.run} {why}" if same is run.run else f"{run.run} went as {same}"
            yield from lines[1:] if same is run.run else ()


def _wrong(run: RunEvidence, one: Round) -> str:
    said = result(run)
    must_be_red = one.sealed is not None and one.sealed.purpose is not Purpose.REGRESSION
    match run.run.kind:
        case _ if run.skipped:
            return ""
        case RunKind.BASE if one.proof is not None and not one.proof.proved:
            return (
                f"{said}, and must be {'red by a named expectation' if must_be_red else 'green'}:"
            )
        case RunKind.JOURNEY if said is not Result.PASSED:
            return f"{said}, and must pass:"
        case RunKind.NEGATIVE_CONTROL if all(look.passed for look in run.expectations) or not all(
            step.passed for step in run.steps
        ):
            return "its steps must work, and one of its expectations must not hold:"
        case RunKind.FAULT_INJECTION if (
            run.fault is not None and run.fault.touched and not caught(run)
        ):
            return "altered what the journey expects, and went unnoticed:"
        case _:
            return ""


def _quoted(texts: list[str], part: StepOutcome | ExpectationOutcome) -> str:
    text = texts[part.line - 1].strip() if 0 < part.line <= len(texts) else ""
    where = (
        f"  ({part.vantage})"
        if isinstance(part, ExpectationOutcome) and part.vantage != "here"
        else ""
    )
    return (text if len(text) <= WIDTH else text[: WIDTH - 1] + "…") + where


def _instead(part: StepOutcome | ExpectationOutcome) -> Iterator[str]:
    if isinstance(part, ExpectationOutcome) and part.expected:
        yield f"expected: {part.expected}"
    trouble = f"{part.trouble}: " if part.trouble else ""
    yield f"there was: {trouble}{part.observed or 'nothing'}"
