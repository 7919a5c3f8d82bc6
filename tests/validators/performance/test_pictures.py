"""The pictures of a filmstrip: one after each step and from each place of looking, and never a
reason to fail."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.async_api import CDPSession, Error

from tests.validators.apps import Static
from tests.validators.fakes import FakeStage
from tests.validators.house import PATIENCE, House
from tests.validators.performing import perform
from validators.browser.pictures import captured
from validators.browser.stage import MOST_FAILED_PICTURES, BrowserStage

BROKEN_OFF = """journey: book
promise: M-BOOK
steps:
  - open: /
  - click: {button: "Nobody has this"}
  - click: {button: "Book"}
expect:
  - text: {role: status, equals: "Booked"}
"""


def test_a_picture_is_asked_for_after_each_step_and_of_each_place_that_is_looked_at() -> None:
    stage = FakeStage()
    perform(stage=stage)
    assert [name for _, name in stage.pictures] == [
        "step-01", "step-02", "step-03", "step-04", "look-01", "look-04", "look-07",
    ]  # fmt: skip
    assert [person.startswith("other session") for person, _ in stage.pictures] == [False] * 6 + [
        True
    ]


def test_the_step_that_could_not_be_done_has_a_picture_too() -> None:
    stage = FakeStage()
    perform(BROKEN_OFF, stage=stage)
    assert [name for _, name in stage.pictures] == ["step-01", "step-02"]


def test_who_only_makes_calls_has_no_picture_of_a_page(house: House, tmp_path: Path) -> None:
    async def calling(on: BrowserStage) -> None:
        await on.person("ada")
        await on.take_picture("ada", "step-01")
        assert await on.save_evidence(tmp_path) == ("console.json", "network.json", "trace.zip")

    house.on_stage(Static(), calling, traced=True)


def test_pictures_are_kept_of_traced_runs_alone_and_one_that_cannot_be_taken_is_noted(
    house: House, tmp_path: Path
) -> None:
    async def traced(on: BrowserStage) -> None:
        await (await on.person("ada")).open("/", patience=PATIENCE)
        await on.take_picture("ada", "step-01")
        await on.take_picture("nobody", "step-02")
        assert "step-01.jpg" in await on.save_evidence(tmp_path)
        await on.people["ada"].page.close()
        for number in range(3, 9):
            await on.take_picture("ada", f"step-{number:02}")
        assert [note for note in on.notes if "picture" in note] == [
            f"no picture could be taken at step-{number:02}"
            for number in range(3, 3 + MOST_FAILED_PICTURES)
        ]

    async def untraced(on: BrowserStage) -> None:
        await (await on.person("ada")).open("/", patience=PATIENCE)
        await on.take_picture("ada", "step-01")
        assert on.pictures == {}

    house.on_stage(Static(), traced, traced=True)
    house.on_stage(Static(), untraced)
    assert (tmp_path / "step-01.jpg").read_bytes()[:3] == b"\xff\xd8\xff"
    assert not list(tmp_path.glob("step-02*"))


@dataclass
class Undrawn:
    """A page that the browser has not drawn yet: so many pictures of it are refused."""

    refusals: int

    async def send(self, method: str, params: dict[str, Any]) -> dict[str, str]:
        assert (method, params["format"]) == ("Page.captureScreenshot", "png")
        self.refusals -= 1
        if self.refusals >= 0:
            raise Error("Unable to capture screenshot")
        return {"data": "cGljdHVyZQ=="}


def test_a_picture_that_is_refused_once_is_asked_for_again() -> None:
    for refusals in (0, 1):
        page = cast("CDPSession", Undrawn(refusals))
        assert asyncio.run(captured(page, format="png")) == b"picture"
    with pytest.raises(Error, match="Unable to capture"):
        asyncio.run(captured(cast("CDPSession", Undrawn(2)), format="png"))
