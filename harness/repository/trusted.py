"""The factory's own bare repository: what the forge has, fetched and checked, and facts from raw
objects."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

from harness.domain.errors import GitError
from harness.domain.issue import CommitSha, TreeSha
from harness.ports.git import Diff
from harness.repository.diff import changed_paths, raw_diff
from harness.repository.guard import TRUSTED_CONFIG, require_untouched
from harness.repository.names import (
    branch_ref,
    full_ref,
    is_sha,
    remote_url,
    sha,
    shown,
)
from harness.repository.objects import TreeEntry, blobs, entries, entry_at, verify
from harness.repository.plumbing import READING, Bounds, Git
from harness.repository.remote import Remote

# What the forge had. `transfer.hideRefs` hides every ref from the run stores.
FETCHED = "refs/factory/forge"
READ_AT_MOST = 16 * 1024 * 1024
# A text of governance or of a workflow is read by every run, and its object never changes.
KEPT_AT_MOST, KEPT_FILES, KEPT_NAMES, KEPT_DIFFS = 64 * 1024, 256, 8192, 4
PROPOSED = "refs/pull/"
"""The refs of pull requests, which anybody may push."""
_FETCHING = Bounds(processor_seconds=60, memory=2 * 1024**3, file=1024**3, output=16 * 1024**2)
"""For fetching what a stranger proposes: larger fetches are refused."""


class TrustedRepository:
    """`harness.ports.git.Repository`, in a folder that this class creates and nothing else
    writes."""

    def __init__(self, git_dir: Path, remote: Remote, *, objects: Path | None = None) -> None:
        """Open the repository; create it if there is none. Raises GitError if somebody else changed
        its settings. With `objects`, what is fetched and made goes to that folder, and no ref is
        written."""
        self.git_dir, self.remote, self._objects = git_dir, remote, objects
        self._fetching = Lock()
        # What an object's name stands for never changes, and a git process costs 10 ms.
        self._tree = lru_cache(KEPT_NAMES)(self._tree_of)
        self._entry = lru_cache(KEPT_NAMES)(self._entry_at)
        self._small_file = lru_cache(KEPT_FILES)(self._file)
        # One change is looked at by every gate on its way.
        self._last_diffs = lru_cache(KEPT_DIFFS)(self._diff)
        self._last_files = lru_cache(KEPT_DIFFS)(self._modes)
        remote_url(remote.url)
        try:
            if not git_dir.exists():
                _make(git_dir)
        except OSError as error:
            raise GitError(f"{git_dir} could not be made: {error}", retryable=True) from error
        require_untouched(git_dir)

    @property
    def git(self) -> Git:
        """Git on this repository, after another check of its configuration."""
        require_untouched(self.git_dir)
        return Git(self.git_dir, objects=self._objects)

    @property
    def reading(self) -> Git:
        """The same with bounds, for trees that a stranger may have written."""
        return replace(self.git, bounds=READING)

    def fetch(self, *refs: str) -> None:
        """Fetch branches, full refs or commits from the forge; fsck checks each object before it is
        kept.

        None of our refs move: everything fetched is below `refs/factory/forge`. A pull request's
        head is fetched with bounds, and only apart (`TrustedCandidates.apart`).
        """
        if refs:
            bounds = _FETCHING if any(ref.startswith(PROPOSED) for ref in refs) else None
            # Two fetches at once would compete for the lock of one ref.
            with self._fetching:
                self.remote.output(
                    replace(self.git, bounds=bounds),
                    "fetch",
                    "--quiet",
                    "--no-tags",
                    "--no-write-fetch-head",
                    "--no-auto-maintenance",
                    "--",
                    remote_url(self.remote.url),
                    *(_refspec(ref) if self._objects is None else _source(ref) for ref in refs),
                )

    def tip(self, branch: str) -> CommitSha:
        """The forge's current tip of a branch. Raises GitError if it has no such branch."""
        found = self.remote.branch_tip(self.git, branch)
        if found is None:
            raise GitError(f"the forge has no branch {branch!r}")
        return found

    def latest(self, branch: str) -> CommitSha:
        """The forge's current tip of a branch, fetched unless it is here. Raises GitError if it has
        no such branch."""
        # To ask where a branch is costs a tenth of a fetch, and most steps move no branch.
        tip = self.tip(branch)
        if tip == self._fetched(branch):
            return tip
        self.fetch(branch)
        return self.fetched(branch)

    def fetched(self, branch: str) -> CommitSha:
        """Where the branch was when it was last fetched, without asking the forge."""
        found = self._fetched(branch)
        if found is None:
            raise GitError(f"branch {branch!r} was never fetched")
        return found

    def _fetched(self, branch: str) -> CommitSha | None:
        ref = branch_ref(branch).replace("refs", FETCHED, 1)
        result = self.git.run("rev-parse", "--verify", "--quiet", ref)
        return None if result.status else sha(result.out.decode("ascii").strip())

    def tree_of(self, commit: CommitSha) -> TreeSha:
        """The tree of a commit. Raises GitError if the commit is not here: fetch it first."""
        return self._tree(sha(commit))

    def parents_of(self, commit: CommitSha) -> tuple[CommitSha, ...]:
        """The parents of a commit, in order."""
        raw = self.git.output("cat-file", "commit", sha(commit)).split(b"\n\n", 1)[0]
        lines = (line.split() for line in raw.splitlines())
        return tuple(sha(line[1].decode("ascii")) for line in lines if line[:1] == [b"parent"])

    def line(self, tip: CommitSha, *, most: int) -> tuple[CommitSha, ...]:
        """`tip` and its first parents, newest first, at most `most` commits."""
        printed = self.git.output("rev-list", "--first-parent", f"--max-count={most}", sha(tip))
        return tuple(sha(one) for one in printed.decode("ascii").split())

    def messages(self, tip: CommitSha, *, line: str) -> Mapping[CommitSha, str]:
        """The commits up to `tip` whose message has a line that begins with the word `line`, each
        with its message."""
        printed = self.git.output(
            "log",
            "-z",
            "--no-color",
            "--no-show-signature",
            "--no-mailmap",
            "--encoding=UTF-8",
            "--format=%H%n%B",
            f"--grep=^{line}",
            sha(tip),
        ).decode("utf-8", "replace")
        found = (each.split("\n", 1) for each in printed.split("\0") if each)
        return {sha(commit): message for commit, message in found}

    def verify(self, commit: CommitSha) -> None:
        """Hash the commit and everything in its tree again. Raises GitError that names the first
        mismatch."""
        verify(self.git, sha(commit))

    def contains(self, tip: CommitSha, commit: CommitSha) -> bool:
        """Whether `commit` is `tip` or one of its ancestors."""
        result = self.git.run("merge-base", "--is-ancestor", sha(commit), sha(tip))
        if result.status not in (0, 1):
            raise GitError(f"git merge-base: {result.message}")
        return result.status == 0

    def entries(self, treeish: str) -> tuple[TreeEntry, ...]:
        """Every entry of a commit's or a tree's files, with mode, object and size."""
        return entries(self.reading, sha(treeish))

    def blobs(self, oids: Sequence[str]) -> Iterator[bytes]:
        """The raw bytes of each file by its object, in the requested order. All of them are in
        memory at once."""
        return blobs(self.git, [sha(oid) for oid in oids])

    def files(self, commit: CommitSha) -> Mapping[bytes, str]:
        """Every path with its mode; paths are raw bytes."""
        return dict(self._last_files(self.tree_of(commit)))

    def _modes(self, tree: TreeSha) -> Mapping[bytes, str]:
        return {entry.path: entry.mode for entry in self.entries(tree)}

    def read(self, commit: CommitSha, path: str) -> bytes | None:
        """The bytes of a plain file; None if there is none, and for a symlink, because its target
        is not its text."""
        name = path.encode("utf-8", "surrogateescape")
        entry = self._entry(self.tree_of(commit), name)
        if entry is None or not entry.is_file:
            return None
        if entry.size > READ_AT_MOST:
            raise GitError(f"{shown(name)} has {entry.size} bytes; at most {READ_AT_MOST} are read")
        read = self._small_file if entry.size <= KEPT_AT_MOST else self._file
        return read(entry.oid)

    def _tree_of(self, commit: CommitSha) -> TreeSha:
        return TreeSha(
            self.git.line("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
        )

    def _entry_at(self, tree: TreeSha, name: bytes) -> TreeEntry | None:
        return entry_at(self.reading, tree, name)

    def _file(self, oid: str) -> bytes:
        return next(blobs(self.reading, (oid,)))

    def diff(self, base: CommitSha, head: CommitSha) -> Diff:
        """Raw facts between two commits (see `harness.repository.diff`)."""
        found = self._last_diffs(self.tree_of(base), self.tree_of(head))
        # A stranger's change may add 64 MB, and must not stay in memory.
        if sum(map(len, found.added.values())) > KEPT_AT_MOST:
            self._last_diffs.cache_clear()
        return found

    def _diff(self, base: TreeSha, head: TreeSha) -> Diff:
        return raw_diff(self.reading, base, head)

    def changed(self, base: CommitSha, head: CommitSha) -> tuple[bytes, ...]:
        """The paths that differ; their contents are not read."""
        return changed_paths(self.reading, self.tree_of(base), self.tree_of(head))


def _source(ref: str) -> str:
    if is_sha(ref):
        return ref
    return full_ref(ref) if ref.startswith("refs/") else branch_ref(ref)


def _refspec(ref: str) -> str:
    source = _source(ref)
    if is_sha(ref):
        return f"{source}:{FETCHED}/commits/{ref}"
    return f"+{source}:{FETCHED}/{source.removeprefix('refs/')}"


def _make(git_dir: Path) -> None:
    """Create a bare repository with our configuration and an unborn HEAD, all at once or not at
    all."""
    git_dir.parent.mkdir(parents=True, exist_ok=True)
    fresh = git_dir.with_name(f"{git_dir.name}.making")
    shutil.rmtree(fresh, ignore_errors=True)
    Git(fresh).init()
    (fresh / "config").write_bytes(TRUSTED_CONFIG)
    fresh.rename(git_dir)


def fetched_branch(repository: TrustedRepository) -> str:
    """The default branch as it was fetched: the one that is not the factory's own. "" if nothing
    was."""
    heads = f"{FETCHED}/heads/"
    printed = repository.git.output("for-each-ref", "--format=%(refname)", heads)
    names = (ref.removeprefix(heads) for ref in printed.decode("utf-8").split())
    return next((name for name in names if not name.startswith("factory/")), "")
