"""`make test` or `make soak`: which tests run, and how much of a long search.

`make test` shows each promise at least once. A test marked `soak` waits for `make soak`, and its
marker says why: what it costs, or which test of `make test` sees the same fault. Of a test marked
`sample(n)` and of a search that asks for `draw` or `whole`, `make test` takes a sample. The seed is
always the same, so a commit is green or red whoever asks; `--seed N` draws another one. `make soak`
runs what `make test` leaves out and each search whole, and nothing that `make test` runs the same.
With `sample(n, each="argument")` it takes n cases of each value of that argument, with
`sample(n, of="argument")` n values of that argument for each case of all the others.
Of the examples of a property `make test` takes the first quarter.
"""

import random
from collections.abc import Sequence
from typing import TypeVar

import pytest
from hypothesis import is_hypothesis_test, settings

MARKERS = (
    "soak(reason): only `make soak` runs it; the reason says why that is enough",
    (
        "sample(n, each=argument, of=argument): `make test` runs n of its cases, drawn by --seed;"
        " `make soak` runs all"
    ),
)
SEED = 20261122
WHOLE = 100
"""The examples of a property that says no number, in `make soak`."""
Case = TypeVar("Case")


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers", "make test or make soak")
    group.addoption("--soak", action="store_true", help="run everything, and every search whole")
    group.addoption(
        "--further", action="store_true", help="leave out what runs the same without --soak"
    )
    group.addoption("--seed", type=int, default=SEED, metavar="N", help="draw other samples")


def share(examples: int) -> int:
    """Of so many examples of a property, those that are tried now."""
    return max(1, examples * settings.default.max_examples // WHOLE)


def select(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what waits for `make soak`, or what has run without it. pytest counts it as
    deselected."""
    chosen = (
        set(items) if config.getoption("soak") else set(_chosen(items, config.getoption("seed")))
    )
    if config.getoption("further"):
        chosen -= {one for one in _chosen(items, config.getoption("seed")) if not _is_search(one)}
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def _chosen(items: Sequence[pytest.Item], seed: int) -> list[pytest.Item]:
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("soak") is None:
            groups.setdefault(_group(item), []).append(item)
    chosen: list[pytest.Item] = []
    for cases in groups.values():
        sample = cases[0].get_closest_marker(
            "sample"
        )  # drawn by a name that is the same in every process
        chosen += cases if sample is None else sampled(cases, sample.args[0], seed, cases[0].nodeid)
    return chosen


def _is_search(item: pytest.Item) -> bool:
    """Whether it tries more in `make soak`: what it or its fixtures ask tells, and a property."""
    asks = {"draw", "whole"} & set(getattr(item, "fixturenames", ()))
    return bool(asks) or is_hypothesis_test(getattr(item, "obj", None))


def _group(item: pytest.Item) -> str:
    """Cases among which a sample is drawn: those of one test, of one value of an argument, or of
    all values of one."""
    name, sample = item.nodeid.partition("[")[0], item.get_closest_marker("sample")
    if sample is None or not sample.kwargs:
        return name
    assert isinstance(item, pytest.Function)
    if "each" in sample.kwargs:
        return f"{name} {item.callspec.params[sample.kwargs['each']]}"
    return (
        f"{name}"
        f" {[value for key, value in item.callspec.params.items() if key != sample.kwargs['of']]!r}"
    )


def sampled(cases: Sequence[Case], size: int, seed: int, name: str) -> list[Case]:
    """`size` of the cases in their order; `name` keeps two searches from drawing alike."""
    if len(cases) <= size:
        return list(cases)
    places = random.Random(f"{seed} {name}").sample(range(len(cases)), size)
    return [cases[place] for place in sorted(places)]


class Draw:
    """What a search that enumerates by itself asks how much it has to try."""

    def __init__(self, whole: bool, seed: int, name: str) -> None:
        self.whole, self._seed, self._name = whole, seed, name

    def of(self, cases: Sequence[Case], size: int) -> list[Case]:
        """All of them in `make soak`, else a sample of this size."""
        return list(cases) if self.whole else sampled(cases, size, self._seed, self._name)
