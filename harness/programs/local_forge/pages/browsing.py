"""The pages to read: repositories, people, lists, issues, pull requests."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response

from harness.programs.local_forge.content import (
    assignees,
    comments,
    history,
    issues,
    labels,
    people,
    pulls,
    repositories,
)
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.pages import diffs
from harness.programs.local_forge.pages.files import PER_PAGE, changed, checks_of, page_asked
from harness.programs.local_forge.pages.page_views import Visit
from harness.programs.local_forge.pages.rights import WORDS, may_edit, rights
from harness.programs.local_forge.pages.thread import Said, stays, thread
from harness.programs.local_forge.pages.words import mark
from harness.programs.local_forge.storage.records import Issue, Repo, Role

SORTS: Mapping[str, tuple[str, bool]] = {  # by which column, and whether the smallest comes first
    "newest": ("created", False),
    "oldest": ("created", True),
    "updated": ("updated", False),
    "discussed": ("comments", False),
}
MOST_COMMITS = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """A comment that is not sent yet: its words, what was wrong with it, and whether to show how it
    will look."""

    body: str = ""
    problem: str = ""
    preview: bool = False


def front(visit: Visit) -> Response:
    """Every repository."""
    return visit.page("front.html", repositories=repositories.all_of(visit.tx))


def person(visit: Visit) -> Response:
    """An account: its repositories, what it may do on each, and what it filed and has taken on
    there."""
    found = people.user_named(visit.tx, visit.path["owner"])
    standing = []
    for repo in repositories.all_of(visit.tx):
        role = people.role_on(visit.tx, found, repo)
        filed = issues.search(
            visit.tx, repo, Search(state=None, author=found.login, order="updated"), limit=5
        )
        taken = assignees.taken_by(visit.tx, repo, found)
        if repo.owner.id == found.id or filed or taken or role >= Role.TRIAGE:
            standing.append((repo, role, WORDS[role], filed, taken))
    return visit.page("person.html", person=found, standing=standing)


def issue_list(visit: Visit) -> Response:
    """Issues: open or closed, by label, author and words, in the order that was asked for."""
    repo, asked, page = visit.repo, visit.query, page_asked(visit)
    state = "closed" if asked.get("state") == "closed" else "open"
    label, words, author = (
        asked.get("label", ""),
        asked.get("q", ""),
        asked.get("author", "").strip(),
    )
    sort = asked.get("sort", "newest") if asked.get("sort") in SORTS else "newest"
    order, rising = SORTS[sort]
    wanted = Search(
        state=state,
        labels=(label,) if label else (),
        words=words,
        pulls=False,
        author=author or None,
        order=order,
        rising=rising,
    )
    found = issues.search(visit.tx, repo, wanted, limit=PER_PAGE, skip=(page - 1) * PER_PAGE)
    tallies = {
        one: issues.count(visit.tx, repo, replace(wanted, state=one)) for one in ("open", "closed")
    }
    chosen = {
        "q": words,
        "label": label,
        "author": author,
        "sort": "" if sort == "newest" else sort,
    }
    return visit.repo_page(
        "issues.html",
        repo,
        tab="issues",
        issues=found,
        page=page,
        pages=_pages(tallies[state]),
        state=state,
        label=label,
        words=words,
        author=author,
        sort=sort,
        sorts=SORTS,
        tallies=tallies,
        labels=labels.of_repository(visit.tx, repo),
        query=urlencode({name: value for name, value in chosen.items() if value}),
    )


def issue(visit: Visit) -> Response:
    """One issue with all that was said and done."""
    repo = visit.repo
    found = issues.numbered(visit.tx, repo, visit.number)
    if found.is_pull:
        return RedirectResponse(f"/{repo.full_name}/pull/{found.number}", 302)
    return issue_page(visit, repo, found.number)


def issue_page(
    visit: Visit, repo: Repo, number: int, *, status: int = 200, draft: Draft | None = None
) -> Response:
    """The page of an issue, or again with what was wrong with the comment, or how it will look."""
    found = issues.numbered(visit.tx, repo, number)
    return visit.repo_page(
        "issue.html",
        repo,
        tab="issues",
        status=status,
        issue=found,
        draft=draft or Draft(),
        **_conversation(visit, repo, found),
    )


def pull_list(visit: Visit) -> Response:
    """Pull requests, open or closed."""
    repo, page = visit.repo, page_asked(visit)
    state = "closed" if visit.query.get("state") == "closed" else "open"
    found = pulls.search(
        visit.tx, repo, pulls.PullSearch(state=state), limit=PER_PAGE, skip=(page - 1) * PER_PAGE
    )
    tallies = {
        one: pulls.count(visit.tx, repo, pulls.PullSearch(state=one)) for one in ("open", "closed")
    }
    return visit.repo_page(
        "pulls.html",
        repo,
        tab="pulls",
        pulls=found,
        page=page,
        pages=_pages(tallies[state]),
        state=state,
        tallies=tallies,
    )


def pull(visit: Visit) -> Response:
    """One pull request: what was said, what was checked, what it changes."""
    return pull_page(visit, visit.repo, visit.number)


def pull_page(
    visit: Visit, repo: Repo, number: int, *, status: int = 200, draft: Draft | None = None
) -> Response:
    """The page of a pull request, or again with what was wrong with the comment, or how it will
    look."""
    found, git = pulls.numbered(visit.tx, repo, number), visit.tx.git(repo)
    checks, split = checks_of(visit, repo, found.head_sha), visit.query.get("view") == "split"
    notes, older = diffs.notes_of(checks["runs"]), pulls.change_base(visit.tx, repo, found)
    version = mark(older, found.head_sha, repr(notes), str(split))
    is_known = (
        visit.seen == version
    )  # a page that follows has the changes already, and they are most of it
    changes = () if is_known else commits.changes(git, older, found.head_sha, renames=True)
    brought = commits.commits(git, f"^{found.base_sha}", found.head_sha, limit=MOST_COMMITS)
    return visit.repo_page(
        "pull.html",
        repo,
        tab="pulls",
        status=status,
        pull=found,
        issue=found.issue,
        draft=draft or Draft(),
        checks=checks,
        commits=brought[::-1],
        commit_count=pulls.commit_count(visit.tx, repo, found),
        split=split,
        version=version,
        is_known=is_known,
        **changed(changes, notes),
        **_conversation(visit, repo, found.issue),
    )


def pull_diff(visit: Visit) -> Response:
    """All that a pull request changes, as plain text."""
    repo = visit.repo
    found = pulls.numbered(visit.tx, repo, visit.number)
    return PlainTextResponse(
        commits.patch(visit.tx.git(repo), pulls.change_base(visit.tx, repo, found), found.head_sha)
    )


def _conversation(visit: Visit, repo: Repo, found: Issue) -> dict[str, object]:
    said, done = comments.of_issue(visit.tx, repo, found), history.of_issue(visit.tx, found)
    role = visit.role(repo)
    allowed = rights(visit.viewer, role, found, open_door=visit.open_door)
    authors = {one.author for one in said} | {found.author}
    trusted = {one.id for one in authors if people.role_on(visit.tx, one, repo) >= Role.WRITE}
    opening = Said(
        found.author, found.association, found.body, found.created_at, "description", edited=False
    )
    return {
        "thread": thread(opening, said, done),
        "trusted": trusted,
        "rights": allowed,
        "stays": stays(done),
        "editable": {one.id for one in authors if may_edit(visit.viewer, role, one)},
        "all_labels": labels.of_repository(visit.tx, repo) if allowed.tend else (),
        "all_people": assignees.possible(visit.tx, repo) if allowed.tend else (),
    }


def _pages(total: int) -> int:
    return max(1, -(-total // PER_PAGE))
