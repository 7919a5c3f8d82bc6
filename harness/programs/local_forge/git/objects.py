"""One bare repository, accessed through git: argument lists, a clean environment,
full ref names only."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.programs.local_forge.git.pre_receive import HOOK
from harness.programs.local_forge.refused import Refused

SHA = re.compile(r"[0-9a-f]{40}")
ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
SECONDS = 60
MOST_ENTRIES, MOST_NAMES = 200_000, 32 * 1024 * 1024
"""Limits on a commit's files and folders, and on the bytes of their names. Beyond
them nothing of it is shown."""
MOST_WRITTEN = 64 * 1024 * 1024
"""So many bytes of what git writes are read: more than such a commit's listing takes. A kilobyte of
a push can hold a megabyte of a file, or of a message."""
KEPT = 4096
"""So many answers about objects are kept, each a few bytes. An object never changes, and a
repository that has it keeps it: its folder is never another's. That one is missing is not kept. A
`BareRepository` is a path, so the cache of a method keeps nothing else alive."""
_LISTED = ("ls-tree", "-r", "-t", "-z", "--name-only")
_CHUNK = 256 * 1024
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[/.-]|/\.|\.lock(?:/|$)|[/.]$|^@$")
_CORE = """
[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
"""
_CONFIG = """
[core]
	hooksPath = hooks
[http]
	receivepack = true
[receive]
	hideRefs = refs/pull
	fsckObjects = true
	maxInputSize = 512m
	autogc = false
[uploadpack]
	allowAnySHA1InWant = true
	allowFilter = true
[gc]
	auto = 0
"""


class GitFailed(Exception):
    """A git command ended with an error that its caller did not expect."""


def environment(**more: str) -> dict[str, str]:
    """The complete environment of the forge's git processes: no user configuration, no
    prompts, no replace refs."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        # A push of three megabytes can hold a commit of as many hundred, which git reads whole.
        "GIT_ALLOC_LIMIT": "256m",
        # What is larger streams through a push and a fetch, and no diff looks into it.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.bigFileThreshold",
        "GIT_CONFIG_VALUE_0": "16m",
        **more,
    }


def is_sound_branch(name: str) -> bool:
    """Whether git accepts `name` as a branch, by the rules of git-check-ref-format(1)."""
    return 0 < len(name) <= 200 and not _BAD_IN_REF.search(name) and name.isprintable()


@dataclass(frozen=True, slots=True)
class Person:
    """The author or committer of a commit. `at` is in seconds since the epoch."""

    name: str
    email: str
    at: int

    @property
    def variables(self) -> dict[str, str]:
        """git's environment variables for this person."""
        when = f"{self.at} +0000"
        return {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", self.name), ("EMAIL", self.email), ("DATE", when))
        }


