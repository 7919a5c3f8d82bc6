"""Fetches somebody's own repository into a store of ours: the tip of its default branch, or all of
it.

Properties:
- Nothing is written at the original, and none of its hooks, filters or monitors runs.
- A trial fetches no history, so that the time does not depend on it.
- What is fetched is limited in bytes, files and seconds.
- No submodule is followed, and no LFS object is fetched.
- A name or secret of an address goes into git's environment, never into an argument list, a message
  or a file.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError, GitError
from harness.domain.facts import GITLINK
from harness.domain.issue import TreeSha
from harness.repository.environment import environment
from harness.repository.names import branch_ref, shown
from harness.repository.objects import TreeEntry, blobs, tree_entry
from harness.repository.original.address import RepositoryAddress
from harness.repository.plumbing import Git, GitResult
from harness.repository.tree_edits import changed_tree
from harness.repository.walk import WalkLimits

TIP = "refs/original/tip"
DEFAULT_BRANCH = "main"
LISTING_BYTES = 128 * 1024 * 1024
_LFS = b"version https://git-lfs.github.com/spec/"
# By the specification of LFS a pointer is shorter than 1024 bytes.
_LFS_BYTES = range(100, 1024)
_INHERITED = (
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
)


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """Seconds for one command with the original, and bytes of the one pack that is fetched."""

    seconds: float = 300.0
    pack_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Original:
    """What was fetched: a tree without submodules, its commit and branch, and notes for a
    person."""

    commit: str
    tree: TreeSha
    branch: str
    paths: frozenset[bytes]
    notes: tuple[str, ...]


def fetch_original(
    address: RepositoryAddress,
    store: Path,
    *,
    limits: FetchLimits | None = None,
    walk: WalkLimits | None = None,
) -> Original:
    """Fetch the tip of the default branch into a fresh bare `store`.

    Raises ConfigError if there is no repository, no commit, or more than the factory works on.
    Raises GitError if the original cannot be reached now.
    """
    original = _OriginalGit(address, store, limits or FetchLimits())
    Git(store).init()
    branch, notes = _branch_of(original)
    original.output(
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--depth=1",
        "--",
        address.url,
        f"+HEAD:{TIP}",
    )
    # Nothing of ours will have that commit as a parent.
    (store / "shallow").unlink(missing_ok=True)
    git = Git(store)
    entries = _entries(original, walk or WalkLimits())
    tree = TreeSha(git.line("rev-parse", "--verify", f"{TIP}^{{tree}}"))
    submodules = tuple(entry.path for entry in entries if entry.mode == GITLINK)
    return Original(
        git.line("rev-parse", "--verify", TIP),
        changed_tree(git, tree, dict.fromkeys(submodules)),
        branch,
        frozenset(entry.path for entry in entries),
        (*notes, *_remarks(git, entries, submodules)),
    )


def fetch_whole_original(
    address: RepositoryAddress, store: Path, *, limits: FetchLimits
) -> tuple[str, int]:
    """Fetch every branch and tag with their history into a fresh bare `store`. Returns the default
    branch and the number of refs.

    Every object is checked on the way. Raises ConfigError and GitError as `fetch_original` does.
    """
    original = _OriginalGit(
        address, store, limits, what="all of ", settings=(("fetch.fsckObjects", "true"),)
    )
    Git(store).init()
    branch, _ = _branch_of(original)
    fetch = (
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--",
    )
    original.output(*fetch, address.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    # The original's head is detached if its default branch did not come with the others.
    if not Git(store).output("for-each-ref", f"refs/heads/{branch}"):
        original.output(*fetch, address.url, f"+HEAD:refs/heads/{branch}")
    Git(store).output("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    return branch, len(Git(store).output("for-each-ref", "--format=x").splitlines())


@dataclass(frozen=True, slots=True)
class _OriginalGit:
    """Git with the original: limited in time, in bytes written and in bytes read."""

    address: RepositoryAddress
    store: Path
    limits: FetchLimits
    what: str = "the tip of "
    settings: tuple[tuple[str, str], ...] = ()

    def output(self, command: str, *arguments: str) -> bytes:
        """What git printed. Raises ConfigError or GitError, by git's message."""
        result = self._run(command, *arguments)
        if not result.status:
            return result.out
        if self._is_full():
            raise ConfigError(self._too_large())
        raise refusal_of(result, self.address)

    def _is_full(self) -> bool:
        """Whether a pack has reached its limit. Git's message differs with the part of it that
        noticed."""
        packs = (self.store / "objects" / "pack").glob("*")
        return any(path.stat().st_size >= self.limits.pack_bytes for path in packs)

    def _too_large(self) -> str:
        return (
            f"{self.what}{self.address.shown} is over {self.limits.pack_bytes >> 20:,} MB packed;"
            " that is more than is accepted"
        )

    def _run(self, command: str, *arguments: str) -> GitResult:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        # Everything goes into one pack, so that the limit of a file is the limit of the fetch.
        one_pack = ("fetch.unpackLimit", "1")
        settings = (*self.address.settings, *self.settings, one_pack)
        argv = (
            "prlimit",
            f"--fsize={self.limits.pack_bytes}",
            "--",
            "git",
            f"--git-dir={self.store}",
            command,
            *arguments,
        )
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                argv,
                env=environment(settings, more=inherited),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                status = process.wait(self.limits.seconds)
            except subprocess.TimeoutExpired as late:
                words = (
                    f"{self.address.shown} took more than {self.limits.seconds:g} s to {command}"
                )
                raise GitError(words, retryable=True) from late
            finally:
                _end(process)
            if status == -signal.SIGXFSZ or out.seek(0, os.SEEK_END) > LISTING_BYTES:
                raise ConfigError(f"{self.address.shown} lists more than the factory works on")
            out.seek(0)
            err.seek(0)
            words = err.read(64 * 1024).decode("utf-8", "backslashreplace")
            return GitResult(status, out.read(), words)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill git and all that it started, unless it has ended by itself, and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _branch_of(original: _OriginalGit) -> tuple[str, tuple[str, ...]]:
    """The name of the default branch in the copy, and notes on it."""
    listed = original.output(
        "ls-remote", "--symref", "--", original.address.url, "HEAD", "refs/heads/*"
    )
    # Each line is an object and a ref; with --symref also `ref: refs/heads/main` and HEAD.
    lines = listed.decode("utf-8", "surrogateescape").splitlines()
    pairs = [tuple(line.split("\t", 1)) for line in lines]
    refs = {name: oid for oid, name in pairs if not oid.startswith("ref: ")}
    if "HEAD" not in refs:
        raise ConfigError(_no_tip(original.address, refs))
    symbolic = {name: target[5:] for target, name in pairs if target.startswith("ref: ")}
    if head := symbolic.get("HEAD"):
        branch = _usable(head)
        is_same = head == f"refs/heads/{branch}"
        return branch, () if is_same else (f"its default branch is called {branch} in the copy",)
    there = sorted(
        (_usable(name) for name, oid in refs.items() if name != "HEAD" and oid == refs["HEAD"]),
        key=lambda name: (name != DEFAULT_BRANCH, name),
    )
    branch = (there or [DEFAULT_BRANCH])[0]
    note = f"its head is detached at {refs['HEAD']:.10}; the copy has that commit on {branch}"
    return branch, (note,)


