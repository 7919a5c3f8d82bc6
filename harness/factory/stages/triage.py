"""Triage: a stranger's text in, one decision out. The model only proposes; code checks the quote
and the ids.

The model has no tools and no token, and gives one answer of a closed form. What it cannot be sure
of, a person decides."""

from functools import partial
from typing import Any

from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.events import Citation, CostEstimated, HiddenText, TriageDecided
from harness.domain.governance import Applies, Finding, OnFail
from harness.domain.issue import Comment, Issue
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject, plain
from harness.domain.workflow import AgentNode, NodeResult
from harness.factory.intake.expiry import closing_time
from harness.factory.intake.issues import text_hash
from harness.factory.intake.queue import (
    is_appeal,
    issue_facts,
    refusal_of,
    triage_starts,
    was_triaged,
)
from harness.factory.models import prompts
from harness.factory.models.selection import first_answer
from harness.factory.records.estimate import estimate, has_ended, length_of
from harness.factory.reporting.slash_commands import is_command
from harness.factory.run.node import Job, failed, produced, refused
from harness.factory.run.outputs import Reply, TakenIssue
from harness.factory.stages.duplicates import identical_issue, older_issues, same_request
from harness.governance.decide import decide as decide_by_rules
from harness.governance.text.normalise import Normalised, normalise
from harness.governance.triage import (
    TriageVerdict,
    answer_schema,
    duplicate_answer,
    triage_decision,
)
from harness.ports.model import Session
from harness.workflow import rendered

REPLIES_READ, REPLY_LENGTH = 5, 4000
"""How many of the filer's own comments are read (the last ones), and how many characters of
each."""


def intake(job: Job) -> NodeResult:
    """The issue as triage may read it: normalised, with the filer's own replies and a record of
    what was hidden in the text. An appeal goes to a person. Where a rule refuses the issue, no
    model is asked."""
    issue = job.services.forge.issue(job.issue)
    if is_appeal(job.history):
        return refused("the filer appealed; a person reads it", event=Event.TRIAGE_UNSURE)
    title, body = normalise(issue.title), normalise(issue.body)
    comments = job.services.forge.comments(job.issue)
    replies = [normalise(comment.body, limit=REPLY_LENGTH) for comment in _own(comments, issue)]
    hidden = tuple(
        HiddenText(str(span.kind), span.text[:500])
        for one in (title, body, *replies)
        for span in one.hidden
    )
    taken = TakenIssue(
        number=issue.number,
        title=title.text.strip(),
        body=body.text,
        marked=_marked(body),
        replies=tuple(Reply(one.text, _marked(one)) for one in replies),
        last_reply=max((comment.id for comment in comments), default=0),
        hidden=hidden,
        text=text_hash(issue),
    )
    # A rule's refusal costs nothing, so it comes before any model is asked.
    if findings := _refusals(job, issue):
        return _refused_on_sight(job, taken, findings)
    passages = "one hidden passage" if len(hidden) == 1 else f"{len(hidden)} hidden passages"
    return produced(f"{passages} taken out of the text" if hidden else "", taken)


def _own(comments: tuple[Comment, ...], issue: Issue) -> tuple[Comment, ...]:
    """What the filer added. A comment of anybody else is no part of the issue, whatever it
    claims."""
    own = [
        one
        for one in comments
        if issue.author.id and one.author.id == issue.author.id and not is_command(one)
    ]
    return tuple(own[-REPLIES_READ:])


def _marked(found: Normalised) -> tuple[str, ...]:
    """Which lines quote somebody else, or are folded away."""
    return tuple(f"lines {span.line}-{span.end_line} are {span.provenance}" for span in found.spans)


def _refusals(job: Job, issue: Issue) -> tuple[Finding, ...]:
    """The rules that refuse this issue for good. A rule that asks to retry later has had its effect
    in the queue, and a triage that has begun is not taken back."""
    facts = issue_facts(
        job.history,
        triage_starts(job.other_issues(was_triaged)),
        author=job.services.issue_index.author_of(job.history),
        labels=frozenset(issue.labels),
        now=job.services.clock.now(),
    )
    decision = decide_by_rules(job.policy.governance, facts, applies=Applies.ISSUE)
    return decision.refusals if refusal_of(decision) not in (None, OnFail.RETRY) else ()


def _refused_on_sight(job: Job, taken: TakenIssue, findings: tuple[Finding, ...]) -> NodeResult:
    """Reject the issue where the strictest rule rejects; otherwise a person decides."""
    rejects = findings[0].on_fail is OnFail.REJECT
    event = Event.TRIAGE_REJECTED if rejects else Event.TRIAGE_UNSURE
    cites = tuple(
        Citation(one.rule, one.title, path=_permalink(job, one.source)) for one in findings
    )
    reason = "; ".join(f"{one.rule}: {one.message}" for one in findings)
    _record_decision(
        job,
        taken,
        event=event,
        cites=cites,
        reply=f"{findings[0].title}: {findings[0].message}." if rejects else "",
    )
    return refused(reason, event=event, cites=[cite.id for cite in cites])


