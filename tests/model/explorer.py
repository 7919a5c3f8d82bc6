"""Every state that a model can reach, by breadth: no sampling, and the first trace to a fault is a
shortest one."""

from array import array
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Step(Generic[S]):
    """One thing that may happen: its name, the state after it, and what it breaks, if it breaks
    anything. A `kind` step is one that nobody has to be hostile for."""

    name: str
    after: S
    kind: bool
    breaks: str = ""


@dataclass(frozen=True, slots=True)
class Explored:
    """How many states and steps there are; where a rule is broken, which one, and the names of the
    steps that lead there."""

    states: int
    steps: int
    broken: str = ""
    trace: tuple[str, ...] = ()


def explore(
    start: S, steps: Callable[[S], Iterable[Step[S]]], *, at_rest: Callable[[S], bool]
) -> Explored:
    """Walk everything. Beside what steps break: from each state some kind steps lead to one that is
    `at_rest`."""
    numbers: dict[S, int] = {start: 0}
    states, came, names = [start], array("l", [-1]), [""]
    ends, begins, total = array("l"), array("l"), 0
    here = 0
    while here < len(states):
        for step in steps(states[here]):
            total += 1
            if step.breaks:
                return Explored(
                    len(states), total, step.breaks, (*_way(here, came, names), step.name)
                )
            there = numbers.setdefault(step.after, len(states))
            if there == len(states):
                states.append(step.after)
                came.append(here)
                names.append(step.name)
            if step.kind and there != here:
                begins.append(here)
                ends.append(there)
        here += 1
    lost = _lost([at_rest(state) for state in states], begins, ends)
    if lost is not None:
        return Explored(
            len(states), total, "nothing kind leads on from here", _way(lost, came, names)
        )
    return Explored(len(states), total)


def _lost(found: list[bool], begins: "array[int]", ends: "array[int]") -> int | None:
    """The first state from which no kind steps lead to one that is `found`; None where there is no
    such state."""
    before: dict[int, list[int]] = {}
    for begin, end in zip(begins, ends, strict=True):
        before.setdefault(end, []).append(begin)
    waiting = [number for number, good in enumerate(found) if good]
    while waiting:
        for one in before.get(waiting.pop(), ()):
            if not found[one]:
                found[one] = True
                waiting.append(one)
    return next((number for number, good in enumerate(found) if not good), None)


def _way(to: int, came: "array[int]", names: list[str]) -> tuple[str, ...]:
    return tuple(reversed(list(_back(to, came, names))))


def _back(to: int, came: "array[int]", names: list[str]) -> Iterator[str]:
    while came[to] >= 0:
        yield names[to]
        to = came[to]
