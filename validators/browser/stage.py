"""The stage of one run: its wire, its people, the console messages and the evidence that is
saved."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from validators.browser.calling import Caller
from validators.browser.clock import Clocks
from validators.browser.fingerprint import fingerprint_script
from validators.browser.masking import Mask
from validators.browser.network import exchange
from validators.browser.network.clients import Callers, client
from validators.browser.network.exchange import Tamper
from validators.browser.network.icon import request_icon
from validators.browser.network.wire import Wire
from validators.browser.page_activity import PageActivity
from validators.browser.page_events import PageEvents
from validators.browser.page_waits import TICK_SECONDS
from validators.browser.pictures import last_picture, picture
from validators.browser.pointer import PersonsPointer, Pointer
from validators.browser.session import BrowserSession
from validators.domain.bounds import USUAL, Bounds
from validators.domain.device import USUAL_DEVICE, Device
from validators.domain.errors import Unable
from validators.domain.evidence import Identity, Trouble, observed
from validators.domain.journeys.command_result import CommandResult
from validators.domain.journeys.commands import Run
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import well_formed

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page

# What a page shows before anything was opened.
BLANK = "about:blank"
MOST_NOTES = 20
MOST_PAGES = 3
MOST_PICTURES = 40
# After so many pictures that could not be taken, no more are tried: each costs the run a wait.
MOST_FAILED_PICTURES = 3
# So long after an answer, a page may send the next request.
LEADS_ON_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Setting:
    """Who visits the app in one run, and with which browser settings.

    - `viewport`: width and height in CSS pixels.
    - `device`: the device that the masked visitor seems to use.
    - `downloads`: the journey takes a file. Without it the browser refuses every download.
    - `clock`: the folder with the app's clock file, for a journey that travels in time.
    - `ahead`: seconds by which the visitor's clock is ahead from the beginning.
    - `bounds`: how long the visitor waits for what does not come."""

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


class CommandRuns(Protocol):
    """Runs the commands of one run. `ran`: whether one has been run."""

    ran: bool

    async def run(self, step: Run, values: Values) -> CommandResult:
        """The result of the step's tool. Raises Unable or ExpressionInvalid."""


