"""Search the repository's objects for the canaries of sealed journeys.

Each object is searched once. One that was there before a canary was drawn cannot hold it, because
its name is a hash of its bytes. So the first search costs a listing of the names, and each later
one reads the new objects only. A search that is ended goes on where it was."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from validators.domain.stops import UsageError
from validators.store.files import place_file

SEEN = "objects-seen"
AT_ONCE = 500


class Objects(Protocol):
    """All objects of a repository, reachable or not: their names, and their raw bytes with any
    header, in pieces that overlap by more than any spelling of a canary is long."""

    def names(self) -> frozenset[str]: ...
    def chunks(self, names: Iterable[str]) -> Iterator[bytes]: ...


def spellings(canary: str) -> frozenset[bytes]:
    """The byte strings that betray a canary: the canary itself, and simple ways to disguise it.

    A canary that was compressed, encrypted or cut in pieces is not found."""
    plain = canary.encode()
    # The base64 text depends on where the canary begins. Only the characters that no neighbour can
    # change are searched for.
    coded = (base64.b64encode(bytes(start) + plain)[(4 * start + 2) // 3 :] for start in range(3))
    sure = (text.rstrip(b"=")[:-1] for text in coded)
    return frozenset(
        (plain, plain.upper(), plain[::-1], plain.hex().encode(), canary.encode("utf-16-le"), *sure)
    )


def refuse_leaked(store: Path, objects: Objects, *, canaries: Collection[str]) -> None:
    """Raises UsageError when an object of the repository holds a canary; else records what was
    searched."""
    seen_file = store / SEEN
    seen = frozenset(seen_file.read_text().split()) if seen_file.exists() else frozenset()
    names = objects.names()
    # Without a canary there is nothing to find; the names are recorded all the same.
    fresh = sorted(names - seen) if canaries else ()
    wanted = tuple(spelling for canary in canaries for spelling in spellings(canary))
    innocent = set(names.difference(fresh))
    try:
        for at in range(0, len(fresh), AT_ONCE):
            some = fresh[at : at + AT_ONCE]
            if any(canary in piece for piece in objects.chunks(some) for canary in wanted):
                raise UsageError(
                    "the journey store is reachable from the repository's objects: one holds a"
                    " sealed journey's canary. Nothing is judged until that journey is retired and"
                    " a new one is sealed"
                )
            innocent.update(some)
    finally:
        if innocent != seen:
            place_file(seen_file, "\n".join(sorted(innocent)).encode(), replace=True)
