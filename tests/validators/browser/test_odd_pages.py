"""What browsers put up with on a page stops no reading of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.validators.apps import App
from tests.validators.house import House
from validators.browser.page_viewer import PageViewer
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage
from validators.domain.errors import Unable
from validators.domain.journeys.spot import Spot


class Links(App):
    """Several links of one name: two to no address, one in a drawing."""

    def index(self, environ: dict[str, Any]) -> str:
        return """<a href="http://">More</a> <a href="http://[x">Typo</a> <a href="/1">More</a>
            <svg width=99 height=30><a href="/2"><text y=20>More</text></a></svg>"""


def test_a_link_to_no_address_is_in_the_way_of_no_other(house: House) -> None:
    async def play(ada: BrowserSession, _: BrowserStage) -> tuple[list[int], str]:
        more = [Spot(role="link", name="More", leads_to=path) for path in ("/1", "/2", "/3")]
        return [await ada.count(one) for one in more], await ada.leads_to(
            Spot(role="link", name="Typo")
        )

    assert house.on_page(Links(), play) == ([1, 1, 0], "http://[x")


class Endless(App):
    """Says what it should not behind more text than anybody reads."""

    def index(self, environ: dict[str, Any]) -> str:
        return f"<p>{'so far ' * 150_000}</p><p>Traceback</p>"


def test_more_text_than_is_read_is_not_cut_where_it_may_matter(house: House) -> None:
    async def play(ada: BrowserSession, _: BrowserStage) -> None:
        with pytest.raises(Unable, match="more than 1,000,000 characters"):
            await ada.text(None)

    house.on_page(Endless(), play)


class Cuts(App):
    """Its script cuts a text in the middle of a character, as scripts do."""

    def index(self, environ: dict[str, Any]) -> str:
        return """<p role=note></p><button></button><script>
            const cut = 'so far 😀'.slice(0, -1);
            document.title = cut;
            for (const one of document.querySelectorAll('p, button')) one.textContent = cut;
        </script>"""


def test_half_a_character_on_a_page_is_read_as_it_is_drawn(house: House, tmp_path: Path) -> None:
    async def play(ada: BrowserSession, on: BrowserStage) -> tuple[set[str], tuple[str, ...]]:
        view = (await PageViewer(ada.page).glance()).root
        seen = {await ada.title(), await ada.text(Spot(role="note"))}
        seen |= {node.name or node.text for node in await ada.tree(None)}
        seen |= {part.name or part.text for part in view.parts[0].parts}
        return seen, await on.save_evidence(tmp_path / "run")

    seen, kept = house.on_page(Cuts(), play)
    assert seen == {"so far \ufffd"}
    assert "aria.txt" in kept
