"""An approval: a question to people, as an issue, and the first answer that counts.

Properties:
- an answer counts only from the forge: a comment of a person with the permission, asked of the
  forge when it is read, never edited, made before the question expired. What stood on an issue
  before is on another one: nobody knows a question's marker before it is asked;
- what is unknown is a no, and so is silence;
- nothing of an answer but its words is handed on, and those are data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.events import ApprovalAsked, ApprovalGiven
from harness.domain.issue import Comment, Permission
from harness.domain.ledger import as_of
from harness.domain.workflow import ApproveNode, NodeResult, Outcome
from harness.domain.workflow_run import REVISION
from harness.factory.records.own_runs import OwnRun
from harness.factory.reporting.comments.replies import OURS
from harness.factory.reporting.questions import marker_of, question
from harness.factory.reporting.slash_commands import commands_in
from harness.factory.run.effects import write_projection
from harness.factory.run.node import produced, refused
from harness.factory.run.services import Services
from harness.workflow import NodeCall

APPROVE, REVISE, REJECT = "approve", "revise", "reject"
MOST_REVISIONS = 3
MOST_WORDS = 4000


@dataclass(frozen=True, slots=True)
class _Question:
    services: Services
    run: OwnRun
    node: ApproveNode
    call: NodeCall

    @property
    def key(self) -> str:
        return f"{self.run.name}/{self.call.key}"


def answer(services: Services, run: OwnRun, call: NodeCall, shown: str) -> NodeResult | None:
    """The person's answer; None while there is none and there is time left."""
    assert isinstance(call.node, ApproveNode)
    asking = _Question(services, run, call.node, call)
    asked = _asked(asking, shown)
    found = services.ledger.find(f"{asking.key}/answer")
    given = as_of(found, ApprovalGiven).event if found else _first_that_counts(asking, asked)
    if given is None and services.clock.now() < datetime.fromisoformat(asked.until):
        return None
    if given is not None:
        services.ledger.append(given, f"{asking.key}/answer", run=run.name)
    approved = given is not None and given.decision == APPROVE
    write_projection(
        services, lambda: services.writer.close_issue(asked.number, completed=approved)
    )
    return _result(call.node, given)


def _asked(asking: _Question, shown: str) -> ApprovalAsked:
    """The question, asked now unless it was asked before."""
    services, node, key = asking.services, asking.node, f"{asking.key}/asked"
    if found := services.ledger.find(key):
        return as_of(found, ApprovalAsked).event
    now = services.clock.now()
    until = now + timedelta(seconds=node.expires_seconds)
    run = asking.run
    marker = marker_of(run.name, run.started.hash, node.id, asking.call.attempt)
    title, text = question(
        workflow=run.workflow,
        node=node.id,
        marker=marker,
        shown=shown,
        role=node.permission,
        until=until,
        revisable=bool(node.revises),
    )
    numbers: list[int] = []
    write_projection(
        services,
        lambda: numbers.append(services.writer.upsert_issue(marker, title=title, body=text)),
    )
    asked = ApprovalAsked(node.id, numbers[0], now.isoformat(), until.isoformat())
    services.ledger.append(asked, key, run=run.name)
    return asked


def _first_that_counts(asking: _Question, asked: ApprovalAsked) -> ApprovalGiven | None:
    until = datetime.fromisoformat(asked.until)
    for comment in asking.services.forge.comments(asked.number):
        if not _may_count(comment, until):
            continue
        for decision, words in _decisions(comment):
            if decision == REVISE and not (words and _may_revise(asking)):
                continue
            # Asked only now, and of the forge: no text gives anybody a right.
            permission = asking.services.forge.permission(comment.author)
            least = Permission(asking.node.permission)
            if not permission.reaches(least):
                break
            # Whoever may write may edit others' comments, at once, too.
            if least.is_more_than_write and not asking.services.forge.is_original(comment):
                break
            author = comment.author
            return ApprovalGiven(
                asking.node.id,
                decision,
                author.id,
                author.login,
                permission.value,
                comment.id,
                words[:MOST_WORDS] if decision == REVISE else "",
            )
    return None


def _may_count(comment: Comment, until: datetime) -> bool:
    """Whether a comment is a person's, as it was written, and in time."""
    try:
        in_time = datetime.fromisoformat(comment.created_at) < until
    except (ValueError, TypeError):
        return False
    ours = comment.body.startswith(OURS)
    return in_time and not (comment.author.bot or comment.edited or ours)


def _decisions(comment: Comment) -> Iterator[tuple[str, str]]:
    for one in commands_in(comment.body):
        if one.word in (APPROVE, REVISE, REJECT):
            yield one.word, one.argument


def _may_revise(asking: _Question) -> bool:
    run = asking.services.own_runs.of(asking.run.name)
    before = [one for one in run.attempts if one.node == asking.node.id]
    return bool(asking.node.revises) and len(before) < MOST_REVISIONS


def _result(node: ApproveNode, given: ApprovalGiven | None) -> NodeResult:
    if given is None:
        return refused(f"nobody with {node.permission} permission approved it in time")
    if given.decision == APPROVE:
        return produced(f"approved by {given.login}", by=given.login)
    if given.decision == REJECT:
        return refused(f"rejected by {given.login}")
    return NodeResult(
        Outcome.BLOCKED,
        {REVISION: given.words},
        f"sent back by {given.login}",
        retryable=False,
    )