def classify(job: Job) -> NodeResult:
    """Ask the model once. An answer outside the schema is no answer. Where an older issue has the
    same text, word for word, no model is asked."""
    assert isinstance(job.node, AgentNode)
    taken = job.output("intake", TakenIssue)
    if older := identical_issue(job, taken):
        duplicate = duplicate_answer(of=older, quote=taken.title)
        return produced(f"has the same text as #{older}", **duplicate)
    try:
        answer, _ = first_answer(
            job, "triage", job.policy.config.models.triage, partial(_answer, job, taken)
        )
    except ModelError as error:
        return failed(str(error), retryable=error.retryable)
    except BudgetExhausted as stop:
        return refused(str(stop), event=Event.BUDGET_EXHAUSTED)
    return produced(str(answer.get("verdict", "")), **answer)


def _answer(job: Job, taken: TakenIssue, line: Session) -> JsonObject:
    """The model's answer about this issue alone: the question holds no other stranger's words. If
    the model accepts the issue, it is then asked whether the most similar older one is the same
    request."""
    assert isinstance(job.node, AgentNode)
    question = rendered(
        job.node.prompt, {"spec_card": prompts.document(_card(taken))}, prompts=job.policy.prompts
    )
    system = prompts.system_blocks(job.policy)
    answer = job.services.model.answer(
        line, system=system, question=question, schema=answer_schema(job.policy.governance)
    )
    is_accepted = answer.get("verdict") == TriageVerdict.IN
    # The comparison is a question of its own, so neither stranger's words can sway the triage of
    # the other; and it can only answer yes or no.
    if is_accepted and (older := same_request(job, taken, line, system)):
        return {**answer, "verdict": TriageVerdict.DUPLICATE.value, "duplicate_of": older}
    # The model never saw another issue, so it cannot know of a duplicate.
    return {**answer, "duplicate_of": None}


def _card(taken: TakenIssue) -> JsonDict:
    """The issue for a model, with a stranger's words as strings in it. It names the lines that are
    quoted or folded away."""
    card = {"issue": taken.number, "title": taken.title, "text_of_a_stranger": taken.body}
    if taken.marked:
        card["of_this_text"] = list(taken.marked)
    if taken.replies:
        card["replies_of_the_same_stranger"] = [
            plain(reply) if reply.marked else reply.text for reply in taken.replies
        ]
    return card


def decide(job: Job) -> NodeResult:
    """Check the model's answer against the rules and, byte for byte, against the text. Only then it
    is a decision."""
    taken, answer = job.output("intake", TakenIssue), job.outputs["classify"]
    written = "\n".join((taken.body, *(reply.text for reply in taken.replies)))
    decided = triage_decision(
        job.policy.governance,
        answer,
        title=taken.title,
        body=written,
        number=job.issue,
        older_issues={history.issue for history in older_issues(job)},
        asked=job.history.questions,
    )
    cites = tuple(
        Citation(entry.id, entry.title, path=_permalink(job, entry.source))
        for entry in decided.cites
    )
    _record_decision(
        job,
        taken,
        event=decided.event,
        cites=cites,
        quote=decided.quote,
        reply=decided.reply,
        kind=decided.kind,
        priority=decided.priority,
    )
    if decided.event is Event.TRIAGE_ACCEPTED:
        _estimate(job, decided.kind, taken)
    return produced(
        decided.message,
        event=decided.event,
        cites=[cite.id for cite in cites],
        duplicate_of=decided.duplicate_of,
    )


def _record_decision(
    job: Job,
    taken: TakenIssue,
    *,
    event: Event,
    cites: tuple[Citation, ...],
    reply: str,
    quote: str = "",
    kind: str = "",
    priority: str = "",
) -> None:
    """Record the decision with the text that it was made on, and with the day on which it closes
    the issue if nobody objects."""
    days = {
        Event.TRIAGE_REJECTED: job.policy.config.triage.close_days,
        Event.TRIAGE_DUPLICATE: job.policy.config.triage.close_days,
        Event.TRIAGE_NEEDS_INFO: job.policy.config.triage.reply_days,
    }.get(event)
    job.services.ledger.append(
        TriageDecided(
            event=event,
            cites=cites,
            quote=quote,
            reply=reply,
            issue_kind=kind,
            priority=priority,
            title=taken.title,
            body=taken.body,
            replies=tuple(reply.text for reply in taken.replies),
            last_reply=taken.last_reply,
            hidden=taken.hidden,
            text=taken.text,
            closes=None if days is None else closing_time(job.services, days=days),
            rules=job.policy.digest,
        ),
        job.key("triage"),
        issue=job.issue,
        run=job.run,
    )


def _estimate(job: Job, kind: str, taken: TakenIssue) -> None:
    """Record what the issue may cost, by what similar ones came to, before anybody pays to build
    it."""
    found = estimate(kind, length_of(taken.title, taken.body), job.other_issues(has_ended))
    job.services.ledger.append(
        found.event, job.key(CostEstimated.kind), issue=job.issue, run=job.run
    )


def _permalink(job: Job, source: Any) -> str:
    return f"blob/{job.base}/{source.file}?plain=1#L{source.line}"


def is_unchanged(job: Job) -> bool | None:
    """Whether the issue's text is still the triaged one. None where nothing was triaged."""
    triaged = job.history.triage
    issue: Issue = job.services.forge.issue(job.issue)
    return triaged.text == text_hash(issue) if triaged else None
