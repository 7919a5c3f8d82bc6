"""A dense page for measuring what a look costs: a booking desk's day, with navigation, filters,
sixty rows and a form.

Its words are our own and its size is that of pages people work with all day: some 140 things to
press or fill."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from validators.domain.exploring.view import tokens, view

if TYPE_CHECKING:
    from playwright.async_api import Page

WALKS = (
    "Mussel banks",
    "Seal watch",
    "Tidal island",
    "Salt marsh",
    "Night sky",
    "The wreck",
    "Oyster reef",
    "Dune ridge",
)
GUESTS = (
    "Ada Holt",
    "Bela Moreau",
    "Carla Dorn",
    "Dario Faber",
    "Edda Lorenz",
    "Farid Jansen",
    "Greta Ibsen",
    "Hanna Gruber",
)
MENU = (
    "Today",
    "Week",
    "Walks",
    "Guides",
    "Guests",
    "Payments",
    "Messages",
    "Reports",
    "Settings",
    "Help",
)
ROWS = 60


def dense_page() -> str:
    """The whole document."""
    menu = "".join(
        f'<li><a href="/{name.lower()}"><span class=icon>•</span> {name}</a></li>' for name in MENU
    )
    walks = "".join(f"<option>{escape(walk)}</option>" for walk in WALKS)
    sandboxes = "".join(f"<label><input type=checkbox> {escape(walk)}</label> " for walk in WALKS)
    rows = "".join(_row(number) for number in range(ROWS))
    return f"""<!doctype html><html lang=en><meta charset=utf-8><title>Tidebook, the desk</title><body>
<header><nav aria-label=Main><ul>{menu}</ul></nav>
<input type=search aria-label="Search bookings"><button>Search</button></header>
<main><h1>Bookings of the day</h1><p role=status>{ROWS} bookings, 4 of them unpaid</p>
<p>High water is at 13:42. The flats are open from 09:10 to 11:25 and again from 16:00; nobody leaves the shore after 11:25.</p>
<fieldset><legend>Show only</legend>{sandboxes}</fieldset>
<table aria-label=Bookings><thead><tr><th>Guest<th>Walk<th>Leaves<th>People<th>Paid<th>Note<th></thead>
<tbody>{rows}</tbody></table>
<h2>Add a booking</h2><form><label>Name <input></label> <label>Walk <select>{walks}</select></label>
<label>Group size <input type=number></label> <label>Note <textarea></textarea></label> <button>Book</button></form>
<footer><p>Tidebook keeps a booking for two years.</p><a href=/privacy>Privacy</a></footer></main>"""


async def tokens_per_look(page: Page) -> tuple[int, int]:
    """About how many tokens an actor's look at this page costs, and how many its plain
    accessibility snapshot would."""
    from validators.browser.page_viewer import PageViewer

    plain = await page.locator("body").aria_snapshot()
    return tokens(view(await PageViewer(page).glance(), nonce="0" * 16)), tokens(plain)


def _row(number: int) -> str:
    guest, walk = GUESTS[number % len(GUESTS)], WALKS[number * 3 % len(WALKS)]
    people, paid = str(1 + number % 8), "yes" if number % 15 else "no"
    cells = (f"{guest} {number + 1}", walk, f"{9 + number % 3}:{number % 6}0", people, paid)
    told = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    note = "Comes with a pushchair and asks for the short way back." if number % 4 == 0 else ""
    return (
        f"<tr>{told}<td>{note}</td><td><button>Cancel</button> <a"
        f' href="/bookings/{number}">Details</a></td></tr>'
    )
