"""Files, dialogs and the keyboard in a real Chromium: what is not there is reported by name."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.validators import office
from tests.validators.house import PATIENCE, House, button, link, trouble
from tests.validators.office import Notes
from tests.validators.patience import VAIN, until
from validators.browser.session import BrowserSession
from validators.browser.stage import BrowserStage
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File, picture
from validators.domain.journeys.spot import Spot
from validators.domain.journeys.steps import DialogKind

LIST = File("walk.csv", b"Name,Guests\r\nAda,4\r\n")
PHOTO = File("photo.png", picture(40, 30, of="photo.png"))


@pytest.mark.parametrize(
    ("spot", "files"),
    [
        (Spot(label="Photo"), (PHOTO,)),
        (Spot(label="Guest lists"), (LIST, PHOTO)),
        (Spot(label="Plan"), (LIST,)),  # the field itself is not shown; its label is
        (button("Choose a letter"), (LIST,)),
    ],
)
def test_files_are_chosen_where_a_click_asks_for_them(house: House, spot, files) -> None:
    app = office.Office()

    async def play(person: BrowserSession, _: BrowserStage) -> None:
        await person.upload(spot, files, patience=PATIENCE)
        await person.click(button("Send"), patience=PATIENCE)

    house.on_page(app, play)
    assert app.files == [(one.name, one.kind, one.content) for one in files]
    assert {one.name: one.kind for one in (LIST, PHOTO)} == {
        "walk.csv": "text/csv",
        "photo.png": "image/png",
    }


def test_a_file_that_cannot_be_chosen_names_the_reason(house: House) -> None:
    async def play(person: BrowserSession, _: BrowserStage) -> dict[str, str]:
        return {
            "missing": (await trouble(person.upload(Spot(label="Nope"), (LIST,), patience=0.3)))[0],
            "asks for none": (
                await trouble(
                    person.upload(Spot(role="heading", name="Office"), (LIST,), patience=VAIN)
                )
            )[0],
            "disabled": (await trouble(person.upload(Spot(label="Locked"), (LIST,), patience=0.3)))[
                0
            ],
            "takes one": (
                await trouble(person.upload(Spot(label="Photo"), (LIST, PHOTO), patience=PATIENCE))
            )[0],
        }

    assert house.on_page(office.Office(), play) == {
        "missing": Trouble.MISSING, "asks for none": Trouble.NOT_COME, "disabled": Trouble.NOT_ACTIONABLE,
        "takes one": Trouble.NOT_ACTIONABLE,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "name", "content"),
    [
        (
            link("Export as CSV"),
            "guests.csv",
            b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n',
        ),
        (
            link("Export in a new window"),
            "guests.csv",
            b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n',
        ),
        (link("Data"), "data.json", b'{"guests": ["Ada Holt"]}'),
        (link("Made here"), "made.txt", b"made here"),
        ("/guests.csv", "guests.csv", b'Name,Guests\r\nAda Holt,4\r\n"Bo, the second",2\r\n'),
    ],
)
def test_the_file_that_an_act_hands_over_is_taken(house: House, source, name, content) -> None:
    async def play(person: BrowserSession, on: BrowserStage) -> File:
        taken = await person.download(source, patience=PATIENCE)
        assert await person.count(button("Delete all")) == 1  # the page it came from is still there
        assert not any("refused a download" in note for note in on.notes)
        return taken

    assert house.on_page(office.Office(), play) == File(name, content)


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
def test_a_download_that_does_not_come_whole_is_reported(house: House, app, source, why) -> None:
    async def play(person: BrowserSession, _: BrowserStage) -> tuple[str, str]:
        in_vain = why in (Trouble.NOT_COME, Trouble.MISSING)
        return await trouble(person.download(source, patience=VAIN if in_vain else PATIENCE))

    unable = house.on_page(app(), play)
    assert unable[0] == why, unable
    assert ("what came is a page (200, text/html)" in unable[1]) is (why == Trouble.NOT_COME)


@pytest.mark.parametrize("downloads", [True, False])
def test_a_download_that_nobody_asked_for_is_refused_and_noted(house: House, downloads) -> None:
    async def play(person: BrowserSession, on: BrowserStage) -> tuple[str, ...]:
        for number, name in enumerate(("Export as CSV", "Made here"), start=1):
            await person.click(link(name), patience=PATIENCE)
            await until(lambda number=number: len(on.notes) >= number)
        return tuple(on.notes)

    notes = house.on_page(office.Office(), play, downloads=downloads)
    assert notes == ("refused a download: guests.csv", "refused a download: made.txt")


def asked(
    message: str | None,
    *,
    accept: bool = True,
    kind: DialogKind | None = None,
    text: str | None = None,
) -> DialogAnswer:
    return DialogAnswer(message, kind, accept, text)


def test_a_dialog_is_answered_as_it_was_prepared(house: House) -> None:
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

    house.on_page(app, play)


def test_a_dialog_that_comes_late_is_waited_for_and_so_is_what_it_leads_to(house: House) -> None:
    app = office.Office()

    async def play(person: BrowserSession, _: BrowserStage) -> int:
        person.prepare(asked("Really?"))
        await person.click(button("Later"), patience=PATIENCE)

        async def gone() -> bool:
            with suppress(Unable):  # a page cannot be read while it is loaded anew
                return not await person.count(Spot(role="row"))
            return False

        await until(gone)
        return await person.count(Spot(role="row"))

    assert house.on_page(app, play) == 0
    assert app.guests == []


@pytest.mark.parametrize(
    ("app", "answer", "name", "why", "words"),
    [
        (
            office.NeverAsks,
            asked("Delete all guests?"),
            "Delete all",
            Trouble.NOT_COME,
            "the message 'Delete all guests?'",
        ),
        (
            office.AsksSomethingElse,
            asked("Delete all guests?"),
            "Delete all",
            Trouble.OTHER_DIALOG,
            "'Go on?'",
        ),
        (
            office.Office,
            asked("Delete all guests?", kind=DialogKind.ALERT),
            "Delete all",
            Trouble.OTHER_DIALOG,
            "(alert)",
        ),
        (office.Office, asked("First"), "Nope", Trouble.MISSING, "no such element"),
    ],
)
def test_a_dialog_that_is_not_as_it_was_prepared_is_reported(
    house: House, app, answer, name, why, words
) -> None:
    async def play(person: BrowserSession, _: BrowserStage) -> tuple[str, str]:
        person.prepare(answer)
        return await trouble(person.click(button(name), patience=VAIN))

    unable = house.on_page(app(), play)
    assert unable[0] == why, unable
    assert words in unable[1]


def test_a_dialog_that_nobody_prepared_is_dismissed(house: House) -> None:
    app = office.Office()

    async def play(person: BrowserSession, on: BrowserStage) -> tuple[str, ...]:
        await person.click(button("Delete all"), patience=PATIENCE)
        return tuple(on.notes)

    assert house.on_page(app, play) == ("dismissed a dialog (confirm): Delete all guests?",)
    assert len(app.guests) == 2


def test_a_page_that_asks_before_it_is_left_is_left_or_kept_as_prepared(house: House) -> None:
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

    house.on_page(office.Office(), play)


def test_a_page_is_used_without_a_pointer(house: House) -> None:
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

    house.on_page(Notes(), play)


def test_what_has_no_focus_is_not_typed_into(house: House) -> None:
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        assert (await trouble(person.type("Seals", patience=0.3)))[0] == Trouble.NOT_ACTIONABLE
        assert (await trouble(person.focused(Spot(label="Nope"))))[0] == Trouble.MISSING

    house.on_page(Notes(), play)


def test_a_menu_opens_under_the_pointer(house: House) -> None:
    async def play(person: BrowserSession, _: BrowserStage) -> None:
        assert await person.count(Spot(role="listitem")) == 0
        await person.hover(Spot(role="button", name="Menu"), patience=PATIENCE)
        assert await person.text(Spot(role="listitem")) == "Archive"
        assert (await trouble(person.hover(Spot(role="button", name="Nope"), patience=0.3)))[
            0
        ] == Trouble.MISSING

    house.on_page(Notes(), play)


class Dated(office.Office):
    """A page that shows what time it was, in seconds, and notices when an hour has passed."""

    def answer(self, environ: dict[str, Any], method: str, path: str, content: bytes) -> Any:
        return office.page(
            """<p role=status></p><p role=alert></p><script>
          const shown = role => document.querySelector(`[role=${role}]`);
          shown('status').textContent = Math.floor(Date.now() / 1000);
          setTimeout(() => { shown('alert').textContent = 'an hour has passed' }, 3600000)</script>"""
        )


def test_everybody_s_clock_goes_forward_with_the_app_s(house: House, tmp_path: Path) -> None:
    async def play(person: BrowserSession, on: BrowserStage) -> None:
        first = int(await person.text(Spot(role="status")))
        assert await person.count(Spot(role="alert")) == 0
        await on.travel(2 * 86_400)
        assert await person.text(Spot(role="alert")) == "an hour has passed"
        await person.reload(patience=PATIENCE)
        assert (
            2 * 86_400 <= int(await person.text(Spot(role="status"))) - first < 2 * 86_400 + 3_600
        )
        await on.travel(86_400)
        late = await on.person("late")
        await late.open("/", patience=PATIENCE)
        assert 3 * 86_400 <= int(await late.text(Spot(role="status"))) - first < 3 * 86_400 + 3_600
        assert (tmp_path / "ahead").read_text() == f"{3 * 86_400}\n"

    house.on_page(Dated(), play, clock=tmp_path)


def test_an_app_without_a_clock_does_not_travel(house: House) -> None:
    async def play(_: BrowserSession, on: BrowserStage) -> str:
        return (await trouble(on.travel(60)))[0]

    assert house.on_page(Dated(), play) == Trouble.NO_VALUE
