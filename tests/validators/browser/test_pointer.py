"""Where a person's pointer presses, on a real page: only a browser lays one out, and knows what lies
at a point."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validators.apps import App
from tests.validators.house import PATIENCE, House, button, link
from validators.browser.stage import BrowserStage
from validators.domain.device import Device
from validators.domain.evidence import Identity
from validators.domain.journeys.spot import Spot

THINGS = """<style>[data-thing] { margin: 8px } div[data-thing] { width: 90px; height: 60px }
 .menu ul { display: none } .menu:hover ul { display: block }</style>
<button data-thing style="width:120px;height:40px">Plain</button>
<button data-thing style="width:120px;height:40px"><b>Bold</b></button>
<a data-thing href="#x" style="display:inline-block;padding:9px 30px">Wide</a>
<label data-thing><input type=checkbox name=agree> Agree</label>
<p style="width:130px">Read here what <a data-thing href="#y">two lines are filled by</a> and then go on</p>
<div style="position:relative"><button data-thing style="width:100px;height:50px">Half</button>
 <i style="position:absolute;left:0;top:0;width:44px;height:50px;background:red"></i>
 <i style="position:absolute;left:60px;top:0;width:80px;height:50px;background:red"></i></div>
<button data-thing style="width:5px;height:5px;padding:0;border:0" aria-label=Tiny></button>
<input data-thing type=range aria-label=Loud min=0 max=100 value=0 style="width:200px">
<input data-thing aria-label=Name value="some long words that fill it all" style="width:100px">
<div data-thing role=figure aria-label=Grid style="display:grid;grid-template-columns:1fr 1fr 1fr">
 <i>1</i><i>2</i><i>3</i></div>
<nav class=menu data-thing style="width:80px"><span role=button aria-label=Menu>Menu</span><ul>
 <li style="margin-left:300px"><button data-thing>Deep</button></li></ul></nav>
<button data-thing style="margin-top:3000px;width:120px;height:40px">Far</button>
<script>window.hits = []; window.moves = 0;
addEventListener('mousemove', () => { moves += 1; });
document.addEventListener('click', event => {
  const thing = event.target.closest('[data-thing]'); if (!event.isTrusted || !thing) return;
  const rect = thing.getBoundingClientRect(), most = Math.max(Math.abs(event.clientX - rect.x - rect.width / 2),
    Math.abs(event.clientY - rect.y - rect.height / 2));
  const name = thing.getAttribute('aria-label') || thing.textContent.trim().slice(0, 6);
  if (event.detail) hits.push([name, most > 1]); });</script>"""


class Things(App):
    """Its page notes where it is clicked."""

    def index(self, environ: dict[str, Any]) -> str:
        return THINGS


AWAY = [button("Plain"), button("Bold"), link("Wide"), button("Far")]
MIDDLE = [
    button("Half"),
    button("Tiny"),
    Spot(label="Loud"),
    Spot(label="Name"),
    Spot(role="figure", name="Grid"),
]


@pytest.fixture(scope="module")
def hits(house: House) -> dict[tuple[Identity, int], Any]:
    """What a page learnt from each visitor: of each thing that was clicked, whether away from its
    middle; and what it holds."""

    def by(identity: Identity, seed: int) -> Any:
        async def play(on: BrowserStage) -> Any:
            ada = await on.person("")
            await ada.open("/", patience=PATIENCE)
            for spot in (*AWAY, *MIDDLE, link("two lines are filled by")):
                await ada.click(spot, patience=PATIENCE)
            await ada.tick(Spot(label="Agree"), on=True, patience=PATIENCE)
            await ada.hover(button("Menu"), patience=PATIENCE)
            before = await ada.page.evaluate("moves")
            await ada.click(button("Deep"), patience=PATIENCE)
            script = (
                "[hits, document.querySelector('[type=range]').value,"
                " document.querySelector('[name=agree]').checked]"
            )
            clicked, loud, ticked = await ada.page.evaluate(script)
            return dict(clicked), loud, ticked, before

        return house.on_stage(Things(), play, identity=identity, device=Device(pointer_seed=seed))

    return {
        (identity, seed): by(identity, seed)
        for identity, seed in (
            (Identity.PLAIN, 1),
            (Identity.MASKED, 1),
            (Identity.MASKED, 2),
            (Identity.MASKED, 3),
        )
    }


MASKED = [(Identity.MASKED, seed) for seed in (1, 2, 3)]


@pytest.mark.parametrize("who", MASKED)
def test_a_person_hits_a_button_or_a_link_away_from_its_middle_after_a_way(who, hits) -> None:
    clicked, *_, moves = hits[who]
    assert all(clicked[name] for name in ("Plain", "Bold", "Wide", "Far")), clicked
    assert moves >= 11 * 5


@pytest.mark.parametrize("who", MASKED)
def test_what_minds_the_place_or_is_there_in_part_alone_is_hit_as_automation_hits_it(
    who, hits
) -> None:
    plain, loud, ticked, _ = hits[Identity.PLAIN, 1]
    clicked, masked_loud, masked_ticked, _ = hits[who]
    assert clicked.keys() == plain.keys()
    away = {name for name in clicked if clicked[name] and not plain[name]}
    assert away <= {"Plain", "Bold", "Wide", "Far", "Tiny", "Agree", "Deep"}
    assert (masked_loud, masked_ticked) == (loud, ticked)
    assert ticked
