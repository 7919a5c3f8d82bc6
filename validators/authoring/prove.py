"""`prove`: show that journeys in files can fail and can pass. A proof is written beside each;
nothing is sealed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from validators.authoring.rehearsal import Rehearsal, rehearsals
from validators.authoring.report import report, round_lines
from validators.domain.journeys.journey import Journey
from validators.domain.stops import UsageError
from validators.judging.predicate import stamp
from validators.language.check import checked
from validators.launcher.context import Context
from validators.store.files import place_file
from validators.store.journeys import journey_digest
from validators.store.proofs import ShownProof, proof_beside, shown_proof


@dataclass(frozen=True, slots=True)
class JourneyFiles:
    """Journeys and the files that they are in, both by the journey's digest."""

    journeys: Mapping[str, Journey]
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class ProofOptions:
    """How many rounds, the first round's seed, where files are kept, and whether a journey with a
    valid proof is skipped."""

    rounds: int
    seed: int | None = None
    keep: Path | None = None
    unless_proved: bool = False


def read_journeys(files: Sequence[Path], *, may_only_look: bool = False) -> JourneyFiles:
    """The journeys in these files. Raises UsageError, and JourneyInvalid for one that may not be
    sealed. `may_only_look` allows a journey without acts."""
    texts = {file: _text(file) for file in files}
    journeys = {
        journey_digest(text): checked(text, file=str(file), may_only_look=may_only_look)
        for file, text in texts.items()
    }
    return JourneyFiles(journeys, {journey_digest(text): file for file, text in texts.items()})


def proved(context: Context, written: JourneyFiles, options: ProofOptions) -> tuple[Rehearsal, ...]:
    """Prove the journeys, and write the proof of each that holds beside it. Journeys that are
    skipped are not in the result."""
    unproved = {
        digest: one
        for digest, one in written.journeys.items()
        if not (options.unless_proved and has_valid_proof(context, written, digest))
    }
    if not unproved:
        return ()
    found = rehearsals(
        context, unproved, rounds=options.rounds, seed=options.seed, keep=options.keep
    )
    for one in found:
        file = proof_beside(written.files[one.digest])
        if one.proved:
            document = json.dumps(asdict(_document(context, one)), indent=1) + "\n"
            place_file(file, document.encode(), replace=True, mode=0o644)
        else:
            # An older proof may lie there: it does not hold any more.
            file.unlink(missing_ok=True)
    return found


def has_valid_proof(context: Context, written: JourneyFiles, digest: str) -> bool:
    """Whether the proof beside a journey is of its very bytes and of these trees. Raises
    UsageError."""
    proof = shown_proof(proof_beside(written.files[digest]))
    return proof is not None and not proof.refusal(digest=digest, trees=_trees(context))


def proof_lines(written: JourneyFiles, found: Sequence[Rehearsal]) -> Iterator[str]:
    """What was shown, journey by journey, for the person who wrote them."""
    shown = {one.digest: one for one in found}
    for digest, journey in written.journeys.items():
        yield f"{written.files[digest]}: {journey.name}"
        if digest in shown:
            yield from round_lines(shown[digest])
        else:
            yield "  proved before, on the same trees"


def proof_report(written: JourneyFiles, found: Sequence[Rehearsal]) -> dict[str, Any]:
    """The same as JSON values."""
    shown = {one.digest: one for one in found}
    before = [
        {
            "file": str(written.files[digest]),
            "journey": one.name,
            "digest": digest,
            "proved": True,
            "reason": "proved before",
        }
        for digest, one in written.journeys.items()
        if digest not in shown
    ]
    now = [report(one, str(written.files[one.digest])) for one in found]
    return {"proved": all(one["proved"] for one in (*now, *before)), "journeys": [*now, *before]}


def stale(file: Path) -> str:
    """Why the proof beside a journey does not belong to it; empty when it does, or when there is
    none."""
    proof = shown_proof(proof_beside(file))
    return proof.refusal(digest=journey_digest(_text(file))) if proof else ""


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error


def _trees(context: Context) -> tuple[str, str]:
    request = context.request
    base = "" if request.issue.kind == "chore" else request.base.tree
    return base, request.candidate.tree if request.candidate else ""


def _document(context: Context, one: Rehearsal) -> ShownProof:
    base, reference = _trees(context)
    forms = {form for each in one.rounds for form in each.sandboxes}
    return ShownProof(
        journey=one.journey.name,
        digest=one.digest,
        base=base,
        reference=reference,
        seeds=tuple(each.seed for each in one.rounds),
        shown=(one.conclusion,),
        sandboxes=tuple(sorted(forms)),
        at=stamp(context.now()),
    )
