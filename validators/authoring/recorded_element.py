"""How a journey names an element that a person acted on, from the accessibility tree that the
recorder keeps with each action: there names are whole, and others of the name can be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from validators.authoring.draft_text import plain
from validators.browser.aria_snapshot import nodes
from validators.browser.locating import FIELD_ROLES
from validators.domain.journeys.aria import AriaNode
from validators.domain.journeys.wording import whole_words
from validators.language.targets import NAMED, ROLES, WORDED

LARGEST_SNAPSHOT, LONGEST_NAME = 2_000_000, 300


@dataclass(frozen=True, slots=True)
class Called:
    """An element as a journey names it. `keys` as in `label: Name`; `at` counts from 1, 0 says
    nothing. `picked` are the words of the options that are chosen in it."""

    keys: tuple[tuple[str, str], ...]
    within: Called | None = None
    at: int = 0
    picked: tuple[str, ...] = ()

    @property
    def holds_words(self) -> bool:
        """Whether it is named without its own words, so that these can be looked at: a status."""
        return self.keys[0][0] == "role" and len(self.keys) == 1


def called(snapshot: str, ref: str, *, field: bool) -> Called | None:
    """The element with this reference; None where no words of the language name it. `field`: it is
    something that takes a value, which a journey names by its label."""
    if len(snapshot) > LARGEST_SNAPSHOT:
        return None
    try:
        roots = nodes(snapshot)
    except ValueError:
        return None
    way = _way(roots, ref)
    if not way:
        return None
    here = way[-1]
    keys, alike = _own(here, field=field)
    if not keys or any(len(words) > LONGEST_NAME or not plain(words) for _, words in keys):
        return None
    picked = tuple(
        one.name
        for one in here.within()
        if one.role == "option" and ("selected", "true") in one.states
    )
    same = [one for one in _every(roots) if alike(one)]
    if len(same) <= 1:
        return Called(keys, picked=picked)
    for around in reversed(way[:-1]):
        if sum(map(alike, around.within())) == 1 and (place := _place(roots, around)):
            return Called(keys, place, picked=picked)
    number = next((at for at, one in enumerate(same, 1) if one is here), 0)
    return Called(keys, at=number, picked=picked)


def _way(roots: Iterable[AriaNode], ref: str) -> tuple[AriaNode, ...]:
    """The element below all that it stands in, outermost first; empty if it is not there."""
    for node in roots:
        if ("ref", ref) in node.states:
            return (node,)
        if found := _way(node.children, ref):
            return (node, *found)
    return ()


def _every(roots: Iterable[AriaNode]) -> Iterator[AriaNode]:
    return (one for root in roots for one in root.within())


def _own(
    node: AriaNode, *, field: bool
) -> tuple[tuple[tuple[str, str], ...], Callable[[AriaNode], bool]]:
    """The keys that name an element by itself, and whether they fit another one as well."""
    role, name = node.role, node.name
    if field and role in FIELD_ROLES and name:
        return (("label", name),), lambda one: one.role in FIELD_ROLES and one.name == name
    if role in NAMED and name:
        return ((role, name),), lambda one: (one.role, one.name) == (role, name)
    if role in WORDED and (words := next(_words(node), "")):
        pattern = whole_words(words)
        return ((role, words),), lambda one: one.role == role and bool(pattern.search(one.reads))
    if role in ROLES:
        keys = (("role", role), ("name", name)) if name else (("role", role),)
        return keys, lambda one: one.role == role and (not name or one.name == name)
    # A box around other elements has words of theirs, and no words of its own.
    text = node.text or node.name
    if not text and all(one.role == "text" for one in node.children):
        text = node.reads
    return (("words", text),) if text else (), lambda one: text in (one.text, one.name)


def _place(roots: tuple[AriaNode, ...], around: AriaNode) -> Called | None:
    """What an element stands in, if it alone is called so: a row or an item by words that no other
    has, anything else by its name."""
    if around.role in WORDED:
        others = [one for one in _every(roots) if one.role == around.role and one is not around]
        for words in _words(around):
            pattern = whole_words(words)
            if plain(words) and not any(pattern.search(one.reads) for one in others):
                return Called(((around.role, words),))
        return None
    if around.role not in NAMED or not plain(around.name) or len(around.name) > LONGEST_NAME:
        return None
    alike = [one for one in _every(roots) if (one.role, one.name) == (around.role, around.name)]
    return Called(((around.role, around.name),)) if len(alike) == 1 else None


def _words(node: AriaNode) -> Iterator[str]:
    """What can be read in an element, piece by piece; the names of what is pressed in it are not
    what it is about."""
    for one in node.within():
        if one.role not in ("button", "link", "img", *FIELD_ROLES):
            words = one.text or (one.name if one is not node else "")
            if words and len(words) <= LONGEST_NAME:
                yield words