@dataclass(frozen=True, slots=True)
class BareRepository:
    """A bare repository in a folder."""

    folder: Path

    def create(self, default_branch: str) -> None:
        """Create it, empty, with the hook that checks pushes."""
        self._git(
            "init",
            "--quiet",
            "--bare",
            "--template=",
            f"--initial-branch={default_branch}",
            str(self.folder),
        )
        with (self.folder / "config").open("a", encoding="ascii") as config:
            config.write(_CONFIG)
        self.install_hook()

    def adopt(self, store: Path) -> None:
        """Take over the objects, branches and tags of `store`; leave out its settings, hooks and
        alternates.

        Deletes `store`. Raises Refused (422) unless it is a plain bare repository.
        """
        kept = [store / name for name in ("HEAD", "objects", "refs", "packed-refs")]
        # A link could point at any file of this machine, and git would serve it.
        links = [path for path in store.rglob("*") if path.is_symlink()]
        if (
            links
            or not all(path.exists() for path in kept[:3])
            or (store / "objects" / "info" / "alternates").exists()
        ):
            raise Refused(422, "The store is no plain bare repository")
        self.folder.mkdir(mode=0o700)
        for path in kept:
            if path.exists():
                path.rename(self.folder / path.name)
        self.write_settings()
        shutil.rmtree(store)

    def write_settings(self) -> None:
        """Replace its settings and hook with the forge's own."""
        (self.folder / "config").write_text(_CORE + _CONFIG, encoding="ascii")
        self.install_hook()

    def install_hook(self) -> None:
        """Install the update hook, which asks `pre_receive.py` about every ref of a push. An older
        forge's hook is replaced."""
        hook = self.folder / "hooks" / "update"
        if hook.exists() and hook.read_text(encoding="ascii", errors="replace") == HOOK:
            return
        hook.parent.mkdir(exist_ok=True)
        draft = hook.with_name(".update")
        draft.write_text(HOOK, encoding="ascii")
        draft.chmod(0o755)
        # Replaced atomically: git must never run half a hook.
        draft.replace(hook)

    def refs(self, prefix: str = "refs/heads") -> Mapping[str, str]:
        """Every ref under `prefix`, by its name without the prefix."""
        lines = self.run("for-each-ref", "--format=%(objectname) %(refname)", prefix).splitlines()
        return {
            name.removeprefix(f"{prefix}/"): sha
            for sha, name in (line.split(" ", 1) for line in lines)
        }

    def commit_named(self, name: str) -> str | None:
        """The commit that a full sha, a branch or a tag names; expressions such as `main~1`
        name nothing."""
        if SHA.fullmatch(name):
            return name if self.kind(name) == "commit" else None
        if not is_sound_branch(name):
            return None
        for kind in ("heads", "tags"):
            wanted = f"refs/{kind}/{name}^{{commit}}"
            done = self._git(
                *self._here, "rev-parse", "--verify", "--quiet", wanted, ok=(0, 1, 128)
            )
            if done.returncode == 0:
                return done.stdout.decode().strip()
        return None

    def kind(self, sha: str) -> str | None:
        """`commit`, `tree`, `blob` or `tag`; None when there is no such object."""
        try:
            return self._kind(sha)
        except GitFailed:
            return None

    @lru_cache(KEPT)  # noqa: B019
    def _kind(self, sha: str) -> str:
        return self.run("cat-file", "-t", sha).strip()

    @lru_cache(KEPT)  # noqa: B019
    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is `newer` or reachable from it."""
        return (
            self._git(
                *self._here, "merge-base", "--is-ancestor", older, newer, ok=(0, 1)
            ).returncode
            == 0
        )

    @lru_cache(KEPT)  # noqa: B019
    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None when the histories are unrelated."""
        done = self._git(*self._here, "merge-base", one, other, ok=(0, 1))
        return done.stdout.decode().split("\n", 1)[0] or None

    def is_readable(self, treeish: str) -> bool:
        """Whether its tree is small enough to be read."""
        try:
            return self._is_readable(treeish)
        except GitFailed:
            return False

    @lru_cache(KEPT)  # noqa: B019
    def _is_readable(self, treeish: str) -> bool:
        # Ten objects of a push can describe a thousand million paths, so count while git lists, and
        # stop early.
        seen = size = 0
        with subprocess.Popen(
            ["git", *self._here, *_LISTED, treeish],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        ) as listing:
            assert listing.stdout is not None
            while (
                seen <= MOST_ENTRIES
                and size <= MOST_NAMES
                and (chunk := listing.stdout.read(_CHUNK))
            ):
                seen, size = seen + chunk.count(b"\0"), size + len(chunk)
            if seen > MOST_ENTRIES or size > MOST_NAMES:
                listing.kill()
                return False
        if listing.returncode:
            raise GitFailed(f"git ls-tree {treeish} ended with {listing.returncode}")
        return True

    def merged_tree(self, base: str, head: str) -> str | None:
        """The tree of merge(base, head); None on a conflict, or for a head that is too large
        to read."""
        if not self.is_readable(head):
            return None
        try:
            return self._merged_tree(base, head)
        except GitFailed:
            return None

    @lru_cache(KEPT)  # noqa: B019
    def _merged_tree(self, base: str, head: str) -> str | None:
        done = self._git(*self._here, "merge-tree", "--write-tree", base, head, ok=(0, 1))
        return done.stdout.decode().split("\n", 1)[0] if done.returncode == 0 else None

    def commit(self, tree: str, parents: tuple[str, ...], message: str, *, person: Person) -> str:
        """Write a commit."""
        flags = [part for parent in parents for part in ("-p", parent)]
        send, env = message.encode(), person.variables
        done = self._git(*self._here, "commit-tree", tree, *flags, "-F", "-", send=send, env=env)
        return done.stdout.decode().strip()

    def move(self, ref: str, new: str, *, old: str | None = None) -> None:
        """Set a full ref. With `old`, only if that is its current value (`ZERO`: absent);
        else Refused (409)."""
        done = self._git(
            *self._here,
            "update-ref",
            "--",
            ref,
            new,
            *([old] if old is not None else []),
            ok=(0, 1, 128),
        )
        if done.returncode != 0:
            raise Refused(409, f"Reference update failed: {ref} is not where it was")

    def take(self, other: "BareRepository", sha: str) -> None:
        """Fetch a commit, with everything it needs, from another repository of the forge."""
        fetch = (
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
        )
        self.run(*fetch, str(other.folder), sha)

    def copy_to(self, other: "BareRepository", default_branch: str) -> None:
        """Create `other` as a copy with all branches and tags, and with its own objects."""
        other.create(default_branch)
        spec = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
        other.run(
            "fetch",
            "--quiet",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            str(self.folder),
            *spec,
        )

    def delete(self, ref: str) -> None:
        """Delete a full ref."""
        self.run("update-ref", "-d", "--", ref)

    def run(self, *arguments: str) -> str:
        """The output of a git command on this repository, as text. Invalid UTF-8 becomes U+FFFD."""
        return self.raw(*arguments).decode(errors="replace")

    def raw(self, *arguments: str) -> bytes:
        """The output of a git command on this repository."""
        return self._git(*self._here, *arguments).stdout

    @property
    def _here(self) -> tuple[str, str]:
        return ("--git-dir", str(self.folder))

    def _git(
        self,
        *arguments: str,
        ok: tuple[int, ...] = (0,),
        send: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        with (
            tempfile.TemporaryFile() as complaints,
            subprocess.Popen(
                ["git", *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment(**(env or {})),
                cwd=self.folder.parent,
                start_new_session=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            end = threading.Timer(SECONDS, process.kill)
            end.start()
            try:
                with contextlib.suppress(BrokenPipeError), process.stdin as asked:
                    asked.write(send)
                written = process.stdout.read(MOST_WRITTEN + 1)
                if len(written) > MOST_WRITTEN:
                    process.kill()
                    raise Refused(422, "Sorry, this is too large to show")
                process.wait()
            finally:
                end.cancel()
            if process.returncode not in ok:
                command = " ".join(arguments[:8])
                complaints.seek(0)
                complaint = complaints.read(_CHUNK).decode(errors="replace").strip()
                raise GitFailed(f"git {command} ended with {process.returncode}: {complaint}")
        return subprocess.CompletedProcess(process.args, process.returncode, written)
