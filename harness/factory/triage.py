"""Triage: a stranger's text in, one decision out. The model only proposes; code checks the quote and the ids.

The model has no tools, no token and one closed answer. What it cannot be sure of, a person decides.
"""

import json
from collections.abc import Mapping
from typing import Any

from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.issue import Issue
from harness.domain.lifecycle import Event, State
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory import context
from harness.factory.effects import effect
from harness.factory.history import History, histories
from harness.factory.intake import text_hash
from harness.factory.job import Job, failed, produced, refused
from harness.factory.models import session
from harness.governance.likeness import NEARLY_THE_SAME, Earlier, likeness, nearest
from harness.governance.normalise import normalise
from harness.governance.triage import answer_schema, duplicate_answer, triage_decision
from harness.workflow import rendered

OTHERS_SHOWN = 5
OTHERS_LENGTH = 600
"""How many older issues a model is shown beside the one it decides on, and how many characters of each."""


def intake(job: Job) -> NodeResult:
    """The issue as it may be read: normalised, what was hidden in it recorded, an appeal sent to a person."""
    issue = job.plant.forge.issue(job.issue)
    title, body = normalise(issue.title), normalise(issue.body)
    hidden = [{"kind": str(span.kind), "text": span.text[:500]} for span in (*title.hidden, *body.hidden)]
    if any(entry.data["event"] == Event.APPEALED for entry in job.history.transitions[-1:]):
        return refused("the filer appealed; a person reads it", event=Event.TRIAGE_UNSURE)
    return produced(f"{len(hidden)} hidden passages taken out of the text" if hidden else "", number=issue.number,
                    title=title.text.strip(), body=body.text, hidden=hidden, text=text_hash(issue))


def classify(job: Job) -> NodeResult:
    """Ask the model once. An answer outside the schema is no answer. Where an older issue says the same, word for word,
    no model is asked."""
    assert isinstance(job.node, AgentNode)
    taken = job.outputs["intake"]
    if twin := _twin(job, taken):
        return produced(f"says what #{twin.number} says", **duplicate_answer(of=twin.number, quote=taken["title"]))
    card = {"issue": taken["number"], "title": taken["title"], "text_of_a_stranger": taken["body"]}
    question = rendered(job.node.prompt, {"spec_card": _as_json(card), "others": _others(job, taken)},
                        prompts=job.steering.prompts)
    try:
        with session(job, "triage", job.steering.config.models.triage) as line:
            answer = job.plant.model.answer(line, system=context.system_blocks(job.steering), question=question,
                                            schema=answer_schema(job.steering.governance))
    except ModelError as error:
        return failed(str(error), retryable=error.retryable)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    return produced(str(answer.get("verdict", "")), **answer)


def decide(job: Job) -> NodeResult:
    """Check the answer against the law and the text, byte for byte; then, and only then, it is a decision."""
    taken, answer = job.outputs["intake"], job.outputs["classify"]
    decided = triage_decision(job.steering.governance, answer, title=taken["title"], body=taken["body"],
                              number=job.issue, older_issues={issue.number for issue in _earlier(job)})
    cites = [{"id": entry.id, "title": entry.title, "path": _permalink(job, entry.source)} for entry in decided.cites]
    job.plant.ledger.append("triage", job.key("triage"), issue=job.issue, run=job.run, data={
        "event": decided.event, "cites": cites, "quote": decided.quote, "reply": decided.reply, "kind": decided.kind,
        "priority": decided.priority, "title": taken["title"], "body": taken["body"], "hidden": taken["hidden"],
        "text": taken["text"], "rules": job.steering.digest})
    return produced(decided.says, event=decided.event, cites=[cite["id"] for cite in cites],
                    duplicate_of=decided.duplicate_of)


def close(job: Job) -> NodeResult:
    """A duplicate is closed: its conversation goes on at the older issue. Everything else stays open."""
    if job.history.transitions[-1].data["event"] != Event.TRIAGE_DUPLICATE:
        return produced()
    effect(job.plant, "close", job.key("close"), lambda: _closed(job), issue=job.issue, run=job.run)
    return produced("issue closed")


def _closed(job: Job) -> dict[str, Any]:
    job.plant.writer.close_issue(job.issue, completed=False)
    return {"issue": job.issue}


def _earlier(job: Job) -> tuple[Earlier, ...]:
    """Older issues that this one may be a duplicate of. One that is merged is not: what comes back is a regression. One
    that is itself a duplicate is not: its older one is."""
    older = (told for told in histories(job.plant.ledger.entries()) if told.issue < job.issue)
    return tuple(_as_read(job, told) for told in older if told.state is not State.MERGED and not told.is_duplicate)


def _as_read(job: Job, told: History) -> Earlier:
    """As it was triaged, or, where it was not yet, as it stands on the forge now."""
    if triaged := told.triage:
        return Earlier(told.issue, triaged["title"], triaged["body"], told.state.value)
    issue = job.plant.forge.issue(told.issue)
    return Earlier(told.issue, normalise(issue.title).text.strip(), normalise(issue.body).text, told.state.value)


def _twin(job: Job, taken: Mapping[str, Any]) -> Earlier | None:
    text = f"{taken['title']}\n{taken['body']}"
    return next((issue for issue in _earlier(job) if likeness(text, issue.text) >= NEARLY_THE_SAME), None)


def _others(job: Job, taken: Mapping[str, Any]) -> str:
    """The older issues that share the most words with this one, for the model to recognise a duplicate."""
    near = nearest(f"{taken['title']}\n{taken['body']}", _earlier(job), most=OTHERS_SHOWN)
    return "\n".join(_as_json({"issue": issue.number, "state": issue.state, "title": issue.title[:200],
                               "text_of_a_stranger": issue.body[:OTHERS_LENGTH]}) for issue in near)


def _as_json(card: Mapping[str, Any]) -> str:
    return json.dumps(card, indent=1, ensure_ascii=False)


def _permalink(job: Job, source: Any) -> str:
    return f"blob/{job.base}/{source.file}?plain=1#L{source.line}"


def is_unchanged(job: Job) -> bool | None:
    """Whether the issue still says what was triaged; None when nothing was."""
    triaged = job.history.triage
    issue: Issue = job.plant.forge.issue(job.issue)
    return triaged["text"] == text_hash(issue) if triaged else None
