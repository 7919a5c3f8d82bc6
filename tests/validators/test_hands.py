"""A real Chromium with its hands on files, dialogs and the keyboard; what is not there says so by name."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.validators import office
from tests.validators.apps import served
from validators.browser.chromium import Browsers, browsers
from validators.browser.saboteur import Sabotage
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage, Setting, stage
from validators.domain.answer import Answer
from validators.domain.errors import Unable
from validators.domain.evidence import Identity, RunEvidence, RunId, Saboteur, Trouble
from validators.domain.files import File, picture
from validators.domain.fold import Result, result
from validators.domain.spot import Spot
from validators.domain.stakes import stakes
from validators.domain.steps import DialogKind
from validators.domain.values import Draw, Values
from validators.judge.performance import Patience, performed
from validators.language.reader import read

Play = Callable[[BrowserSession, BrowserStage], Awaitable[Any]]
PATIENCE = 5
PLAIN = Setting(Identity.PLAIN, "app.localhost", "en-GB", "Asia/Tokyo", (1280, 800))
LIST = File("walk.csv", b"Name,Guests\r\nAda,4\r\n")
PHOTO = File("photo.png", picture(40, 30, of="photo.png"))


class House:
    """One browser for all tests of this module, on one loop."""

    def __init__(self, executable: str, runner: asyncio.Runner) -> None:
        self.runner, self.stack = runner, AsyncExitStack()
        self.downloads = Path(tempfile.mkdtemp(prefix="downloads-"))
        self.downloads.chmod(0o777)  # the browser's user is another one than ours, see conftest
        opened = self.stack.enter_async_context(browsers(executable, downloads=self.downloads))
        self.opened: Browsers = runner.run(opened)

    def close(self) -> None:
        self.runner.run(self.stack.aclose())
        shutil.rmtree(self.downloads)

    def on_stage(self, app: Any, play: Play, *, downloads: bool = True, clock: Path | None = None) -> Any:
        """What a play returns that was given a person at the first page of this app."""

        async def work() -> Any:
            setting = replace(PLAIN, downloads=downloads, clock=clock)
            with served(app) as port:
                async with stage(await self.opened.of(Identity.PLAIN), setting, port=port) as on:
                    person = await on.person("")
                    await person.open("/", patience=PATIENCE)
                    return await play(person, on)

        return self.runner.run(work())

    def performed(
        self, source: str, app: Any, *, identity: Identity = Identity.PLAIN, saboteur: Saboteur | None = None
    ) -> str:
        """What a journey comes to with this app: passed, or what failed first and why or where.

        A saboteur must have something to wound in it, and hit what the journey is about."""
        journey, values = read(source), Values(Draw(7, "hands", date(2026, 11, 21)))
        sabotage = Sabotage(saboteur, lambda: stakes(journey, values)) if saboteur else None
        setting = replace(PLAIN, identity=identity, downloads=journey.downloads)

        async def work() -> RunEvidence:
            patience = Patience(step=PATIENCE, look=1.0)
            with served(app) as port:
                async with stage(await self.opened.of(identity), setting, port=port, tamper=sabotage) as on:
                    return await performed(RunId(journey.name), journey, on, values=values, patience=patience, seconds=60)

        told = self.runner.run(work())
        failed = [f"{one.verb} {one.trouble}" for one in told.steps if not one.passed]
        failed += [f"{one.kind} {one.vantage}" for one in told.expectations if not one.passed]
        assert bool(failed) == (result(told) is not Result.PASSED)
        assert sabotage is None or sabotage.facts.touched
        return failed[0] if failed else "passed"


@pytest.fixture(scope="module")
def house(chromium: str) -> Iterator[House]:
    with asyncio.Runner() as runner:
        opened = House(chromium, runner)
        yield opened
        opened.close()


def link(name: str) -> Spot:
    return Spot(role="link", name=name)


def button(name: str) -> Spot:
    return Spot(role="button", name=name)


async def trouble(work: Awaitable[Any]) -> tuple[str, str]:
    try:
        await work
    except Unable as unable:
        return unable.trouble, str(unable)
    return "none", ""


@pytest.mark.parametrize(
    ("spot", "files"),
    [
        (Spot(label="Photo"), (PHOTO,)),
        (Spot(label="Guest lists"), (LIST, PHOTO)),
        (Spot(label="Plan"), (LIST,)),  # the field itself is not shown; its label is
        (button("Choose a letter"), (LIST,)),
    ],
)
def test_files_are_chosen_where_a_click_asks_for_them(house, spot, files):
    app = office.Office()

    async def play(person: BrowserSession, _: BrowserStage) -> None:
        await person.upload(spot, files, patience=PATIENCE)
        await person.click(button("Send"), patience=PATIENCE)

    house.on_stage(app, play)
    assert app.files == [(one.name, one.kind, one.content) for one in files]
    assert {one.name: one.kind for one in (LIST, PHOTO)} == {"walk.csv": "text/csv", "photo.png": "image/png"}


def test_a_file_that_cannot_be_chosen_says_why(house):
    async def play(person: BrowserSession, _: BrowserStage) -> dict[str, str]:
        return {
            "missing": (await trouble(person.upload(Spot(label="Nope"), (LIST,), patience=0.3)))[0],
            "asks for none": (await trouble(person.upload(Spot(role="heading", name="Office"), (LIST,), patience=1.5)))[0],
            "disabled": (await trouble(person.upload(Spot(label="Locked"), (LIST,), patience=0.3)))[0],
            "takes one": (await trouble(person.upload(Spot(label="Photo"), (LIST, PHOTO), patience=PATIENCE)))[0],
        }

    assert house.on_stage(office.Office(), play) == {
        "missing": Trouble.MISSING, "asks for none": Trouble.NOT_COME, "disabled": Trouble.NOT_ACTIONABLE,
        "takes one": Trouble.NOT_ACTIONABLE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name", "content"),
    [
        (link("Export as CSV"), "guests.csv", b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n'),
        (link("Export in a new window"), "guests.csv", b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n'),
        (link("Data"), "data.json", b'{"guests": ["Ada Holt"]}'),
        (link("Made here"), "made.txt", b"made here"),
        ("/guests.csv", "guests.csv", b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n'),
    ],
)
def test_the_file_that_an_act_hands_over_is_taken(house, source, name, content):
    async def play(person: BrowserSession, on: BrowserStage) -> File:
        taken = await person.download(source, patience=PATIENCE)
        assert await person.count(button("Delete all")) == 1  # the page it came from is still there
        assert not any("refused a download" in note for note in on.notes)
        return taken

    assert house.on_stage(office.Office(), play) == File(name, content)


@pytest.mark.parametrize(
    ("app", "source", "why"),
    [
        (office.Office, link("Report"), Trouble.NOT_COME),
        (office.Office, "/report.html", Trouble.NOT_COME),
        (office.ExportsAPage, link("Export as CSV"), Trouble.NOT_COME),
        (office.BreaksOff, link("Export as CSV"), Trouble.NO_ANSWER),
        (office.Office, link("Huge"), Trouble.TOO_LARGE),
        (office.Office, link("Nope"), Trouble.MISSING),
    ],
)
def test_a_download_that_does_not_come_whole_says_so(house, app, source, why):
    async def play(person: BrowserSession, _: BrowserStage) -> tuple[str, str]:
        return await trouble(person.download(source, patience=1.5))

    told = house.on_stage(app(), play)
    assert told[0] == why, told
    assert ("what came is a page (200, text/html)" in told[1]) is (why == Trouble.NOT_COME)


@pytest.mark.parametrize("downloads", [True, False])
def test_a_download_that_nobody_asked_for_is_refused_and_noted(house, downloads):
    async def play(person: BrowserSession, on: BrowserStage) -> tuple[str, ...]:
        await person.click(link("Export as CSV"), patience=PATIENCE)
        await person.click(link("Made here"), patience=PATIENCE)
        for _ in range(100):
            if len(on.notes) >= 2:
                break
            await asyncio.sleep(0.02)
        return tuple(on.notes)

    notes = house.on_stage(office.Office(), play, downloads=downloads)
    assert notes == ("refused a download: guests.csv", "refused a download: made.txt")


def asked(says: str | None, *, accept: bool = True, kind: DialogKind | None = None, text: str | None = None) -> Answer:
    return Answer(says, kind, accept, text)


def test_a_dialog_is_answered_as_it_was_prepared(house):
    app = office.Office()

    async def play(person: BrowserSession, on: BrowserStage) -> None:
        person.prepare(asked("Delete all guests?", accept=False))
        await person.click(button("Delete all"), patience=PATIENCE)
        assert len(app.guests) == 2
        person.prepare(asked("New name?", text="Cleo Dorn"))
        await person.click(button("Rename"), patience=PATIENCE)
        assert app.guests[0][0] == "Cleo Dorn"
        person.prepare(asked("Delete  all guests?", kind=DialogKind.CONFIRM))
        await person.click(button("Delete all"), patience=PATIENCE)
        assert app.guests == []
        person.prepare(asked("First"))
        person.prepare(asked("Second", accept=False))
        await person.click(button("Twice"), patience=PATIENCE)
        assert "accepted a dialog (confirm): Delete all guests?" in on.notes

    house.on_stage(app, play)


def test_a_dialog_that_comes_late_is_waited_for_and_so_is_what_it_leads_to(house):
    app = office.Office()

    async def play(person: BrowserSession, _: BrowserStage) -> int:
        person.prepare(asked("Really?"))
        await person.click(button("Later"), patience=PATIENCE)
        for _ in range(100):
            if not await person.count(Spot(role="row")):
                break
            await asyncio.sleep(0.02)
        return await person.count(Spot(role="row"))

    assert house.on_stage(app, play) == 0
    assert app.guests == []


@pytest.mark.parametrize(
    ("app", "answer", "name", "why", "words"),
    [
        (office.NeverAsks, asked("Delete all guests?"), "Delete all", Trouble.NOT_COME, "says 'Delete all guests?'"),
        (office.AsksSomethingElse, asked("Delete all guests?"), "Delete all", Trouble.OTHER_DIALOG, "'Go on?'"),
        (office.Office, asked("Delete all guests?", kind=DialogKind.ALERT), "Delete all", Trouble.OTHER_DIALOG, "(alert)"),
        (office.Office, asked("First"), "Nope", Trouble.MISSING, "no such element"),
    ],
)
def test_a_dialog_that_is_not_as_it_was_prepared_says_so(house, app, answer, name, why, words):
    async def play(person: BrowserSession, _: BrowserStage) -> tuple[str, str]:
        person.prepare(answer)
        return await trouble(person.click(button(name), patience=3))

    told = house.on_stage(app(), play)
    assert told[0] == why, told
    assert words in told[1]


def test_a_dialog_that_nobody_prepared_is_dismissed(house):
    app = office.Office()

    async def play(person: BrowserSession, on: BrowserStage) -> tuple[str, ...]:
        await person.click(button("Delete all"), patience=PATIENCE)
        return tuple(on.notes)

    assert house.on_stage(app, play) == ("dismissed a dialog (confirm): Delete all guests?",)
    assert len(app.guests) == 2


def test_a_page_that_asks_before_it_is_left_is_left_or_kept_as_prepared(house):
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        await person.click(button("Write"), patience=PATIENCE)
        unasked = await trouble(person.open("/elsewhere", patience=PATIENCE))
        assert unasked[0] == Trouble.OTHER_DIALOG
        person.prepare(asked(None, kind=DialogKind.LEAVING, accept=False))
        await person.open("/elsewhere", patience=PATIENCE)
        assert await person.path() == "/"
        person.prepare(asked(None, kind=DialogKind.LEAVING))
        await person.open("/elsewhere", patience=PATIENCE)
        assert await person.path() == "/elsewhere"

    house.on_stage(office.Office(), play)


KEYS = """<title>Notes</title><style>#more { display: none } #menu:hover #more { display: block }</style>
<label>Title <input id=t></label> <label>Body <textarea id=b></textarea></label> <button>Save</button>
<label>Find <input id=f></label> <p role=status id=o></p>
<div id=menu><button>Menu</button><ul id=more><li>Archive</li></ul></div>
<script>onkeydown = e => { if (e.target.matches('input, textarea')) return;
    if (e.key == '/') { e.preventDefault(); f.focus() }
    if (e.ctrlKey && e.key == 's') { e.preventDefault(); o.textContent = 'saved' }
    if (e.key == '?') o.textContent = 'help' }</script>"""


class Notes(office.Office):
    """A page for the keyboard: shortcuts, an order of fields, and a menu that opens under the pointer."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return office.page(KEYS)