@dataclass
class BrowserStage:
    """Implements `validators.ports.browser.Stage`. Not slotted: the library sets an attribute on
    the owner of each callback."""

    browser: Browser
    wire: Wire
    setting: Setting
    people: dict[str, BrowserSession] = field(default_factory=dict)
    commands: CommandRuns | None = None
    notes: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    failed_pictures: int = 0
    # By person, the session that speaks to the browser about their page.
    _protocols: dict[str, CDPSession] = field(default_factory=dict)
    clocks: Clocks | None = None
    caller: Caller = field(init=False)
    # The event loop holds its tasks weakly: without this set a task could vanish while it runs.
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        pace = random.Random(self.setting.device.pointer_seed)  # noqa: S311  (no secret)
        origin = f"http://{self.setting.host}"
        self.caller = Caller(self.wire, origin, pace if self._masked else None)

    async def person(self, actor: str) -> BrowserSession:
        if actor not in self.people:
            context = await self._context()
            page_events = PageEvents(self.note, self._later)
            context.on("dialog", page_events.on_dialog)
            context.on("download", page_events.on_download)
            page = await context.new_page()
            self._protocols[actor] = protocol = await self._set_up(page)
            activity = await PageActivity(protocol).start()
            origin = f"http://{self.setting.host}"
            pointer = (
                PersonsPointer(page, self.setting.device.pointer_seed)
                if self._masked
                else Pointer()
            )
            bounds = self.setting.bounds
            person = BrowserSession(
                page,
                self.wire,
                origin,
                page_events,
                bounds,
                activity,
                pointer=pointer,
                caller=self.caller,
            )
            self.people[actor] = person.subscribe()
            if self._masked:
                page.once(
                    "load", lambda shown: self._later(request_icon(shown, self.wire, origin=origin))
                )
            # Only now: the person's own first page is no pop-up.
            context.on("page", self._popped_up)
        return self.people[actor]

    async def take_picture(self, actor: str, name: str) -> None:
        enough = len(self.pictures) >= MOST_PICTURES
        given_up = self.failed_pictures >= MOST_FAILED_PICTURES
        if not self.setting.traced or enough or given_up or actor not in self.people:
            return
        if self.people[actor].page.url == BLANK:
            return
        try:
            async with asyncio.timeout(self.setting.bounds.picture_seconds):
                self.pictures[name] = await picture(self._protocols[actor])
        except (TimeoutError, _library_error()):
            self.failed_pictures += 1
            self.note(f"no picture could be taken at {name}")

    async def wait_until_quiet(self, seconds: float) -> None:
        for person in tuple(self.people.values()):
            with suppress(_library_error()):
                await person.page.wait_for_load_state("load", timeout=seconds * 1000)
                await person.aftermath()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, self.setting.bounds.quiet_seconds)):
                recent_answer = False
                while (
                    self.wire.busy
                    or recent_answer
                    or any(person.activity.leaving for person in self.people.values())
                ):
                    await asyncio.sleep(TICK_SECONDS)
                    recent_answer = monotonic() - self.wire.moved < LEADS_ON_SECONDS

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

    async def run(self, step: Run, values: Values) -> CommandResult:
        if self.commands is None:
            raise Unable(Trouble.BROKEN, "no commands can be run here")
        return await self.commands.run(step, values)

    @property
    def answered(self) -> bool:
        return self.wire.answered or (self.commands is not None and self.commands.ran)

    @property
    def statuses(self) -> tuple[tuple[int, str, bool], ...]:
        return exchange.statuses(self.wire.exchanges)

    @property
    def requests(self) -> tuple[str, ...]:
        return exchange.paths(self.wire.exchanges)

    @property
    def unrecorded(self) -> bool:
        return self.wire.unrecorded

    @property
    def refused_requests(self) -> tuple[str, ...]:
        return exchange.refused(self.wire.exchanges)

    @property
    def console(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.messages)

    async def save_evidence(self, folder: Path) -> tuple[str, ...]:
        """Write the evidence of this run into a folder. Returns the names of the files. A page that
        cannot be shown is noted."""
        folder.mkdir(parents=True, exist_ok=True)
        seconds = self.setting.bounds.keep_seconds
        for index, (actor, person) in enumerate(self.people.items()):
            number = f"-{index}" if index else ""
            try:
                async with asyncio.timeout(seconds):
                    # Who only makes calls has opened no page: there is nothing to see.
                    if person.page.url != BLANK:
                        ratio = self.setting.device.ratio if self._masked else 1
                        shown = await last_picture(self._protocols[actor], ratio=ratio)
                        (folder / f"page{number}.png").write_bytes(shown)
                        (folder / f"aria{number}.txt").write_text(
                            well_formed(await person.page.locator("body").aria_snapshot())
                        )
                    # Only the first person's session is traced, see `_context`.
                    if self.setting.traced and not index:
                        await person.page.context.tracing.stop(path=folder / "trace.zip")
            except (TimeoutError, _library_error()):
                self.note("a page could not be shown at the end")
        for name, taken in self.pictures.items():
            (folder / f"{name}.jpg").write_bytes(taken)
        (folder / "console.json").write_text(json.dumps(self.messages, indent=1))
        (folder / "network.json").write_text(exchange.log(self.wire.exchanges))
        if self.caller.answers:
            (folder / "calls.json").write_text(self.caller.log())
        return tuple(sorted(path.name for path in folder.iterdir()))

    def note(self, text: str) -> None:
        if len(self.notes) < MOST_NOTES:
            self.notes.append(observed(text))

    async def close(self) -> None:
        """Close every context. If that fails, close the browser: the next run starts another."""
        seconds = self.setting.bounds.close_seconds
        try:
            async with asyncio.timeout(seconds):
                for person in self.people.values():
                    await person.page.context.close()
        except (TimeoutError, _library_error()):
            with suppress(TimeoutError, _library_error()):
                async with asyncio.timeout(seconds):
                    await self.browser.close()
        for note in exchange.refusals(self.wire.exchanges):
            self.note(note)

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
            _without_stacks(context)
        if self.clocks:
            await self.clocks.install(context)
        context.on("console", self._on_console)
        context.on("weberror", lambda error: self._record_message("error", str(error.error)))
        return context

    async def _set_up(self, page: Page) -> CDPSession:
        """Mask the page and refuse it every `file:` address. Returns the DevTools session of the
        page that does both."""
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
            self._later(self._set_up(page))

    def _on_console(self, message: ConsoleMessage) -> None:
        """Record what the page's own code writes. A resource that failed to load is left to the
        look `http_status`."""
        if not message.text.startswith("Failed to load resource"):
            self._record_message(message.type, message.text)

    def _record_message(self, level: str, text: str) -> None:
        # The first of each level always: a `never` may forbid what comes after many others.
        if len(self.messages) < MOST_NOTES * 10 or level not in dict(self.messages):
            self.messages.append((level, observed(text)))

    def _later(self, work: Any) -> None:
        """Do the work in the background. A page that closes meanwhile ends it without an error."""

        async def quietly() -> None:
            with suppress(_library_error()):
                await work

        task = asyncio.get_running_loop().create_task(quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)


@asynccontextmanager
async def stage(
    browser: Browser,
    setting: Setting,
    *,
    port: int,
    tamper: Tamper | None = None,
    commands: CommandRuns | None = None,
) -> AsyncIterator[BrowserStage]:
    """A stage for one run against the app at this port. It closes everything at the end."""
    masked = setting.identity is Identity.MASKED
    headers = Mask(browser.version).headers(language=setting.locale) if masked else {}
    clocks = Clocks(setting.clock, setting.ahead) if setting.clock or setting.ahead else None
    callers = Callers(setting.host, client(setting.device.pointer_seed) if masked else None)
    async with Wire(
        host=setting.host, port=port, headers=headers, tamper=tamper, callers=callers
    ) as wire:
        built = BrowserStage(browser, wire, setting, commands=commands, clocks=clocks)
        try:
            yield built
        finally:
            await built.close()


def _without_stacks(context: BrowserContext) -> None:
    """Let the trace do without the lines of our own code that asked for each act.

    With them, every call of every run sends a second message to the library's server for as long as
    one run is traced: four of ten messages of a judgement. The name is private: where an update
    drops it, a trace has the lines again, and a judgement takes longer."""
    with suppress(AttributeError):
        context.tracing._impl_obj._reset_stack_counter()


def _library_error() -> type[Exception]:
    from playwright.async_api import Error

    return Error
