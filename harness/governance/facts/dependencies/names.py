"""Names that a hasty eye takes for one another: `reqeusts`, `Iodash`, `python-dateutils`.

Evidence for a person and no verdict: most near-misses are honest. Two names are near when they look
the same, or share what is left of them without one letter (one typed too much, too little, wrong,
or two in the wrong order). Linear in the names, because a lock of a stranger's may hold ten
thousand."""

from collections.abc import Iterable, Iterator, Mapping

from harness.governance.paths import skeleton

_SHORTEST, _LONGEST = 4, 64
_SEPARATORS = str.maketrans("", "", "-_. ")


def near_misses(added: Iterable[str], known: Iterable[str]) -> Mapping[str, str]:
    """For each added name that is nearly a known one, that one: the first by alphabet."""
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
    look = skeleton(name).translate(_SEPARATORS)
    yield look
    if _SHORTEST <= len(look) <= _LONGEST:
        yield from (look[:at] + look[at + 1 :] for at in range(len(look)))
