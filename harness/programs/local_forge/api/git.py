"""Refs, branches, commits, trees and files."""

from harness.programs.local_forge import fields, ref_sync
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import branch_rules
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import SHA, ZERO, is_sound_branch
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.shapes import git as shapes
from harness.programs.local_forge.shapes.protection import required_checks
from harness.programs.local_forge.storage.records import Repo, Role

_SPACES = ("heads/", "tags/")


def branch_list(call: ApiCall) -> ApiResponse:
    """The branches."""
    repo = call.repo
    found = sorted(call.tx.git(repo).refs().items())
    return page_of(
        call,
        found,
        shape=lambda item: shapes.branch(
            call.tx.links, repo, *item, protected=branch_rules.is_protected(call.tx, repo, item[0])
        ),
    )


def branch(call: ApiCall) -> ApiResponse:
    """One branch with its commit, and whether it is protected."""
    repo = call.repo
    git, name = call.tx.git(repo), call.path["ref"]
    sha = git.refs().get(name)
    if sha is None:
        raise not_found()
    protected = branch_rules.is_protected(call.tx, repo, name)
    demanded = branch_rules.find_protection(call.tx, repo, name)
    policy = None
    if demanded is not None and demanded.body["required_status_checks"] is not None:
        level = "everyone" if demanded.body["enforce_admins"] else "non_admins"
        policy = {**required_checks(call.tx.links, repo, demanded), "enforcement_level": level}
    found = commits.commit(git, sha)
    return ApiResponse(
        shapes.whole_branch(call.tx.links, repo, name, found, protected=protected, policy=policy)
    )


def ref(call: ApiCall) -> ApiResponse:
    """One ref by its name below refs/, such as `heads/main`."""
    repo = call.repo
    found = call.tx.git(repo).refs("refs").get(call.path["ref"])
    if found is None:
        raise not_found()
    return ApiResponse(shapes.ref(call.tx.links, repo, f"refs/{call.path['ref']}", found))


def ref_list(call: ApiCall) -> ApiResponse:
    """The refs that begin with a prefix."""
    repo = call.repo
    prefix = call.path.get("ref", "")
    found = sorted(
        (name, sha)
        for name, sha in call.tx.git(repo).refs("refs").items()
        if name.startswith(prefix)
    )
    return page_of(
        call, found, shape=lambda item: shapes.ref(call.tx.links, repo, f"refs/{item[0]}", item[1])
    )


def create_ref(call: ApiCall) -> ApiResponse:
    """Create a branch or tag on an existing commit. Raises Refused (422) where the name
    is taken."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    name = fields.needed_text(call.body, "ref", "Reference", limit=250)
    short = _writable(name.removeprefix("refs/")) if name.startswith("refs/") else _writable("")
    git, sha = call.tx.git(repo), _commit(call, repo)
    if short in git.refs("refs"):
        raise Refused(422, "Reference already exists")
    policy = call.branch_policy(repo)
    branch_rules.check_move(call.tx, repo, f"refs/{short}", old=None, new=sha, policy=policy)
    _moved(call, repo, f"refs/{short}", sha, old=ZERO)
    return ApiResponse(shapes.ref(call.tx.links, repo, name, sha), 201)


def change_ref(call: ApiCall) -> ApiResponse:
    """Move a ref forward, or anywhere with `force`, as far as the branch rules allow."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    short = _writable(call.path["ref"])
    git, sha = call.tx.git(repo), _commit(call, repo)
    old = git.refs("refs").get(short)
    if old is None:
        raise Refused(422, "Reference does not exist")
    # `is not True`: a client's "false" or 1 must not force.
    if call.body.get("force") is not True and not git.is_ancestor(old, sha):
        raise Refused(422, "Update is not a fast forward")
    branch_rules.check_move(
        call.tx, repo, f"refs/{short}", old=old, new=sha, policy=call.branch_policy(repo)
    )
    _moved(call, repo, f"refs/{short}", sha, old=old)
    return ApiResponse(shapes.ref(call.tx.links, repo, f"refs/{short}", sha))


def remove_ref(call: ApiCall) -> ApiResponse:
    """Delete a branch or tag, but never the default branch or one protected from deletion."""
    repo = call.repo
    actor = call.need(repo, Role.WRITE)
    short, git = _writable(call.path["ref"]), call.tx.git(repo)
    old = git.refs("refs").get(short)
    if old is None:
        raise Refused(422, "Reference does not exist")
    branch_rules.check_move(
        call.tx,
        repo,
        f"refs/{short}",
        old=old,
        new=None,
        policy=call.branch_policy(repo),
    )
    before = dict(git.refs())
    git.delete(f"refs/{short}")
    ref_sync.sync_refs(call.tx, repo, actor, before=before)
    return ApiResponse(status=204)


def commit_list(call: ApiCall) -> ApiResponse:
    """Commits from `sha` (a branch or commit; default: the default branch), newest first."""
    repo = call.repo
    git = call.tx.git(repo)
    tip = git.commit_named(call.query.get("sha") or repo.default_branch)
    if tip is None:
        raise Refused(409, "Git Repository is empty.") if not git.refs() else not_found()
    size, skip = window(call)
    found = commits.commits(git, tip, limit=size, skip=skip)
    return page(
        call,
        found,
        commits.count(git, tip),
        shape=lambda item: shapes.commit(call.tx.links, repo, item),
    )


