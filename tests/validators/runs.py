"""What runs of a journey showed: green, red in every way, and silent in every way."""

from dataclasses import replace

from validators.domain.evidence import (
    UNREAD,
    UNRECORDED,
    Breach,
    ExpectationOutcome,
    FaultFacts,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
    Trouble,
)
from validators.domain.verdict import Proof, Purpose, Sealed

STEP = StepOutcome(0, 4, "open", True)
LOOK = ExpectationOutcome(0, 9, "text", "here", True)


def run(
    identity: Identity = Identity.PLAIN, kind: RunKind = RunKind.JOURNEY, **changes
) -> RunEvidence:
    name, attempt = changes.pop("journey", "j"), changes.pop("attempt", 1)
    injector = changes.pop("injector", None)
    whole = RunEvidence(
        RunId(name, identity, kind, injector, attempt), True, True, (STEP,), (LOOK,)
    )
    return replace(whole, **changes)


def failed_step(trouble: Trouble) -> tuple[StepOutcome, ...]:
    return (STEP, StepOutcome(1, 5, "click", False, trouble))


FAILED_LOOK = (replace(LOOK, passed=False),)
LATE_LOOK = (replace(LOOK, passed=False, trouble=Trouble.TIMED_OUT, millis=5_000),)
LATE_STEP = failed_step(Trouble.TIMED_OUT)
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
    "unrecorded": {"errors": ("boom", UNRECORDED, UNREAD)},
    "unread": {"errors": ("boom", UNREAD)},
    "not ready": {"app_ready": False},
    "cut off": {"complete": False},
    "cut off while red": {"complete": False, "expectations": FAILED_LOOK},
    "ambiguous": {"steps": failed_step(Trouble.AMBIGUOUS), "expectations": ()},
    "no value": {"steps": failed_step(Trouble.NO_VALUE), "expectations": ()},
    "broken": {"expectations": (replace(LOOK, passed=False, trouble=Trouble.BROKEN),)},
    "late step": {"steps": LATE_STEP, "expectations": ()},
    "late look": {"expectations": LATE_LOOK},
    "restless": {"expectations": (replace(LOOK, passed=False, trouble=Trouble.RESTLESS),)},
    "looked at nothing": {"expectations": ()},
    "did nothing": {"steps": ()},
    "empty": {"steps": (), "expectations": ()},
}
OWN = {"green": GREEN, **RED_RUNS, **SILENT_RUNS}
RED = Proof(True, "red on base")
CONTROLS = {
    "fails": {"expectations": FAILED_LOOK},
    "fails where it looked": {
        "expectations": (replace(LOOK, passed=False, trouble=Trouble.MISSING),)
    },
    "passes": {},
    "absent": None,
    "skipped": {"skipped": "why"},
    "error": {"errors": ("boom",), "expectations": FAILED_LOOK},
    "not ready": {"app_ready": False, "expectations": FAILED_LOOK},
    "cut off": {"complete": False, "expectations": FAILED_LOOK},
    "a step failed": {"steps": failed_step(Trouble.MISSING), "expectations": ()},
    "ambiguous": {"expectations": (replace(LOOK, passed=False, trouble=Trouble.AMBIGUOUS),)},
    "late": {"expectations": LATE_LOOK},
    "breach only": {"breaches": (Breach("console", 12),)},
}
TOUCHED, NEAR, APART = FaultFacts(1, True), FaultFacts(1, False), FaultFacts(0, False)
SABOTAGE = {
    "caught": {"fault": TOUCHED, "expectations": FAILED_LOOK},
    "caught at a step": {
        "fault": TOUCHED,
        "steps": failed_step(Trouble.MISSING),
        "expectations": (),
    },
    "caught though untouched": {"fault": NEAR, "expectations": FAILED_LOOK},
    "missed, untouched": {"fault": NEAR},
    "not applicable": {"fault": APART},
    "failed without a wound": {"fault": APART, "expectations": FAILED_LOOK},
    "missed": {"fault": TOUCHED},
    "only its own mark": {"fault": TOUCHED, "breaches": (Breach("http_status", 12),)},
    "silent": {"fault": TOUCHED, "steps": failed_step(Trouble.NO_ANSWER), "expectations": ()},
    "late": {"fault": TOUCHED, "expectations": (*LATE_LOOK, replace(FAILED_LOOK[0], index=1))},
    "error": {"fault": TOUCHED, "errors": ("boom",)},
    "no facts": {"expectations": FAILED_LOOK},
    "absent": None,
}


def performed_runs(
    plain="green", masked="green", negative_control="fails", fault=("caught",) * 5
) -> tuple[RunEvidence, ...]:
    """Evidence of one journey from the names of the cases above."""
    pairs = [
        (run(Identity.PLAIN), OWN[plain]),
        (run(Identity.MASKED), OWN[masked]),
        (run(kind=RunKind.NEGATIVE_CONTROL), CONTROLS[negative_control]),
        *(
            (run(kind=RunKind.FAULT_INJECTION, injector=who, there_at_first=False), SABOTAGE[how])
            for who, how in zip(FaultInjector, fault, strict=True)
        ),
    ]
    return tuple(replace(whole, **changes) for whole, changes in pairs if changes is not None)


def sealed(proof: Proof | None = RED, purpose: Purpose = Purpose.BUG) -> tuple[Sealed, ...]:
    return (Sealed("j", "M-BOOK", purpose, proof),)