def _usable(ref: str) -> str:
    """The branch of a ref; the usual one if a forge would not accept its name."""
    branch = ref.removeprefix("refs/heads/")
    try:
        branch_ref(branch)
    except GitError:
        return DEFAULT_BRANCH
    return branch


def _no_tip(address: RepositoryAddress, refs: Mapping[str, str]) -> str:
    if not refs:
        return f"{address.shown} has no commit yet; the factory works on what is committed"
    branches = ", ".join(
        sorted(
            shown(name.removeprefix("refs/heads/").encode("utf-8", "surrogateescape"))
            for name in refs
        )[:5]
    )
    return f"the default branch of {address.shown} has no commit; those that have: {branches}"


def refusal_of(result: GitResult, address: RepositoryAddress) -> ConfigError | GitError:
    """The error for git's message about the original, without the address as git knows it."""
    words = result.err.lower()
    if "dubious ownership" in words:
        return ConfigError(
            f"{address.shown} belongs to another account, so git will not read it; work as that"
            " account, or clone it first"
        )
    if address.is_local and (
        "does not appear to be a git" in words or "not a git repository" in words
    ):
        return ConfigError(
            f"{address.shown} is not a git repository; `git init` and a first commit make it one"
        )
    printed = result.message.replace(address.url, address.shown)
    return GitError(
        f"{address.shown} could not be taken: {printed}", retryable="could not resolve" in words
    )


def _entries(original: _OriginalGit, walk: WalkLimits) -> tuple[TreeEntry, ...]:
    """Every entry of the tip. Raises ConfigError for a tree that no run could take back from an
    agent."""
    place = original.address.shown
    listed = original.output("ls-tree", "-r", "-z", "-l", "--full-tree", TIP)
    count = listed.count(b"\0")
    if count > walk.files:
        raise ConfigError(
            f"{place} has {count:,} files; the factory works on at most {walk.files:,}"
        )
    entries = tuple(tree_entry(record) for record in listed.split(b"\0") if record)
    largest = max(entries, key=lambda entry: entry.size, default=None)
    if largest is None:
        raise ConfigError(f"the default branch of {place} holds no file")
    if largest.size > walk.file_bytes:
        raise ConfigError(
            f"{shown(largest.path)} has {largest.size >> 20} MB; the factory works on files of at"
            f" most {walk.file_bytes >> 20} MB"
        )
    if (total := sum(entry.size for entry in entries)) > walk.total_bytes:
        raise ConfigError(
            f"{place} holds {total >> 20:,} MB of files; the factory works on at most"
            f" {walk.total_bytes >> 20:,} MB"
        )
    return entries


def _remarks(
    git: Git, entries: tuple[TreeEntry, ...], submodules: tuple[bytes, ...]
) -> Iterator[str]:
    if submodules:
        names = ", ".join(shown(path) for path in submodules[:3])
        yield (
            f"{len(submodules)} submodules were left out:"
            f" {names}{' …' if len(submodules) > 3 else ''}"
        )
    if pointers := _lfs_pointers(git, entries):
        yield f"{pointers} files are LFS pointers and stay so; what they point to is not fetched"
    folded = {entry.path.lower() for entry in entries}
    if len(folded) < len(entries):
        yield (
            f"{len(entries) - len(folded)} paths differ from another in the case of letters alone;"
            " kept as they are"
        )
    if odd := sum(not _is_utf8(entry.path) for entry in entries):
        yield f"{odd} file names are not UTF-8; kept as they are"


def _lfs_pointers(git: Git, entries: tuple[TreeEntry, ...]) -> int:
    """How many files are LFS pointers. They are counted only if an attribute shows that LFS is
    used."""
    attributes = [
        entry.oid
        for entry in entries
        if entry.is_file and entry.path.rsplit(b"/", 1)[-1] == b".gitattributes"
    ]
    if not any(b"filter=lfs" in text for text in blobs(git, attributes)):
        return 0
    small = [entry.oid for entry in entries if entry.is_file and entry.size in _LFS_BYTES]
    return sum(text.startswith(_LFS) for text in blobs(git, small))


def _is_utf8(path: bytes) -> bool:
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
