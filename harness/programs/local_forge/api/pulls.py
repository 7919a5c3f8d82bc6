"""Pull requests."""

from harness.programs.local_forge import fields, ref_sync
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import issues, pulls, repositories, reviews
from harness.programs.local_forge.content.pulls import PullSearch
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import MOST_ENTRIES
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.shapes import git as git_shapes
from harness.programs.local_forge.shapes import pulls as shapes
from harness.programs.local_forge.storage.records import Pull, Repo, Role

_STATES = frozenset({"open", "closed"})
_METHODS = frozenset({"merge", "squash", "rebase"})


def pull_list(call: ApiCall) -> ApiResponse:
    """Pull requests by state, head (`owner:branch`), base, sort and direction."""
    repo = call.repo
    # A branch name holds no colon, so the last one ends the owner's login.
    owner, _, branch = call.query.get("head", "").rpartition(":")
    state = call.query.get("state", "open")
    wanted = PullSearch(
        None if state == "all" else state,
        branch or None,
        call.query.get("base"),
        order=call.query.get("sort", "created"),
        head_owner=owner or None,
        rising=call.query.get("direction") == "asc",
    )
    size, skip = window(call)
    found = pulls.search(call.tx, repo, wanted, limit=size, skip=skip)
    total = pulls.count(call.tx, repo, wanted)
    return page(call, found, total, shape=lambda pull: shapes.pull(call.tx.links, repo, pull))


def create(call: ApiCall) -> ApiResponse:
    """Open a pull request from a branch here or, as `owner:branch`, of a fork. The caller must be
    able to write to that branch."""
    repo = call.repo
    owner, _, head = fields.needed_text(call.body, "head", "PullRequest", limit=250).rpartition(":")
    source = _source(call, repo, owner)
    author = call.need(source, Role.WRITE)
    pull = pulls.create(
        call.tx,
        repo,
        title=fields.needed_text(call.body, "title", "PullRequest", limit=fields.TITLE_LIMIT),
        body=fields.text(call.body, "body", "PullRequest") or "",
        head=head,
        base=fields.needed_text(call.body, "base", "PullRequest", limit=250),
        author=author,
        source=source,
    )
    return _whole(call, repo, pull, status=201)


def one(call: ApiCall) -> ApiResponse:
    """One pull request in its current state."""
    repo = call.repo
    return _whole(call, repo, pulls.numbered(call.tx, repo, call.number))


def change(call: ApiCall) -> ApiResponse:
    """Edit the text, open or close: the author, or a writer."""
    repo, actor = call.repo, call.person
    pull = pulls.numbered(call.tx, repo, call.number)
    if actor.id != pull.issue.author.id:
        call.need(repo, Role.WRITE)
    title = (
        fields.text(call.body, "title", "PullRequest", limit=fields.TITLE_LIMIT) or pull.issue.title
    )
    body = (
        (fields.text(call.body, "body", "PullRequest") or "")
        if "body" in call.body
        else pull.issue.body
    )
    issues.edit(call.tx, repo, pull.issue, title=title, body=body, actor=actor)
    state = fields.choice(call.body, "state", "PullRequest", among=_STATES)
    if state == "closed":
        pulls.close(call.tx, repo, pull, actor=actor)
    elif state == "open" and not pull.issue.is_open:
        pulls.reopen(call.tx, repo, pull, actor=actor)
    return _whole(call, repo, pulls.numbered(call.tx, repo, pull.number))


