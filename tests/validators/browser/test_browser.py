"""A real Chromium on small pages: elements as people name them, acts, readings and doors that stay
shut."""

from __future__ import annotations

import json
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.validators.apps import App, Escapes, Static
from tests.validators.house import PATIENCE, House, button, trouble
from tests.validators.patience import until
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage
from validators.domain.evidence import Trouble
from validators.domain.journeys.spot import Spot


def test_elements_are_named_as_people_name_them(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        counts = {
            "exact name": await ada.count(button("Book")),
            "hidden": await ada.count(button("Hidden")),
            "hidden field": await ada.count(Spot(label="Ghost")),
            "twice": await ada.count(button("Twice")),
            "row by whole words": await ada.count(Spot(role="row", words="Ada Holt")),
            "row by a number": await ada.count(Spot(role="row", words="4")),
            "list item": await ada.count(Spot(role="listitem", words="Ada Holt, 4 guests")),
            "in a row": await ada.count(
                button("Cancel", within=Spot(role="row", words="Adam Holt"))
            ),
            "label": await ada.count(Spot(label="Group size")),
            "part of a label": await ada.count(Spot(label="Group")),
            "aria-label": await ada.count(Spot(label="Search")),
        }
        assert counts == {
            "exact name": 1, "hidden": 0, "hidden field": 0, "twice": 2,
            "row by whole words": 1, "row by a number": 1, "list item": 1,
            "in a row": 1, "label": 1, "part of a label": 0, "aria-label": 1,
        }  # fmt: skip
        assert (await ada.rows(Spot(role="table", name="Bookings")))[1:] == (
            ("Ada Holt", "4", "Cancel"), ("Adam Holt", "14", "Cancel"),
        )  # fmt: skip

    house.on_stage(Static(), play)


def test_acts_and_readings(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        await ada.fill(Spot(label="Name"), "Ada", patience=PATIENCE)
        await ada.fill(Spot(label="Group size"), "4", patience=PATIENCE)
        await ada.select(Spot(label="Walk"), "Seal watch", patience=PATIENCE)
        await ada.tick(Spot(label="I can swim"), on=True, patience=PATIENCE)
        await ada.click(button("Book"), patience=PATIENCE)
        assert await ada.text(Spot(role="status")) == "Ada/4/2/true"
        assert await ada.value(Spot(label="Group size")) == "4"
        for label, text in (("Day", "2026-11-21"), ("Secret", "pass"), ("Note", "two\nlines")):
            await ada.fill(Spot(label=label), text, patience=PATIENCE)
            assert await ada.value(Spot(label=label)) == text
        await ada.fill(Spot(label="Search"), "seals", patience=PATIENCE)
        await ada.press("Enter", Spot(label="Search"), patience=PATIENCE)
        assert await ada.title() == "searched seals"
        await ada.press("Tab", None, patience=PATIENCE)
        await ada.click(Spot(role="link", name="Other"), patience=PATIENCE)
        await ada.wait_visible(
            Spot(role="note"), patience=PATIENCE
        )  # a page that was led to may still be on its way in
        assert (await ada.path(), await ada.text(Spot(role="note"))) == ("/other", "/other")
        await ada.back(patience=PATIENCE)
        assert await ada.path() == "/"
        await ada.reload(patience=PATIENCE)
        assert await ada.value(Spot(label="Name")) == ""
        assert "Adam Holt" in await ada.text(None)

    house.on_stage(Static(), play)


def test_what_cannot_be_done_names_the_reason(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/?a=b", patience=PATIENCE)
        assert await ada.path() == "/?a=b"
        assert {
            "missing": (await trouble(ada.click(button("Nope"), patience=0.2)))[0],
            "hidden": (await trouble(ada.click(button("Hidden"), patience=0.2)))[0],
            "twice": (await trouble(ada.click(button("Twice"), patience=0.2)))[0],
            "twice to read": (await trouble(ada.text(button("Twice"))))[0],
            "twice to fill": (await trouble(ada.fill(button("Twice"), "x", patience=0.2)))[0],
            "disabled": (await trouble(ada.click(button("Off"), patience=0.2)))[0],
            "locked": (await trouble(ada.fill(Spot(label="Locked"), "x", patience=0.2)))[0],
            "no field": (await trouble(ada.fill(button("Book"), "x", patience=0.2)))[0],
            "no checkbox": (await trouble(ada.tick(button("Book"), on=True, patience=0.2)))[0],
            "no text in a number": (await trouble(ada.fill(Spot(label="Group size"), "many", patience=0.2)))[0],
            "no such option": (await trouble(ada.select(Spot(label="Walk"), "Moon walk", patience=0.2)))[0],
            "no such row": (await trouble(ada.text(Spot(role="row", words="Nobody"))))[0],
        } == {
            "missing": Trouble.MISSING, "hidden": Trouble.MISSING, "twice": Trouble.AMBIGUOUS,
            "twice to read": Trouble.AMBIGUOUS, "twice to fill": Trouble.AMBIGUOUS, "disabled": Trouble.NOT_ACTIONABLE,
            "locked": Trouble.NOT_ACTIONABLE, "no field": Trouble.NOT_ACTIONABLE, "no checkbox": Trouble.NOT_ACTIONABLE,
            "no text in a number": Trouble.NOT_ACTIONABLE, "no such option": Trouble.MISSING, "no such row": Trouble.MISSING,
        }  # fmt: skip

    house.on_stage(Static(), play)


BOXLESS = """
<nav aria-label=Floating><a href="/home" style="float:left">home</a></nav>
<section aria-label=Placed><p style="position:absolute;top:300px">tide</p></section>
<section aria-label=Contents style="display:contents">high</section>
<section aria-label=Folded style="height:0;overflow:hidden"><p>inside</p></section>
<section aria-label=Around><div style="height:0;overflow:hidden"><p>inside</p></div></section>
<section aria-label=Empty></section>
<section aria-label=Unseen style="visibility:hidden"><p>gone</p></section>
<section aria-label=Off style="display:none"><p>gone</p></section>
<details><summary>More</summary><section aria-label=Shut style="height:0"><p>gone</p></section></details>
<table><tr><th style="width:900px"><a href="?sort=size">Size</a> <button onclick="document.title='menu'">Column menu</button></th>
<th onclick="document.title='day'">Day</th></tr></table>
"""


class Boxless(App):
    """A page of elements without an area of their own, and of headers wider than their words."""

    def answer(self, environ: dict[str, Any], method: str, path: str, form: dict[str, str]) -> Any:
        return self.page(BOXLESS)


def test_what_is_around_something_visible_is_there_though_it_has_no_area_of_its_own(
    house: House,
) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        names = ("Placed", "Contents", "Folded", "Around", "Empty", "Unseen", "Off", "Shut")
        seen = {name for name in names if await ada.count(Spot(role="region", name=name))}
        assert seen == {"Placed", "Contents"}
        floating = Spot(role="navigation", name="Floating")
        assert await ada.count(Spot(role="link", name="home", within=floating)) == 1
        await ada.wait_visible(floating, patience=PATIENCE)

    house.on_stage(Boxless(), play)


def test_a_header_is_clicked_where_its_words_are(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        await ada.click(Spot(role="columnheader", name="Size"), patience=PATIENCE)
        assert await ada.path() == "/?sort=size"
        await ada.click(Spot(role="columnheader", name="Day"), patience=PATIENCE)
        assert await ada.title() == "day"

    house.on_stage(Boxless(), play)


def test_people_do_not_share_cookies_or_storage(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada, bo = await on.person(""), await on.person("bo")
        await ada.open("/", patience=PATIENCE)
        await ada.page.evaluate("localStorage.setItem('a', '1'); document.cookie = 'a=1'")
        await bo.open("/", patience=PATIENCE)
        assert await bo.page.evaluate("[localStorage.getItem('a'), document.cookie]") == [None, ""]
        assert await on.person("") is ada

    house.on_stage(Static(), play)


def test_a_file_cannot_be_opened(house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("<p role=status>sealed</p>")
    secret.chmod(0o644)

    async def play(on: BrowserStage) -> tuple[str, str]:
        from playwright.async_api import Error

        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        try:
            await ada.page.goto(f"file://{secret}", timeout=PATIENCE * 1000)
            failed = "opened"
        except Error as error:
            failed = str(error)
        return failed, (await trouble(ada.text(Spot(role="status"))))[0]

    failed, seen = house.on_stage(Static(), play)
    assert "ERR_ACCESS_DENIED" in failed
    assert seen != "none"


def test_no_byte_reaches_any_other_address(house: House) -> None:
    with ExitStack() as stack:
        door, udp, beyond = doors(stack)
        doors_tried = {f"127.0.0.1:{beyond}", f"app.localhost:{beyond}", "example.org"}

        async def play(on: BrowserStage) -> None:
            ada = await on.person("")
            await ada.open("/", patience=PATIENCE)
            await until(
                lambda: (
                    doors_tried
                    <= {address.split("/")[2] for address in on.refused_requests if "//" in address}
                )
            )
            await until(
                lambda: ada.page.evaluate("p.iceGatheringState === 'complete'")
            )  # it has asked whoever it may ask

        house.on_stage(Escapes(beyond), play)
        for sink in (door.accept, lambda: udp.recvfrom(2048)):
            with pytest.raises(TimeoutError):
                sink()


def doors(stack: ExitStack) -> tuple[socket.socket, socket.socket, int]:
    """Two sockets that listen at one number, of a port and of a UDP port. The kernel gives the
    first of them alone, so numbers are asked for, and kept, until one is free for both."""
    while True:
        door, udp = (
            stack.enter_context(socket.socket()),
            stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
        )
        door.bind(("127.0.0.1", 0))
        with suppress(OSError):
            udp.bind(door.getsockname())
            door.listen(8)
            for one in (door, udp):
                one.settimeout(0.05)
            return door, udp, door.getsockname()[1]


def test_only_a_page_that_somebody_opened_is_reported_as_one(house: House) -> None:
    class Refuses(App):
        def answer(self, environ, method, path, form):
            script = "<script>fetch('/fetched', {headers: {'Sec-Fetch-Dest': 'document'}})</script>"
            if (method, path) == ("GET", "/"):
                return self.page(
                    "<form method=post action=/form><button>Send</button></form><img"
                    f" src=/icon>{script}"
                )
            return "404 Not Found", [("Content-Type", "text/html")], b"<h1>Not found</h1>"

    async def play(on: BrowserStage) -> set[tuple[int, str, bool]]:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        await until(
            lambda: {"/icon", "/fetched"} <= {path for _, path, _ in on.statuses}
        )  # before the page that asks is left
        await ada.click(button("Send"), patience=PATIENCE)
        await ada.open("/gone?why=not", patience=PATIENCE)
        return {one for one in on.statuses if one[1] != "/favicon.ico"}

    assert house.on_stage(Refuses(), play) == {
        (200, "/", True), (404, "/form", False), (404, "/icon", False), (404, "/fetched", False), (404, "/gone?why=not", True),
    }  # fmt: skip


def test_dialogs_downloads_and_popups_do_not_stop_a_person(house: House) -> None:
    class Rude(Static):
        def answer(self, environ, method, path, form):
            if path == "/nowhere":
                return "200 OK", [("Content-Type", "application/octet-stream")], b"MZ"
            page = super().answer(environ, method, path, form)
            script = (
                b"<script>if (!opener) { alert('hi'); confirm('sure?'); onload = () =>"
                b" open('/popup') }</script>"
            )
            return page[0], page[1], page[2] + script

    wanted = (
        "dismissed a dialog (alert): hi",
        "dismissed a dialog (confirm)",
        "refused a download: x.exe",
        "beside the first",
    )

    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        await ada.click(Spot(role="link", name="Take"), patience=PATIENCE)
        await ada.click(button("Book"), patience=PATIENCE)
        for said in wanted:
            await until(lambda said=said: any(said in note for note in on.notes))
        assert await ada.text(Spot(role="status"))

    house.on_stage(Rude(), play)


def test_a_page_that_leads_on_by_itself_is_followed(house: House) -> None:
    class Leads(Static):
        def answer(self, environ, method, path, form):
            if path == "/":
                return self.page("<script>location = '/there'</script>")
            return super().answer(environ, method, path, form)

    async def play(on: BrowserStage) -> str:
        ada: BrowserSession = await on.person("")
        await ada.open("/", patience=PATIENCE)
        await ada.wait_visible(Spot(role="note"), patience=PATIENCE)
        return await ada.path()

    assert house.on_stage(Leads(), play) == "/there"


def test_what_is_kept_of_a_stage(house: House, tmp_path: Path) -> None:
    async def play(on: BrowserStage) -> tuple[str, ...]:
        ada, bo = await on.person(""), await on.person("bo")
        await ada.open("/", patience=PATIENCE)
        await bo.open("/other", patience=PATIENCE)
        await ada.page.evaluate(
            "console.error('oh'), console.log('ah'); setTimeout(() => { throw new Error('no') })"
        )
        await until(
            lambda: (
                {"log", "error"} <= {level for level, _ in on.messages}
                and any("no" in text for _, text in on.messages)
            )
        )
        return await on.save_evidence(tmp_path / "run")

    names = house.on_stage(Static(), play)
    assert set(names) == {
        "page.png",
        "page-1.png",
        "aria.txt",
        "aria-1.txt",
        "console.json",
        "network.json",
    }
    assert (tmp_path / "run" / "page.png").read_bytes().startswith(b"\x89PNG")
    assert 'button "Book"' in (tmp_path / "run" / "aria.txt").read_text()
    heard = json.loads((tmp_path / "run" / "console.json").read_text())
    assert ["error", "oh"] in heard
    assert any(level == "error" and "no" in text for level, text in heard)
    log = json.loads((tmp_path / "run" / "network.json").read_text())
    assert {(one["method"], one["path"], one["status"]) for one in log} >= {
        ("GET", "/", 200),
        ("GET", "/other", 200),
    }


def test_an_error_after_many_other_messages_is_still_seen(house: House) -> None:
    async def play(ada: BrowserSession, on: BrowserStage) -> None:
        await ada.page.evaluate("for (let at = 0; at < 300; at += 1) console.log(at)")
        await ada.page.evaluate("console.error('oh'), console.warn('ah')")
        await until(lambda: {("error", "oh"), ("warning", "ah")} <= set(on.console))

    house.on_page(Static(), play)


class Guests(App):
    """Lists names, and each of them once more with something before and after it."""

    NAMES = ("O'Brien-Kell", "D’Arc", "Éîöñ Žač", "Γμζ Χκι", "Бвг Дже", "אבג דהו", "安白 陈東")

    def index(self, environ: dict[str, Any]) -> str:
        items = "".join(
            f"<li>{name}, guest</li><li>{name[0]}{name}{name[-1]}</li>" for name in self.NAMES
        )
        buttons = "".join(f'<button title="{name}">{name}</button>' for name in self.NAMES)
        return f"<h1>Guests</h1><ul>{items}</ul>{buttons}"


def test_a_name_of_any_script_is_found_whole_and_no_longer_one_instead(house: House) -> None:
    async def play(on: BrowserStage) -> None:
        ada = await on.person("")
        await ada.open("/", patience=PATIENCE)
        for name in Guests.NAMES:
            assert await ada.count(Spot(role="listitem", words=name)) == 1, name
            assert await ada.count(button(name)) == 1, name

    house.on_stage(Guests(), play)
