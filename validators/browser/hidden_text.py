"""Which texts of a page no eye can read, though its accessibility tree tells them.

Seen on Chromium 156: text at opacity 0 or font-size 0, text off the canvas, clipped away or in the
colour of its ground reaches an aria snapshot, and so does every `aria-label` and `alt`; `display:
none` and `visibility: hidden` do not. The facts come from the browser's own layout
(`DOMSnapshot.captureSnapshot`), so that no function of the page is asked. It is a courtesy to
whoever reads the page, not a wall: what a page says is data whether it can be seen or not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from validators.domain.exploring.view import HiddenTexts
from validators.domain.journeys.wording import folded

STYLES = ("opacity", "font-size", "clip-path", "color", "background-color", "background-image")
LABELS = frozenset({"aria-label", "aria-description", "alt", "title"})
ASKED = {"computedStyles": list(STYLES)}
FAINTEST, SMALLEST_PX = 0.1, 4.0
LONGEST = 2_000
_CLIPPED = re.compile(r"inset\((?:100|[5-9]\d)(?:\.\d+)?%\)|circle\(0")
_TRANSPARENT = re.compile(r"rgba\(.*, 0\)")
_OPAQUE = re.compile(r"rgb\(\d+, \d+, \d+\)")


@dataclass(frozen=True, slots=True)
class _Layout:
    """One document's layout: styles and bounds by node, and the way up."""

    strings: list[str]
    parents: list[int]
    styles: Mapping[int, tuple[str, ...]]

    def up(self, node: int) -> Iterator[dict[str, str]]:
        """The styles of a node and of all that hold it, the innermost first."""
        while node >= 0:
            if node in self.styles:
                yield dict(zip(STYLES, self.styles[node], strict=True))
            node = self.parents[node]


def hidden_texts(snapshot: Mapping[str, Any]) -> HiddenTexts:
    """What no eye can read in the main document of a DOMSnapshot that was asked for with ASKED."""
    strings, document = snapshot["strings"], snapshot["documents"][0]
    told = document["layout"]
    styles = {
        node: tuple(strings[at] for at in style)
        for node, style in zip(told["nodeIndex"], told["styles"], strict=True)
        if style
    }
    layout = _Layout(strings, document["nodes"]["parentIndex"], styles)
    seen, hidden, ghostly = list[str](), list[str](), set[str]()
    for node, at, bounds in zip(told["nodeIndex"], told["text"], told["bounds"], strict=True):
        text = folded(strings[at])[:LONGEST] if at >= 0 else ""
        if not text:
            continue
        ghost = _faint(layout, node)
        (hidden if ghost or _out_of_sight(layout, node, bounds) else seen).append(text)
        ghostly |= {text} if ghost else set()
    hidden += _labels(document["nodes"]["attributes"], strings)
    readable = "\n".join(seen)
    texts = tuple(dict.fromkeys(text for text in hidden if text not in readable))
    return HiddenTexts(texts, frozenset(ghostly & set(texts)))


def _labels(attributes: list[list[int]], strings: list[str]) -> Iterator[str]:
    """What is said to those who listen to a page: it is read out, not shown."""
    for told in attributes:
        pairs = zip(told[::2], told[1::2], strict=True)
        yield from (
            text
            for key, value in pairs
            if strings[key] in LABELS and (text := folded(strings[value])[:LONGEST])
        )


def _faint(layout: _Layout, node: int) -> bool:
    opacity = 1.0
    for style in layout.up(node):
        opacity *= _number(style["opacity"], otherwise=1.0)
    return opacity < FAINTEST


def _out_of_sight(layout: _Layout, node: int, bounds: list[float]) -> bool:
    left, top, width, height = bounds
    own = next(layout.up(node), None)
    if own is None or width <= 0 or height <= 0 or left + width <= 0 or top + height <= 0:
        return True
    if _number(own["font-size"].removesuffix("px"), otherwise=16.0) < SMALLEST_PX:
        return True
    return (
        _TRANSPARENT.fullmatch(own["color"]) is not None
        or _like_its_ground(layout, node)
        or _clipped(layout, node)
    )


def _clipped(layout: _Layout, node: int) -> bool:
    return any(_CLIPPED.search(style["clip-path"]) for style in layout.up(node))


def _like_its_ground(layout: _Layout, node: int) -> bool:
    """Whether a text has the very colour of the nearest opaque ground below it; a picture may be
    any colour."""
    color = next(layout.up(node))["color"]
    for style in layout.up(node):
        if style["background-image"] != "none":
            return False
        if _OPAQUE.fullmatch(style["background-color"]):
            return style["background-color"] == color
    return color == "rgb(255, 255, 255)"


def _number(text: str, *, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
