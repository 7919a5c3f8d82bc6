"""Check where a store of sealed journeys lies. A place that an implementer or an app could reach is
refused, not repaired."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from validators.domain.stops import UsageError

PRIVATE = 0o700


def opened_place(
    store: Path, *, bound: Iterable[Path], account: Callable[[], int] = os.geteuid
) -> Path:
    """The store's folder, made with mode 0700 if new.

    `bound`: every path that a sandbox may show to the program in it. `account`: the uid that must
    own the folder. Raises UsageError when somebody else could read it."""
    real = store.resolve()
    _refuse_checkouts(real)
    _refuse_prefixes(real, bound)
    real.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    facts = real.stat()
    if stat.S_IMODE(facts.st_mode) & 0o077 or facts.st_uid != account():
        raise UsageError(
            f"{store}: a journey store must be this account's own with mode 0700; run `chmod 700`"
            " on it"
        )
    return real


def _refuse_checkouts(store: Path) -> None:
    # A checkout around the store would hold it: an implementer's `git add` could take it along.
    for folder in (store, *store.parents):
        if _is_there(folder / ".git") or _is_bare_repository(folder):
            raise UsageError(
                f"{store}: a journey store may not lie in a git repository ({folder}); move the"
                " store outside"
            )


def _is_bare_repository(folder: Path) -> bool:
    return all(_is_there(folder / name) for name in ("HEAD", "objects", "refs"))


def _is_there(path: Path) -> bool:
    """Whether the path exists. Raises UsageError when that cannot be known: there might be a
    checkout."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise UsageError(
            f"{path} cannot be looked at ({error.strerror}), and a journey store may not lie "
            "in a git repository"
        ) from error
    return True


def _refuse_prefixes(store: Path, bound: Iterable[Path]) -> None:
    for prefix in (path.resolve() for path in bound):
        if store.is_relative_to(prefix) or prefix.is_relative_to(store):
            raise UsageError(
                f"{store}: a journey store may not share a prefix with {prefix}, which sandboxes"
                " can see; move one"
            )
