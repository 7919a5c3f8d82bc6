"""The stage of one run: its wire, its people, what was overheard, and what is kept of it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from validators.browser.clock import Clocks
from validators.browser.fingerprint import fingerprint_script
from validators.browser.masking import Mask
from validators.browser.network.icon import asked_for
from validators.browser.network.wire import Tamper, Wire
from validators.browser.page_activity import PageActivity
from validators.browser.page_events import PageEvents
from validators.browser.pointer import PersonsPointer, Pointer
from validators.browser.session import TICK_SECONDS, BrowserSession
from validators.domain.bounds import USUAL, Bounds
from validators.domain.device import USUAL_DEVICE, Device
from validators.domain.errors import Unable
from validators.domain.evidence import Identity, Trouble, observed

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page

MOST_NOTES = 20
MOST_PAGES = 3
MOST_PICTURES = 40
MOST_MISSED = 3  # a page that shows no picture costs a run the wait for three of them, and no more
PICTURE_QUALITY = 50  # of a JPEG: a page of 1280 pixels takes 15 to 60 kB
LEADS_ON_SECONDS = 0.2  # after an answer a page may ask the next question


@dataclass(frozen=True, slots=True)
class Setting:
    """How a run's visitor looks at the world. `viewport` is width and height in CSS pixels.

    `device` is what the masked visitor sits before. `downloads`: the journey takes a file; else the
    browser itself refuses each. `clock` is the folder of the app's own, for a journey that travels;
    by so many seconds the visitor's clock is `ahead` from the beginning. `bounds` say how long the
    visitor waits for what does not come."""

    identity: Identity
    host: str
    locale: str
    timezone: str
    viewport: tuple[int, int]
    traced: bool = False
    device: Device = USUAL_DEVICE
    downloads: bool = False
    clock: Path | None = None
    ahead: int = 0
    bounds: Bounds = USUAL


@dataclass
class BrowserStage:
    """Implements `validators.ports.browser.Stage`. Not slotted: the library marks the owner of each
    callback."""

    browser: Browser
    wire: Wire
    setting: Setting
    people: dict[str, BrowserSession] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    heard: list[tuple[str, str]] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    missed: int = 0
    _cameras: dict[str, CDPSession] = field(default_factory=dict)
    clocks: Clocks | None = None
    _ready: set[asyncio.Task[None]] = field(default_factory=set)

    async def person(self, actor: str) -> BrowserSession:
        if actor not in self.people:
            context = await self._context()
            page_events = PageEvents(self.note, self._later)
            context.on("dialog", page_events.asked)
            context.on("download", page_events.handed)
            page = await context.new_page()
            activity = await PageActivity(await self._fitted(page)).begun()
            origin = f"http://{self.setting.host}"
            pointer = (
                PersonsPointer(page, self.setting.device.pointer_seed)
                if self._masked
                else Pointer()
            )
            person = BrowserSession(
                page, self.wire, origin, page_events, self.setting.bounds, activity, pointer
            )
            self.people[actor] = person.listening()
            if self._masked:
                page.once(
                    "load", lambda shown: self._later(asked_for(shown, self.wire, origin=origin))
                )
            context.on("page", self._popped_up)
        return self.people[actor]

    async def pictured(self, actor: str, name: str) -> None:
        enough = self.missed >= MOST_MISSED or len(self.pictures) >= MOST_PICTURES
        if not self.setting.traced or enough or actor not in self.people:
            return
        try:
            async with asyncio.timeout(self.setting.bounds.picture_seconds):
                self.pictures[name] = await self._picture(actor)
        except (TimeoutError, _library_error()):
            self.missed += 1
            self.note(f"no picture could be taken at {name}")

    async def quieted(self, seconds: float) -> None:
        for person in tuple(self.people.values()):
            with suppress(_library_error()):
                await person.page.wait_for_load_state("load", timeout=seconds * 1000)
                await person.aftermath()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self.setting.bounds.quiet_seconds)):
                led_on = False
                while (
                    self.wire.busy
                    or led_on
                    or any(person.activity.leaving for person in self.people.values())
                ):
                    await asyncio.sleep(TICK_SECONDS)
                    led_on = monotonic() - self.wire.moved < LEADS_ON_SECONDS

    async def travel(self, seconds: int) -> None:
        if self.clocks is None or self.clocks.folder is None:
            raise Unable(Trouble.NO_VALUE, "this app has no clock that can be put forward")
        try:
            async with asyncio.timeout(self.setting.bounds.travel_seconds):
                await self.clocks.forward(
                    seconds, [person.page.context for person in self.people.values()]
                )
        except (TimeoutError, _library_error()):
            raise Unable(Trouble.NO_ANSWER, "a page does not respond to its clock") from None

    @property
    def _masked(self) -> bool:
        return self.setting.identity is Identity.MASKED

    @property
    def answered(self) -> bool:
        return self.wire.answered

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        return tuple(
            (one.status, one.path, one.opened)
            for one in self.wire.exchanges
            if one.status and not one.refused
        )

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(one.path for one in self.wire.exchanges if not one.refused)

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(one.refused for one in self.wire.exchanges if one.refused)

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.heard)

    async def kept(self, folder: Path) -> tuple[str, ...]:
        """Write what shows this run into a folder; the names of the files. A page that cannot be
        shown is noted."""
        folder.mkdir(parents=True, exist_ok=True)
        seconds = self.setting.bounds.keep_seconds
        for index, person in enumerate(self.people.values()):
            number = f"-{index}" if index else ""
            try:
                async with asyncio.timeout(seconds):
                    await person.page.screenshot(
                        path=folder / f"page{number}.png", scale="css", timeout=seconds * 1000
                    )
                    (folder / f"aria{number}.txt").write_text(
                        await person.page.locator("body").aria_snapshot()
                    )
                    if self.setting.traced and not index:
                        await person.page.context.tracing.stop(path=folder / "trace.zip")
            except (TimeoutError, _library_error()):
                self.note("a page could not be shown at the end")
        for name, picture in self.pictures.items():
            (folder / f"{name}.jpg").write_bytes(picture)
        (folder / "console.json").write_text(json.dumps(self.heard, indent=1))
        (folder / "network.json").write_text(json.dumps(self._log(), indent=1))
        return tuple(sorted(path.name for path in folder.iterdir()))

    async def _picture(self, actor: str) -> bytes:
        """What the person sees, asked of the browser itself: the library's own picture is an act,
        which the trace would show, with a copy of the whole page before it and after it."""
        page = self.people[actor].page
        if actor not in self._cameras:
            self._cameras[actor] = await page.context.new_cdp_session(page)
        how = {"format": "jpeg", "quality": PICTURE_QUALITY, "optimizeForSpeed": True}
        return base64.b64decode(
            (await self._cameras[actor].send("Page.captureScreenshot", how))["data"]
        )

    def note(self, text: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(observed(text))

    async def closed(self) -> None:
        """Close every context. A browser that will not is killed: the next run starts another."""
        seconds = self.setting.bounds.close_seconds
        try:
            async with asyncio.timeout(seconds):
                for person in self.people.values():
                    await person.page.context.close()
        except (TimeoutError, _library_error()):
            with suppress(TimeoutError, _library_error()):
                async with asyncio.timeout(seconds):
                    await self.browser.close()
        for exchange in self.wire.exchanges:
            if exchange.refused:
                self.note(f"refused {exchange.method} {exchange.refused}")

    async def _context(self) -> BrowserContext:
        masked, device = self._masked, self.setting.device
        context = await self.browser.new_context(
            proxy={"server": self.wire.address},
            locale=self.setting.locale,
            timezone_id=self.setting.timezone,
            viewport={"width": self.setting.viewport[0], "height": self.setting.viewport[1]},
            screen={"width": device.screen[0], "height": device.screen[1]} if masked else None,
            device_scale_factor=device.ratio if masked else None,
            service_workers="block",
            accept_downloads=self.setting.downloads,
        )
        if masked:
            await context.add_init_script(Mask(self.browser.version).script())
            await context.add_init_script(fingerprint_script(device))
        if self.setting.traced and not self.people:
            await context.tracing.start(snapshots=True)
        if self.clocks:
            await self.clocks.started(context)
        context.on("console", self._said)
        context.on("weberror", lambda error: self._overheard("error", str(error.error)))
        return context

    async def _fitted(self, page: Page) -> CDPSession:
        """Mask the page, and let it open nothing but the web: a `file:` address fails like one that
        is not there. The line to the page by which that is done."""
        protocol = await page.context.new_cdp_session(page)

        def refuse(paused: dict[str, Any]) -> None:
            refusal = {"requestId": paused["requestId"], "errorReason": "AccessDenied"}
            self._later(protocol.send("Fetch.failRequest", refusal))

        protocol.on("Fetch.requestPaused", refuse)
        await protocol.send("Fetch.enable", {"patterns": [{"urlPattern": "file:*"}]})
        if self._masked:
            override = Mask(self.browser.version).override(language=self.setting.locale)
            await protocol.send("Emulation.setUserAgentOverride", override)
        return protocol

    def _popped_up(self, page: Page) -> None:
        self.note("a page was opened beside the first")
        if len(page.context.pages) > MOST_PAGES:
            self._later(page.close())
        else:
            self._later(self._fitted(page))

    def _said(self, message: ConsoleMessage) -> None:
        """What the page's own code says; that a resource failed to load is `http_status`'s
        matter."""
        if not message.text.startswith("Failed to load resource"):
            self._overheard(message.type, message.text)

    def _overheard(self, level: str, text: str) -> None:
        if len(self.heard) < MOST_NOTES * 10:
            self.heard.append((level, observed(text)))

    def _later(self, work: Any) -> None:
        """Do it beside the run. Pages close under such work all the time; then there is nothing
        left to do."""

        async def quietly() -> None:
            with suppress(_library_error()):
                await work

        task = asyncio.get_running_loop().create_task(quietly())
        self._ready.add(task)
        task.add_done_callback(self._ready.discard)

    def _log(self) -> list[dict[str, object]]:
        return [
            {
                "method": one.method,
                "path": one.path,
                "status": one.status,
                "type": one.kind,
                "bytes": one.octets,
                "millis": one.millis,
                "refused": one.refused,
                "broken": one.broken,
            }
            for one in self.wire.exchanges
        ]


@asynccontextmanager
async def stage(
    browser: Browser, setting: Setting, *, port: int, tamper: Tamper | None = None
) -> AsyncIterator[BrowserStage]:
    """A stage for one run against the app at this port; everything on it is closed at the end."""
    masked = setting.identity is Identity.MASKED
    headers = Mask(browser.version).headers(language=setting.locale) if masked else {}
    clocks = Clocks(setting.clock, setting.ahead) if setting.clock or setting.ahead else None
    async with Wire(host=setting.host, port=port, headers=headers, tamper=tamper) as wire:
        opened = BrowserStage(browser, wire, setting, clocks=clocks)
        try:
            yield opened
        finally:
            await opened.closed()


def _library_error() -> type[Exception]:
    from playwright.async_api import Error

    return Error
