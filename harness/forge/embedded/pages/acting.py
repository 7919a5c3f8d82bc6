"""The forms: filing an issue, saying something, closing and opening again, signing in and out."""

import unicodedata

from starlette.responses import Response

from harness.forge.embedded import comments, fields, issues, people, pulls
from harness.forge.embedded.pages.browsing import issue_page, pull_page
from harness.forge.embedded.pages.visits import Visit, local_address, seen_other
from harness.forge.embedded.records import Issue, Repo, Role, User
from harness.forge.embedded.refused import Refused, forbidden, invalid


def file_issue(visit: Visit) -> Response:
    """File what the form holds, or show the form again with what was wrong."""
    repo = visit.repo
    title, body, name = (visit.form.get(field, "") for field in ("title", "body", "name"))
    try:
        title = fields.needed_text({"title": title.strip()}, "title", "Issue", limit=fields.TITLE_LIMIT)
        fields.sound_text("Issue", "body", body, limit=fields.BODY_LIMIT)
        author = _author(visit, name)
    except Refused as refused:
        return visit.repo_page("new_issue.html", repo, tab="issues", status=refused.status, problem=refused.told,
                               title=title, body=body, guest=name)
    issue = issues.create(visit.tx, repo, title=title, body=body, author=author)
    return seen_other(f"/{repo.full_name}/issues/{issue.number}")


def say(visit: Visit) -> Response:
    """Add a comment, and close or reopen where that button was pressed."""
    repo = visit.repo
    issue = issues.numbered(visit.tx, repo, visit.number)
    body, act = visit.form.get("body", ""), visit.form.get("act", "comment")
    try:
        if act == "comment" or body.strip():
            fields.needed_text({"body": body}, "body", "IssueComment")
        author = _author(visit, visit.form.get("name", ""))
        if act in ("close", "reopen"):
            _may_turn(visit, repo, issue, author)
    except Refused as refused:
        again = pull_page if issue.is_pull else issue_page
        return again(visit, repo, issue.number, status=refused.status, problem=refused.told, draft=body)
    if body.strip():
        comments.create(visit.tx, repo, issue, body, author=author)
    if act in ("close", "reopen"):
        _turn(visit, repo, issue, act, author)
    return seen_other(f"/{repo.full_name}/{'pull' if issue.is_pull else 'issues'}/{issue.number}#end")


def sign_in_form(visit: Visit) -> Response:
    """Where a token is shown."""
    return visit.page("sign_in.html", problem="", back=local_address(visit.query.get("back")))


def sign_in(visit: Visit) -> Response:
    """Remember whose token this is, in a cookie of this browser."""
    back = local_address(visit.form.get("back"))
    user = people.holder(visit.tx, visit.form.get("token", "").strip(), people.TOKEN)
    if user is None:
        problem = "That token is not known here. Tokens are made by whoever started this forge."
        return visit.page("sign_in.html", status=422, problem=problem, back=back)
    visit.with_viewer(user)
    return seen_other(back)


def sign_out(visit: Visit) -> Response:
    """Forget who is here."""
    visit.without_viewer()
    return seen_other(local_address(visit.form.get("back")))


def _author(visit: Visit, name: str) -> User:
    """Who sends the form: who is signed in or, where the door is open, a new guest under the name given."""
    if visit.viewer is not None:
        return visit.viewer
    if not visit.open_door:
        raise Refused(401, "Sign in first: this forge takes nothing from people it does not know.")
    login = fields.login(_as_login(name))
    if people.find_user(visit.tx, login) is not None:
        raise invalid("User", "name", f"Somebody here is called {login} already. Choose another name, or sign in.")
    guest = people.create_user(visit.tx, login, role=Role.READ, kind="Guest")
    return visit.with_viewer(guest).viewer or guest


def _as_login(name: str) -> str:
    """A name as an account may have it: `Ana María` → `Ana-Maria`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "-".join("".join(letter if letter.isalnum() else " " for letter in plain).split())


def _may_turn(visit: Visit, repo: Repo, issue: Issue, actor: User) -> None:
    if actor.id != issue.author.id and people.role_on(visit.tx, actor, repo) < Role.TRIAGE:
        raise forbidden(Role.TRIAGE.word)


def _turn(visit: Visit, repo: Repo, issue: Issue, act: str, actor: User) -> None:
    if issue.is_pull:
        pull = pulls.numbered(visit.tx, repo, issue.number)
        (pulls.close if act == "close" else pulls.reopen)(visit.tx, repo, pull, actor=actor)
    elif act == "close":
        issues.close(visit.tx, repo, issue, actor=actor)
    else:
        issues.reopen(visit.tx, repo, issue, actor=actor)
