"""The words of the chain: the meaning of each event, and sentences about facts. Pure."""

from collections.abc import Iterator, Mapping

from harness.domain.events import ErrorsTraced, TriageDecided, TrustDecided, VerdictRecorded
from harness.domain.governance import Status
from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State
from harness.domain.plain import JsonObject
from harness.domain.shortened import count
from harness.factory.records.link import LinkOutcome, Stage

STAGE_OF_WORKFLOW: Mapping[str, Stage] = {
    "triage": Stage.TRIAGE,
    "implement": Stage.PROPOSAL,
    "validate": Stage.CANDIDATE,
    "merge": Stage.MERGE,
}

TRIAGE_OUTCOMES: Mapping[str, tuple[LinkOutcome, str]] = {
    Event.TRIAGE_ACCEPTED: (LinkOutcome.HOLDS, "Within the mission"),
    Event.TRIAGE_REJECTED: (LinkOutcome.REFUSES, "Outside the mission"),
    Event.TRIAGE_DUPLICATE: (LinkOutcome.REFUSES, "Asked before"),
    Event.TRIAGE_NEEDS_INFO: (LinkOutcome.CANNOT_TELL, "Something is missing"),
    Event.TRIAGE_UNSURE: (LinkOutcome.CANNOT_TELL, "The factory cannot decide this alone"),
}
EVENT_OUTCOMES: Mapping[str, tuple[LinkOutcome, str]] = {
    **TRIAGE_OUTCOMES,
    Event.RUN_FAILED: (LinkOutcome.REFUSES, "An attempt failed"),
    Event.POLICY_REFUSED: (LinkOutcome.REFUSES, "The change was refused"),
    Event.ATTACK_SUSPECTED: (LinkOutcome.REFUSES, "An attack is suspected"),
    Event.SPLIT: (LinkOutcome.REFUSES, "The change is larger than one change may be"),
    Event.CANNOT_DO: (LinkOutcome.REFUSES, "It could not be done honestly"),
    Event.BUDGET_EXHAUSTED: (LinkOutcome.REFUSES, "The money set aside is spent"),
    Event.CHANGES_REQUESTED: (LinkOutcome.REFUSES, "Sent back"),
    Event.MERGE_CONFLICT: (LinkOutcome.REFUSES, "The change and the base conflict"),
    Event.VERDICT_REJECTED: (LinkOutcome.REFUSES, "The verdict rejects it"),
    Event.JUDGE_AGAIN: (LinkOutcome.CANNOT_TELL, "The judge came to no answer and is asked again"),
    Event.INCONCLUSIVE: (
        LinkOutcome.CANNOT_TELL,
        "The judge came to no answer, and no answer is a no",
    ),
    Event.HEAD_OR_BASE_MOVED: (
        LinkOutcome.REFUSES,
        "What was judged is no longer what would land",
    ),
    Event.ROUNDS_EXHAUSTED: (LinkOutcome.REFUSES, "What is allowed is used up"),
    Event.GATE_REFUSED: (LinkOutcome.REFUSES, "A gate before the merge is closed"),
    Event.CHECKS_AWAITED: (LinkOutcome.CANNOT_TELL, "Waiting for the checks on what would land"),
    Event.CHECKS_FAILED: (LinkOutcome.REFUSES, "The project's own checks did not pass"),
    Event.LOW_CONFIDENCE: (LinkOutcome.REFUSES, "Sent back for want of confidence"),
    Event.REFUSED: (LinkOutcome.REFUSES, "It did not land"),
    Event.FORGE_REFUSED: (LinkOutcome.REFUSES, "The forge did not take it"),
    Event.UNCONFIRMED: (
        LinkOutcome.CANNOT_TELL,
        "It is not known yet whether it landed",
    ),
    Event.REVERTED: (LinkOutcome.DONE, "It was taken back"),
    Event.LANDED_TREE_DIFFERS: (LinkOutcome.REFUSES, "What landed is not what was judged"),
    Event.HANDED_OVER: (
        LinkOutcome.DONE,
        "Handed to a person, because no sealed judge is asked here",
    ),
    Event.NO_REPLY: (LinkOutcome.CANNOT_TELL, "No answer came"),
    Event.DUPLICATE_LANDED: (
        LinkOutcome.CANNOT_TELL,
        "Another issue that asks for the same has landed",
    ),
    Event.REGRESSED: (LinkOutcome.DONE, "It is worked on again"),
    Event.TRIAGE_AGAIN: (LinkOutcome.DONE, "Triage decides about it first"),
    Event.ERROR_RETURNED: (LinkOutcome.DONE, "Its error came again, and triage decides about it"),
    Event.ISSUE_EDITED: (LinkOutcome.DONE, "The issue was edited, so what was decided is void"),
    Event.CLOSED_BY_PERSON: (LinkOutcome.DONE, "Closed by a person"),
    Event.LANDED_BY_PERSON: (LinkOutcome.DONE, "Merged by a person"),
}
"""The outcome and title of an event that has a link of its own. Every other event is explained by
the entries that it follows from."""
EVENTS_OF_PEOPLE = frozenset({Event.ISSUE_EDITED, Event.CLOSED_BY_PERSON, Event.LANDED_BY_PERSON})
EVENTS_AFTER_A_REFUSAL = frozenset(
    {
        Event.POLICY_REFUSED,
        Event.SPLIT,
        Event.CHANGES_REQUESTED,
        Event.GATE_REFUSED,
        Event.INCONCLUSIVE,
        Event.JUDGE_AGAIN,
        Event.RUN_FAILED,
        Event.HEAD_OR_BASE_MOVED,
        Event.LANDED_TREE_DIFFERS,
    }
)
OVERRIDING_EVENTS = frozenset(
    {Event.RETRIED, Event.REVISED, Event.APPROVED_BY_PERSON, Event.LANDED_BY_PERSON}
)
COMMAND_WORDS: Mapping[str, str] = {
    Event.RETRIED: "asked for another try",
    Event.REVISED: "asked for another change",
    Event.OWNER_HOLD: "put it on hold",
    Event.RESUMED: "lifted the hold",
    Event.APPEALED: "appealed",
    Event.AUTHOR_REPLIED: "answered the question",
    Event.APPROVED_BY_PERSON: "approved it",
}
STAGE_OF_STATE: Mapping[str, Stage] = {
    State.ACCEPTED: Stage.PROPOSAL,
    State.IMPLEMENTING: Stage.PROPOSAL,
    State.CHANGES_REQUESTED: Stage.PROPOSAL,
    State.VALIDATING: Stage.CANDIDATE,
    State.APPROVED: Stage.MERGE,
    State.UNTRIAGED: Stage.TRIAGE,
}
ERRORS_TITLE = "Filed for errors of the running app"