def commit(call: ApiCall) -> ApiResponse:
    """One commit with its files, by sha, branch or tag."""
    repo = call.repo
    git = call.tx.git(repo)
    item = commits.commit(git, named_commit(call, repo))
    files = commits.changes(git, item.parents[0] if item.parents else None, item.sha)
    return ApiResponse(shapes.commit(call.tx.links, repo, item, files=files[:300]))


def git_commit(call: ApiCall) -> ApiResponse:
    """One commit object."""
    repo = call.repo
    git, sha = call.tx.git(repo), call.path["sha"]
    if not SHA.fullmatch(sha) or git.kind(sha) != "commit":
        raise not_found()
    return ApiResponse(shapes.git_commit(call.tx.links, repo, commits.commit(git, sha)))


def tree(call: ApiCall) -> ApiResponse:
    """A tree by its sha, or the tree of a commit, branch or tag; all levels with `recursive`."""
    repo = call.repo
    git, name = call.tx.git(repo), call.path["ref"]
    is_tree = SHA.fullmatch(name) is not None and git.kind(name) == "tree"
    sha = name if is_tree else commits.commit(git, named_commit(call, repo)).tree
    return ApiResponse(
        shapes.tree(
            call.tx.links, repo, sha, commits.tree(git, sha, recursive="recursive" in call.query)
        )
    )


def blob(call: ApiCall) -> ApiResponse:
    """A file's bytes by their sha."""
    repo = call.repo
    git, sha = call.tx.git(repo), call.path["sha"]
    if not SHA.fullmatch(sha) or git.kind(sha) != "blob":
        raise not_found()
    return ApiResponse(shapes.blob(call.tx.links, repo, sha, git.raw("cat-file", "blob", sha)))


def contents(call: ApiCall) -> ApiResponse:
    """A file with its bytes, or a folder's entries, at `ref`."""
    repo = call.repo
    git, at = call.tx.git(repo), call.query.get("ref") or repo.default_branch
    sha, path = git.commit_named(at), call.path.get("path", "").strip("/")
    entry = None if sha is None else commits.entry_at(git, sha, path)
    if sha is None or entry is None:
        raise not_found()
    if entry.kind == "blob":
        held = git.raw("cat-file", "blob", entry.sha)
        return ApiResponse(shapes.content(call.tx.links, repo, entry, path, at, held=held))
    under = f"{path}/" if path else ""
    listed = commits.tree(git, entry.sha)
    return ApiResponse(
        [shapes.content(call.tx.links, repo, one, under + one.path, at) for one in listed]
    )


def named_commit(call: ApiCall, repo: Repo) -> str:
    """The commit that the path's `ref` names. Raises Refused (404)."""
    sha = call.tx.git(repo).commit_named(call.path["ref"])
    if sha is None:
        raise not_found()
    return sha


def _writable(short: str) -> str:
    if not short.startswith(_SPACES) or not is_sound_branch(short.partition("/")[2]):
        raise invalid(
            "Reference",
            "ref",
            "ref must be a sound name under refs/heads/ or refs/tags/",
            code="invalid",
        )
    return short


def _commit(call: ApiCall, repo: Repo) -> str:
    sha = fields.needed_text(call.body, "sha", "Reference", limit=40)
    if not SHA.fullmatch(sha) or call.tx.git(repo).kind(sha) != "commit":
        raise Refused(422, "Object does not exist")
    return sha


def _moved(call: ApiCall, repo: Repo, ref: str, sha: str, *, old: str) -> None:
    git = call.tx.git(repo)
    before = dict(git.refs())
    git.move(ref, sha, old=old)
    ref_sync.sync_refs(call.tx, repo, call.person, before=before)


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("GET", f"{_REPO}/branches", branch_list),
    ("GET", f"{_REPO}/branches/{{ref:path}}", branch),
    ("GET", f"{_REPO}/git/ref/{{ref:path}}", ref),
    ("GET", f"{_REPO}/git/matching-refs/{{ref:path}}", ref_list),
    ("POST", f"{_REPO}/git/refs", create_ref),
    ("PATCH", f"{_REPO}/git/refs/{{ref:path}}", change_ref),
    ("DELETE", f"{_REPO}/git/refs/{{ref:path}}", remove_ref),
    ("GET", f"{_REPO}/git/commits/{{sha}}", git_commit),
    ("GET", f"{_REPO}/git/trees/{{ref:path}}", tree),
    ("GET", f"{_REPO}/git/blobs/{{sha}}", blob),
    ("GET", f"{_REPO}/contents", contents),
    ("GET", f"{_REPO}/contents/{{path:path}}", contents),
    ("GET", f"{_REPO}/commits", commit_list),
    # Last: a ref may hold slashes, so this route would also match those of checks and statuses.
    (
        "GET",
        f"{_REPO}/commits/{{ref:path}}",
        commit,
    ),
)