def test_a_page_is_used_without_a_pointer(house):
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        title, body, find = (Spot(label=name) for name in ("Title", "Body", "Find"))
        assert not await person.focused(title)
        await person.press("Tab", None, patience=PATIENCE)
        assert (await person.focused(title), await person.focused(body)) == (True, False)
        await person.type("Seals", patience=PATIENCE)
        await person.type(" ahead", patience=PATIENCE)
        assert await person.value(title) == "Seals ahead"
        await person.press("Control+a", None, patience=PATIENCE)
        await person.type("Tides", patience=PATIENCE)
        assert await person.value(title) == "Tides"
        await person.press("Tab", None, patience=PATIENCE)
        await person.type("one\ntwo", patience=PATIENCE)
        assert await person.value(body) == "one\ntwo"
        await person.press("Shift+Tab", None, patience=PATIENCE)
        assert await person.focused(title)
        await person.click(Spot(role="button", name="Save"), patience=PATIENCE)
        await person.press("/", None, patience=PATIENCE)
        assert await person.focused(find)
        await person.click(Spot(role="button", name="Save"), patience=PATIENCE)
        await person.press("Control+s", None, patience=PATIENCE)
        assert await person.text(Spot(role="status")) == "saved"
        await person.press("Shift+?", None, patience=PATIENCE)
        assert await person.text(Spot(role="status")) == "help"

    house.on_stage(Notes(), play)


