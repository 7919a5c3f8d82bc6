"""Somebody's repository, made with real git."""

import hashlib
import subprocess
from pathlib import Path

WHO = ("-c", "user.name=Kim", "-c", "user.email=kim@example.org", "-c", "commit.gpgSign=false")


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """What git printed, in `folder`, as Kim."""
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=folder, input=given, capture_output=True, check=True
    )
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def repository_of(folder: Path, *, branch: str = "main") -> str:
    """Commit all that `folder` holds; the commit."""
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "As it is")
    return git(folder, "rev-parse", "HEAD")


def everything(folder):
    """Each file with its bytes, mode and times: what a touch would change."""
    found = {}
    for path in sorted(folder.rglob("*")):
        facts = path.lstat()
        content = (
            hashlib.sha256(path.read_bytes()).hexdigest()
            if path.is_file() and not path.is_symlink()
            else ""
        )
        found[str(path)] = (
            content,
            facts.st_mode,
            facts.st_mtime_ns,
            facts.st_ctime_ns,
            facts.st_size,
            facts.st_ino,
        )
    return found
