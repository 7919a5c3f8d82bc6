"""Triage: a stranger's text in, one decision out. The model only proposes; code checks the quote and the ids.

The model has no tools, no token and one closed answer. What it cannot be sure of, a person decides.
"""

import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.governance import Applies, Finding, OnFail
from harness.domain.issue import Comment, Issue
from harness.domain.lifecycle import Event, State
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory import context
from harness.factory.casting import asked
from harness.factory.effects import effect
from harness.factory.estimate import ESTIMATE, estimate, has_ended, length_of
from harness.factory.grace import closing_time
from harness.factory.history import History
from harness.factory.intake import text_hash
from harness.factory.job import Job, failed, produced, refused
from harness.factory.queue import had_a_turn, is_appeal, issue_facts, refusal_of, turns_in
from harness.factory.slash import is_command
from harness.governance.decide import decide as law
from harness.governance.text.likeness import Earlier, Texts
from harness.governance.text.normalise import Normalised, normalise
from harness.governance.triage import answer_schema, duplicate_answer, triage_decision
from harness.workflow import rendered

OTHERS_SHOWN = 5
OTHERS_LENGTH = 600
"""How many older issues a model is shown beside the one it decides on, and how many characters of each."""


REPLIES_READ, REPLY_LENGTH = 5, 4000
"""How many of the filer's own comments are read, the last ones, and how many characters of each."""


def intake(job: Job) -> NodeResult:
    """The issue as it may be read: normalised, what was hidden in it recorded, its filer's own replies with it. An appeal
    goes to a person, and what a rule refuses on sight is asked no model about."""
    issue = job.plant.forge.issue(job.issue)
    if is_appeal(job.history):
        return refused("the filer appealed; a person reads it", event=Event.TRIAGE_UNSURE)
    title, body = normalise(issue.title), normalise(issue.body)
    comments = job.plant.forge.comments(job.issue)
    replies = [normalise(comment.body, limit=REPLY_LENGTH) for comment in _own(comments, issue)]
    hidden = [{"kind": str(span.kind), "text": span.text[:500]} for one in (title, body, *replies) for span in one.hidden]
    taken: dict[str, Any] = {
        "number": issue.number, "title": title.text.strip(), "body": body.text, "marked": _marked(body),
        "replies": [{"text": one.text, "marked": _marked(one)} for one in replies],
        "heard": max((comment.id for comment in comments), default=0), "hidden": hidden, "text": text_hash(issue)}
    if findings := _refusals(job, issue):
        return _refused_on_sight(job, taken, findings)
    passages = "one hidden passage" if len(hidden) == 1 else f"{len(hidden)} hidden passages"
    return produced(f"{passages} taken out of the text" if hidden else "", **taken)


def _own(comments: tuple[Comment, ...], issue: Issue) -> tuple[Comment, ...]:
    """What the filer added. A comment of anybody else is no part of the issue, whatever it says of itself."""
    own = [one for one in comments if issue.author.id and one.author.id == issue.author.id and not is_command(one)]
    return tuple(own[-REPLIES_READ:])


def _marked(found: Normalised) -> list[str]:
    """Which lines are somebody else's words, or folded away."""
    return [f"lines {span.line}-{span.end_line} are {span.provenance}" for span in found.spans]


def _refusals(job: Job, issue: Issue) -> tuple[Finding, ...]:
    """The rules that refuse this issue for good. One that only wants to see it later had its say in the queue: a turn
    that was given is not taken back."""
    facts = issue_facts(job.history, turns_in(job.others(had_a_turn)), labels=frozenset(issue.labels),
                        now=job.plant.clock.now())
    decision = law(job.steering.governance, facts, applies=Applies.ISSUE)
    return decision.refusals if refusal_of(decision) not in (None, OnFail.RETRY) else ()


def _refused_on_sight(job: Job, taken: Mapping[str, Any], findings: tuple[Finding, ...]) -> NodeResult:
    """Rejected where the strictest rule says so; else a person decides."""
    rejects = findings[0].on_fail is OnFail.REJECT
    event = Event.TRIAGE_REJECTED if rejects else Event.TRIAGE_UNSURE
    cites = [{"id": one.rule, "title": one.title, "path": _permalink(job, one.source)} for one in findings]
    says = "; ".join(f"{one.rule}: {one.says}" for one in findings)
    _write_down(job, taken, event=event, cites=cites, reply=f"{findings[0].title}: {findings[0].says}." if rejects else "")
    return refused(says, event=event, cites=[cite["id"] for cite in cites])


def classify(job: Job) -> NodeResult:
    """Ask the model once. An answer outside the schema is no answer. Where an older issue says the same, word for word,
    no model is asked."""
    assert isinstance(job.node, AgentNode)
    taken = job.outputs["intake"]
    if twin := _twin(job, taken):
        return produced(f"says what #{twin} says", **duplicate_answer(of=twin, quote=taken["title"]))
    question = rendered(job.node.prompt, {"spec_card": _as_json(_card(taken)), "others": _others(job, taken)},
                        prompts=job.steering.prompts)
    try:
        answer, _ = asked(job, "triage", job.steering.config.models.triage, lambda line: job.plant.model.answer(
            line, system=context.system_blocks(job.steering), question=question, schema=answer_schema(job.steering.governance)))
    except ModelError as error:
        return failed(str(error), retryable=error.retryable)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    return produced(str(answer.get("verdict", "")), **answer)


