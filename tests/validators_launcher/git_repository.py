"""A real repository to judge: commits from dictionaries of files, and trees that git itself would
refuse to make."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}


@dataclass(frozen=True)
class Commit:
    commit: str
    tree: str

    def document(self) -> dict[str, str]:
        return {"commit": self.commit, "tree": self.tree}


@dataclass(frozen=True)
class Source:
    """A bare repository."""

    git_dir: Path

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        argv = ("git", f"--git-dir={self.git_dir}", *arguments)
        done = subprocess.run(
            argv, input=stdin, capture_output=True, env=ENV, timeout=300, check=True
        )
        return done.stdout.decode().strip()

    def blob(self, text: str) -> str:
        return self.git("hash-object", "-w", "--stdin", "--no-filters", stdin=text.encode())

    def commit(
        self,
        files: dict[str, str],
        *,
        executable: tuple[str, ...] = (),
        parents: tuple[str, ...] = (),
    ) -> Commit:
        index = self.git_dir / "index.tmp"
        index.unlink(missing_ok=True)
        rows = "".join(
            f"{'100755' if path in executable else '100644'} {self.blob(text)}\t{path}\0"
            for path, text in files.items()
        )
        argv = ("git", f"--git-dir={self.git_dir}")
        env = {**ENV, "GIT_INDEX_FILE": str(index)}
        subprocess.run(
            (*argv, "update-index", "-z", "--index-info"),
            input=rows.encode(),
            env=env,
            timeout=300,
            check=True,
        )
        done = subprocess.run(
            (*argv, "write-tree"), capture_output=True, env=env, timeout=300, check=True
        )
        tree = done.stdout.decode().strip()
        flags = [word for parent in parents for word in ("-p", parent)]
        return Commit(self.git("commit-tree", tree, *flags, "-m", "a commit"), tree)

    def raw_tree(self, mode: str, path: str) -> str:
        """A tree with one entry whose mode or path no well-behaved client would write; parts become
        nested trees."""
        parts = path.split("/")
        child = {"160000": "b" * 40, "40000": self._tree(b"")}.get(mode) or self.blob("odd")
        entry = b"%s %s\0%s" % (mode.encode(), parts[-1].encode(), bytes.fromhex(child))
        for part in reversed(parts[:-1]):
            entry = b"40000 %s\0%s" % (part.encode(), bytes.fromhex(self._tree(entry)))
        return self._tree(entry)

    def _tree(self, body: bytes) -> str:
        return self.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=body)


def repository_at(path: Path) -> Source:
    subprocess.run(("git", "init", "-q", "--bare", str(path)), env=ENV, timeout=300, check=True)
    return Source(path)
