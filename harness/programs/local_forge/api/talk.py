"""Comments and labels."""

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import Answer, Call
from harness.programs.local_forge.api.issues import moment_asked
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import comments, issues, labels
from harness.programs.local_forge.refused import forbidden, not_found
from harness.programs.local_forge.shapes import issues as shapes
from harness.programs.local_forge.storage.records import Comment, Issue, Label, Repo, Role


def comment_list(call: Call) -> Answer:
    """The comments of an issue or pull request, oldest first."""
    repo = call.repo
    issue, since = issues.numbered(call.tx, repo, call.number), moment_asked(call) or 0
    size, skip = window(call)
    found = comments.of_issue(call.tx, repo, issue, since=since, limit=size, skip=skip)
    total = comments.count(call.tx, issue, since=since)
    return page(
        call, found, total, shape=lambda comment: shapes.comment(call.tx.links, repo, comment)
    )


def add_comment(call: Call) -> Answer:
    """Say something; anybody signed in may."""
    repo, author = call.repo, call.person
    issue = issues.numbered(call.tx, repo, call.number)
    body = fields.needed_text(call.body, "body", "IssueComment")
    comment = comments.create(call.tx, repo, issue, body, author=author)
    return Answer(shapes.comment(call.tx.links, repo, comment), 201)


def one_comment(call: Call) -> Answer:
    """One comment."""
    repo = call.repo
    return Answer(
        shapes.comment(call.tx.links, repo, comments.numbered_comment(call.tx, repo, call.number))
    )


def change_comment(call: Call) -> Answer:
    """Say it otherwise: who wrote it, or a writer."""
    repo, comment = _own_comment(call)
    body = fields.needed_text(call.body, "body", "IssueComment")
    changed = comments.edit(call.tx, repo, comment, body, actor=call.person)
    return Answer(shapes.comment(call.tx.links, repo, changed))


def remove_comment(call: Call) -> Answer:
    """Take it back: who wrote it, or a writer."""
    repo, comment = _own_comment(call)
    comments.remove(call.tx, repo, comment, actor=call.person)
    return Answer(status=204)


def label_list(call: Call) -> Answer:
    """The repository's labels."""
    repo = call.repo
    return page_of(
        call, labels.of_repository(call.tx, repo), shape=lambda label: _shape(call, repo, label)
    )


def create_label(call: Call) -> Answer:
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
    return Answer(shapes.label(call.tx.links, repo, label), 201)


def one_label(call: Call) -> Answer:
    """One label."""
    repo = call.repo
    return Answer(shapes.label(call.tx.links, repo, labels.named(call.tx, repo, call.path["name"])))


def change_label(call: Call) -> Answer:
    """Rename it, paint it, describe it."""
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
    return Answer(shapes.label(call.tx.links, repo, changed))


def remove_label(call: Call) -> Answer:
    """Take it out of the repository."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    labels.remove(call.tx, labels.named(call.tx, repo, call.path["name"]))
    return Answer(status=204)


def labels_of_issue(call: Call) -> Answer:
    """The labels an issue carries."""
    repo = call.repo
    found = issues.numbered(call.tx, repo, call.number).labels
    return page_of(call, found, shape=lambda label: _shape(call, repo, label))


def add_labels(call: Call) -> Answer:
    """Put more labels on an issue."""
    repo, issue = _labelled(call)
    had = tuple(label.name for label in issue.labels)
    return _with_labels(call, repo, issue, had + _names(call))


def set_labels(call: Call) -> Answer:
    """Put these labels on an issue, and no others."""
    repo, issue = _labelled(call)
    return _with_labels(call, repo, issue, _names(call))


def clear_labels(call: Call) -> Answer:
    """Take every label off an issue."""
    repo, issue = _labelled(call)
    _with_labels(call, repo, issue, ())
    return Answer(status=204)


def take_label(call: Call) -> Answer:
    """Take one label off an issue. Raises Refused (404) where it does not carry it."""
    repo, issue = _labelled(call)
    gone = call.path["name"].lower()
    if gone not in {label.name.lower() for label in issue.labels}:
        raise not_found()
    left = tuple(label.name for label in issue.labels if label.name.lower() != gone)
    return _with_labels(call, repo, issue, left)


def _own_comment(call: Call) -> tuple[Repo, Comment]:
    repo, actor = call.repo, call.person
    comment = comments.numbered_comment(call.tx, repo, call.number)
    if comment.author.id != actor.id and call.role(repo) < Role.WRITE:
        raise forbidden(Role.WRITE.word)
    return repo, comment


def _labelled(call: Call) -> tuple[Repo, Issue]:
    repo = call.repo
    call.need(repo, Role.TRIAGE)
    return repo, issues.numbered(call.tx, repo, call.number)


def _names(call: Call) -> tuple[str, ...]:
    given = list(call.listed) if call.listed else call.body.get("labels", [])
    return fields.names(given, "Issue", "labels")


def _with_labels(call: Call, repo: Repo, issue: Issue, names: tuple[str, ...]) -> Answer:
    changed = issues.set_labels(call.tx, repo, issue, names, actor=call.person)
    return Answer([_shape(call, repo, label) for label in changed.labels])


def _shape(call: Call, repo: Repo, label: Label) -> dict[str, object]:
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
