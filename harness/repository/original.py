"""Somebody's own repository, taken as it is and left as it was: the tip of its default branch, in a
store of ours.

Properties kept: nothing is written at the original and none of its hooks, filters or monitors runs;
its history is not fetched, so that the time does not depend on it; what comes is bounded in bytes,
files and seconds; no submodule is followed, no LFS object fetched; a name or secret in an address
reaches git's environment, never an argument list, a message or a file."""

import base64
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from harness.domain.errors import ConfigError, GitError
from harness.domain.facts import GITLINK
from harness.domain.issue import TreeSha
from harness.repository.environment import environment
from harness.repository.names import branch_ref, shown
from harness.repository.objects import Entry, blobs
from harness.repository.plumbing import Git, Said
from harness.repository.walk import WalkLimits

TIP = "refs/original/tip"
USUAL = "main"
LISTING_BYTES = 128 * 1024 * 1024
_SCP = re.compile(
    r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9.-]*:(?!/)[^:]+"
)  # git@host:owner/name.git
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_BYTES = range(100, 1024)  # a pointer is shorter than this, says its specification
_PASSED = (
    "HTTPS_PROXY",
    "https_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSH_AUTH_SOCK",
)
_SSH = "ssh -oBatchMode=yes -oConnectTimeout=20"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a repository is. `url` and `shown` hold no name and no secret; `settings` may, and go
    to git alone."""

    url: str
    shown: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def is_local(self) -> bool:
        return self.url.startswith("file:")


@dataclass(frozen=True, slots=True)
class TakingLimits:
    """Seconds for a command with the original, and bytes of the one pack that its tip may come
    in."""

    seconds: float = 300.0
    pack_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Original:
    """What was taken: a tree without submodules, the commit and branch it was, and what a person
    should know of it."""

    commit: str
    tree: TreeSha
    branch: str
    paths: frozenset[bytes]
    notes: tuple[str, ...]


def address_of(source: str, *, here: Path) -> Address:
    """A folder (from `here`), or an https, ssh, git or file address. Raises ConfigError for
    anything else."""
    if "://" not in source and not (_SCP.fullmatch(source) and not (here / source).exists()):
        return _folder(here / source)
    url = source if "://" in source else "ssh://" + source.replace(":", "/", 1)
    parts = _split(url)
    if parts.scheme == "file":
        return _folder(Path(unquote(parts.path)))
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not (parts.scheme in ("https", "ssh", "git") or local) or not parts.hostname:
        raise ConfigError(
            f"expected a folder, or an https, ssh, git or file address, found `{parts.scheme}:…`"
        )
    if parts.query or parts.fragment:
        raise ConfigError(f"the address of {parts.hostname} holds a `?` or `#`; give it without")
    return _remote(parts.scheme, parts.hostname, parts.netloc.rpartition("@"), parts.path)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"the address is not one: {error}") from error
    return parts


def _folder(path: Path) -> Address:
    path = path.expanduser().resolve()
    if not path.is_dir():
        raise ConfigError(f"{path} is not a folder; name a repository's folder or its address")
    return Address(path.as_uri(), str(path))


def _remote(scheme: str, hostname: str, netloc: tuple[str, str, str], path: str) -> Address:
    """Names and secrets are taken out of the address: for ssh the account's name, else a header."""
    who, _, host = netloc
    name, colon, secret = (unquote(part) for part in who.partition(":"))
    url, known = f"{scheme}://{host}{path}", f"{hostname}{path.removesuffix('.git')}"
    if scheme == "ssh":
        if colon:
            raise ConfigError(
                f"the address of {hostname} carries a password; ssh takes a key from your agent"
                " instead"
            )
        if name and not re.fullmatch(r"[A-Za-z0-9._][A-Za-z0-9._-]*", name):
            raise ConfigError(
                f"the address of {hostname} carries an account that ssh does not take"
            )
        account = f" -l {name}" if name else ""
        return Address(
            url, known, (("protocol.ssh.allow", "always"), ("core.sshCommand", _SSH + account))
        )
    if scheme == "git":
        return Address(url, known, (("protocol.git.allow", "always"),))
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode("ascii")
    header = ((f"http.{url}.extraHeader", f"Authorization: Basic {basic}"),) if who else ()
    return Address(url, known, header)


