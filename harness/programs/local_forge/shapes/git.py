"""The JSON of commits, refs, trees, blobs and files."""

import base64
from collections.abc import Sequence
from urllib.parse import quote

from harness.programs.local_forge.git.commits import Commit, FileChange, TreeEntry
from harness.programs.local_forge.git.objects import Person
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.shapes.common import Json, moment, node_id
from harness.programs.local_forge.storage.records import Repo

_UNSIGNED = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}


def person(item: Person) -> Json:
    """The author or committer of a commit."""
    return {"name": item.name, "email": item.email, "date": moment(item.at)}


def git_commit(links: Links, repo: Repo, item: Commit) -> Json:
    """GitHub's `git-commit`."""
    here = links.repo(repo)
    return {
        "sha": item.sha,
        "node_id": node_id("Commit", item.sha),
        "url": f"{here}/git/commits/{item.sha}",
        "html_url": links.page(repo, "commit", item.sha),
        "author": person(item.author),
        "committer": person(item.committer),
        "message": item.message,
        "verification": _UNSIGNED,
        "tree": {"sha": item.tree, "url": f"{here}/git/trees/{item.tree}"},
        "parents": [
            _parent(links, repo, sha) | {"url": f"{here}/git/commits/{sha}"} for sha in item.parents
        ],
    }


def commit(
    links: Links, repo: Repo, item: Commit, *, files: Sequence[FileChange] | None = None
) -> Json:
    """GitHub's `commit`; with `files`, the shape for a single commit."""
    here = f"{links.repo(repo)}/commits/{item.sha}"
    inner = git_commit(links, repo, item)
    shape: Json = {
        "sha": item.sha,
        "node_id": inner["node_id"],
        "url": here,
        "html_url": inner["html_url"],
        "comments_url": f"{here}/comments",
        "author": None,
        "committer": None,
        "parents": [_parent(links, repo, sha) for sha in item.parents],
        "commit": {
            key: inner[key]
            for key in ("author", "committer", "message", "tree", "url", "verification")
        }
        | {"comment_count": 0},
    }
    if files is not None:
        added, gone = sum(one.additions for one in files), sum(one.deletions for one in files)
        shape["stats"] = {"total": added + gone, "additions": added, "deletions": gone}
        shape["files"] = [file(links, repo, one, item.sha) for one in files]
    return shape


def file(links: Links, repo: Repo, item: FileChange, sha: str) -> Json:
    """GitHub's `diff-entry`."""
    path = quote(item.path)
    shape: Json = {
        "sha": item.sha,
        "filename": item.path,
        "status": item.status,
        "additions": item.additions,
        "deletions": item.deletions,
        "changes": item.additions + item.deletions,
        "blob_url": f"{links.page(repo, 'blob', sha)}/{path}",
        "raw_url": f"{links.page(repo, 'raw', sha)}/{path}",
        "contents_url": f"{links.repo(repo)}/contents/{path}?ref={sha}",
    }
    return shape | {"patch": item.patch} if item.patch else shape


def ref(links: Links, repo: Repo, name: str, sha: str) -> Json:
    """GitHub's `git-ref`; `name` is full, such as `refs/heads/main`."""
    here = links.repo(repo)
    return {
        "ref": name,
        "node_id": node_id("Ref", name),
        "url": f"{here}/git/{quote(name)}",
        "object": {"type": "commit", "sha": sha, "url": f"{here}/git/commits/{sha}"},
    }


def branch(links: Links, repo: Repo, name: str, sha: str, *, protected: bool) -> Json:
    """GitHub's `short-branch`."""
    return {
        "name": name,
        "protected": protected,
        "commit": {"sha": sha, "url": f"{links.repo(repo)}/commits/{sha}"},
    }


def whole_branch(
    links: Links, repo: Repo, name: str, tip: Commit, *, protected: bool, policy: Json | None = None
) -> Json:
    """GitHub's `branch-with-protection`. `policy` is its required status checks."""
    here = f"{links.repo(repo)}/branches/{quote(name)}"
    return branch(links, repo, name, tip.sha, protected=protected) | {
        "commit": commit(links, repo, tip),
        "protection": {"enabled": protected}
        | ({"required_status_checks": policy} if policy else {}),
        "protection_url": f"{here}/protection",
        "_links": {"self": here, "html": links.page(repo, "tree", name)},
    }


def tree(links: Links, repo: Repo, sha: str, entries: Sequence[TreeEntry]) -> Json:
    """GitHub's `git-tree`."""
    here = f"{links.repo(repo)}/git"
    listed = [
        {"path": item.path, "mode": item.mode, "type": item.kind, "sha": item.sha}
        | {"url": f"{here}/{item.kind}s/{item.sha}"}
        | ({} if item.size is None else {"size": item.size})
        for item in entries
    ]
    return {"sha": sha, "url": f"{here}/trees/{sha}", "truncated": False, "tree": listed}


def blob(links: Links, repo: Repo, sha: str, content: bytes) -> Json:
    """GitHub's `blob`."""
    return {
        "sha": sha,
        "node_id": node_id("Blob", sha),
        "size": len(content),
        "encoding": "base64",
        "url": f"{links.repo(repo)}/git/blobs/{sha}",
        "content": base64.encodebytes(content).decode(),
    }


def content(
    links: Links, repo: Repo, item: TreeEntry, path: str, at: str, *, held: bytes | None = None
) -> Json:
    """GitHub's `content-file`, or an entry of a folder when `held` is None."""
    kind = {"tree": "dir", "commit": "submodule"}.get(
        item.kind, "symlink" if item.mode == "120000" else "file"
    )
    here = f"{links.repo(repo)}/contents/{quote(path)}?ref={quote(at, safe='')}"
    git_url = f"{links.repo(repo)}/git/{item.kind}s/{item.sha}"
    page = f"{links.page(repo, 'tree' if kind == 'dir' else 'blob', at)}/{quote(path)}"
    raw = None if kind == "dir" else f"{links.page(repo, 'raw', at)}/{quote(path)}"
    shape: Json = {
        "type": kind,
        "size": item.size or 0,
        "name": path.rsplit("/", 1)[-1],
        "path": path,
        "sha": item.sha,
        "url": here,
        "git_url": git_url,
        "html_url": page,
        "download_url": raw,
        "_links": {"self": here, "git": git_url, "html": page},
    }
    if held is not None:
        shape |= {"encoding": "base64", "content": base64.encodebytes(held).decode()}
    return shape


def _parent(links: Links, repo: Repo, sha: str) -> Json:
    return {
        "sha": sha,
        "url": f"{links.repo(repo)}/commits/{sha}",
        "html_url": links.page(repo, "commit", sha),
    }
