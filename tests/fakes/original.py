"""Somebody's repository, made with real git."""

import subprocess
from pathlib import Path

WHO = ("-c", "user.name=Kim", "-c", "user.email=kim@example.org", "-c", "commit.gpgSign=false")


def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """What git printed, in `folder`, as Kim."""
    done = subprocess.run(["git", *WHO, *arguments], cwd=folder, input=given, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "surrogateescape").strip()


def repository_of(folder: Path, *, branch: str = "main") -> str:
    """Commit all that `folder` holds; the commit."""
    git(folder, "init", "--quiet", f"--initial-branch={branch}")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "As it is")
    return git(folder, "rev-parse", "HEAD")