def fetch_original(
    address: Address,
    store: Path,
    *,
    limits: TakingLimits | None = None,
    walk: WalkLimits | None = None,
) -> Original:
    """Fetch the tip of the default branch into a fresh bare `store`.

    Raises ConfigError for what is no repository, holds no commit or is more than the factory works
    on; GitError when the original cannot be reached now."""
    line = _Line(address, store, limits or TakingLimits())
    Git(store).output(
        "init",
        "--bare",
        "--quiet",
        "--template=",
        "--object-format=sha1",
        "--initial-branch=unborn",
    )
    branch, notes = _branch_of(line)
    line.said(
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
    (store / "shallow").unlink(
        missing_ok=True
    )  # nothing of ours will have that commit for a parent
    git = Git(store)
    entries = _entries(line, walk or WalkLimits())
    tree = TreeSha(git.line("rev-parse", "--verify", f"{TIP}^{{tree}}"))
    submodules = tuple(entry.path for entry in entries if entry.mode == GITLINK)
    return Original(
        git.line("rev-parse", "--verify", TIP),
        changed_tree(git, tree, dict.fromkeys(submodules)),
        branch,
        frozenset(entry.path for entry in entries),
        (*notes, *_remarks(git, entries, submodules)),
    )


def fetch_whole_original(address: Address, store: Path, *, limits: TakingLimits) -> tuple[str, int]:
    """Fetch every branch and tag with their history into a fresh bare `store`; its default branch,
    and how many refs.

    Every object is checked on the way. Raises ConfigError and GitError as `taken` does.
    """
    line = _Line(address, store, limits, what="all of ", settings=(("fetch.fsckObjects", "true"),))
    Git(store).output(
        "init",
        "--bare",
        "--quiet",
        "--template=",
        "--object-format=sha1",
        "--initial-branch=unborn",
    )
    branch, _ = _branch_of(line)
    fetch = (
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--no-recurse-submodules",
        "--",
    )
    line.said(*fetch, address.url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    if not Git(store).output("for-each-ref", f"refs/heads/{branch}"):  # its head is detached
        line.said(*fetch, address.url, f"+HEAD:refs/heads/{branch}")
    Git(store).output("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    return branch, len(Git(store).output("for-each-ref", "--format=x").splitlines())


@dataclass(frozen=True, slots=True)
class _Line:
    """Git with the original: bounded in time, in bytes written and in bytes read."""

    address: Address
    store: Path
    limits: TakingLimits
    what: str = "the tip of "
    settings: tuple[tuple[str, str], ...] = ()

    def said(self, command: str, *arguments: str) -> bytes:
        """What git printed. Raises ConfigError or GitError, by what git said."""
        said = self._run(command, *arguments)
        if said.status:
            raise (
                ConfigError(self._too_large())
                if self._is_full()
                else refusal_of(said, self.address)
            )
        return said.out

    def _is_full(self) -> bool:
        """Whether a pack has come to its limit: what git says of it depends on which of its parts
        noticed."""
        packs = (self.store / "objects" / "pack").glob("*")
        return any(path.stat().st_size >= self.limits.pack_bytes for path in packs)

    def _too_large(self) -> str:
        return (
            f"{self.what}{self.address.shown} is over {self.limits.pack_bytes >> 20:,} MB packed;"
            " that is more than is taken"
        )

    def _run(self, command: str, *arguments: str) -> Said:
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        one_pack = ("fetch.unpackLimit", "1")  # so that its limit is the limit
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
                env=environment(settings, more=passed),
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
            return Said(status, out.read(), err.read(64 * 1024).decode("utf-8", "backslashreplace"))


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill git and all that it started, where it has not ended by itself, and reap it."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _branch_of(line: _Line) -> tuple[str, tuple[str, ...]]:
    """What the copy's default branch is to be called, and what is to be said of it."""
    listed = line.said(
        "ls-remote", "--symref", "--", line.address.url, "HEAD", "refs/heads/*"
    ).decode("utf-8", "surrogateescape")
    pairs = [text.split("\t", 1) for text in listed.splitlines()]
    refs = {name: told for told, name in pairs if not told.startswith("ref: ")}
    if "HEAD" not in refs:
        raise ConfigError(_no_tip(line.address, refs))
    head = next(
        (told[5:] for told, name in pairs if told.startswith("ref: ") and name == "HEAD"), None
    )
    if head is not None:
        branch = _usable(head)
        return branch, (
            f"its default branch is called {branch} in the copy",
        ) if head != f"refs/heads/{branch}" else ()
    there = sorted(
        (_usable(name) for name, told in refs.items() if name != "HEAD" and told == refs["HEAD"]),
        key=lambda name: (name != USUAL, name),
    )
    branch = (there or [USUAL])[0]
    return branch, (
        f"its head is detached at {refs['HEAD']:.10}; the copy has that commit on {branch}",
    )


def _usable(ref: str) -> str:
    """The branch that a ref is; the usual one for a name that a forge would not take."""
    branch = ref.removeprefix("refs/heads/")
    try:
        branch_ref(branch)
    except GitError:
        return USUAL
    return branch


def _no_tip(address: Address, refs: Mapping[str, str]) -> str:
    if not refs:
        return f"{address.shown} has no commit yet; the factory works on what is committed"
    branches = ", ".join(
        sorted(
            shown(name.removeprefix("refs/heads/").encode("utf-8", "surrogateescape"))
            for name in refs
        )[:5]
    )
    return f"the default branch of {address.shown} has no commit; those that have: {branches}"


def refusal_of(said: Said, address: Address) -> ConfigError | GitError:
    """What git's words about the original come to, without its address as git knows it."""
    words = said.err.lower()
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
    told = said.last_words.replace(address.url, address.shown)
    return GitError(
        f"{address.shown} could not be taken: {told}", retryable="could not resolve" in words
    )


def _entries(line: _Line, walk: WalkLimits) -> tuple[Entry, ...]:
    """Every entry of the tip. Raises ConfigError for a tree that no run could take back from an
    agent."""
    listed = line.said("ls-tree", "-r", "-z", "-l", "--full-tree", TIP)
    count = listed.count(b"\0")
    if count > walk.files:
        raise ConfigError(
            f"{line.address.shown} has {count:,} files; the factory works on at most {walk.files:,}"
        )
    entries = tuple(_entry(record) for record in listed.split(b"\0") if record)
    largest = max(entries, key=lambda entry: entry.size, default=None)
    if largest is None:
        raise ConfigError(f"the default branch of {line.address.shown} holds no file")
    if largest.size > walk.file_bytes:
        raise ConfigError(
            f"{shown(largest.path)} has {largest.size >> 20} MB; the factory works on files of at"
            f" most {walk.file_bytes >> 20} MB"
        )
    if (total := sum(entry.size for entry in entries)) > walk.total_bytes:
        raise ConfigError(
            f"{line.address.shown} holds {total >> 20:,} MB of files; the factory works on at most "
            f"{walk.total_bytes >> 20:,} MB"
        )
    return entries


def _entry(record: bytes) -> Entry:
    facts, path = record.split(b"\t", 1)
    mode, _, oid, size = facts.decode("ascii").split()
    return Entry(mode, oid, path, 0 if size == "-" else int(size))


def _remarks(git: Git, entries: tuple[Entry, ...], submodules: tuple[bytes, ...]) -> Iterator[str]:
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


def _lfs_pointers(git: Git, entries: tuple[Entry, ...]) -> int:
    """How many files are pointers; looked for only where an attribute says that LFS is used."""
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


def changed_tree(git: Git, tree: TreeSha, changes: Mapping[bytes, bytes | None]) -> TreeSha:
    """The tree with each path given its content, or taken out where there is none. What is not
    named is not looked at.

    Folder by folder, by way of `mktree`: no index and no path check, so that odd names elsewhere in
    the tree stay."""
    if not changes:
        return tree
    listed = git.output("ls-tree", "-z", tree)
    found = {record.split(b"\t", 1)[1]: record for record in listed.split(b"\0") if record}
    for name, within in _by_first_part(changes).items():
        record = _record(git, name, found.get(name), within)
        found.pop(name, None)
        if record is not None:
            found[name] = record
    return TreeSha(
        git.line("mktree", "-z", stdin=b"".join(record + b"\0" for record in found.values()))
    )


def _record(
    git: Git, name: bytes, old: bytes | None, within: Mapping[bytes, bytes | None]
) -> bytes | None:
    """One line of a folder's listing after the changes; None when nothing is left of it."""
    if b"" in within:
        content = within[b""]
        return (
            None
            if content is None
            else b"100644 blob %b\t%b" % (_written(git, content).encode(), name)
        )
    is_folder = old is not None and old.startswith(b"040000")
    below = (
        TreeSha(old.split(b"\t")[0].split()[2].decode("ascii"))
        if old and is_folder
        else TreeSha(git.line("mktree"))
    )
    inner = changed_tree(git, below, within)
    empty = not git.output("ls-tree", "-z", inner)
    return None if empty else b"040000 tree %b\t%b" % (inner.encode(), name)


def _by_first_part(changes: Mapping[bytes, bytes | None]) -> dict[bytes, dict[bytes, bytes | None]]:
    parted: dict[bytes, dict[bytes, bytes | None]] = {}
    for path, content in changes.items():
        first, _, rest = path.partition(b"/")
        parted.setdefault(first, {})[rest] = content
    return parted


def _written(git: Git, content: bytes) -> str:
    return git.line("hash-object", "-w", "--stdin", "--no-filters", stdin=content)


def committed(
    git: Git, tree: TreeSha, *, parents: Iterable[str], message: str, author: str, at: str
) -> str:
    """The name of a new commit by `author` (`Name <address>`) at `at` (ISO 8601)."""
    name, _, address = author.rstrip(">").partition(" <")
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address), ("DATE", at))
    }
    above = (word for parent in parents for word in ("-p", parent))
    return git.line(
        "commit-tree", "--no-gpg-sign", tree, *above, stdin=message.encode("utf-8"), more=who
    )
