"""Git as one would call it without a second thought: it shows that a trick is real before we show
that it fails on us.

It has a configuration of its own in place of this account's, and is isolated from nothing else:
hooks, attributes, monitors and config all work."""

import os
import subprocess
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "HOME": "/dev/null",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_GLOBAL": str(Path(__file__).with_name("naive.gitconfig")),
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "@1700000000 +0000",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "@1700000000 +0000",
}


def git(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    check: bool = True,
    env: dict[str, str] | None = None,
) -> bytes:
    """Run git in `folder` and give back what it printed."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        input=stdin,
        env={**ENVIRONMENT, **(env or {})},
        check=False,
        capture_output=True,
        timeout=300,
    )
    if check and done.returncode:
        raise AssertionError(f"git {arguments}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def word(folder: Path, *arguments: str) -> str:
    return git(folder, *arguments).decode().strip()


def start_empty(git_dir: Path, *, origin: Path | None = None) -> None:
    """What `git init` and `git remote add` leave, written without starting them: a bare repository,
    or with `origin` that of a checkout."""
    for folder in ("objects", "refs"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    core = f"[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {str(origin is None).lower()}\n"
    remote = f'[remote "origin"]\n\turl = {origin}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
    (git_dir / "config").write_text(core + (remote if origin else ""))


class Author:
    """A person with a checkout, who pushes what they like to the forge."""

    def __init__(self, folder: Path, forge: Path) -> None:
        self.folder, self.forge = folder, forge
        start_empty(folder / ".git", origin=forge)

    def write(self, files: dict[str | bytes, bytes | str]) -> None:
        for name, content in files.items():
            path = os.path.join(os.fsencode(self.folder), os.fsencode(name))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)

    def commit(
        self, files: dict[str | bytes, bytes | str] | None = None, *, branch: str = "main"
    ) -> str:
        """Commit the folder with `files` written into it, push the branch, and give back the
        commit."""
        self.write(files or {})
        git(self.folder, "add", "--all", "--force")
        git(self.folder, "commit", "--quiet", "--allow-empty", "--message=a change")
        git(self.folder, "push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}")
        return self.head()

    def head(self) -> str:
        """The commit that is checked out."""
        head = (self.folder / ".git" / "HEAD").read_text().strip()
        ref = head.removeprefix("ref: ")
        return head if ref == head else (self.folder / ".git" / ref).read_text().strip()

    def switch(self, branch: str, *, start: str) -> None:
        git(self.folder, "checkout", "--quiet", "-B", branch, start)

    def commit_tree(
        self, entries: bytes, *, branch: str, parent: str | None = None, missing: bool = False
    ) -> str:
        """A commit of a tree that no honest tool would write; `entries` are lines for `git mktree
        -z`."""
        tree = (
            git(self.folder, "mktree", "-z", *(["--missing"] if missing else []), stdin=entries)
            .decode()
            .strip()
        )
        commit = word(
            self.folder, "commit-tree", tree, "-m", "odd", *(["-p", parent] if parent else [])
        )
        git(self.folder, "push", "--quiet", "--force", "origin", f"{commit}:refs/heads/{branch}")
        return commit


def blob(folder: Path, data: bytes) -> str:
    return git(folder, "hash-object", "-w", "--no-filters", "--stdin", stdin=data).decode().strip()


def bytes_below(folder: Path) -> dict[bytes, tuple[int, bytes]]:
    """Every file below a folder: its permission bits and its bytes. The oracle for what was
    written."""
    found: dict[bytes, tuple[int, bytes]] = {}
    root = os.fsencode(folder)
    for inner, _, names in os.walk(root):
        for name in names:
            path = os.path.join(inner, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = (os.lstat(path).st_mode & 0o777, file.read())
    return found
