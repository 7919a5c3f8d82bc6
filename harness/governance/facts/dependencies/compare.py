"""Two readings of one manifest, compared: what was added, changed, removed, or swapped for other
bytes.

Properties: order, format and repetition are nothing; two entries of one name are both compared (an
index put in front of another was once hidden by it); a setting that is taken away has changed."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest

from harness.domain.facts import DependencyChange, DependencyMove
from harness.governance.facts.dependencies.manifest import Dependency
from harness.governance.paths import skeleton

_Entries = Mapping[tuple[str, str], set[Dependency]]
_NONE: set[Dependency] = set()
_SHORTEST, _LONGEST = 4, 64
_SEPARATORS = str.maketrans("", "", "-_. ")


def compared(
    manifest: bytes, old: Iterable[Dependency], new: Iterable[Dependency]
) -> Iterator[DependencyChange]:
    """What moved, in the order of places and names. An added name that is nearly one already there
    names it."""
    before, after = _grouped(old), _grouped(new)
    near = _near_misses((name for _, name in after), (name for _, name in before))
    for place in sorted({*before, *after}):
        was, now = before.get(place, _NONE), after.get(place, _NONE)
        # Two entries of one name are paired in order, so that none can hide behind the other.
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
    # The same version from the same place, and other bytes: that is an attack or a mistake.
    same = (was.spec, was.origin) == (now.spec, now.origin)
    return DependencyMove.SWAPPED if same else DependencyMove.CHANGED


def _near_misses(added: Iterable[str], known: Iterable[str]) -> Mapping[str, str]:
    """For each added name that is nearly a known one (`reqeusts`, `Iodash`), that one: the first by
    alphabet.

    Evidence for a person and no verdict: most near-misses are honest. Two names are near when they
    look the same, or when one is the other with one letter too many, missing, wrong, or two in the
    wrong order. Linear in the names, because a stranger's lock may hold ten thousand."""
    names = sorted(set(known))
    index: dict[str, str] = {}
    for name in names:
        for trace in _traces(name):
            index.setdefault(trace, name)
    near = {
        name: next((index[trace] for trace in _traces(name) if trace in index), "")
        for name in {*added} - {*names}
    }
    return {name: other for name, other in near.items() if other}


def _traces(name: str) -> Iterator[str]:
    # a name without each of its letters in turn: near names share one of these
    look = skeleton(name).translate(_SEPARATORS)
    yield look
    if _SHORTEST <= len(look) <= _LONGEST:
        yield from (look[:at] + look[at + 1 :] for at in range(len(look)))
