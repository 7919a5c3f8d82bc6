"""The pages to read: repositories, issues, pull requests."""

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from harness.forge.embedded import comments, commits, history, issues, labels, people, pulls, repositories
from harness.forge.embedded.issues import Search
from harness.forge.embedded.pages.files import PER_PAGE, changed, checks_of, page_asked
from harness.forge.embedded.pages.thread import Said, thread
from harness.forge.embedded.pages.visits import Visit
from harness.forge.embedded.records import Issue, Repo, Role


def front(visit: Visit) -> Response:
    """Every repository."""
    return visit.page("front.html", repositories=repositories.all_of(visit.tx), person=None)


def person(visit: Visit) -> Response:
    """An account and its repositories."""
    found = people.user_named(visit.tx, visit.path["owner"])
    return visit.page("front.html", repositories=repositories.all_of(visit.tx, found.login), person=found)


def issue_list(visit: Visit) -> Response:
    """Issues: open or closed, by label, by words."""
    repo = visit.repo
    state = "closed" if visit.query.get("state") == "closed" else "open"
    label, words, page = visit.query.get("label", ""), visit.query.get("q", ""), page_asked(visit)
    wanted = Search(state=state, labels=(label,) if label else (), words=words, pulls=False)
    found = issues.search(visit.tx, repo, wanted, limit=PER_PAGE + 1, skip=(page - 1) * PER_PAGE)
    tallies = {
        one: issues.count(visit.tx, repo, Search(state=one, labels=wanted.labels, words=words, pulls=False))
        for one in ("open", "closed")
    }
    return visit.repo_page(
        "issues.html", repo, tab="issues", issues=found[:PER_PAGE], has_more=len(found) > PER_PAGE, page=page,
        state=state, label=label, words=words, tallies=tallies, labels=labels.of_repository(visit.tx, repo),
    )


def issue(visit: Visit) -> Response:
    """One issue with all that was said and done."""
    repo = visit.repo
    found = issues.numbered(visit.tx, repo, visit.number)
    if found.is_pull:
        return RedirectResponse(f"/{repo.full_name}/pull/{found.number}", 302)
    return issue_page(visit, repo, found.number)


def issue_page(
    visit: Visit, repo: Repo, number: int, *, status: int = 200, problem: str = "", draft: str = ""
) -> Response:
    """The page of an issue, or again with what was wrong with the comment."""
    found = issues.numbered(visit.tx, repo, number)
    return visit.repo_page(
        "issue.html", repo, tab="issues", status=status, issue=found, problem=problem, draft=draft,
        **_conversation(visit, repo, found),
    )


def new_issue(visit: Visit) -> Response:
    """The form to file an issue."""
    return visit.repo_page("new_issue.html", visit.repo, tab="issues", problem="", title="", body="", guest="")


def pull_list(visit: Visit) -> Response:
    """Pull requests, open or closed."""
    repo, page = visit.repo, page_asked(visit)
    state = "closed" if visit.query.get("state") == "closed" else "open"
    found = pulls.search(
        visit.tx, repo, pulls.PullSearch(state=state), limit=PER_PAGE + 1, skip=(page - 1) * PER_PAGE)
    tallies = {one: pulls.count(visit.tx, repo, pulls.PullSearch(state=one)) for one in ("open", "closed")}
    return visit.repo_page(
        "pulls.html", repo, tab="pulls", pulls=found[:PER_PAGE], has_more=len(found) > PER_PAGE, page=page,
        state=state, tallies=tallies,
    )


def pull(visit: Visit) -> Response:
    """One pull request: what was said, what was checked, what it changes."""
    return pull_page(visit, visit.repo, visit.number)


def pull_page(
    visit: Visit, repo: Repo, number: int, *, status: int = 200, problem: str = "", draft: str = ""
) -> Response:
    """The page of a pull request, or again with what was wrong with the comment."""
    found, git = pulls.numbered(visit.tx, repo, number), visit.tx.git(repo)
    changes = commits.changes(git, pulls.change_base(visit.tx, repo, found), found.head_sha)
    brought = commits.commits(git, f"^{found.base_sha}", found.head_sha, limit=100)
    return visit.repo_page(
        "pull.html", repo, tab="pulls", status=status, pull=found, issue=found.issue, problem=problem, draft=draft,
        checks=checks_of(visit, repo, found.head_sha), commits=brought[::-1], **changed(changes),
        **_conversation(visit, repo, found.issue),
    )


def pull_diff(visit: Visit) -> Response:
    """All that a pull request changes, as plain text."""
    repo = visit.repo
    found = pulls.numbered(visit.tx, repo, visit.number)
    return PlainTextResponse(commits.patch(visit.tx.git(repo), pulls.change_base(visit.tx, repo, found), found.head_sha))


def _conversation(visit: Visit, repo: Repo, found: Issue) -> dict[str, object]:
    said = comments.of_issue(visit.tx, repo, found)
    done = history.of_issue(visit.tx, found)
    role = visit.role(repo)
    authors = {one.author for one in said} | {found.author}
    trusted = {one.id for one in authors if people.role_on(visit.tx, one, repo) >= Role.WRITE}
    opening = Said(found.author, found.association, found.body, found.created_at, "description", edited=False)
    return {
        "thread": thread(opening, said, done), "trusted": trusted,
        "may_close": role >= Role.TRIAGE or (visit.viewer is not None and visit.viewer.id == found.author.id),
        "participants": sorted(authors, key=lambda user: user.id),
    }