def test_what_has_no_focus_is_not_typed_into(house):
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        assert (await trouble(person.type("Seals", patience=0.3)))[0] == Trouble.NOT_ACTIONABLE
        assert (await trouble(person.focused(Spot(label="Nope"))))[0] == Trouble.MISSING

    house.on_stage(Notes(), play)


def test_a_menu_opens_under_the_pointer(house):
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        assert await person.count(Spot(role="listitem")) == 0
        await person.hover(Spot(role="button", name="Menu"), patience=PATIENCE)
        assert await person.text(Spot(role="listitem")) == "Archive"
        assert (await trouble(person.hover(Spot(role="button", name="Nope"), patience=0.3)))[0] == Trouble.MISSING

    house.on_stage(Notes(), play)


class Dated(office.Office):
    """A page that says what day it is, and notices when an hour has passed."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return office.page("""<p role=status></p><p role=alert></p><script>
          const shown = role => document.querySelector(`[role=${role}]`);
          shown('status').textContent = Math.round(Date.now() / 86400000);
          setTimeout(() => { shown('alert').textContent = 'an hour has passed' }, 3600000)</script>""")


def test_everybody_s_clock_goes_forward_with_the_app_s(house, tmp_path: Path):
    async def play(person: BrowserSession, on: BrowserStage) -> None:
        first = int(await person.text(Spot(role="status")))
        assert await person.count(Spot(role="alert")) == 0
        await on.travel(2 * 86_400)
        assert await person.text(Spot(role="alert")) == "an hour has passed"
        await person.reload(patience=PATIENCE)
        assert int(await person.text(Spot(role="status"))) == first + 2
        await on.travel(86_400)
        late = await on.person("late")
        await late.open("/", patience=PATIENCE)
        assert int(await late.text(Spot(role="status"))) == first + 3
        assert (tmp_path / "ahead").read_text() == f"{3 * 86_400}\n"

    house.on_stage(Dated(), play, clock=tmp_path)


def test_an_app_without_a_clock_does_not_travel(house):
    async def play(_: BrowserSession, on: BrowserStage) -> str:
        return (await trouble(on.travel(60)))[0]

    assert house.on_stage(Dated(), play) == Trouble.NO_VALUE


WHOLE = """\
journey: {name}
promise: issue
let: {{guest: "{{{{ any.name }}}}", size: "{{{{ any.int(10, 99) }}}}"}}
steps:
  - open: /
{steps}expect:
{expect}twin:
  expect:
    - title: Nothing