def _card(taken: Mapping[str, Any]) -> dict[str, Any]:
    """The issue for a model, a stranger's words as strings in it. Lines that are quoted or folded away are named."""
    card = {"issue": taken["number"], "title": taken["title"], "text_of_a_stranger": taken["body"]}
    if taken.get("marked"):
        card["of_this_text"] = taken["marked"]
    if taken.get("replies"):
        card["replies_of_the_same_stranger"] = [reply["text"] if not reply["marked"] else reply for reply in taken["replies"]]
    return card


def decide(job: Job) -> NodeResult:
    """Check the answer against the law and the text, byte for byte; then, and only then, it is a decision."""
    taken, answer = job.outputs["intake"], job.outputs["classify"]
    said = "\n".join((taken["body"], *(reply["text"] for reply in taken.get("replies", ()))))
    decided = triage_decision(job.steering.governance, answer, title=taken["title"], body=said, number=job.issue,
                              older_issues={told.issue for told in _older(job)}, asked=job.history.questions)
    cites = [{"id": entry.id, "title": entry.title, "path": _permalink(job, entry.source)} for entry in decided.cites]
    _write_down(job, taken, event=decided.event, cites=cites, quote=decided.quote, reply=decided.reply, kind=decided.kind,
                priority=decided.priority)
    if decided.event is Event.TRIAGE_ACCEPTED:
        _estimate(job, decided.kind, taken)
    return produced(decided.says, event=decided.event, cites=[cite["id"] for cite in cites],
                    duplicate_of=decided.duplicate_of)


def _write_down(job: Job, taken: Mapping[str, Any], *, event: Event, cites: list[dict[str, Any]], reply: str, quote: str = "",
                kind: str = "", priority: str = "") -> None:
    """The decision, with the text that it was made on, and the day on which it closes the issue if nobody objects."""
    days = {Event.TRIAGE_REJECTED: job.steering.config.triage.grace_days,
            Event.TRIAGE_NEEDS_INFO: job.steering.config.triage.reply_days}.get(event)
    job.plant.ledger.append("triage", job.key("triage"), issue=job.issue, run=job.run, data={
        "event": event, "cites": cites, "quote": quote, "reply": reply, "kind": kind, "priority": priority,
        "title": taken["title"], "body": taken["body"], "replies": [reply["text"] for reply in taken.get("replies", ())],
        "heard": taken.get("heard", 0), "hidden": taken["hidden"], "text": taken["text"],
        "closes": None if days is None else closing_time(job.plant, days=days), "rules": job.steering.digest})


def _estimate(job: Job, kind: str, taken: Mapping[str, Any]) -> None:
    """What it may cost, by what others like it came to, before any money is spent on building it."""
    found = estimate(kind, length_of(taken["title"], taken["body"]), job.others(has_ended))
    job.plant.ledger.append(ESTIMATE, job.key(ESTIMATE), issue=job.issue, run=job.run, data=found.document())


def close(job: Job) -> NodeResult:
    """A duplicate is closed: its conversation goes on at the older issue. Everything else stays open."""
    if job.history.transitions[-1].data["event"] != Event.TRIAGE_DUPLICATE:
        return produced()
    effect(job.plant, "close", job.key("close"), lambda: _closed(job), issue=job.issue, run=job.run)
    return produced("issue closed")


def _closed(job: Job) -> dict[str, Any]:
    job.plant.writer.close_issue(job.issue, completed=False)
    return {"issue": job.issue}


def _older(job: Job) -> tuple[History, ...]:
    """Older issues that this one may be a duplicate of, as far as their text is known."""
    shown = job.plant.lookout.open_issues()
    return tuple(told for told in job.others(may_be_told_again)
                 if told.issue < job.issue and (told.triage or told.issue in shown))


def may_be_told_again(told: History) -> bool:
    """Whether another issue may be a duplicate of this one. Of one that is merged it is none: what comes back is a
    regression. One that is itself a duplicate is not the one to name: its older one is."""
    return told.state is not State.MERGED and not told.is_duplicate


def _as_read(told: History, shown: Mapping[int, Issue]) -> Earlier:
    """As it was triaged, or, where it was not yet, as it stands on the forge now."""
    if told.triage:
        return Earlier(told.issue, told.triage["title"], told.triage["body"], told.state.value)
    title, body = normalise(shown[told.issue].title), normalise(shown[told.issue].body)
    return Earlier(told.issue, title.text.strip(), body.text, told.state.value)


def _text_of(told: History, shown: Mapping[int, Issue]) -> str:
    return _as_read(told, shown).text


def _learned(job: Job) -> tuple[Texts, dict[int, History], Mapping[int, Issue]]:
    """The older issues, with what they say read, where that was not done before: a flood is held against each of its own."""
    texts, shown, older = job.plant.twins.texts, job.plant.lookout.open_issues(), {told.issue: told for told in _older(job)}
    for number, told in older.items():
        says = told.triage or {"title": shown[number].title, "body": shown[number].body}
        texts.learn(number, (told.triage is not None, hash(says["title"]), hash(says["body"])),
                    partial(_text_of, told, shown))
    return texts, older, shown


def _twin(job: Job, taken: Mapping[str, Any]) -> int | None:
    texts, older, _ = _learned(job)
    return texts.twin(f"{taken['title']}\n{taken['body']}", older)


def _others(job: Job, taken: Mapping[str, Any]) -> str:
    """The older issues that share the most words with this one, for the model to recognise a duplicate."""
    texts, older, shown = _learned(job)
    found = texts.nearest(f"{taken['title']}\n{taken['body']}", older, most=OTHERS_SHOWN)
    near = [_as_read(older[number], shown) for number in found]
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
