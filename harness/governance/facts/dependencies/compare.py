"""Two readings of one manifest, compared: what was added, changed, removed, or swapped for other
bytes.

Properties: order, format and repetition are nothing; two entries of one name are both compared (an
index put in front of another was once hidden by it); a setting that is taken away has changed."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from harness.domain.facts import DependencyChange, DependencyMove
from harness.governance.facts.dependencies.manifest import Dependency
from harness.governance.facts.dependencies.names import near_misses

_Entries = Mapping[tuple[str, str], set[Dependency]]
_NONE: set[Dependency] = set()


def compared(
    manifest: bytes, old: Iterable[Dependency], new: Iterable[Dependency]
) -> Iterator[DependencyChange]:
    """What moved, in the order of places and names. An added name that is nearly one already there
    names it."""
    before, after = _grouped(old), _grouped(new)
    near = near_misses((name for _, name in after), (name for _, name in before))
    for place in sorted({*before, *after}):
        was, now = before.get(place, _NONE), after.get(place, _NONE)
        for gone, come in zip_longest(sorted(was - now, key=_order), sorted(now - was, key=_order)):
            yield _change(manifest, gone, come, near=near)


def _grouped(found: Iterable[Dependency]) -> _Entries:
    """Entries by place and name."""
    groups: dict[tuple[str, str], set[Dependency]] = {}
    for dependency in found:
        groups.setdefault((dependency.place, dependency.name), set()).add(dependency)
    return groups


def _order(dependency: Dependency) -> tuple[str, str, str]:
    return dependency.spec, dependency.origin, dependency.bytes_


def _change(
    manifest: bytes, was: Dependency | None, now: Dependency | None, *, near: Mapping[str, str]
) -> DependencyChange:
    seen = now or was
    assert seen is not None
    move = _move(was, now)
    return DependencyChange(
        manifest=manifest,
        ecosystem=seen.ecosystem,
        name=seen.name,
        move=move,
        before=was.spec if was else "",
        after=now.spec if now else "",
        origin=seen.origin,
        near=near.get(seen.name, "") if move is DependencyMove.ADDED else "",
    )


def _move(was: Dependency | None, now: Dependency | None) -> DependencyMove:
    if was is None:
        return DependencyMove.ADDED
    if now is None:
        return DependencyMove.CHANGED if was.setting else DependencyMove.REMOVED
    same = (was.spec, was.origin) == (now.spec, now.origin)
    return DependencyMove.SWAPPED if same else DependencyMove.CHANGED