"""


def whole(name: str, steps: str, expect: str) -> str:
    return WHOLE.format(name=name, steps=steps, expect=expect)


UPLOADS = whole(
    "uploads",
    '  - upload: {label: "Guest lists", files: [{name: "{{ guest }}.csv", rows: [[Name, Size], ["{{ guest }}", "{{ size }}"]]},'
    " {name: photo.png, picture: 4x3}]}\n  - click: {button: Send}\n",
    '  - visible: {listitem: "{{ guest }}.csv"}\n  - absent: {listitem: "0 bytes"}\n  - after_reload: same\n'
    '  - as: other\n    open: /\n    expect: [visible: {listitem: "photo.png image/png"}]\n',
)
DOWNLOADS = whole(
    "downloads",
    '  - dialog: {says: "New name?", type: "{{ guest }}"}\n  - click: {button: Rename}\n'
    "  - download: {link: Export as CSV, as: export}\n",
    '  - downloaded: {as: export, name: guests.csv}\n  - downloaded: {as: export, row: {Name: "{{ guest }}", Guests: "4"}}\n'
    "  - downloaded: {as: export, rows: 2}\n  - row: {cells: ['{{ guest }}', '4']}\n  - other_session: same\n",
)
REFUSES = whole(
    "refuses",
    '  - dialog: {says: "Delete all guests?", answer: dismiss}\n  - click: {button: Delete all}\n',
    "  - row: {cells: [Ada Holt, '4']}\n  - after_reload: same\n",
)
AGREES = whole(
    "agrees",
    '  - as: host\n  - open: /\n  - as: guest\n  - open: /\n  - as: host\n  - press: "Shift+Tab"\n'
    '  - dialog: {says: "Delete all guests?", kind: confirm, answer: accept}\n  - click: {button: Delete all}\n',
    "  - absent: {row: Ada Holt}\n  - visible: {heading: Office}\n"
    "  - as: guest\n    expect: [row: {cells: [Ada Holt, '4']}]\n"  # their page is as old as they left it
    "  - as: guest\n    open: /\n    expect: [absent: {row: Ada Holt}, visible: {heading: Office}]\n",
)
KEYBOARD = whole(
    "keyboard",
    '  - press: "/"\n  - type: "{{ guest }}"\n  - press: Shift+Tab\n  - press: Enter\n',
    "  - focused: {button: Save}\n  - value: {label: Find, equals: '{{ guest }}'}\n",
)


class Deaf(Notes):
    """Its page hears no key."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return office.page(KEYS.replace("onkeydown", "unheard"))


