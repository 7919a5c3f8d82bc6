"""One view of a page for the explorer: its tree with references, its hidden texts, and the element
that a reference stands for.

References are the library's own (`aria_snapshot(mode="ai")`). An element keeps its reference from
one view to the next. The reference of an element that is gone finds nothing."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from validators.browser.hidden_text import ASKED, hidden_texts
from validators.browser.locating import located
from validators.domain.bounds import USUAL, Bounds
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.exploring.view import HiddenTexts, PageView
from validators.domain.journeys.controls import Part, spots
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.wording import well_formed

if TYPE_CHECKING:
    from playwright.async_api import Page

DEEPEST = 80
MOST_CHARACTERS = 300_000
REF = re.compile(r"(?:f\d+)?e\d+")
_KEY = re.compile(r'(?P<role>[a-z]+)(?: (?P<name>"(?:[^"\\]|\\.)*"))?(?P<marks>(?: \[[^\]]*\])*)')
_MARK = re.compile(r"\[([^\]]*)\]")
_KEPT = ("disabled", "checked", "expanded", "selected", "pressed", "active", "invalid")
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(slots=True)
class PageViewer:
    """Views one page of the library. `latest` is the tree of the last view."""

    page: Page
    bounds: Bounds = USUAL
    latest: Part | None = None

    async def glance(self) -> PageView:
        """The page at this moment. Raises Unable when it does not answer."""
        from playwright.async_api import Error

        try:
            limit = self.bounds.tree_seconds * 1000
            snapshot = await self.page.locator("body").aria_snapshot(
                mode="ai", depth=DEEPEST, timeout=limit
            )
            title, hidden = await self.page.title(), await self._hidden()
        except Error as error:
            raise Unable(
                Trouble.NO_ANSWER, f"the page cannot be looked at: {str(error).splitlines()[0]}"
            ) from None
        self.latest = tree_of(well_formed(snapshot))
        return PageView(_path(self.page.url), title, self.latest, hidden)

    async def spot(self, ref: str) -> Spot:
        """How a journey names the element of a reference. Raises Unable if it is gone or cannot be
        distinguished from others."""
        from playwright.async_api import Error

        element = self.page.locator(f"aria-ref={ref}")
        try:
            if self.latest is None or not REF.fullmatch(ref) or await element.count() != 1:
                raise Unable(
                    Trouble.MISSING,
                    f"nothing on the page has the reference {ref[:20]!r}; take it from the latest"
                    " view",
                )
            # The first name that finds this element and no other.
            for spot in spots(self.latest, ref):
                found = located(self.page, spot)
                if await found.count() == 1 and await found.and_(element).count() == 1:
                    return spot
        except Error as error:
            raise Unable(
                Trouble.MISSING, f"the page changed: {str(error).splitlines()[0]}"
            ) from None
        raise Unable(
            Trouble.AMBIGUOUS,
            "a person cannot distinguish it from the others by role, name, row or place",
        )

    async def _hidden(self) -> HiddenTexts:
        session = await self.page.context.new_cdp_session(self.page)
        try:
            return hidden_texts(await session.send("DOMSnapshot.captureSnapshot", ASKED))
        finally:
            await session.detach()


def tree_of(snapshot: str) -> Part:
    """The tree in an aria snapshot (YAML, as the library writes it), without the parts that are not
    understood. Only the first MOST_CHARACTERS are read, up to the end of a line."""
    if len(snapshot) > MOST_CHARACTERS:
        snapshot = snapshot[: snapshot.rfind("\n", 0, MOST_CHARACTERS)]
    try:
        # The base loader makes texts, lists and mappings only.
        return Part("document", parts=_nodes(yaml.load(snapshot, _LOADER)))  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        return Part("document")


def _nodes(items: Any) -> tuple[Part, ...]:
    if not isinstance(items, list):
        return ()
    entries = (
        one
        for item in items
        for one in (item.items() if isinstance(item, dict) else ((item, None),))
    )
    return tuple(node for key, value in entries if (node := _node(str(key), value)))


def _node(key: str, value: Any) -> Part | None:
    if key == "text":
        return Part("text", text=str(value or ""))
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    marks = _MARK.findall(found["marks"])
    return Part(
        role=found["role"],
        name=_name(found["name"]),
        text=value if isinstance(value, str) else "",
        ref=next((mark[4:] for mark in marks if mark.startswith("ref=")), ""),
        states=tuple(mark for mark in marks if mark.split("=")[0] in _KEPT),
        parts=_nodes(value),
    )


def _name(quoted: str | None) -> str:
    try:
        return well_formed(str(json.loads(quoted))) if quoted else ""
    except ValueError:
        return ""


def _path(url: str) -> str:
    from urllib.parse import urlsplit

    split = urlsplit(url)
    return split.path + (f"?{split.query}" if split.query else "")
