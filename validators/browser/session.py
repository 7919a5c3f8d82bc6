"""One person at one browser: the port's acts and readings on a Playwright page.

What a page says is data: it is read through Playwright's isolated world, never by running a page's
own functions, and a page that does not answer a reading within its bounds is one that does not
answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from validators.browser.locating import handle, label_of, located
from validators.browser.network.wire import Wire
from validators.browser.page_activity import PageActivity
from validators.browser.page_events import PageEvents, taken_file
from validators.browser.pointer import Pointer
from validators.browser.reading import Latest, Reader, first_line
from validators.domain.bounds import Bounds
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File
from validators.domain.journeys.spot import Spot

if TYPE_CHECKING:
    from playwright.async_api import FileChooser, FilePayload, Locator, Page, Request

T = TypeVar("T")

TICK_SECONDS = 0.01
REST_SECONDS, REST_FACTOR = (
    0.2,
    3,
)  # a page is at rest after this long, and after thrice what its slowest answer took


@dataclass(slots=True)
class BrowserSession(Reader):
    """Implements `validators.ports.browser.Session`."""

    page: Page
    wire: Wire
    origin: str
    page_events: PageEvents
    bounds: Bounds
    activity: PageActivity
    pointer: Pointer
    failed: str = ""  # why the page's own last navigation failed, empty when it did not
    answers: list[int] = field(default_factory=list)  # the status of every page so far
    latest: Latest | None = None
    _since: int = 0
    _began_at: float = 0.0
    # when the act before the latest began: what that one asked for, this one may wait for
    _before: float = 0.0
    _acted_at: float = 0.0
    _slowest: float = 0.0
    _coming: set[Request] = field(
        default_factory=set
    )  # asked for by the page, and not heard of on the wire yet

    def listening(self) -> BrowserSession:
        """Itself, told from now on of each answer, and when a navigation fails that no act is
        waiting for."""
        self.page.on("response", lambda response: self._answered(response))
        self.page.on("requestfailed", lambda request: self._lost(request))
        self.page.on("request", lambda request: self._sent(request))
        self.page.on("requestfinished", lambda request: self._coming.discard(request))
        return self

    def _sent(self, request: Request) -> None:
        if request.url.startswith(self.origin) and request.resource_type not in (
            "eventsource",
            "websocket",
            "ping",
        ):
            self._coming.add(request)

    def _lost(self, request: Request) -> None:
        from playwright.async_api import Error

        self._coming.discard(request)
        reason = request.failure or ""
        if (
            not request.is_navigation_request() or "ERR_ABORTED" in reason
        ):  # aborted: another navigation took over
            return
        with suppress(Error):  # a request whose frame is gone is nobody's page any more
            if request.frame == self.page.main_frame:
                self.failed = reason

    async def open(self, path: str, *, patience: float) -> None:
        url, limit = self.origin + path, patience * 1000
        await self._gone(
            lambda: self.page.goto(url, timeout=limit, wait_until="domcontentloaded"), patience
        )

    async def reload(self, *, patience: float) -> None:
        await self._gone(
            lambda: self.page.reload(timeout=patience * 1000, wait_until="domcontentloaded"),
            patience,
        )

    async def back(self, *, patience: float) -> None:
        await self._gone(
            lambda: self.page.go_back(timeout=patience * 1000, wait_until="domcontentloaded"),
            patience,
        )

    async def fill(self, spot: Spot, text: str, *, patience: float) -> None:
        await self._acted(spot, lambda found: found.fill(text, timeout=patience * 1000), patience)

    async def click(self, spot: Spot, *, patience: float) -> None:
        await self._acted(
            spot, lambda found: self.pointer.click(handle(spot, found), patience=patience), patience
        )

    async def press(self, key: str, spot: Spot | None, *, patience: float) -> None:
        if spot is None:
            with suppress(
                Unable
            ):  # what waits for its style draws nothing, and has a keyboard all the same
                await self._read(self.activity.drawn())
            await self._begin()
            await self._read(self.page.keyboard.press(key))
            await self._settled(patience)
        else:
            await self._acted(
                spot, lambda found: found.press(key, timeout=patience * 1000), patience
            )

    async def hover(self, spot: Spot, *, patience: float) -> None:
        await self._acted(
            spot, lambda found: self.pointer.hover(found, patience=patience), patience
        )

    async def type(self, text: str, *, patience: float) -> None:
        await self._begin()
        await self._until(
            self._has_focus,
            patience,
            Unable(Trouble.NOT_ACTIONABLE, "nothing has the focus to be typed into"),
        )
        try:
            await asyncio.wait_for(self.page.keyboard.type(text), patience)
        except TimeoutError:
            raise Unable(Trouble.TIMED_OUT, "the page does not respond") from None
        await self._settled(patience)

    async def upload(self, spot: Spot, files: tuple[File, ...], *, patience: float) -> None:
        """A person clicks what asks for a file, and chooses it in the window that opens."""
        opener, asked = (
            await self._opener(spot, patience),
            asyncio.get_running_loop().create_future(),
        )

        def chose(chooser: FileChooser) -> None:
            if not asked.done():
                asked.set_result(chooser)

        self.page.on("filechooser", chose)
        try:
            await self._tried(
                opener, lambda found: self.pointer.click(found, patience=patience), patience
            )
            await self._arrived(asked, patience, "it asks for no file when it is clicked")
        finally:
            self.page.remove_listener("filechooser", chose)
        payload: list[FilePayload] = [
            {"name": one.name, "mimeType": one.kind, "buffer": one.content} for one in files
        ]
        await self._tried(
            opener, lambda _: asked.result().set_files(payload, timeout=patience * 1000), patience
        )
        await self._settled(patience)

    async def download(self, source: Spot | str, *, patience: float) -> File:
        with self.page_events.one_file() as coming:
            if isinstance(source, str):
                await self.open(source, patience=patience)
            else:
                await self.click(source, patience=patience)
            await self._arrived(coming, patience, "no file came to be downloaded")
            return await taken_file(coming.result(), patience=patience)

    def prepare(self, answer: DialogAnswer) -> None:
        self.page_events.prepared.append(answer)

    async def select(self, spot: Spot, option: str, *, patience: float) -> None:
        try:
            await self._acted(
                spot,
                lambda found: found.select_option(label=option, timeout=patience * 1000),
                patience,
            )
        except Unable as unable:
            options = located(self.page, spot).get_by_role("option", name=option, exact=True)
            if unable.trouble == Trouble.NOT_ACTIONABLE and not await self._read(options.count()):
                raise Unable(Trouble.MISSING, "no such option") from None
            raise

    async def tick(self, spot: Spot, *, on: bool, patience: float) -> None:
        await self._acted(
            spot, lambda found: self.pointer.tick(found, on=on, patience=patience), patience
        )

    async def seen(self, spot: Spot, *, patience: float) -> None:
        await self._acted(
            spot, lambda found: found.wait_for(state="attached", timeout=patience * 1000), patience
        )

    async def focused(self, spot: Spot) -> bool:
        found = await self._one(spot)
        return bool(await self._read(found.and_(self.page.locator(":focus")).count()))

    async def at_rest(self) -> bool:
        from playwright.async_api import Error

        if not self._calm:
            return False
        try:
            await self.page.wait_for_load_state("load", timeout=1)  # at once, when it is loaded
            await self._turned(0, 0)  # what it had set out for is known once it has answered
        except (Error, Unable):
            return False
        return self._calm

    @property
    def _calm(self) -> bool:
        """Whether nothing can change the page, nothing of it is outstanding, and it has been so for
        a while."""
        if not self.wire.still or self.wire.busy or self._sets_out:
            return False
        return monotonic() - max(self._acted_at, self.wire.moved) >= max(
            REST_SECONDS, REST_FACTOR * self._slowest
        )

    async def watch(self) -> None:
        await self._read(self.activity.watch(deep=not self.wire.still))

    async def unchanged(self) -> bool:
        return await self._read(self.activity.unchanged(deep=not self.wire.still))

    def owed(self) -> bool:
        return self.activity.leaving or self.wire.owes(
            self._before, habit=self.bounds.quiet_seconds
        )

    async def aftermath(self) -> None:
        """Return when each timer that the page armed has run, but for those that are due later than
        `aftermath_seconds` after the latest act."""
        left = self.bounds.aftermath_seconds - (monotonic() - self._acted_at)
        if not self.wire.still and left > 0:
            with suppress(Unable):
                await self._turned(left, 0)

    async def _gone(self, go: Callable[[], Awaitable[object]], patience: float) -> None:
        from playwright.async_api import Error

        await self._begin()
        try:
            await go()
        except Error as error:
            # A page may lead on by itself, what is opened may be a file to take, and one may be
            # told to stay.
            if not any(
                sign in str(error)
                for sign in ("interrupted by another navigation", "Download is starting")
            ):
                await self._stayed(error)
        await self._settled(patience, opened=True)

    async def _stayed(self, error: Exception) -> None:
        """Raise Unable for a navigation that failed, unless the page asked first and a step says to
        stay.

        The page is asked something in between: the end of this navigation was once taken for that
        of the next."""
        if not (self.page_events.stayed and "ERR_ABORTED" in str(error)):
            raise self._unanswered(error) from None
        await self._read(self.page.title())
        if not self.page_events.met:
            raise Unable(
                Trouble.OTHER_DIALOG,
                "the page asked whether it may be left, and no `dialog` step answers that",
            )

    def _unanswered(self, error: Exception) -> Unable:
        if self.wire.cut:
            return Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        if "crashed" in str(error) or "has been closed" in str(error):
            return Unable(Trouble.BROKEN, "the browser failed")
        from playwright.async_api import TimeoutError

        late = isinstance(error, TimeoutError)
        return Unable(Trouble.TIMED_OUT if late else Trouble.NO_ANSWER, first_line(error))

    async def _acted(
        self, spot: Spot, act: Callable[[Locator], Awaitable[object]], patience: float
    ) -> None:
        await self._tried(located(self.page, spot), act, patience)
        await self._settled(patience)

    async def _tried(
        self, found: Locator, act: Callable[[Locator], Awaitable[object]], patience: float
    ) -> None:
        """Act once the element is there, alone and ready. An element that is double for a moment
        gets its patience."""
        from playwright.async_api import Error, TimeoutError

        await self._begin()
        deadline = monotonic() + patience
        while True:
            try:
                await self._unless_in_vain(act(found), found)
                break
            except TimeoutError:
                raise await self._why_not(found) from None
            except Error as error:
                if "strict mode violation" not in str(error):
                    raise self._unusable(error) from None
                if monotonic() > deadline or await self.at_rest():
                    raise Unable(Trouble.AMBIGUOUS, "more than one element is so named") from None
                await asyncio.sleep(TICK_SECONDS * 5)

    async def _opener(self, spot: Spot, patience: float) -> Locator:
        """What is clicked to choose a file: the element, or the label of a file field that is
        itself hidden."""
        field, label = located(self.page, spot), label_of(self.page, spot)
        await self._begin()

        async def shown() -> bool:
            return bool(
                await self._read(field.count()) or (label and await self._read(label.count()))
            )

        await self._until(shown, patience, Unable(Trouble.MISSING, "no such element"))
        return label if label and not await self._read(field.count()) else field

    async def _has_focus(self) -> bool:
        return bool(await self._read(self.page.locator(":focus").count()))

    async def _arrived(self, coming: asyncio.Future[T], patience: float, otherwise: str) -> None:
        """Return once what the act is about is here. Raises Unable when it does not come."""

        async def here() -> bool:
            self.page_events.refuse_otherwise()
            return coming.done()

        try:
            await self._until(here, patience, Unable(Trouble.NOT_COME, otherwise))
        except Unable as unable:
            raise Unable(unable.trouble, f"{unable}{self._instead()}") from None

    def _instead(self) -> str:
        """What an act was answered with that was to bring something else."""
        pages = [one for one in self.wire.exchanges[self._since :] if one.document and one.status]
        return (
            f"; what came is a page ({pages[-1].status}, {pages[-1].kind or 'of no type'})"
            if pages
            else ""
        )

    async def _until(
        self, holds: Callable[[], Awaitable[bool]], patience: float, otherwise: Unable
    ) -> None:
        """Return once it holds. Raises `otherwise` when the patience is spent, or the page at rest:
        then it never will."""
        deadline = monotonic() + patience
        while not await holds():
            if monotonic() > deadline:
                raise self._late(otherwise)
            if await self.at_rest() and not await holds():
                raise otherwise
            await asyncio.sleep(TICK_SECONDS)

    async def _unless_in_vain(self, act: Awaitable[object], found: Locator) -> None:
        """Let the library act and wait, but raise once the element is not there on a page at rest:
        it never will be.

        Once the app was asked for something, the act may be what asked, and be over before the
        library says so: a click on a busy machine was called missing on the page that it had led
        to. From then on the library has the last word."""
        acting, moved = asyncio.ensure_future(act), self.wire.moved
        try:
            while not (await asyncio.wait({acting}, timeout=TICK_SECONDS * 10))[0]:
                if (
                    await self.at_rest()
                    and not await self._read(found.count())
                    and self.wire.moved == moved
                ):
                    raise Unable(Trouble.MISSING, "no such element")
            await acting
        finally:
            acting.cancel()

    def _late(self, otherwise: Unable) -> Unable:
        """Why an act came to nothing within its patience: whatever it was, if an answer may still
        have changed it."""
        return (
            Unable(Trouble.TIMED_OUT, f"{otherwise}; the app had not answered yet")
            if self.owed()
            else otherwise
        )

    async def _why_not(self, found: Locator) -> Unable:
        if (
            self.activity.leaving or self.wire.owes_document
        ):  # a page that is being left answers nothing
            return Unable(Trouble.TIMED_OUT, "the app did not answer")
        there = await self._read(found.count())
        if there == 0:
            return self._late(Unable(Trouble.MISSING, "no such element"))
        if there > 1:
            return Unable(Trouble.AMBIGUOUS, f"{there} elements are so named")
        return self._late(self._unready())

    def _unready(self) -> Unable:
        return Unable(
            Trouble.NOT_ACTIONABLE,
            "it is there, but cannot be used: disabled, covered, moving or not a field",
        )

    def _unusable(self, error: Exception) -> Unable:
        if any(sign in str(error) for sign in ("net::", "crashed", "has been closed")):
            return self._unanswered(error)
        return Unable(Trouble.NOT_ACTIONABLE, first_line(error))

    async def _settled(self, patience: float, *, opened: bool = False) -> None:
        """Return when what was prepared has been asked and nothing that the act set off is
        outstanding. What a page that was merely opened does later by itself is not the act's."""
        try:
            await self._quiet(patience)
            if self.page_events.prepared or self.page_events.otherwise:
                await self._asked(patience)
                await self._quiet(patience)
            if not opened and not self.wire.still and await self._turned(0, patience):
                await self._turned(self.bounds.aftermath_seconds, patience)
                await self._quiet(patience)
        finally:
            self.page_events.forget()

    async def _asked(self, patience: float) -> None:
        async def asked() -> bool:
            self.page_events.refuse_otherwise()
            return not self.page_events.prepared

        otherwise = "; then ".join(map(str, self.page_events.prepared))
        await self._until(
            asked,
            patience,
            Unable(Trouble.NOT_COME, f"the step was to be asked by {otherwise}; none came"),
        )

    async def _turned(self, seconds: float, patience: float) -> bool:
        """Whether the act armed a timer, once the page has run what is due within so many
        seconds."""
        began = monotonic()
        armed = await self._read(
            self.activity.turned(seconds), within=seconds + max(patience, self.bounds.read_seconds)
        )
        self._slowest = max(self._slowest, monotonic() - began - seconds)
        return armed

    async def _quiet(self, patience: float) -> None:
        """Return when the app owes this run no answer. A page that it owes for longer than the
        patience is not known to come."""
        began = monotonic()
        await self._turned(0, patience)
        while self.wire.busy or self._sets_out:
            waited = monotonic() - began
            owes_page = self.wire.owes_document or self.activity.leaving
            if waited > patience and owes_page:
                raise Unable(Trouble.TIMED_OUT, f"the app did not answer in {patience:g} s")
            if waited > min(self.bounds.quiet_seconds, patience) and not owes_page:
                self._coming.clear()
                self.activity.asked = False
                break
            await asyncio.sleep(TICK_SECONDS)
        self._acted_at = monotonic()
        if self.wire.cut:
            raise Unable(Trouble.TOO_LARGE, "the app answered with more than a page should be")
        broken = [
            one.broken for one in self.wire.exchanges[self._since :] if one.document and one.broken
        ]
        if self.failed or broken:
            raise Unable(Trouble.NO_ANSWER, self.failed or broken[0])

    @property
    def _sets_out(self) -> bool:
        """Whether the page is on its way to another, or has asked for something that the wire does
        not know of yet."""
        known = {one.path for one in self.wire.exchanges[self._since :]}
        self._coming = {
            one
            for one in self._coming
            if one.url[len(self.origin) :].partition("#")[0] not in known
        }
        return bool(self._coming) or self.activity.leaving or self.activity.asked

    async def _begin(self) -> None:
        self.failed, self._since, self._acted_at, self.latest = (
            "",
            len(self.wire.exchanges),
            monotonic(),
            None,
        )
        self.page_events.stayed = self.page_events.met = False
        self._before, self._began_at = self._began_at, self._acted_at
        if not self.wire.still:
            await self._read(self.activity.marked())