def errors_fact(traced: ErrorsTraced) -> str:
    """How often they were seen, and in which release."""
    release = (
        f"release {traced.landing:.10}, which landed for #{traced.landed}"
        if traced.landing
        else "a release that is unknown here"
    )
    return f"seen {traced.count} times until then, in {release}"


def triage_fact(decision: TriageDecided, title: str, reason: str) -> str:
    """What triage decided: kind and priority of an accepted issue, else the reason."""
    if decision.event is Event.TRIAGE_ACCEPTED:
        priority = f"priority {decision.priority}" if decision.priority else ""
        return ", ".join(filter(None, (title, decision.issue_kind, priority)))
    # A refusal by the mission has the mission's own words as its quote; they are better than ours.
    is_by_the_mission = decision.event is Event.TRIAGE_REJECTED and decision.quote
    return title if is_by_the_mission else reason or title


def finding_outcome(finding: JsonObject) -> LinkOutcome:
    """The outcome of a rule, by its finding as the ledger has it."""
    if finding["passed"] is True:
        return LinkOutcome.HOLDS
    if finding.get("lifted"):
        return LinkOutcome.OVERRIDDEN
    if finding["status"] == Status.SHADOW:
        return LinkOutcome.WOULD_REFUSE
    return LinkOutcome.REFUSES if finding["passed"] is False else LinkOutcome.CANNOT_TELL


def proof_of_verdict(verdict: VerdictRecorded) -> str:
    """What the verdict is about, and the controls that show that the judge could have refused."""
    controls, journeys = verdict.controls, verdict.journeys
    facts = (
        f"{journeys.executed} of {journeys.sealed} ran",
        f"{controls.negative_controls_failed} of {controls.negative_controls} negative controls"
        " failed, as they must"
        if controls.negative_controls
        else "",
        f"{controls.faults_caught} of {controls.injected_faults} injected faults caught"
        if controls.injected_faults
        else "",
        f"{'red' if controls.red_on_base else 'not red'} on the base",
        f"tree {verdict.binds.tree:.10}",
        f"sandbox {verdict.sandbox_form}",
    )
    return ", ".join(filter(None, facts))


def verdict_evidence(entry: Entry, verdict: VerdictRecorded) -> Iterator[str]:
    """Where the proof of a verdict is, and by which key it is signed."""
    yield f"evidence/{entry.run}/index.html"
    yield verdict.envelope
    yield f"sha256:{verdict.envelope_sha256}"
    yield f"key {verdict.key_id}"


TRUST_TITLE = "How far it was trusted"
SHADOW_TITLE = "The factory beside the person"
_FOLLOWS = {
    "merge": "lands alone",
    "needs-human": "a person looks",
    "retry": "goes back",
    "reject": "does not land",
}


def trust_fact(decided: TrustDecided) -> str:
    """The confidence, the level, and what followed."""
    number = (
        f"unknown, for want of {', '.join(decided.missing)}"
        if decided.missing
        else f"{decided.value} ({decided.low} to {decided.high}), from"
        f" {count(decided.outcomes, 'outcome')} ({decided.basis})"
    )
    follows = "a person approved it" if decided.lifted else _FOLLOWS[decided.follows]
    tried = "; the rule is only tried, and held nothing back" if decided.shadow else ""
    return (
        f"{', '.join(decided.paths)}: confidence {number}; level {decided.level}, granted"
        f" {decided.granted}; the confidence alone: {decided.alone}; {follows}{tried}"
    )
