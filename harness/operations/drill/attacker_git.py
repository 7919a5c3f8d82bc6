"""The attacker's git: a plain one, without any of the factory's precautions. It
shows that a trick is real."""

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from harness.domain.errors import GitError

_WHO = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (
        ("NAME", "Mallory"),
        ("EMAIL", "mallory@example.org"),
        ("DATE", "2026-01-05T09:00:00Z"),
    )
}


def git(folder: Path, *arguments: str, stdin: bytes = b"", check: bool = True) -> bytes:
    """What git prints in `folder`. That folder's own configuration, hooks and attributes apply.
    Raises GitError if git fails, unless `check` is false."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/dev/null",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        **_WHO,
    }
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=env,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        start_new_session=True,
    )
    if check and done.returncode:
        raise GitError(
            f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[-200:]}"
        )
    return done.stdout


def word(folder: Path, *arguments: str, stdin: bytes = b"") -> str:
    """The single word that git prints."""
    return git(folder, *arguments, stdin=stdin).decode("ascii").strip()


def write(folder: Path, path: str, content: str) -> None:
    """Write a file, whatever its name and however deep it lies."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content, "utf-8")


def bare(folder: Path) -> Path:
    """A new, empty bare repository: what a forge is to git."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    git(
        folder.parent,
        "init",
        "--quiet",
        "--bare",
        "--template=",
        "--initial-branch=main",
        folder.name,
    )
    return folder


def committed(
    store: Path,
    entries: Iterable[tuple[str, str, str]],
    *,
    branch: str,
    parents: Iterable[str] = (),
) -> str:
    """A commit on a branch of `store`, of these entries (mode, object, path), even of
    entries that an honest tool refuses."""
    index = store / f"index-{branch.replace('/', '-')}"
    listed = "".join(f"{mode} {oid}\t{path}\0" for mode, oid, path in entries)
    # git refuses some of these paths by default; an attacker's git does not.
    settings = ("core.protectNTFS=false", "core.protectHFS=false", "core.bare=true")
    options = [argument for setting in settings for argument in ("-c", setting)]
    index.unlink(missing_ok=True)
    _with_index(store, index, *options, "update-index", "-z", "--index-info", stdin=listed.encode())
    # `--missing-ok`: a submodule's commit is in no store.
    tree = _with_index(store, index, "write-tree", "--missing-ok").decode("ascii").strip()
    index.unlink(missing_ok=True)
    above = [argument for parent in parents for argument in ("-p", parent)]
    commit = word(store, "commit-tree", tree, *above, "-m", "a change")
    git(store, "update-ref", f"refs/heads/{branch}", commit)
    return commit


def blob(store: Path, content: str | bytes) -> str:
    """Write these bytes into `store`. Returns the object's id."""
    data = content if isinstance(content, bytes) else content.encode()
    return word(store, "hash-object", "-w", "--no-filters", "--stdin", stdin=data)


def listed(store: Path, commit: str) -> dict[str, tuple[str, str, str]]:
    """Every entry of a commit by its path, as `committed` takes them."""
    lines = git(store, "ls-tree", "-r", "-z", commit).decode("utf-8", "surrogateescape").split("\0")
    split = (line.split("\t", 1) for line in lines if line)
    return {path: (facts.split()[0], facts.split()[2], path) for facts, path in split}


def _with_index(store: Path, index: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run(
        ["git", *arguments],
        cwd=store,
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/dev/null",
            "GIT_INDEX_FILE": str(index),
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
        },
        start_new_session=True,
    )
    if done.returncode:
        raise GitError(
            f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[-200:]}"
        )
    return done.stdout
