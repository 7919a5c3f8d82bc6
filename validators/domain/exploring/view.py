"""The view: what an actor is shown of a page, short enough to be paid for at every act.

Controls with their references, and of everything else only headings, what the page announces, and
the words of the row that a control stands in. One line each; every text of the page is a JSON
string, so that it cannot start a line of its own, is capped, and lies between two lines with a word
that the page cannot know. A name that no eye can see is still shown where a field bears it: that is
how a field is told from another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from validators.domain.exploring.acts import Aspect
from validators.domain.journeys.controls import (
    CONTROLS,
    FIELDS,
    PLACES,
    WORDED,
    Part,
    words,
)
from validators.domain.journeys.wording import folded, visible

ANNOUNCED = frozenset({"status", "alert", "log", "timer"})
UNREACHED = frozenset({"iframe"})  # the journey language has no way into a frame
LONGEST_TEXT = 120
LONGEST_WRITTEN = 400
PART_CHARACTERS = 3_600
MOST_OPTIONS = 12
MOST_UNSEEN = 300
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class HiddenTexts:
    """Texts of a page that its tree tells and no eye can read; `ghostly`: those of them that are
    wholly transparent."""

    texts: tuple[str, ...] = ()
    ghostly: frozenset[str] = frozenset()

    def cut(self, text: str) -> str:
        """The text without what cannot be read, spaces folded."""
        pattern = _any_of(self.texts)
        return folded(pattern.sub(" ", folded(text)) if pattern else text)


@dataclass(frozen=True, slots=True)
class PageView:
    """One page at one moment. `path` is its path and query."""

    path: str
    title: str
    root: Part
    unseen: HiddenTexts = field(default_factory=HiddenTexts)


def tokens(text: str) -> int:
    """About how many tokens a text comes to, by the rule of thumb of four characters each; rounded
    up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def view(page: PageView, *, nonce: str, aspect: Aspect = Aspect.CONTROLS, part: int = 1) -> str:
    """One part of a page as an actor sees it, `part` counted from 1; at most about PART_CHARACTERS
    long."""
    lines = (
        _controls(page.root, page.unseen)
        if aspect is Aspect.CONTROLS
        else _written(page.root, page.unseen)
    )
    parts = _parts(lines)
    at = min(max(part, 1), len(parts))
    head = (
        f"path {_quoted(page.path)}\ntitle {_quoted(page.title)}\n{aspect}, part {at} of"
        f" {len(parts)}"
    )
    return (
        f"<page-{nonce}>\n{head}\n"
        + "".join(f"{line}\n" for line in parts[at - 1])
        + f"</page-{nonce}>"
    )


def _parts(lines: Iterable[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    room = PART_CHARACTERS
    for line in lines:
        if room < len(line) + 1 and parts[-1]:
            parts.append([])
            room = PART_CHARACTERS
        parts[-1].append(line)
        room -= len(line) + 1
    return parts


def _controls(part: Part, unseen: HiddenTexts) -> Iterator[str]:
    if part.role in UNREACHED:
        return
    if part.role in CONTROLS:
        yield from _control(part, unseen)
    elif part.role == "heading":
        yield from _said("heading", part.name or words(part), unseen)
    elif part.role in ANNOUNCED:
        yield from _said(part.role, words(part), unseen)
    inner = (
        []
        if part.role in FIELDS
        else [line for held in part.parts for line in _controls(held, unseen)]
    )
    told = (
        unseen.cut(words(part)) if part.role in WORDED else part.name if part.role in PLACES else ""
    )
    if inner and told:
        yield f"{part.role} {_quoted(told)}:"
        yield from (f" {line}" for line in inner)
    else:
        yield from inner


def _control(part: Part, unseen: HiddenTexts) -> Iterator[str]:
    ghost = part.role not in FIELDS and folded(part.name) in unseen.ghostly
    if not part.ref or ghost:
        return
    told = [part.ref, part.role, _quoted(part.name)]
    told += [f"= {_quoted(part.text)}"] if part.text else []
    told += [f"[{', '.join(part.states)}]"] if part.states else []
    options = [held.name for held in part.parts if held.role == "option"]
    shown = " | ".join(_quoted(name) for name in options[:MOST_OPTIONS])
    more = f" and {len(options) - MOST_OPTIONS} more" if len(options) > MOST_OPTIONS else ""
    told += [f"= {_quoted(held.name)}" for held in part.parts if "selected" in held.states]
    yield " ".join([*told, *([f"of {shown}{more}"] if shown else [])])


def _said(role: str, text: str, unseen: HiddenTexts) -> Iterator[str]:
    if told := unseen.cut(text):
        yield f"{role} {_quoted(told)}"


def _written(part: Part, unseen: HiddenTexts) -> Iterator[str]:
    """Every text of the page in its order, a row or a list item as one."""
    if part.role in CONTROLS | UNREACHED:
        return
    if part.role in WORDED or not part.parts:
        if told := unseen.cut(words(part)):
            yield _quoted(told, most=LONGEST_WRITTEN)
        return
    if part.text and (told := unseen.cut(part.text)):
        yield _quoted(told, most=LONGEST_WRITTEN)
    for held in part.parts:
        yield from _written(held, unseen)


def _quoted(text: str, *, most: int = LONGEST_TEXT) -> str:
    line = folded(visible(text))
    return json.dumps(line if len(line) <= most else line[: most - 1] + "…", ensure_ascii=False)


def _any_of(texts: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(texts[:MOST_UNSEEN], key=len, reverse=True)
    return (
        re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in longest_first))
        if texts
        else None
    )
