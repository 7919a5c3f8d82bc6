"""What runs of a journey showed: green, red in every way, and silent in every way."""

from dataclasses import replace

from validators.domain.evidence import Breach, ExpectationOutcome, Identity, Kind, RunEvidence, RunId, StepOutcome, Trouble

STEP = StepOutcome(0, 4, "open", True)
LOOK = ExpectationOutcome(0, 9, "text", "here", True)


def run(identity: Identity = Identity.PLAIN, kind: Kind = Kind.JOURNEY, **changes) -> RunEvidence:
    name, attempt = changes.pop("journey", "j"), changes.pop("attempt", 1)
    saboteur = changes.pop("saboteur", None)
    whole = RunEvidence(RunId(name, identity, kind, saboteur, attempt), True, True, (STEP,), (LOOK,))
    return replace(whole, **changes)


def failed_step(trouble: Trouble) -> tuple[StepOutcome, ...]:
    return (STEP, StepOutcome(1, 5, "click", False, trouble))


FAILED_LOOK = (replace(LOOK, passed=False),)
GREEN = {}
RED_RUNS = {
    "step missing": {"steps": failed_step(Trouble.MISSING), "expectations": ()},
    "step not actionable": {"steps": failed_step(Trouble.NOT_ACTIONABLE), "expectations": ()},
    "no answer": {"steps": failed_step(Trouble.NO_ANSWER), "expectations": ()},
    "too large": {"steps": failed_step(Trouble.TOO_LARGE), "expectations": ()},
    "look": {"expectations": FAILED_LOOK},
    "breach": {"breaches": (Breach("http_status", 12),)},
}
SILENT_RUNS = {
    "absent": None,
    "skipped": {"skipped": "why"},
    "error": {"errors": ("boom",)},
    "not ready": {"app_ready": False},
    "cut off": {"complete": False},
    "cut off while red": {"complete": False, "expectations": FAILED_LOOK},
    "ambiguous": {"steps": failed_step(Trouble.AMBIGUOUS), "expectations": ()},
    "no value": {"steps": failed_step(Trouble.NO_VALUE), "expectations": ()},
    "broken": {"expectations": (replace(LOOK, passed=False, trouble=Trouble.BROKEN),)},
    "looked at nothing": {"expectations": ()},
    "did nothing": {"steps": ()},
    "empty": {"steps": (), "expectations": ()},
}
OWN = {"green": GREEN, **RED_RUNS, **SILENT_RUNS}
