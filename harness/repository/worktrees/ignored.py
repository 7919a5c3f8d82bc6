"""Which files of a worktree are left out of its snapshot: caches, and what `.gitignore` **at the
base** names.

The worktree's own `.gitignore` files do not count: the agent wrote them. A path that the base has
is never left out.
"""

from collections.abc import Mapping

from pathspec import GitIgnoreSpec

from harness.repository.objects import folders_above

CACHES = frozenset(
    {b"__pycache__", b".pytest_cache", b".mypy_cache", b".ruff_cache", b".hypothesis"}
)


class Ignored:
    """The answers for one base. `texts` maps each folder (bytes, the root is empty) to its
    `.gitignore`."""

    def __init__(self, texts: Mapping[bytes, bytes], tracked: frozenset[bytes]) -> None:
        self._rules = {folder: _rules(text) for folder, text in texts.items()}
        self._tracked = tracked
        self._tracked_folders = frozenset(
            folder for path in tracked for folder in folders_above(path)
        )
        self._memory: dict[bytes, bool] = {b"": False}

    def leaves_out(self, path: bytes, folder: bool) -> bool:
        """Whether to skip this file, or this whole folder."""
        if path in (self._tracked_folders if folder else self._tracked):
            return False
        return self._is_ignored(path, folder=folder)

    def _is_ignored(self, path: bytes, *, folder: bool) -> bool:
        if path not in self._memory:
            parent = path.rpartition(b"/")[0]
            self._memory[path] = self._is_ignored(parent, folder=True) or self._is_named(
                path, folder=folder
            )
        return self._memory[path]

    def _is_named(self, path: bytes, *, folder: bool) -> bool:
        """Whether it has a cache's name, or the last matching rule in the nearest folder with one
        names it."""
        name = path.rpartition(b"/")[2]
        if (folder and name in CACHES) or name.endswith(b".pyc"):
            return True
        for parent in folders_above(path):
            rules = self._rules.get(parent)
            if rules is None:
                continue
            below = _text(path[len(parent) :].lstrip(b"/"), folder=folder)
            verdict = rules.check_file(below).include
            if verdict is not None:
                return verdict
        return False


def _rules(text: bytes) -> GitIgnoreSpec:
    return GitIgnoreSpec.from_lines(text.decode("utf-8", "surrogateescape").split("\n"))


def _text(path: bytes, *, folder: bool) -> str:
    return path.decode("utf-8", "surrogateescape") + ("/" if folder else "")