@pytest.mark.parametrize(
    ("source", "app", "told"),
    [
        (UPLOADS, office.Office, "passed"),
        (UPLOADS, office.PaintsUploads, "visible after_reload"),
        (UPLOADS, office.ForgetsContents, "absent here"),
        (DOWNLOADS, office.Office, "passed"),
        (DOWNLOADS, office.ExportsAPage, "download not-come"),
        (DOWNLOADS, office.BreaksOff, "download no-answer"),
        (DOWNLOADS, office.ExportsYesterday, "downloaded here"),
        (REFUSES, office.Office, "passed"),
        (REFUSES, office.NeverAsks, "click not-come"),
        (REFUSES, office.AsksSomethingElse, "click other-dialog"),
        (REFUSES, office.DoesItAnyway, "row here"),
        (KEYBOARD, Notes, "passed"),
        (KEYBOARD, Deaf, "type not-actionable"),
    ],
)
def test_a_journey_fails_on_an_app_that_does_not_do_it(house, source, app, told):
    assert house.performed(source, app()) == told


@pytest.mark.parametrize("identity", Identity)
def test_people_see_with_their_own_eyes(house, identity):
    assert house.performed(AGREES, office.Office(), identity=identity) == "passed"
    assert house.performed(AGREES, office.NeverAsks(), identity=identity) == "click not-come"


EXPORT = whole(
    "export",
    '  - dialog: {says: "New name?", type: "{{ guest }}"}\n  - click: {button: Rename}\n'
    "  - download: {link: Export as CSV, as: export}\n",
    '  - downloaded: {as: export, row: {Name: "{{ guest }}", Guests: "4"}}\n',
)


@pytest.mark.parametrize("saboteur", Saboteur)
def test_whatever_is_done_to_a_file_or_to_what_it_tells_is_noticed(house, saboteur):
    assert house.performed(EXPORT, office.Office(), saboteur=saboteur) in ("downloaded here", "download missing")
