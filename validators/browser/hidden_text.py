"""Finds the texts of a page that no eye can read, though its accessibility tree holds them.

Observed on Chromium 156: text at opacity 0 or font-size 0, text off the canvas, clipped away or in
the colour of its background reaches an aria snapshot, and so does every `aria-label` and `alt`;
`display: none` and `visibility: hidden` do not. The facts come from the browser's own layout
(`DOMSnapshot.captureSnapshot`), so no function of the page runs. This helps whoever reads the page;
it is no protection. What a page shows is data, visible or not."""

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
    """One document's layout: the styles and the parent of each node."""

    strings: list[str]
    parents: list[int]
    styles: Mapping[int, tuple[str, ...]]

    def up(self, node: int) -> Iterator[dict[str, str]]:
        """The styles of a node and of its ancestors, the innermost first."""
        while node >= 0:
            if node in self.styles:
                yield dict(zip(STYLES, self.styles[node], strict=True))
            node = self.parents[node]


def hidden_texts(snapshot: Mapping[str, Any]) -> HiddenTexts:
    """The hidden texts in the main document of a DOMSnapshot that was requested with ASKED."""
    strings, document = snapshot["strings"], snapshot["documents"][0]
    facts = document["layout"]
    styles = {
        node: tuple(strings[at] for at in style)
        for node, style in zip(facts["nodeIndex"], facts["styles"], strict=True)
        if style
    }
    layout = _Layout(strings, document["nodes"]["parentIndex"], styles)
    visible, hidden, transparent = list[str](), list[str](), set[str]()
    for node, at, bounds in zip(facts["nodeIndex"], facts["text"], facts["bounds"], strict=True):
        text = folded(strings[at])[:LONGEST] if at >= 0 else ""
        if not text:
            continue
        faint = _faint(layout, node)
        (hidden if faint or _out_of_sight(layout, node, bounds) else visible).append(text)
        transparent |= {text} if faint else set()
    hidden += _labels(document["nodes"]["attributes"], strings)
    readable = "\n".join(visible)
    # A label that repeats what the page shows hides nothing.
    texts = tuple(dict.fromkeys(text for text in hidden if text not in readable))
    return HiddenTexts(texts, frozenset(transparent & set(texts)))


def _labels(attributes: list[list[int]], strings: list[str]) -> Iterator[str]:
    """The texts for screen readers: they are read out, not shown."""
    for names_and_values in attributes:
        pairs = zip(names_and_values[::2], names_and_values[1::2], strict=True)
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
        or _like_its_background(layout, node)
        or _clipped(layout, node)
    )


def _clipped(layout: _Layout, node: int) -> bool:
    return any(_CLIPPED.search(style["clip-path"]) for style in layout.up(node))


def _like_its_background(layout: _Layout, node: int) -> bool:
    """Whether a text has exactly the colour of the nearest opaque background behind it."""
    color = next(layout.up(node))["color"]
    for style in layout.up(node):
        # A picture may have any colour, so the text counts as visible.
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
