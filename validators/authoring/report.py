"""Report runs to the person who writes the journey, who may see everything: each step and look in
the words of the file, what was expected, and what was there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validators.authoring.rehearsal import Rehearsal, Round
from validators.domain.evidence import ExpectationOutcome, Part, RunEvidence, RunKind
from validators.domain.run_result import Result, caught, result, silence
from validators.domain.shortened import cut
from validators.domain.verdict import Outcome, Purpose
from validators.performance.evidence_json import evidence_document

WIDTH = 76


def parts(run: RunEvidence) -> tuple[Part, ...]:
    """Every step and look of a run, in order."""
    return (*run.steps, *run.expectations)


def run_lines(run: RunEvidence, source: str) -> Iterator[str]:
    """Every step and look of a run, one line each. Below one that did not hold: what was there
    instead."""
    for part in parts(run):
        yield from part_lines(part, source)
    yield from end_lines(run)


def part_lines(part: Part, source: str) -> Iterator[str]:
    """One step or look; where it did not hold, also what was there instead."""
    texts = source.splitlines()
    yield f"  {'ok ' if part.passed else 'NO '} {part.line:>3}  {_quoted(texts, part)}"
    if not part.passed:
        yield from (f"           {line}" for line in _instead(part))


def end_lines(run: RunEvidence) -> Iterator[str]:
    """What only the end of a run shows: breaches, notes, errors, and why there is no result."""
    for breach in run.breaches:
        yield f"  NO  {breach.line:>3}  never {breach.kind}: {breach.observed}"
    for note in (*run.notes, *run.errors):
        yield f"  --       {note}"
    if result(run) is Result.INCONCLUSIVE:
        yield f"  --       no result: {silence(run)}"


def round_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """The rounds of one journey, one line each. Below the first round that proves nothing: its
    runs."""
    explained = False
    for number, one in enumerate(rehearsal.rounds, 1):
        yield f"  round {number} (seed {one.seed}): {_base(one)}; {_reference(one)}"
        if one.trouble and not explained:
            explained = True
            yield from (f"  {line}" for line in _explained(one, rehearsal.journey.source))
    yield f"  {rehearsal.conclusion}"


def report(rehearsal: Rehearsal, file: str) -> dict[str, Any]:
    """The same as JSON values, with every run."""
    return {
        "file": file,
        "journey": rehearsal.journey.name,
        "digest": rehearsal.digest,
        "proved": rehearsal.proved,
        "reason": rehearsal.conclusion,
        "rounds": [_round(one) for one in rehearsal.rounds],
    }


def _round(one: Round) -> dict[str, Any]:
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
            "green on the reference, its negative control failed, it noticed"
            f" {controls.faults_caught} of {controls.faults_injected} injected faults"
        )
    return f"{one.verdict.outcome} on the reference: {one.verdict.reason}"


def _explained(one: Round, source: str) -> Iterator[str]:
    """The runs that did not end as they must, each with its lines. A run with the same lines as an
    earlier one only names that run."""
    seen: dict[tuple[str, ...], object] = {}
    for run in one.evidence:
        if why := _wrong(run, one):
            lines = (why, *run_lines(run, source))
            same = seen.setdefault(lines, run.run)
            if same is run.run:
                yield f"{run.run} {why}"
                yield from lines[1:]
            else:
                yield f"{run.run} ended as {same}"


def _wrong(run: RunEvidence, one: Round) -> str:
    """Why a run did not end as it must; empty when it did."""
    found = result(run)
    must_be_red = one.sealed is not None and one.sealed.purpose is not Purpose.REGRESSION
    match run.run.kind:
        case _ if run.skipped:
            return ""
        case RunKind.BASE if one.proof is not None and not one.proof.proved:
            expected = "red by a named expectation" if must_be_red else "green"
            return f"{found}, and must be {expected}:"
        case RunKind.JOURNEY if found is not Result.PASSED:
            return f"{found}, and must pass:"
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


def quoted(texts: list[str], line: int) -> str:
    """A line of the journey, shortened to WIDTH characters."""
    return cut(texts[line - 1].strip(), WIDTH) if 0 < line <= len(texts) else ""


def _quoted(texts: list[str], part: Part) -> str:
    text = quoted(texts, part.line)
    if isinstance(part, ExpectationOutcome) and part.vantage != "here":
        return f"{text}  ({part.vantage})"
    return text


def _instead(part: Part) -> Iterator[str]:
    if isinstance(part, ExpectationOutcome) and part.expected:
        yield f"expected: {part.expected}"
    trouble = f"{part.trouble}: " if part.trouble else ""
    yield f"there was: {trouble}{part.observed or 'nothing'}"