def merge(call: ApiCall) -> ApiResponse:
    """Merge with a merge commit, if the head is still `sha`."""
    repo = call.repo
    actor = call.need(repo, Role.WRITE)
    if (
        fields.choice(call.body, "merge_method", "PullRequest", among=_METHODS) or "merge"
    ) != "merge":
        raise Refused(405, "Only merge commits are allowed on this repository.")
    pull = pulls.numbered(call.tx, repo, call.number)
    # The state before the merge, to announce what moved as a push.
    before = dict(call.tx.git(repo).refs())
    title = f"Merge pull request #{pull.number} from {pull.head_owner.login}/{pull.head}"
    merged = pulls.merge(
        call.tx,
        repo,
        pull,
        expected=fields.text(call.body, "sha", "PullRequest", limit=40),
        actor=actor,
        title=fields.text(call.body, "commit_title", "PullRequest", limit=fields.TITLE_LIMIT)
        or title,
        message=fields.text(call.body, "commit_message", "PullRequest") or pull.issue.title,
        policy=call.branch_policy(repo),
    )
    ref_sync.sync_refs(call.tx, repo, actor, before=before)
    return ApiResponse(
        {"sha": merged, "merged": True, "message": "Pull Request successfully merged"}
    )


def is_merged(call: ApiCall) -> ApiResponse:
    """204 for a merged pull request."""
    if pulls.numbered(call.tx, call.repo, call.number).merged_at is None:
        raise not_found()
    return ApiResponse(status=204)


def files(call: ApiCall) -> ApiResponse:
    """The changed files."""
    repo = call.repo
    pull = pulls.numbered(call.tx, repo, call.number)
    found = commits.changes(
        call.tx.git(repo), pulls.change_base(call.tx, repo, pull), pull.head_sha
    )
    return page_of(
        call, found, shape=lambda item: git_shapes.file(call.tx.links, repo, item, pull.head_sha)
    )


def commits_of(call: ApiCall) -> ApiResponse:
    """The commits of the pull request, oldest first."""
    repo = call.repo
    pull = pulls.numbered(call.tx, repo, call.number)
    found = commits.commits(call.tx.git(repo), f"^{pull.base_sha}", pull.head_sha, limit=250)
    return page_of(
        call, found[::-1], shape=lambda item: git_shapes.commit(call.tx.links, repo, item)
    )


def _source(call: ApiCall, repo: Repo, owner: str) -> Repo:
    """The repository of that owner that may hold the head: this one, a fork of it, or
    the one it was forked from."""
    if not owner or owner.lower() == repo.owner.login.lower():
        return repo
    near = (
        *repositories.forks_of(call.tx, repo),
        *repositories.by_id(call.tx, [repo.source_id]).values(),
    )
    found = [one for one in near if one.owner.login.lower() == owner.lower()]
    if not found:
        raise invalid(
            "PullRequest",
            "head",
            f"head must be a branch here or of a fork: {owner} has none",
            code="invalid",
        )
    return found[0]


def _whole(call: ApiCall, repo: Repo, pull: Pull, *, status: int = 200) -> ApiResponse:
    git = call.tx.git(repo)
    # A commit with too many files is not diffed: that would cost minutes.
    size = (
        commits.size(git, pulls.change_base(call.tx, repo, pull), pull.head_sha)
        if git.is_readable(pull.head_sha)
        else (MOST_ENTRIES, 0, 0)
    )
    shape = shapes.whole_pull(
        call.tx.links,
        repositories.named(call.tx, repo.owner.login, repo.name),
        pull,
        size=size,
        mergeable=pulls.is_mergeable(call.tx, repo, pull),
        commits=pulls.commit_count(call.tx, repo, pull),
        review_comments=reviews.comment_count(call.tx, pull),
    )
    return ApiResponse(shape, status)


_HERE = "/repos/{owner}/{repo}/pulls"
ROUTES = (
    ("GET", _HERE, pull_list),
    ("POST", _HERE, create),
    ("GET", f"{_HERE}/{{number:int}}", one),
    ("PATCH", f"{_HERE}/{{number:int}}", change),
    ("GET", f"{_HERE}/{{number:int}}/files", files),
    ("GET", f"{_HERE}/{{number:int}}/commits", commits_of),
    ("GET", f"{_HERE}/{{number:int}}/merge", is_merged),
    ("PUT", f"{_HERE}/{{number:int}}/merge", merge),
)
