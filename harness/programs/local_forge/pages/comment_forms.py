"""The forms to comment, close, reopen, and edit text."""

from collections.abc import Mapping

from starlette.responses import Response

from harness.programs.local_forge import fields
from harness.programs.local_forge.content import comments, issues, pulls, reviews
from harness.programs.local_forge.pages.browsing import CommentDraft, issue_page, pull_page
from harness.programs.local_forge.pages.page_views import PageVisit, place_of, seen_other
from harness.programs.local_forge.pages.rights import may_edit, need, rights
from harness.programs.local_forge.pages.sign_in import author_of
from harness.programs.local_forge.pages.words import mark
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.storage.records import Comment, Issue, Repo, Role, User

CHANGED = (
    "Somebody changed this while you wrote. Look at what is there now; your words are still in the"
    " form."
)


def add_comment(visit: PageVisit) -> Response:
    """Add a comment and, with that button, close or reopen; or ask for changes; or show a
    preview."""
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    body, act = visit.form.get("body", ""), visit.form.get("act", "comment")
    again = pull_page if issue.is_pull else issue_page
    if act == "preview":
        return again(visit, repo, issue.number, draft=CommentDraft(body, preview=True))
    try:
        # Closing and reopening need no text; the other buttons do.
        if act in ("comment", "ask") or body.strip():
            fields.needed_text({"body": body}, "body", "IssueComment")
        author = author_of(visit, visit.form.get("name", ""))
        allowed = rights(author, visit.role_of(author, repo), issue, open_door=visit.open_door)
        need(allowed.comment, author, role=Role.READ)
        if act in ("close", "reopen"):
            need(allowed.close, author, role=Role.TRIAGE)
        if act == "ask":
            # Without an account nobody reviews, on GitHub either.
            need(visit.viewer is not None, visit.viewer, role=Role.READ)
            _ask_for_changes(visit, repo, issue, body, author)
            return seen_other(f"{place_of(repo, issue)}#end")
    except Refused as refused:
        return again(
            visit,
            repo,
            issue.number,
            status=refused.status,
            draft=CommentDraft(body, problem=refused.summary),
        )
    if body.strip():
        comments.create(visit.tx, repo, issue, body, author=author)
    if act in ("close", "reopen"):
        _close_or_reopen(visit, repo, issue, act, author)
    return seen_other(f"{place_of(repo, issue)}#end")


def edit_issue(visit: PageVisit) -> Response:
    """The form to edit an issue's title and description."""
    repo, issue = _issue_to_edit(visit)
    return _edit_page(
        visit, repo, issue, title=issue.title, body=issue.body, seen=mark(issue.title, issue.body)
    )


def change_issue(visit: PageVisit) -> Response:
    """Save an edited issue. Raises Refused (403) without the right."""
    repo, issue = _issue_to_edit(visit)
    form = visit.form
    title, body = form.get("title", ""), form.get("body", "")
    if form.get("act") == "preview":
        return _edit_page(
            visit, repo, issue, title=title, body=body, seen=form.get("seen", ""), preview=True
        )
    try:
        title = fields.needed_text(
            {"title": title.strip()}, "title", "Issue", limit=fields.TITLE_LIMIT
        )
        fields.sound_text("Issue", "body", body, limit=fields.BODY_LIMIT)
        _unchanged(form, mark(issue.title, issue.body))
    except Refused as refused:
        return _edit_page(
            visit,
            repo,
            issue,
            title=title,
            body=body,
            seen=mark(issue.title, issue.body),
            problem=refused.summary,
            status=refused.status,
        )
    issues.edit(visit.tx, repo, issue, title=title, body=body, actor=_known(visit))
    return seen_other(place_of(repo, issue))


def edit_comment(visit: PageVisit) -> Response:
    """The form to edit a comment."""
    repo, issue, comment = _comment_to_edit(visit)
    return _edit_page(
        visit, repo, issue, comment=comment, body=comment.body, seen=mark(comment.body)
    )


def change_comment(visit: PageVisit) -> Response:
    """Save an edited comment. Raises Refused (403) without the right."""
    repo, issue, comment = _comment_to_edit(visit)
    form, body = visit.form, visit.form.get("body", "")
    if form.get("act") == "preview":
        return _edit_page(
            visit, repo, issue, comment=comment, body=body, seen=form.get("seen", ""), preview=True
        )
    try:
        fields.needed_text({"body": body}, "body", "IssueComment")
        _unchanged(form, mark(comment.body))
    except Refused as refused:
        return _edit_page(
            visit,
            repo,
            issue,
            comment=comment,
            body=body,
            seen=mark(comment.body),
            problem=refused.summary,
            status=refused.status,
        )
    comments.edit(visit.tx, repo, comment, body, actor=_known(visit))
    return seen_other(f"{place_of(repo, issue)}#comment-{comment.id}")


def _issue_to_edit(visit: PageVisit) -> tuple[Repo, Issue]:
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    allowed = rights(visit.viewer, visit.role(repo), issue, open_door=visit.open_door)
    need(allowed.edit, visit.viewer, role=Role.WRITE)
    return repo, issue


def _comment_to_edit(visit: PageVisit) -> tuple[Repo, Issue, Comment]:
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    comment = comments.numbered_comment(visit.tx, repo, visit.number_of("comment"))
    # A comment of another issue in this issue's address would be checked against the wrong issue.
    if comment.issue_number != issue.number:
        raise Refused(404, "Not Found")
    need(may_edit(visit.viewer, visit.role(repo), comment.author), visit.viewer, role=Role.WRITE)
    return repo, issue, comment


def _edit_page(
    visit: PageVisit,
    repo: Repo,
    issue: Issue,
    *,
    body: str,
    seen: str,
    title: str | None = None,
    comment: Comment | None = None,
    problem: str = "",
    preview: bool = False,
    status: int = 200,
) -> Response:
    return visit.repo_page(
        "edit.html",
        repo,
        tab="pulls" if issue.is_pull else "issues",
        status=status,
        issue=issue,
        comment=comment,
        title=title,
        body=body,
        seen=seen,
        problem=problem,
        preview=preview,
        place=place_of(repo, issue),
    )


def _unchanged(form: Mapping[str, str], now: str) -> None:
    # Optimistic locking: the form carries a hash of the text it was opened with.
    if form.get("seen") != now:
        raise Refused(409, CHANGED)


def _known(visit: PageVisit) -> User:
    return need(True, visit.viewer, role=Role.READ)


def _ask_for_changes(visit: PageVisit, repo: Repo, issue: Issue, body: str, author: User) -> None:
    pull = pulls.numbered(visit.tx, repo, issue.number)
    reviews.create(visit.tx, repo, pull, event="REQUEST_CHANGES", body=body, author=author)


def _close_or_reopen(visit: PageVisit, repo: Repo, issue: Issue, act: str, actor: User) -> None:
    if issue.is_pull:
        pull = pulls.numbered(visit.tx, repo, issue.number)
        (pulls.close if act == "close" else pulls.reopen)(visit.tx, repo, pull, actor=actor)
    elif act == "close":
        reason = "not_planned" if visit.form.get("reason") == "not_planned" else "completed"
        issues.close(visit.tx, repo, issue, actor=actor, reason=reason)
    else:
        issues.reopen(visit.tx, repo, issue, actor=actor)
