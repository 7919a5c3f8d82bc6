"""The pages to read: repositories, people, lists, issues and pull requests."""

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
    reviews,
)
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.pages import diffs
from harness.programs.local_forge.pages.files import PER_PAGE, changed, checks_of, page_asked
from harness.programs.local_forge.pages.page_views import PageVisit
from harness.programs.local_forge.pages.rights import WORDS, may_edit, rights
from harness.programs.local_forge.pages.thread import ThreadComment, state_intervals, thread
from harness.programs.local_forge.pages.words import mark
from harness.programs.local_forge.storage.records import (
    Issue,
    Pull,
    Repo,
    Review,
    ReviewComment,
    Role,
)

# The column, and whether the order is ascending.
SORTS: Mapping[str, tuple[str, bool]] = {
    "newest": ("created", False),
    "oldest": ("created", True),
    "updated": ("updated", False),
    "discussed": ("comments", False),
}
MOST_COMMITS = 100


@dataclass(frozen=True, slots=True)
class CommentDraft:
    """An unsent comment: its text, an error message, and whether to show a preview."""

    body: str = ""
    problem: str = ""
    preview: bool = False


def front(visit: PageVisit) -> Response:
    """All repositories."""
    return visit.page("front.html", repositories=repositories.all_of(visit.tx))


def person(visit: PageVisit) -> Response:
    """An account: on each repository its role, the last issues it filed, and those
    assigned to it."""
    found = people.user_named(visit.tx, visit.path["owner"])
    activity = []
    for repo in repositories.all_of(visit.tx):
        role = people.role_on(visit.tx, found, repo)
        filed = issues.search(
            visit.tx, repo, Search(state=None, author=found.login, order="updated"), limit=5
        )
        taken = assignees.taken_by(visit.tx, repo, found)
        if repo.owner.id == found.id or filed or taken or role >= Role.TRIAGE:
            activity.append((repo, role, WORDS[role], filed, taken))
    return visit.page("person.html", person=found, activity=activity)


def issue_list(visit: PageVisit) -> Response:
    """Open or closed issues, filtered by label, author and words, in the requested order."""
    repo, asked, page = visit.repo, visit.query, page_asked(visit)
    state = "closed" if asked.get("state") == "closed" else "open"
    label = asked.get("label", "")
    words = asked.get("q", "")
    author = asked.get("author", "").strip()
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


def issue(visit: PageVisit) -> Response:
    """One issue with its comments and events."""
    repo = visit.repo
    found = issues.numbered(visit.tx, repo, visit.number)
    # Issues and pull requests share their numbers, so a link may name either.
    if found.is_pull:
        return RedirectResponse(f"/{repo.full_name}/pull/{found.number}", 302)
    return issue_page(visit, repo, found.number)


def issue_page(
    visit: PageVisit,
    repo: Repo,
    number: int,
    *,
    status: int = 200,
    draft: CommentDraft | None = None,
) -> Response:
    """An issue's page, after a failed or previewed comment with that draft."""
    found = issues.numbered(visit.tx, repo, number)
    return visit.repo_page(
        "issue.html",
        repo,
        tab="issues",
        status=status,
        issue=found,
        draft=draft or CommentDraft(),
        **_conversation(visit, repo, found),
    )


def pull_list(visit: PageVisit) -> Response:
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


def pull(visit: PageVisit) -> Response:
    """One pull request: its comments, checks and changes."""
    return pull_page(visit, visit.repo, visit.number)


def pull_page(
    visit: PageVisit,
    repo: Repo,
    number: int,
    *,
    status: int = 200,
    draft: CommentDraft | None = None,
) -> Response:
    """A pull request's page, after a failed or previewed comment with that draft."""
    found, git = pulls.numbered(visit.tx, repo, number), visit.tx.git(repo)
    checks, split = checks_of(visit, repo, found.head_sha), visit.query.get("view") == "split"
    notes, older = diffs.notes_of(checks["runs"]), pulls.change_base(visit.tx, repo, found)
    version = mark(older, found.head_sha, repr(notes), str(split))
    # A live page that has the diff already does not get it again: it is most of the page.
    is_known = visit.seen == version
    changes = () if is_known else commits.changes(git, older, found.head_sha, renames=True)
    brought = commits.commits(git, f"^{found.base_sha}", found.head_sha, limit=MOST_COMMITS)
    return visit.repo_page(
        "pull.html",
        repo,
        tab="pulls",
        status=status,
        pull=found,
        issue=found.issue,
        draft=draft or CommentDraft(),
        checks=checks,
        commits=brought[::-1],
        commit_count=pulls.commit_count(visit.tx, repo, found),
        split=split,
        version=version,
        is_known=is_known,
        **changed(changes, notes),
        **_conversation(visit, repo, found.issue, pull=found),
    )


def pull_diff(visit: PageVisit) -> Response:
    """A pull request's diff as plain text."""
    repo = visit.repo
    found = pulls.numbered(visit.tx, repo, visit.number)
    return PlainTextResponse(
        commits.patch(visit.tx.git(repo), pulls.change_base(visit.tx, repo, found), found.head_sha)
    )


def _conversation(
    visit: PageVisit, repo: Repo, found: Issue, *, pull: Pull | None = None
) -> dict[str, object]:
    written, happened = comments.of_issue(visit.tx, repo, found), history.of_issue(visit.tx, found)
    role = visit.role(repo)
    allowed = rights(visit.viewer, role, found, open_door=visit.open_door)
    reviewed = _reviews(visit, repo, pull) if pull else ()
    authors = {one.author for one in written} | {found.author}
    authors |= {review.author for review, _ in reviewed}
    trusted = {one.id for one in authors if people.role_on(visit.tx, one, repo) >= Role.WRITE}
    opening = ThreadComment(
        found.author, found.association, found.body, found.created_at, "description", edited=False
    )
    return {
        "thread": thread(opening, written, happened, reviewed),
        "trusted": trusted,
        "rights": allowed,
        "state_intervals": state_intervals(happened),
        "editable": {one.id for one in authors if may_edit(visit.viewer, role, one)},
        "all_labels": labels.of_repository(visit.tx, repo) if allowed.manage else (),
        "all_people": assignees.possible(visit.tx, repo) if allowed.manage else (),
    }


def _reviews(
    visit: PageVisit, repo: Repo, pull: Pull
) -> tuple[tuple[Review, tuple[ReviewComment, ...]], ...]:
    """Each review of a pull request, with its comments on lines."""
    remarks = reviews.comments_of(visit.tx, pull, repo)
    return tuple(
        (review, tuple(one for one in remarks if one.review.id == review.id))
        for review in reviews.of_pull(visit.tx, pull, repo, limit=-1, skip=0)
    )


def _pages(total: int) -> int:
    return max(1, -(-total // PER_PAGE))
