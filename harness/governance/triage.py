"""The triage contract: the schema of a model's answer, and the code that checks it and decides.

Properties: an answer outside the schema decides nothing; an id that no entry has, a quote that is
not in the issue byte for byte, a duplicate that does not exist or is younger, an entry cited
against its own kind: each ends with a person. The model's words reach nobody but through a question
to the filer, which may hold no address and no image."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.domain.governance import Governance, ScopeDefault, ScopeEntry, ScopeKind
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.schema import closed_object
from harness.governance.text import asking

CONFIDENT = 0.5
"""Below this, the model's own doubt sends the issue to a person. Above it, confidence counts for
nothing."""

_SHORTEST_QUOTE = 8
_LONGEST_QUOTE = 500
_LONGEST_ASK = 600


class TriageVerdict(StrEnum):
    """The closed set of answers."""

    IN = "in"
    OUT = "out"
    INVARIANT = "invariant"
    DUPLICATE = "duplicate"
    QUESTION = "question"
    NEEDS_INFO = "needs-info"
    NEEDS_HUMAN = "needs-human"


class IssueKind(StrEnum):
    """What kind of work an issue asks for."""

    BUG = "bug"
    FEATURE = "feature"
    CHORE = "chore"


class Priority(StrEnum):
    """How soon."""

    URGENT = "urgent"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class TriageDecision:
    """What code decided. `message` is the reason in one sentence; `doubts` name each check that the
    answer failed."""

    event: Event
    message: str
    cites: tuple[ScopeEntry, ...] = ()
    quote: str = ""
    reply: str = ""
    kind: str = IssueKind.CHORE.value
    priority: str = Priority.NORMAL.value
    duplicate_of: int | None = None
    doubts: tuple[str, ...] = ()


def answer_schema(governance: Governance) -> JsonDict:
    """The JSON schema of the model's one answer; the ids it may cite are those of this governance,
    and no others. That an issue is a duplicate is no answer of a model that has read this issue
    alone."""
    return _schema(
        governance, [verdict for verdict in TriageVerdict if verdict is not TriageVerdict.DUPLICATE]
    )


def _schema(governance: Governance, verdicts: Iterable[TriageVerdict]) -> JsonDict:
    ids = sorted(entry.id for entry in governance.scope)
    cites: JsonDict = {
        "type": "array",
        "maxItems": 5,
        "uniqueItems": True,
        "items": {"type": "string", "enum": ids} if ids else {"type": "string"},
        "description": "Ids of the mission's entries that decide this, most decisive first.",
    }
    properties = {
        "verdict": _enum(verdicts, "The mission's answer to this request."),
        "cites": cites if ids else {**cites, "maxItems": 0},
        "quote": {
            "type": "string",
            "maxLength": _LONGEST_QUOTE,
            "description": (
                "The words of the issue that decide this, copied character for character."
            ),
        },
        "kind": _enum(IssueKind, "What kind of work this is."),
        "priority": _enum(Priority, "How soon this matters to people who use the product."),
        "ask": {
            "type": "string",
            "maxLength": _LONGEST_ASK,
            "description": (
                "For needs-info: one plain question to the person who filed this. Otherwise empty."
            ),
        },
        "confidence": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "description": "How sure you are.",
        },
    }
    return closed_object(properties)


def _decided_schema(governance: Governance) -> JsonDict:
    """The form of what is decided on: a model's answer, and beside it which older issue asks for
    the same, if one does."""
    schema = _schema(governance, TriageVerdict)
    of = {"duplicate_of": {"type": ["integer", "null"], "minimum": 1}}
    return schema | {
        "properties": schema["properties"] | of,
        "required": [*schema["required"], *of],
    }


def duplicate_answer(*, of: int, quote: str) -> JsonDict:
    """The answer that code gives itself when an older issue asks for the same: in the same form,
    and checked the same way."""
    return {
        "verdict": TriageVerdict.DUPLICATE.value,
        "cites": [],
        "quote": quote[:_LONGEST_QUOTE],
        "kind": IssueKind.CHORE.value,
        "priority": Priority.NORMAL.value,
        "duplicate_of": of,
        "ask": "",
        "confidence": 1.0,
    }


def _enum(kind: Iterable[StrEnum], description: str) -> JsonDict:
    return {"type": "string", "enum": [member.value for member in kind], "description": description}


def triage_decision(
    governance: Governance,
    answer: JsonObject,
    *,
    title: str,
    body: str,
    number: int,
    older_issues: Collection[int],
    asked: int = 0,
) -> TriageDecision:
    """Check an answer against the governance and the normalised text of the issue, and decide.
    Never raises.

    `older_issues` are the numbers of issues that exist and were filed before this one; `asked` is
    how often its filer was asked something already."""
    fault = _schema_fault(governance, answer)
    if fault:
        return _unsure((f"the answer is not in the agreed form: {fault}",))
    entries = {entry.id: entry for entry in governance.scope}
    cites = tuple(entries[cited] for cited in answer["cites"])
    verdict, quote = TriageVerdict(answer["verdict"]), answer["quote"]
    doubts = (
        *_doubts_on_quote(verdict, quote, title, body),
        *_doubts_on_cites(governance, verdict, cites),
        *_doubts_on_verdict(verdict, answer, number, older_issues),
        *_doubts_on_asking(verdict, answer, f"{title}\n{body}", asked),
    )
    common = {
        "cites": cites,
        "quote": quote if not list(_doubts_on_quote(verdict, quote, title, body)) else "",
        "kind": answer["kind"],
        "priority": answer["priority"],
    }
    if doubts:
        return _unsure(doubts, **common)
    return TriageDecision(
        event=_EVENTS[verdict],
        message=_reason(verdict, cites, answer),
        reply=_reply(verdict, cites, answer),
        **common,
        duplicate_of=answer["duplicate_of"] if verdict is TriageVerdict.DUPLICATE else None,
    )


_EVENTS = {
    TriageVerdict.IN: Event.TRIAGE_ACCEPTED,
    TriageVerdict.OUT: Event.TRIAGE_REJECTED,
    TriageVerdict.INVARIANT: Event.TRIAGE_REJECTED,
    TriageVerdict.DUPLICATE: Event.TRIAGE_DUPLICATE,
    TriageVerdict.NEEDS_INFO: Event.TRIAGE_NEEDS_INFO,
    TriageVerdict.QUESTION: Event.TRIAGE_UNSURE,
    TriageVerdict.NEEDS_HUMAN: Event.TRIAGE_UNSURE,
}
_DECIDING = {
    TriageVerdict.IN: ScopeKind.IN,
    TriageVerdict.OUT: ScopeKind.OUT,
    TriageVerdict.INVARIANT: ScopeKind.INVARIANT,
}
_UNQUOTED = (TriageVerdict.QUESTION, TriageVerdict.NEEDS_HUMAN)


def _unsure(doubts: tuple[str, ...], **common: Any) -> TriageDecision:
    return TriageDecision(
        event=Event.TRIAGE_UNSURE,
        message=f"a person decides: {'; '.join(doubts)}",
        doubts=doubts,
        **common,
    )


def _schema_fault(governance: Governance, answer: JsonObject) -> str | None:
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(_decided_schema(governance)).iter_errors(dict(answer))
    first = next(iter(errors), None)
    return (
        None
        if first is None
        else f"{'.'.join(map(str, first.path)) or 'answer'}: {first.message[:200]}"
    )


def _doubts_on_quote(verdict: TriageVerdict, quote: str, title: str, body: str) -> Iterator[str]:
    if verdict in _UNQUOTED:
        return
    # A title may be shorter than any useful quote; then the whole title is one.
    shortest = min(_SHORTEST_QUOTE, len(title.strip()) or _SHORTEST_QUOTE)
    if len(quote.strip()) < shortest:
        yield "the quote is too short to show anything"
    elif quote not in title and quote not in body:
        yield "the quote is not in the issue"


def _doubts_on_cites(
    governance: Governance, verdict: TriageVerdict, cites: tuple[ScopeEntry, ...]
) -> Iterator[str]:
    deciding = _DECIDING.get(verdict)
    if deciding is None:
        return
    kinds = {entry.kind for entry in cites}
    spoken_for = deciding in kinds or (deciding is ScopeKind.IN and _is_in_by_default(governance))
    if not spoken_for:
        yield f"no entry of kind `{deciding}` is cited for the verdict `{verdict}`"
    # A model that cites both sides has not understood one of them: a person decides.
    if deciding is ScopeKind.IN and ScopeKind.OUT in kinds:
        yield "an entry that refuses is cited for a yes"


def _is_in_by_default(governance: Governance) -> bool:
    """Whether what no entry speaks of is wanted: by the mission's `default: in`, or because it has
    no entries at all."""
    return governance.scope_default is ScopeDefault.IN or not governance.scope


def _doubts_on_verdict(
    verdict: TriageVerdict, answer: JsonObject, number: int, older_issues: Collection[int]
) -> Iterator[str]:
    other = answer["duplicate_of"]
    if verdict is TriageVerdict.DUPLICATE and (
        # The number comes from a model: only an issue that exists and is older can be meant.
        other is None or other >= number or other not in older_issues
    ):
        yield f"#{other} is not an older issue" if other else "no older issue is named"
    if answer["confidence"] < CONFIDENT:
        yield f"the model's own confidence is {answer['confidence']}"


def _doubts_on_asking(
    verdict: TriageVerdict, answer: JsonObject, issue: str, asked: int
) -> Iterator[str]:
    if verdict is not TriageVerdict.NEEDS_INFO:
        return
    # Without an end to the questions, a stranger could keep the factory asking.
    if asked >= asking.MOST:
        yield f"its filer was asked {asked} times already"
    yield from asking.faults_of_question(answer["ask"], issue=issue)


def _reason(verdict: TriageVerdict, cites: tuple[ScopeEntry, ...], answer: JsonObject) -> str:
    by = f" by {', '.join(entry.id for entry in cites)}" if cites else ""
    match verdict:
        case TriageVerdict.IN:
            return f"accepted{by or ', as what no entry speaks against'}"
        case TriageVerdict.OUT | TriageVerdict.INVARIANT:
            return f"refused{by}"
        case TriageVerdict.DUPLICATE:
            return f"the same as #{answer['duplicate_of']}"
        case TriageVerdict.NEEDS_INFO:
            return "the filer is asked one question"
        case TriageVerdict.QUESTION:
            return "a person decides: this is a question, not a request"
        case TriageVerdict.NEEDS_HUMAN:
            return "a person decides: the model is not sure"


def _reply(verdict: TriageVerdict, cites: tuple[ScopeEntry, ...], answer: JsonObject) -> str:
    """What the filer reads: the mission's own words for a no, the one question for needs-info,
    else nothing."""
    if verdict is TriageVerdict.NEEDS_INFO:
        return str(answer["ask"]).strip()
    wanted = _DECIDING.get(verdict)
    if wanted in (ScopeKind.OUT, ScopeKind.INVARIANT):
        return next((entry.reply or entry.title for entry in cites if entry.kind is wanted), "")
    return ""
