"""What a verdict says: the predicate of the signed statement, made from a judgement and the root
over its evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from validators.app.sandboxes import SandboxResult
from validators.evidence.merkle import EvidenceFile, merkle_root
from validators.judging.judging import Judgement
from validators.judging.promise import public_reason
from validators.store.journeys import set_digest

NO_SANDBOX = "none"


def predicate(
    judgement: Judgement, files: tuple[EvidenceFile, ...], *, ended: datetime
) -> dict[str, Any]:
    """The predicate, JSON values only."""
    request, verdict = judgement.context.request, judgement.verdict
    assert request.head is not None
    assert request.candidate is not None
    return {
        "outcome": str(verdict.outcome),
        "reason": public_reason(verdict.reason),
        "issue": request.issue.number,
        "run": request.run,
        "round": request.round,
        "binds": {
            "base": request.base.commit,
            "head": request.head.commit,
            "candidate": request.candidate.commit,
            "tree": request.candidate.tree,
            "journeys": set_digest(judgement.bound),
            "governance": request.governance.digest,
        },
        "journeys": asdict(verdict.journeys),
        "controls": asdict(verdict.controls),
        "regression": regression(judgement),
        **exploration(judgement),
        "box": sandbox_facts(judgement.sandboxes),
        "seed": judgement.seed,
        "signer": judgement.context.signer,
        "evidence": {"merkle_root": merkle_root(files), "files": len(files)},
        "began": stamp(judgement.began),
        "ended": stamp(ended),
    }


def regression(judgement: Judgement) -> dict[str, int]:
    """The journeys that guard what has landed. `own`: how many are the change's own beside them;
    `left_out`: by the limit, for this seed; `broken_on_base`: red without this change too, so not
    binding; `promises`: how many those that bind guard."""
    guards = judgement.suite
    binding = [guard for guard in guards.chosen if guard not in judgement.broken]
    return {
        "own": len(judgement.journeys),
        "standing": len(guards.digests),
        "performed": len(guards.chosen),
        "left_out": guards.left_out,
        "broken_on_base": len(judgement.broken),
        "promises": len({guard.promised for guard in binding}),
    }


def exploration(judgement: Judgement) -> dict[str, dict[str, float]]:
    """What exploring came to, under `exploration`; nothing at all where nobody explored.
    `replayed`: whose acts were performed again without a model; `failed`: a failure was found
    again; `proves`: Wilson's lower bound of the satisfied at 95 %."""
    if judgement.exploration is None:
        return {}
    told, satisfaction = judgement.exploration.explored, judgement.exploration.satisfaction
    facts = {
        "personas": len(told),
        "replayed": sum(one.replayed for one in told),
        "failed": len(judgement.exploration.findings),
        "satisfied": satisfaction.satisfied,
        "proves": round(satisfaction.lower, 4),
    }
    return {"exploration": facts}


def sandbox_facts(sandboxes: Iterable[SandboxResult]) -> dict[str, Any]:
    """The one form that held every box, and all that any of them could not hold."""
    held = tuple(sandboxes)
    forms = sorted({box.form for box in held})
    unheld = sorted({limit for box in held for limit in box.unheld})
    return {"form": "+".join(forms) or NO_SANDBOX, "unheld": unheld}


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
