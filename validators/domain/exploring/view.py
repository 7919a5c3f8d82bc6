"""The view: what an actor is shown of a page, short enough to pay for at every act.

A view lists the controls with their references, one a line. Of everything else it has only the
headings, what the page announces, and the words of the row around a control. Properties:
- Every text of the page is a JSON string, so it cannot start a line of its own, and is capped.
- The view lies between two lines with a nonce that the page cannot know.
- Invisible texts are left out, except the name of a field, which tells it from other fields."""

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
from validators.domain.shortened import cut

ANNOUNCED = frozenset({"status", "alert", "log", "timer"})
UNREACHED = frozenset({"iframe"})
"""The journey language has no way into a frame."""
LONGEST_TEXT = 120
LONGEST_WRITTEN = 400
PART_CHARACTERS = 3_600
MOST_OPTIONS = 12
MOST_UNSEEN = 300
CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class HiddenTexts:
    """Texts that are in the accessibility tree of a page but that no eye can read. `ghostly` are
    those that are wholly transparent."""

    texts: tuple[str, ...] = ()
    ghostly: frozenset[str] = frozenset()

    def cut(self, text: str) -> str:
        """The text without its invisible parts, spaces folded."""
        pattern = _any_of(self.texts)
        return folded(pattern.sub(" ", folded(text)) if pattern else text)


@dataclass(frozen=True, slots=True)
class PageView:
    """One page at one moment. `path` is its path and query."""

    path: str
    title: str
    root: Part
    hidden: HiddenTexts = field(default_factory=HiddenTexts)


def tokens(text: str) -> int:
    """About how many tokens a text has, by the rule of thumb of four characters each, rounded
    up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def view(page: PageView, *, nonce: str, aspect: Aspect = Aspect.CONTROLS, part: int = 1) -> str:
    """One part of a page as an actor sees it, at most about PART_CHARACTERS long. `part` counts
    from 1."""
    lines = (
        _controls(page.root, page.hidden)
        if aspect is Aspect.CONTROLS
        else _written(page.root, page.hidden)
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


def _controls(part: Part, hidden: HiddenTexts) -> Iterator[str]:
    if part.role in UNREACHED:
        return
    if part.role in CONTROLS:
        yield from _control(part, hidden)
    elif part.role == "heading":
        yield from _announced("heading", part.name or words(part), hidden)
    elif part.role in ANNOUNCED:
        yield from _announced(part.role, words(part), hidden)
    inner = (
        []
        if part.role in FIELDS
        else [line for child in part.parts for line in _controls(child, hidden)]
    )
    title = part.name if part.role in PLACES else ""
    if part.role in WORDED:
        title = hidden.cut(words(part))
    # A row or a region is worth a line only around controls, which it tells apart.
    if inner and title:
        yield f"{part.role} {_quoted(title)}:"
        yield from (f" {line}" for line in inner)
    else:
        yield from inner


def _control(part: Part, hidden: HiddenTexts) -> Iterator[str]:
    ghost = part.role not in FIELDS and folded(part.name) in hidden.ghostly
    if not part.ref or ghost:
        return
    pieces = [part.ref, part.role, _quoted(part.name)]
    pieces += [f"= {_quoted(part.text)}"] if part.text else []
    pieces += [f"[{', '.join(part.states)}]"] if part.states else []
    options = [inner.name for inner in part.parts if inner.role == "option"]
    shown = " | ".join(_quoted(name) for name in options[:MOST_OPTIONS])
    more = f" and {len(options) - MOST_OPTIONS} more" if len(options) > MOST_OPTIONS else ""
    pieces += [f"= {_quoted(inner.name)}" for inner in part.parts if "selected" in inner.states]
    yield " ".join([*pieces, *([f"of {shown}{more}"] if shown else [])])


def _announced(role: str, text: str, hidden: HiddenTexts) -> Iterator[str]:
    if readable := hidden.cut(text):
        yield f"{role} {_quoted(readable)}"


def _written(part: Part, hidden: HiddenTexts) -> Iterator[str]:
    """Every text of the page in its order, a row or a list item as one."""
    if part.role in CONTROLS | UNREACHED:
        return
    if part.role in WORDED or not part.parts:
        if readable := hidden.cut(words(part)):
            yield _quoted(readable, most=LONGEST_WRITTEN)
        return
    if part.text and (readable := hidden.cut(part.text)):
        yield _quoted(readable, most=LONGEST_WRITTEN)
    for inner in part.parts:
        yield from _written(inner, hidden)


def _quoted(text: str, *, most: int = LONGEST_TEXT) -> str:
    return json.dumps(cut(folded(visible(text)), most), ensure_ascii=False)


def _any_of(texts: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(texts[:MOST_UNSEEN], key=len, reverse=True)
    return (
        re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in longest_first))
        if texts
        else None
    )
