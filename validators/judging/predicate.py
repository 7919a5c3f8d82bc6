"""Make the predicate of the signed verdict from a judgement and the root over its evidence."""

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
    """The predicate, JSON values only. Its keys are public: see `validators.signing.statement`."""
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
        "controls": verdict.controls.document(),
        "regression": regression(judgement),
        **exploration(judgement),
        # A key of stored verdicts: it keeps its name.
        "box": sandbox_facts(judgement.sandboxes),
        "seed": judgement.seed,
        "signer": judgement.context.signer,
        "evidence": {"merkle_root": merkle_root(files), "files": len(files)},
        "began": stamp(judgement.began),
        "ended": stamp(ended),
    }


def regression(judgement: Judgement) -> dict[str, int]:
    """Counts of the regression suite. `own`: the change's own journeys beside it. `left_out`: by
    the limit, for this seed. `broken_on_base`: red without this change too, so not binding.
    `promises`: those that the binding journeys protect."""
    suite = judgement.suite
    binding = [one for one in suite.chosen if one not in judgement.broken]
    return {
        "own": len(judgement.journeys),
        "standing": len(suite.digests),
        "performed": len(suite.chosen),
        "left_out": suite.left_out,
        "broken_on_base": len(judgement.broken),
        "promises": len({one.promised for one in binding}),
    }


def exploration(judgement: Judgement) -> dict[str, dict[str, float]]:
    """The result of exploring under the key `exploration`; empty where nobody explored.

    `replayed`: personas whose acts were performed again without a model. `failed`: failures that
    were found again. `proves`: Wilson's lower bound of the satisfied share at 95 %."""
    if judgement.exploration is None:
        return {}
    explored, satisfaction = judgement.exploration.explored, judgement.exploration.satisfaction
    facts = {
        "personas": len(explored),
        "replayed": sum(one.replayed for one in explored),
        "failed": len(judgement.exploration.findings),
        "satisfied": satisfaction.satisfied,
        "proves": round(satisfaction.lower, 4),
    }
    return {"exploration": facts}


def sandbox_facts(sandboxes: Iterable[SandboxResult]) -> dict[str, Any]:
    """The forms of all sandboxes, and every limit that one of them could not enforce."""
    results = tuple(sandboxes)
    forms = sorted({one.form for one in results})
    unheld = sorted({limit for one in results for limit in one.unheld})
    return {"form": "+".join(forms) or NO_SANDBOX, "unheld": unheld}


def stamp(moment: datetime) -> str:
    """The moment in ISO 8601, UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
