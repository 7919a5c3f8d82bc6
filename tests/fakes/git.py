"""Git in memory: commits, trees as mappings of paths to bytes, and the forge's branches. One
object, three ports."""

import hashlib
import json
import shutil
from contextlib import nullcontext
from pathlib import Path

from harness.domain.errors import GitError
from harness.domain.facts import ChangeKind, FileChange
from harness.ports.git import Conflict, Diff, Landing
from harness.repository.objects import TreeEntry, blob_oid

ABSENT = "000000"


class FakeGit:
    def __init__(self, work: Path, remote: dict[str, str]) -> None:
        self.work, self.remote = work, remote
        self.trees: dict[str, dict[str, bytes]] = {}
        self.commits: dict[str, tuple[str, tuple[str, ...], str]] = {}
        self.opened: dict[str, str] = {}  # the commit of each worktree, by run
        self.landings: list[str] = []
        self.kept: dict[str, str] = {}  # refs of the factory's own, by name
        self.links: set[str] = set()  # paths that are symbolic links, at every commit that has them

    # making history in a test
    def tree(self, files: dict[str, bytes]) -> str:
        sha = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        self.trees[sha] = dict(files)
        return sha

    def commit(self, tree, parents, *, message="", at=""):
        sha = hashlib.sha1(json.dumps([tree, list(parents), message, at]).encode()).hexdigest()
        self.commits[sha] = (tree, tuple(parents), message)
        return sha

    # Repository
    def fetch(self, *refs) -> None:
        for ref in refs:
            if not ref.startswith(
                "refs/pull/"
            ):  # a head of the forge's own keeping is here as soon as it is made
                self.tip(ref)

    def apart(self):
        return nullcontext((self, self))

    def tip(self, branch):
        if branch not in self.remote:
            raise GitError(f"no branch {branch}")
        return self.remote[branch]

    fetched = latest = tip

    def tree_of(self, commit):
        return self.commits[commit][0]

    def files(self, commit):
        return {
            path.encode(): "120000" if path in self.links else "100644"
            for path in self.trees[self.tree_of(commit)]
        }

    def read(self, commit, path):
        return self.trees[self.tree_of(commit)].get(path)

    def entries(self, treeish):
        tree = self.trees[treeish if treeish in self.trees else self.tree_of(treeish)]
        return [
            TreeEntry(
                "120000" if path in self.links else "100644",
                blob_oid(content),
                path.encode(),
                len(content),
            )
            for path, content in sorted(tree.items())
        ]

    def blobs(self, oids):  # another hand may make a tree meanwhile
        contents = {
            blob_oid(content): content
            for tree in tuple(self.trees.values())
            for content in tree.values()
        }
        return (contents[oid] for oid in oids)

    def verify(self, commit) -> None:
        if commit not in self.commits:
            raise GitError(f"{commit} is missing")

    def contains(self, tip, commit):
        waiting, seen = [tip], set()
        while waiting:
            here = waiting.pop()
            seen.add(here)
            waiting += [parent for parent in self.commits[here][1] if parent not in seen]
        return commit in seen

    def parents_of(self, commit):
        return self.commits[commit][1]

    def line(self, tip, *, most):
        found = [tip]
        while len(found) < most and self.commits[found[-1]][1]:
            found.append(self.commits[found[-1]][1][0])
        return tuple(found)

    def messages(self, tip, *, line):
        return {
            sha: message
            for sha, (_, _, message) in self.commits.items()
            if f"\n{line}" in f"\n{message}" and self.contains(tip, sha)
        }

    def diff(self, base, head):
        before, after = self.trees[self.tree_of(base)], self.trees[self.tree_of(head)]
        changed = sorted(
            path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
        )
        return Diff(
            tuple(_change(path, before, after) for path in changed),
            {
                path.encode("utf-8", "surrogateescape"): b"".join(
                    _lines_of(after[path], without=before.get(path, b""))
                )
                for path in changed
                if path in after
            },
        )

    def changed(self, base, head):
        return tuple(change.path for change in self.diff(base, head).files)

    # Worktrees
    def open(self, run, base):
        folder = self.work / run
        shutil.rmtree(folder, ignore_errors=True)
        self.export(self.tree_of(base), folder)
        self.opened[run] = base
        return folder

    def ensure(self, run, commit):
        folder = self.work / run
        if commit not in self.commits:
            raise GitError(f"there is no commit {commit}")
        return folder if folder.is_dir() and self.opened[run] == commit else self.open(run, commit)

    def prepare(self, base) -> None:
        self.tree_of(base)

    def snapshot(self, folder, base):
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        return self.tree({str(path.relative_to(folder)): path.read_bytes() for path in files})

    def export(self, tree, folder) -> None:
        for parent in {(folder / path).parent for path in self.trees[tree]}:
            parent.mkdir(parents=True, exist_ok=True)
        for path, content in self.trees[tree].items():
            (folder / path).write_bytes(content)

    def close(self, run, *, looked=False) -> None:
        shutil.rmtree(self.work / run, ignore_errors=True)

    # Candidates
    def merge(self, base, head, *, message, at):
        ancestor = self.commits[head][1][0] if self.commits[head][1] else head
        while not self.contains(base, ancestor):
            ancestor = self.commits[ancestor][1][0]
        old, ours, theirs = (self.trees[self.tree_of(commit)] for commit in (ancestor, base, head))
        merged, conflicts = {}, []
        for path in sorted(ours.keys() | theirs.keys() | old.keys()):
            mine, other, was = ours.get(path), theirs.get(path), old.get(path)
            if mine != other and was not in (mine, other):
                conflicts.append(path.encode())
            kept = other if mine == was else mine
            if kept is not None:
                merged[path] = kept
        return (
            Conflict(tuple(conflicts))
            if conflicts
            else self.commit(self.tree(merged), [base, head], message=message, at=at)
        )

    def push(self, commit, branch, *, expected) -> None:
        if self.remote.get(branch) not in (expected, commit):
            raise GitError(f"{branch} is at {self.remote.get(branch)}, not at {expected}")
        self.remote[branch] = commit

    def remove(self, branch, *, expected):
        if self.remote.get(branch) == expected:
            del self.remote[branch]
        return self.remote.get(branch)

    def keep(self, commit, name) -> None:
        self.tree_of(commit)
        self.kept[name] = commit

    def land(self, candidate, branch, *, base, head, tree):
        if self.remote[branch] == candidate:
            return Landing("landed", candidate, "it was there already")
        if self.remote[branch] != base:
            return Landing("base-moved", self.remote[branch], f"{branch} moved")
        if self.commits[candidate][:2] != (tree, (base, head)):
            return Landing("refused", base, "the candidate is not what was judged")
        self.remote[branch] = candidate
        self.landings.append(candidate)
        return Landing("landed", candidate, "")


def _change(path, before, after):
    kind = (
        ChangeKind.MODIFIED
        if path in before and path in after
        else ChangeKind.ADDED
        if path in after
        else ChangeKind.DELETED
    )
    old, new = before.get(path, b""), after.get(path, b"")
    return FileChange(
        path=path.encode("utf-8", "surrogateescape"),
        kind=kind,
        old_mode="100644" if path in before else ABSENT,
        new_mode="100644" if path in after else ABSENT,
        old_oid=blob_oid(before[path]) if path in before else None,
        new_oid=blob_oid(after[path]) if path in after else None,
        added=len(_lines_of(new, without=old)),
        deleted=len(_lines_of(old, without=new)),
        size=len(new),
    )


def _lines_of(content, *, without):
    """The lines of one content that the other has not, with their ends."""
    known = {*without.splitlines(keepends=True)}
    return [line for line in content.splitlines(keepends=True) if line not in known]
