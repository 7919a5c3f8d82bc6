"""Checks that a factory-owned repository contains only objects, refs and the one known
configuration.

The file `config` is compared byte for byte with what the factory wrote, and the other files that
git would read must be missing. Incident: a linked worktree planted `core.fsmonitor` in such a file
and ran code in the trusted checkout. So nothing shares the repository, and every use checks it
again.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from harness.domain.errors import GitError

TRUSTED_CONFIG = b"""\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = false
[gc]
\tauto = 0
[transfer]
\thideRefs = refs
"""

# Git reads info/attributes and info/grafts even in a bare repository. Alternates add foreign
# objects.
_UNEXPECTED = (
    "config.worktree",
    "info/attributes",
    "info/grafts",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "shallow",
    "hooks",
    "worktrees",
    "commondir",
    "modules",
)


def require_untouched(git_dir: Path) -> None:
    """Raise GitError if anything but the factory has configured git in this repository."""
    found = next(_faults(git_dir), None)
    if found:
        raise GitError(
            f"{git_dir} {found}; the factory never wrote that. Move the folder away to look at it: "
            "the next run fetches everything again"
        )


def _faults(git_dir: Path) -> Iterator[str]:
    for name in ("", "config", "HEAD", "objects", "refs"):
        if os.path.islink(git_dir / name):
            yield f"has a symbolic link for {name or 'itself'}"
    try:
        config = (git_dir / "config").read_bytes()
    except OSError as error:
        yield f"has no readable config ({error.strerror})"
        return
    if config != TRUSTED_CONFIG:
        yield f"has another config than the factory's, first at line {_first_difference(config)}"
    for name in _UNEXPECTED:
        try:
            os.lstat(git_dir / name)
        except FileNotFoundError:
            continue
        except OSError as error:
            yield f"may hold {name}, and nobody can look ({error.strerror})"
        else:
            yield f"holds {name}"


def _first_difference(config: bytes) -> int:
    ours, theirs = TRUSTED_CONFIG.splitlines(), config.splitlines()
    same = [mine == other for mine, other in zip(ours, theirs, strict=False)]
    return same.index(False) + 1 if False in same else len(same) + 1
