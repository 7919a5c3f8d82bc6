"""Issues: any signed-in account may file one, its author may edit and close it, and
labels need the triage role."""

import re
from datetime import UTC, datetime

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page, window
from harness.programs.local_forge.content import history, issues, pulls
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.refused import forbidden, invalid
from harness.programs.local_forge.shapes import issues as shapes
from harness.programs.local_forge.shapes.common import Json
from harness.programs.local_forge.storage.records import Issue, Repo, Role, User

_STATES = frozenset({"open", "closed"})
_REASONS = frozenset({"completed", "not_planned", "duplicate", "reopened"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def issue_list(call: ApiCall) -> ApiResponse:
    """Issues and pull requests, filtered by state, labels, since and creator, in the
    requested order."""
    repo, wanted = call.repo, _search(call)
    size, skip = window(call)
    found = issues.search(call.tx, repo, wanted, limit=size, skip=skip)
    return page(
        call,
        found,
        issues.count(call.tx, repo, wanted),
        shape=lambda issue: shape(call, repo, issue),
    )


def create(call: ApiCall) -> ApiResponse:
    """File an issue. Labels from a caller without the triage role are dropped, as on GitHub."""
    repo, author = call.repo, call.person
    title = fields.needed_text(call.body, "title", "Issue", limit=fields.TITLE_LIMIT)
    issue = issues.create(
        call.tx,
        repo,
        title=title,
        body=fields.text(call.body, "body", "Issue") or "",
        author=author,
    )
    if call.body.get("labels") and call.role(repo) >= Role.TRIAGE:
        wanted = fields.names(call.body["labels"], "Issue", "labels")
        issue = issues.set_labels(call.tx, repo, issue, wanted, actor=author)
    return ApiResponse(
        shape(call, repo, issue), 201, {"location": call.tx.links.issue(repo, issue.number)}
    )


def one(call: ApiCall) -> ApiResponse:
    """One issue or pull request."""
    repo = call.repo
    return ApiResponse(shape(call, repo, issues.numbered(call.tx, repo, call.number)))


def change(call: ApiCall) -> ApiResponse:
    """Edit the text (author or writer), open or close (author or triage), set labels (triage)."""
    repo, actor = call.repo, call.person
    issue = issues.numbered(call.tx, repo, call.number)
    is_author = actor.id == issue.author.id
    if call.body.keys() & {"title", "body"}:
        _need(call, repo, Role.WRITE, unless=is_author)
        issue = _with_words(call, repo, issue, actor)
    # Presence counts, not truth: an empty list removes all labels.
    if "labels" in call.body:
        call.need(repo, Role.TRIAGE)
        wanted = fields.names(call.body["labels"], "Issue", "labels")
        issue = issues.set_labels(call.tx, repo, issue, wanted, actor=actor)
    if call.body.get("state") is not None:
        _need(call, repo, Role.TRIAGE, unless=is_author)
        issue = _in_state(call, repo, issue, actor)
    return ApiResponse(shape(call, repo, issue))


def events(call: ApiCall) -> ApiResponse:
    """The events of an issue, oldest first."""
    repo = call.repo
    issue = issues.numbered(call.tx, repo, call.number)
    size, skip = window(call)
    found = history.of_issue(call.tx, issue, limit=size, skip=skip)
    total = history.count(call.tx, repo, issue)
    return page(call, found, total, shape=lambda event: shapes.event(call.tx.links, repo, event))


def all_events(call: ApiCall) -> ApiResponse:
    """The events of the repository, newest first."""
    repo = call.repo
    size, skip = window(call)
    found = history.of_repository(call.tx, repo, limit=size, skip=skip)
    total = history.count(call.tx, repo)
    return page(call, found, total, shape=lambda event: shapes.event(call.tx.links, repo, event))


def moment_asked(call: ApiCall) -> int | None:
    """`since` in seconds. Raises Refused (422) unless it is an ISO 8601 time with a zone."""
    text = call.query.get("since")
    if text is None:
        return None
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        return int(datetime.fromisoformat(text).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise invalid(
            "Issue", "since", "since must be a moment such as 2026-01-31T09:30:00Z"
        ) from None


def shape(call: ApiCall, repo: Repo, issue: Issue) -> Json:
    """An issue; a pull request includes the time of its merge."""
    merged_at = pulls.numbered(call.tx, repo, issue.number).merged_at if issue.is_pull else None
    return shapes.issue(call.tx.links, repo, issue, merged_at=merged_at)


def _search(call: ApiCall) -> Search:
    state = call.query.get("state", "open")
    return Search(
        state=None if state == "all" else state,
        labels=tuple(name for name in call.query.get("labels", "").split(",") if name),
        since=moment_asked(call),
        author=call.query.get("creator"),
        order=call.query.get("sort", "created"),
        rising=call.query.get("direction") == "asc",
    )


def _with_words(call: ApiCall, repo: Repo, issue: Issue, actor: User) -> Issue:
    title = issue.title
    if "title" in call.body:
        title = fields.needed_text(call.body, "title", "Issue", limit=fields.TITLE_LIMIT)
    body = (fields.text(call.body, "body", "Issue") or "") if "body" in call.body else issue.body
    return issues.edit(call.tx, repo, issue, title=title, body=body, actor=actor)


def _in_state(call: ApiCall, repo: Repo, issue: Issue, actor: User) -> Issue:
    state = fields.choice(call.body, "state", "Issue", among=_STATES)
    reason = fields.choice(call.body, "state_reason", "Issue", among=_REASONS) or "completed"
    if issue.is_pull:
        pull = pulls.numbered(call.tx, repo, issue.number)
        act = pulls.reopen if state == "open" else pulls.close
        return (
            issue
            if (state == "open") == issue.is_open
            else act(call.tx, repo, pull, actor=actor).issue
        )
    if state == "open":
        return issues.reopen(call.tx, repo, issue, actor=actor)
    return issues.close(call.tx, repo, issue, actor=actor, reason=reason)


def _need(call: ApiCall, repo: Repo, role: Role, *, unless: bool) -> None:
    if not unless and call.role(repo) < role:
        raise forbidden(role.word)


_HERE = "/repos/{owner}/{repo}/issues"
ROUTES = (
    ("GET", _HERE, issue_list),
    ("POST", _HERE, create),
    ("GET", f"{_HERE}/events", all_events),
    ("GET", f"{_HERE}/{{number:int}}", one),
    ("PATCH", f"{_HERE}/{{number:int}}", change),
    ("GET", f"{_HERE}/{{number:int}}/events", events),
    ("GET", f"{_HERE}/{{number:int}}/timeline", events),
)
