"""Has a sealed journey reached the repository? Each carries a random canary, and every object is
searched for it once.

An object that was there before a canary was drawn cannot hold it (its name is a hash of its bytes),
so only objects not yet seen are read: the first look at a repository costs a listing, each later
one its new objects."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from validators.domain.stops import UsageError
from validators.store.files import placed

SEEN = "objects-seen"


class Objects(Protocol):
    """All objects of a repository, reachable or not: their names, and their raw bytes with any
    header."""

    def names(self) -> frozenset[str]: ...
    def chunks(self, names: Iterable[str]) -> Iterator[bytes]: ...


def spellings(canary: str) -> frozenset[bytes]:
    """The bytes by which a canary is known in an object: as it is, and as somebody would write it
    who is looked for.

    In base64 its letters depend on where it begins; what is left of them is what no neighbour can
    change. Compressed, enciphered, or in pieces, it is not found."""
    plain = canary.encode()
    coded = (base64.b64encode(bytes(start) + plain)[(4 * start + 2) // 3 :] for start in range(3))
    sure = (text.rstrip(b"=")[:-1] for text in coded)
    return frozenset(
        (plain, plain.upper(), plain[::-1], plain.hex().encode(), canary.encode("utf-16-le"), *sure)
    )


def refuse_leaked(store: Path, objects: Objects, *, canaries: Collection[str]) -> None:
    """Raises UsageError when an object of the repository holds a canary; otherwise remembers what
    was searched."""
    seen_file = store / SEEN
    seen = frozenset(seen_file.read_text().split()) if seen_file.exists() else frozenset()
    names = objects.names()
    fresh = sorted(names - seen) if canaries else ()
    wanted = tuple(spelling for canary in canaries for spelling in spellings(canary))
    for chunk in objects.chunks(fresh):
        if any(canary in chunk for canary in wanted):
            raise UsageError(
                "the journey store is reachable from the repository's objects: one holds a sealed"
                " journey's canary. Nothing is judged until that journey is retired and a new one"
                " is sealed"
            )
    if names != seen:
        placed(seen_file, "\n".join(sorted(names)).encode(), replace=True)
