"""Reads one journey from one YAML document. It reports every problem of the document at once, each
with its line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from validators.domain.errors import JourneyInvalid, Problem
from validators.domain.journeys.journey import Journey, NegativeControl, Regardless, Step
from validators.domain.journeys.values import Template
from validators.language.looks import blocks
from validators.language.names import new_name
from validators.language.nevers import nevers
from validators.language.steps import steps
from validators.language.targets import template_in
from validators.language.tree import (
    Fields,
    Mapping,
    Node,
    Scalar,
    items,
    mapping,
    nearest,
    refusal,
    text,
    tree,
)
from validators.language.words import one

T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_PROMISE = re.compile(r"issue|[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")
_CANARY = re.compile(r"[A-Za-z0-9_-]{8,120}")


# fmt: off
KEYS = {
    "journey": one("journey", "its name"),
    "promise": one("promise", "the id of a mission entry (`M-BOOK`), or `issue`"),
    "needs": one("needs", "optional: `{seed: two-low-tides}`, the data that the app must start"
                 " from"),
    "let": one("let", "optional: names for values, drawn once: `let: {guest: \"{{ any.name }}\"}`"),
    "steps": one("steps", "what is done; a page is opened before anything is done on it (`as`, then"
                 " `open`); a `call` or a `run` needs no page"),
    "expect": one("expect", "what must then be seen"),
    "never": one("never", "optional: what must not happen at any moment"),
    "twin": one("twin", "the negative control: `expect`, and `steps` of its own if it needs them"),
    "regardless": one("regardless", "optional: what must make no difference: `[others, date]`, see"
                      " below; or `terminal`, see [commands](#commands)"),
    "canary": one("canary", "set by the store; leave it out"),
}
# fmt: on
NEEDED = ("journey", "promise", "steps", "expect")


def read(source: str, *, file: str = "journey") -> Journey:
    """The journey in a text, not yet linted. Raises JourneyInvalid with every problem."""
    problems: list[Problem] = []
    try:
        journey = _journey(mapping(tree(source), "a journey"), source, problems)
    except JourneyInvalid as invalid:
        raise JourneyInvalid((*problems, *invalid.problems), file=file) from None
    if problems:
        raise JourneyInvalid(tuple(problems), file=file)
    return journey


def _journey(fields: Fields, source: str, problems: list[Problem]) -> Journey:
    def part(key: str, reader: Callable[[Node], T], otherwise: T) -> T:
        """The part, or `otherwise` if it cannot be read."""
        # Problems are collected, not raised: one mistake must not hide the next.
        node = taken[key]
        try:
            return reader(node) if node else otherwise
        except JourneyInvalid as invalid:
            problems.extend(invalid.problems)
            return otherwise
        finally:
            if key in NEEDED and node is None:
                problems.append(Problem(0, f"a journey needs {key!r}"))

    # Another key is refused below, with the nearest of these.
    taken = {key: fields.maybe(key) for key in KEYS}
    journey = Journey(
        name=part("journey", _name, ""),
        promise=part("promise", _promise, ""),
        seed=part("needs", _seed, None),
        let=part("let", _let, ()),
        regardless=part("regardless", _regardless, frozenset()),
        steps=part("steps", lambda node: _steps(node, "steps", problems), ()),
        expect=part("expect", lambda node: blocks(node, place="expect"), ()),
        never=part("never", nevers, ()),
        negative_control=part("twin", lambda node: _negative_control(node, problems), None),
        canary=part("canary", _canary, None),
        source=source,
    )
    fields.done()
    return journey


def _steps(node: Node, place: str, problems: list[Problem]) -> tuple[Step, ...]:
    # A step that cannot be read is left out, so that the others are checked as well.
    read: list[Step] = []
    for index, item in enumerate(items(node, "steps")):
        try:
            read.extend(steps(item, place=f"{place}.{index}"))
        except JourneyInvalid as invalid:
            problems.extend(invalid.problems)
    return tuple(read)


def _negative_control(node: Node, problems: list[Problem]) -> NegativeControl:
    fields = mapping(node, "twin")
    steps = fields.maybe("steps")
    negative_control = NegativeControl(
        line=fields.line,
        expect=blocks(fields.need("expect"), place="twin.expect"),
        steps=_steps(steps, "twin.steps", problems) if steps else None,
    )
    fields.done()
    return negative_control


def _name(node: Node) -> str:
    name = text(node, "journey")
    if not _NAME.fullmatch(name):
        raise refusal(
            node.line, f"journey {name!r}: lower-case letters, digits and hyphens, at most 60"
        )
    return name


def _promise(node: Node) -> str:
    promise = text(node, "promise")
    if not _PROMISE.fullmatch(promise):
        raise refusal(
            node.line, f"promise {promise!r}: the id of a mission entry like M-BOOK, or `issue`"
        )
    return promise


def _canary(node: Node) -> str:
    canary = text(node, "canary")
    if not _CANARY.fullmatch(canary):
        raise refusal(node.line, "canary: 8 to 120 letters, digits, - and _")
    return canary


def _seed(node: Node) -> str:
    fields = mapping(node, "needs")
    seed = text(fields.need("seed"), "seed")
    fields.done()
    return seed


def _regardless(node: Node) -> frozenset[Regardless]:
    words = set[Regardless]()
    for item in items(node, "regardless"):
        word = text(item, "regardless")
        if word not in tuple(Regardless):
            raise refusal(item.line, f"regardless has no {word!r}{nearest(word, Regardless)}")
        words.add(Regardless(word))
    return frozenset(words)


def _let(node: Node) -> tuple[tuple[str, Template], ...]:
    if not isinstance(node, Mapping):
        raise refusal(node.line, "let is a mapping from names to values")
    return tuple(
        (new_name(Scalar(node.line, key)), template_in(value, f"let.{key}"))
        for key, value in node.entries
    )
