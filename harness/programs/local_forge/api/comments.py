"""Comments and labels."""

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.issues import moment_asked
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import comments, issues, labels
from harness.programs.local_forge.refused import forbidden, not_found
from harness.programs.local_forge.shapes import issues as shapes
from harness.programs.local_forge.storage.records import Comment, Issue, Label, Repo, Role


def comment_list(call: ApiCall) -> ApiResponse:
    """The comments of an issue or pull request, oldest first."""
    repo = call.repo
    issue, since = issues.numbered(call.tx, repo, call.number), moment_asked(call) or 0
    size, skip = window(call)
    found = comments.of_issue(call.tx, repo, issue, since=since, limit=size, skip=skip)
    total = comments.count(call.tx, issue, since=since)
    return page(
        call, found, total, shape=lambda comment: shapes.comment(call.tx.links, repo, comment)
    )


def add_comment(call: ApiCall) -> ApiResponse:
    """Add a comment; any signed-in account may."""
    repo, author = call.repo, call.person
    issue = issues.numbered(call.tx, repo, call.number)
    body = fields.needed_text(call.body, "body", "IssueComment")
    comment = comments.create(call.tx, repo, issue, body, author=author)
    return ApiResponse(shapes.comment(call.tx.links, repo, comment), 201)


def one_comment(call: ApiCall) -> ApiResponse:
    """One comment."""
    repo = call.repo
    return ApiResponse(
        shapes.comment(call.tx.links, repo, comments.numbered_comment(call.tx, repo, call.number))
    )


def change_comment(call: ApiCall) -> ApiResponse:
    """Edit a comment: its author, or a writer."""
    repo, comment = _own_comment(call)
    body = fields.needed_text(call.body, "body", "IssueComment")
    changed = comments.edit(call.tx, repo, comment, body, actor=call.person)
    return ApiResponse(shapes.comment(call.tx.links, repo, changed))


def remove_comment(call: ApiCall) -> ApiResponse:
    """Delete a comment: its author, or a writer."""
    repo, comment = _own_comment(call)
    comments.remove(call.tx, repo, comment, actor=call.person)
    return ApiResponse(status=204)


def label_list(call: ApiCall) -> ApiResponse:
    """The repository's labels."""
    repo = call.repo
    return page_of(
        call, labels.of_repository(call.tx, repo), shape=lambda label: _shape(call, repo, label)
    )


def create_label(call: ApiCall) -> ApiResponse:
    """A new label."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    label = labels.create(
        call.tx,
        repo,
        fields.needed_text(call.body, "name", "Label", limit=50),
        color=fields.text(call.body, "color", "Label", limit=6) or labels.DEFAULT_COLOR,
        description=fields.text(call.body, "description", "Label", limit=100) or "",
    )
    return ApiResponse(shapes.label(call.tx.links, repo, label), 201)


def one_label(call: ApiCall) -> ApiResponse:
    """One label."""
    repo = call.repo
    return ApiResponse(
        shapes.label(call.tx.links, repo, labels.named(call.tx, repo, call.path["name"]))
    )


def change_label(call: ApiCall) -> ApiResponse:
    """Change a label's name, color or description."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    label = labels.named(call.tx, repo, call.path["name"])
    described = fields.text(call.body, "description", "Label", limit=100)
    changed = labels.change(
        call.tx,
        repo,
        label,
        name=fields.text(call.body, "new_name", "Label", limit=50) or label.name,
        color=fields.text(call.body, "color", "Label", limit=6) or label.color,
        description=label.description if described is None else described,
    )
    return ApiResponse(shapes.label(call.tx.links, repo, changed))


def remove_label(call: ApiCall) -> ApiResponse:
    """Delete a label from the repository."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    labels.remove(call.tx, labels.named(call.tx, repo, call.path["name"]))
    return ApiResponse(status=204)


def labels_of_issue(call: ApiCall) -> ApiResponse:
    """The labels of an issue."""
    repo = call.repo
    found = issues.numbered(call.tx, repo, call.number).labels
    return page_of(call, found, shape=lambda label: _shape(call, repo, label))


def add_labels(call: ApiCall) -> ApiResponse:
    """Add labels to an issue."""
    repo, issue = _labelled(call)
    had = tuple(label.name for label in issue.labels)
    return _with_labels(call, repo, issue, had + _names(call))


def set_labels(call: ApiCall) -> ApiResponse:
    """Replace the labels of an issue."""
    repo, issue = _labelled(call)
    return _with_labels(call, repo, issue, _names(call))


def clear_labels(call: ApiCall) -> ApiResponse:
    """Remove every label from an issue."""
    repo, issue = _labelled(call)
    _with_labels(call, repo, issue, ())
    return ApiResponse(status=204)


def take_label(call: ApiCall) -> ApiResponse:
    """Remove one label from an issue. Raises Refused (404) where the issue does not have it."""
    repo, issue = _labelled(call)
    gone = call.path["name"].lower()
    if gone not in {label.name.lower() for label in issue.labels}:
        raise not_found()
    left = tuple(label.name for label in issue.labels if label.name.lower() != gone)
    return _with_labels(call, repo, issue, left)


def _own_comment(call: ApiCall) -> tuple[Repo, Comment]:
    repo, actor = call.repo, call.person
    comment = comments.numbered_comment(call.tx, repo, call.number)
    if comment.author.id != actor.id and call.role(repo) < Role.WRITE:
        raise forbidden(Role.WRITE.word)
    return repo, comment


def _labelled(call: ApiCall) -> tuple[Repo, Issue]:
    repo = call.repo
    call.need(repo, Role.TRIAGE)
    return repo, issues.numbered(call.tx, repo, call.number)


def _names(call: ApiCall) -> tuple[str, ...]:
    given = list(call.listed) if call.listed else call.body.get("labels", [])
    return fields.names(given, "Issue", "labels")


def _with_labels(call: ApiCall, repo: Repo, issue: Issue, names: tuple[str, ...]) -> ApiResponse:
    changed = issues.set_labels(call.tx, repo, issue, names, actor=call.person)
    return ApiResponse([_shape(call, repo, label) for label in changed.labels])


def _shape(call: ApiCall, repo: Repo, label: Label) -> dict[str, object]:
    return shapes.label(call.tx.links, repo, label)


_REPO = "/repos/{owner}/{repo}"
_ISSUE = f"{_REPO}/issues/{{number:int}}"
ROUTES = (
    ("GET", f"{_REPO}/issues/comments/{{number:int}}", one_comment),
    ("PATCH", f"{_REPO}/issues/comments/{{number:int}}", change_comment),
    ("DELETE", f"{_REPO}/issues/comments/{{number:int}}", remove_comment),
    ("GET", f"{_ISSUE}/comments", comment_list),
    ("POST", f"{_ISSUE}/comments", add_comment),
    ("GET", f"{_ISSUE}/labels", labels_of_issue),
    ("POST", f"{_ISSUE}/labels", add_labels),
    ("PUT", f"{_ISSUE}/labels", set_labels),
    ("DELETE", f"{_ISSUE}/labels", clear_labels),
    ("DELETE", f"{_ISSUE}/labels/{{name:path}}", take_label),
    ("GET", f"{_REPO}/labels", label_list),
    ("POST", f"{_REPO}/labels", create_label),
    ("GET", f"{_REPO}/labels/{{name:path}}", one_label),
    ("PATCH", f"{_REPO}/labels/{{name:path}}", change_label),
    ("DELETE", f"{_REPO}/labels/{{name:path}}", remove_label),
)
