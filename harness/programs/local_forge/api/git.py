"""Refs, branches, commits, trees and files."""

from harness.programs.local_forge import fields, ref_sync
from harness.programs.local_forge.api.calls import Answer, Call
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import branch_rules
from harness.programs.local_forge.git import commits
from harness.programs.local_forge.git.objects import SHA, ZERO, is_sound_branch
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.shapes import git as shapes
from harness.programs.local_forge.shapes.protection import required_checks
from harness.programs.local_forge.storage.records import Repo, Role

_SPACES = ("heads/", "tags/")


def branch_list(call: Call) -> Answer:
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


def branch(call: Call) -> Answer:
    """One branch with its commit, and whether rules are about it."""
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
    return Answer(
        shapes.whole_branch(call.tx.links, repo, name, found, protected=protected, policy=policy)
    )


def ref(call: Call) -> Answer:
    """One ref by its name below refs/, such as `heads/main`."""
    repo = call.repo
    found = call.tx.git(repo).refs("refs").get(call.path["ref"])
    if found is None:
        raise not_found()
    return Answer(shapes.ref(call.tx.links, repo, f"refs/{call.path['ref']}", found))


def ref_list(call: Call) -> Answer:
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


def create_ref(call: Call) -> Answer:
    """A new branch or tag on a commit that is there. Raises Refused (422) where one of that name
    is."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    name = fields.needed_text(call.body, "ref", "Reference", limit=250)
    short = _writable(name.removeprefix("refs/")) if name.startswith("refs/") else _writable("")
    git, sha = call.tx.git(repo), _commit(call, repo)
    if short in git.refs("refs"):
        raise Refused(422, "Reference already exists")
    bound = call.standing(repo)
    branch_rules.check_move(call.tx, repo, f"refs/{short}", old=None, new=sha, bound=bound)
    _moved(call, repo, f"refs/{short}", sha, old=ZERO)
    return Answer(shapes.ref(call.tx.links, repo, name, sha), 201)


def change_ref(call: Call) -> Answer:
    """Move a ref: forward, or with `force` anywhere, as far as the rules about branches let it."""
    repo = call.repo
    call.need(repo, Role.WRITE)
    short = _writable(call.path["ref"])
    git, sha = call.tx.git(repo), _commit(call, repo)
    old = git.refs("refs").get(short)
    if old is None:
        raise Refused(422, "Reference does not exist")
    if call.body.get("force") is not True and not git.is_ancestor(old, sha):
        raise Refused(422, "Update is not a fast forward")
    branch_rules.check_move(
        call.tx, repo, f"refs/{short}", old=old, new=sha, bound=call.standing(repo)
    )
    _moved(call, repo, f"refs/{short}", sha, old=old)
    return Answer(shapes.ref(call.tx.links, repo, f"refs/{short}", sha))


def remove_ref(call: Call) -> Answer:
    """Delete a branch or tag, never the default branch, and none that is protected from it."""
    repo = call.repo
    actor = call.need(repo, Role.WRITE)
    short, git = _writable(call.path["ref"]), call.tx.git(repo)
    if short not in git.refs("refs"):
        raise Refused(422, "Reference does not exist")
    branch_rules.check_move(
        call.tx,
        repo,
        f"refs/{short}",
        old=git.refs("refs")[short],
        new=None,
        bound=call.standing(repo),
    )
    before = dict(git.refs())
    git.delete(f"refs/{short}")
    ref_sync.tell_pushes(call.tx, repo, before, actor)
    ref_sync.settle(call.tx, repo, actor)
    return Answer(status=204)


def commit_list(call: Call) -> Answer:
    """Commits from `sha` (a branch or commit; the default branch where absent), newest first."""
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


def commit(call: Call) -> Answer:
    """One commit with its files, by sha, branch or tag."""
    repo = call.repo
    git = call.tx.git(repo)
    item = commits.commit(git, named_commit(call, repo))
    files = commits.changes(git, item.parents[0] if item.parents else None, item.sha)
    return Answer(shapes.commit(call.tx.links, repo, item, files=files[:300]))


def git_commit(call: Call) -> Answer:
    """One commit object."""
    repo = call.repo
    git, sha = call.tx.git(repo), call.path["sha"]
    if not SHA.fullmatch(sha) or git.kind(sha) != "commit":
        raise not_found()
    return Answer(shapes.git_commit(call.tx.links, repo, commits.commit(git, sha)))


def tree(call: Call) -> Answer:
    """A tree by its sha, or the tree of a commit, branch or tag; whole with `recursive`."""
    repo = call.repo
    git, name = call.tx.git(repo), call.path["ref"]
    is_tree = SHA.fullmatch(name) is not None and git.kind(name) == "tree"
    sha = name if is_tree else commits.commit(git, named_commit(call, repo)).tree
    return Answer(
        shapes.tree(
            call.tx.links, repo, sha, commits.tree(git, sha, recursive="recursive" in call.query)
        )
    )


def blob(call: Call) -> Answer:
    """The bytes of a file by their sha."""
    repo = call.repo
    git, sha = call.tx.git(repo), call.path["sha"]
    if not SHA.fullmatch(sha) or git.kind(sha) != "blob":
        raise not_found()
    return Answer(shapes.blob(call.tx.links, repo, sha, git.raw("cat-file", "blob", sha)))


def contents(call: Call) -> Answer:
    """A file with its bytes, or a folder's listing, at `ref`."""
    repo = call.repo
    git, at = call.tx.git(repo), call.query.get("ref") or repo.default_branch
    sha, path = git.commit_named(at), call.path.get("path", "").strip("/")
    entry = None if sha is None else commits.entry_at(git, sha, path)
    if sha is None or entry is None:
        raise not_found()
    if entry.kind == "blob":
        held = git.raw("cat-file", "blob", entry.sha)
        return Answer(shapes.content(call.tx.links, repo, entry, path, at, held=held))
    under = f"{path}/" if path else ""
    listed = commits.tree(git, entry.sha)
    return Answer(
        [shapes.content(call.tx.links, repo, one, under + one.path, at) for one in listed]
    )


def named_commit(call: Call, repo: Repo) -> str:
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


def _commit(call: Call, repo: Repo) -> str:
    sha = fields.needed_text(call.body, "sha", "Reference", limit=40)
    if not SHA.fullmatch(sha) or call.tx.git(repo).kind(sha) != "commit":
        raise Refused(422, "Object does not exist")
    return sha


def _moved(call: Call, repo: Repo, ref: str, sha: str, *, old: str) -> None:
    git = call.tx.git(repo)
    before = dict(git.refs())
    git.move(ref, sha, old=old)
    ref_sync.tell_pushes(call.tx, repo, before, call.person)
    ref_sync.settle(call.tx, repo, call.person)


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
    (
        "GET",
        f"{_REPO}/commits/{{ref:path}}",
        commit,
    ),  # last: checks and statuses of a commit are listed before it
)
