"""One person at one browser: the acts of `validators.ports.browser.Session` on a Playwright page.

What a page shows is data. It is read through Playwright's isolated world, never by running the
page's own functions. A page that does not answer a reading within its bounds counts as one that
does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from validators.browser.calling import MOST_REDIRECTS, Caller, Fetch, Fetched, Unfetched
from validators.browser.locating import handle, label_of, located
from validators.browser.page_events import taken_file
from validators.browser.page_waits import TICK_SECONDS, PageWaits
from validators.browser.pointer import Pointer
from validators.browser.reading import first_line
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import Answer, Request
from validators.domain.journeys.dialog_answer import DialogAnswer
from validators.domain.journeys.files import File
from validators.domain.journeys.spot import Spot

if TYPE_CHECKING:
    from playwright.async_api import APIRequestContext, FileChooser, FilePayload, Locator

T = TypeVar("T")

UNREADY = "it is there, but cannot be used: disabled, covered, moving or not a field"


@dataclass(slots=True)
class BrowserSession(PageWaits):
    """Implements `validators.ports.browser.Session`."""

    pointer: Pointer = field(kw_only=True)
    caller: Caller = field(kw_only=True)

    async def open(self, path: str, *, patience: float) -> None:
        url, limit = self.origin + path, patience * 1000
        await self._navigate(
            lambda: self.page.goto(url, timeout=limit, wait_until="domcontentloaded"), patience
        )

    async def call(self, request: Request, *, patience: float) -> Answer:
        shown = self.page.url
        from_page = shown[len(self.origin) :] if shown.startswith(f"{self.origin}/") else ""
        return await self.caller.answer(
            fetching(self.page.context.request), request, page=from_page, patience=patience
        )

    async def reload(self, *, patience: float) -> None:
        limit = patience * 1000
        await self._navigate(
            lambda: self.page.reload(timeout=limit, wait_until="domcontentloaded"), patience
        )

    async def back(self, *, patience: float) -> None:
        limit = patience * 1000
        await self._navigate(
            lambda: self.page.go_back(timeout=limit, wait_until="domcontentloaded"), patience
        )

    async def fill(self, spot: Spot, text: str, *, patience: float) -> None:
        await self._act_on(spot, lambda found: found.fill(text, timeout=patience * 1000), patience)

    async def click(self, spot: Spot, *, patience: float) -> None:
        await self._act_on(
            spot, lambda found: self.pointer.click(handle(spot, found), patience=patience), patience
        )

    async def press(self, key: str, spot: Spot | None, *, patience: float) -> None:
        if spot is None:
            # A page gives the focus with its first frame. One that still waits for its style draws
            # none, and takes keys all the same.
            with suppress(Unable):
                await self._read(self.activity.wait_for_frame())
            await self._begin_act()
            await self._read(self.page.keyboard.press(key))
            await self._settle(patience)
        else:
            await self._act_on(
                spot, lambda found: found.press(key, timeout=patience * 1000), patience
            )

    async def hover(self, spot: Spot, *, patience: float) -> None:
        await self._act_on(
            spot, lambda found: self.pointer.hover(found, patience=patience), patience
        )

    async def type(self, text: str, *, patience: float) -> None:
        await self._begin_act()
        await self._wait_until(
            self._has_focus,
            patience,
            Unable(Trouble.NOT_ACTIONABLE, "nothing has the focus to be typed into"),
        )
        try:
            await asyncio.wait_for(self.page.keyboard.type(text), patience)
        except TimeoutError:
            raise Unable(Trouble.TIMED_OUT, "the page does not respond") from None
        await self._settle(patience)

    async def upload(self, spot: Spot, files: tuple[File, ...], *, patience: float) -> None:
        """Click what opens the file chooser, as a person does, and choose the files in it."""
        opener = await self._file_opener(spot, patience)
        opened = asyncio.get_running_loop().create_future()

        def on_chooser(chooser: FileChooser) -> None:
            # A page may open a second chooser; a future takes one result only.
            if not opened.done():
                opened.set_result(chooser)

        self.page.on("filechooser", on_chooser)
        try:
            await self._try_act(
                opener, lambda found: self.pointer.click(found, patience=patience), patience
            )
            await self._wait_for(opened, patience, "it asks for no file when it is clicked")
        finally:
            self.page.remove_listener("filechooser", on_chooser)
        payload: list[FilePayload] = [
            {"name": one.name, "mimeType": one.kind, "buffer": one.content} for one in files
        ]
        await self._try_act(
            opener, lambda _: opened.result().set_files(payload, timeout=patience * 1000), patience
        )
        await self._settle(patience)

    async def download(self, source: Spot | str, *, patience: float) -> File:
        with self.page_events.one_file() as coming:
            if isinstance(source, str):
                await self.open(source, patience=patience)
            else:
                await self.click(source, patience=patience)
            await self._wait_for(coming, patience, "no file came to be downloaded")
            return await taken_file(coming.result(), patience=patience)

    def prepare(self, answer: DialogAnswer) -> None:
        self.page_events.prepared.append(answer)

    async def select(self, spot: Spot, option: str, *, patience: float) -> None:
        try:
            await self._act_on(
                spot,
                lambda found: found.select_option(label=option, timeout=patience * 1000),
                patience,
            )
        except Unable as unable:
            # The library waits for an option that is not there until it times out, as it does for a
            # list that cannot be used. The author of a journey needs to know which it was.
            options = located(self.page, spot).get_by_role("option", name=option, exact=True)
            if unable.trouble == Trouble.NOT_ACTIONABLE and not await self._read(options.count()):
                raise Unable(Trouble.MISSING, "no such option") from None
            raise

    async def tick(self, spot: Spot, *, on: bool, patience: float) -> None:
        await self._act_on(
            spot, lambda found: self.pointer.tick(found, on=on, patience=patience), patience
        )

    async def wait_visible(self, spot: Spot, *, patience: float) -> None:
        await self._act_on(
            spot, lambda found: found.wait_for(state="attached", timeout=patience * 1000), patience
        )

    async def focused(self, spot: Spot) -> bool:
        found = await self._one(spot)
        return bool(await self._read(found.and_(self.page.locator(":focus")).count()))

    async def _navigate(self, go: Callable[[], Awaitable[object]], patience: float) -> None:
        from playwright.async_api import Error

        await self._begin_act()
        try:
            await go()
        except Error as error:
            # Two errors of the library are no failures: a page may lead on to the next by itself,
            # and what was opened may be a file to download.
            harmless = ("interrupted by another navigation", "Download is starting")
            if not any(sign in str(error) for sign in harmless):
                await self._check_stayed(error)
        await self._settle(patience, opened=True)

    async def _check_stayed(self, error: Exception) -> None:
        """Raise Unable for a navigation that failed, unless the page asked first and a step answers
        that the person stays."""
        if not (self.page_events.stayed and "ERR_ABORTED" in str(error)):
            raise self._unanswered(error) from None
        # Ask the page something first: the end of this navigation was once taken for the end of
        # the next one.
        await self._read(self.page.title())
        if not self.page_events.met:
            raise Unable(
                Trouble.OTHER_DIALOG,
                "the page asked whether it may be left, and no `dialog` step answers that",
            )

    async def _act_on(
        self, spot: Spot, act: Callable[[Locator], Awaitable[object]], patience: float
    ) -> None:
        await self._try_act(located(self.page, spot), act, patience)
        await self._settle(patience)

    async def _try_act(
        self, found: Locator, act: Callable[[Locator], Awaitable[object]], patience: float
    ) -> None:
        """Act once the element is there, alone and ready. Raises Unable when it does not become
        so within the patience."""
        from playwright.async_api import Error, TimeoutError

        await self._begin_act()
        deadline = monotonic() + patience
        while True:
            try:
                await self._act_unless_missing(act(found), found)
                break
            except TimeoutError:
                raise await self._reason_not_done(found) from None
            except Error as error:
                if "strict mode violation" not in str(error):
                    raise self._unusable(error) from None
                # A page that redraws itself may show an element twice for a moment.
                if monotonic() > deadline or await self.at_rest():
                    raise Unable(Trouble.AMBIGUOUS, "more than one element is so named") from None
                await asyncio.sleep(TICK_SECONDS * 5)

    async def _act_unless_missing(self, act: Awaitable[object], found: Locator) -> None:
        """Let the library act and wait. Raises Unable as soon as the element is missing on a page
        at rest: there it never will come."""
        acting, moved = asyncio.ensure_future(act), self.wire.moved
        try:
            while not (await asyncio.wait({acting}, timeout=TICK_SECONDS * 10))[0]:
                # `moved`: once the app was asked for something, the act itself may have asked, and
                # may be over before the library reports it. A click on a busy machine was once
                # called missing on the page that it had led to. From then on the library decides.
                if (
                    await self.at_rest()
                    and not await self._read(found.count())
                    and self.wire.moved == moved
                ):
                    raise Unable(Trouble.MISSING, "no such element")
            await acting
        finally:
            acting.cancel()

    async def _reason_not_done(self, found: Locator) -> Unable:
        # A page that is being left answers no questions.
        if self.activity.leaving or self.wire.owes_document:
            return Unable(Trouble.TIMED_OUT, "the app did not answer")
        count = await self._read(found.count())
        if count == 0:
            return self._late(Unable(Trouble.MISSING, "no such element"))
        if count > 1:
            return Unable(Trouble.AMBIGUOUS, f"{count} elements are so named")
        return self._late(Unable(Trouble.NOT_ACTIONABLE, UNREADY))

    def _unusable(self, error: Exception) -> Unable:
        if any(sign in str(error) for sign in ("net::", "crashed", "has been closed")):
            return self._unanswered(error)
        return Unable(Trouble.NOT_ACTIONABLE, first_line(error))

    async def _file_opener(self, spot: Spot, patience: float) -> Locator:
        """What is clicked to choose a file: the element, or the label of a file field that is
        itself hidden."""
        file_field, label = located(self.page, spot), label_of(self.page, spot)
        await self._begin_act()

        async def shown() -> bool:
            return bool(
                await self._read(file_field.count()) or (label and await self._read(label.count()))
            )

        await self._wait_until(shown, patience, Unable(Trouble.MISSING, "no such element"))
        return label if label and not await self._read(file_field.count()) else file_field

    async def _has_focus(self) -> bool:
        return bool(await self._read(self.page.locator(":focus").count()))

    async def _wait_for(self, coming: asyncio.Future[T], patience: float, otherwise: str) -> None:
        """Return once the future has its result. Raises Unable when it does not come."""

        async def here() -> bool:
            self.page_events.refuse_otherwise()
            return coming.done()

        try:
            await self._wait_until(here, patience, Unable(Trouble.NOT_COME, otherwise))
        except Unable as unable:
            raise Unable(unable.trouble, f"{unable}{self._page_instead()}") from None

    def _page_instead(self) -> str:
        """The page that an act brought where a file was expected; empty without one."""
        latest = self.wire.exchanges[self._first_exchange :]
        pages = [one for one in latest if one.document and one.status]
        return (
            f"; what came is a page ({pages[-1].status}, {pages[-1].kind or 'of no type'})"
            if pages
            else ""
        )


def fetching(context: APIRequestContext) -> Fetch:
    """Fetches by the request context of a browser."""

    async def fetch(
        origin: str, request: Request, mark: tuple[str, str], patience: float
    ) -> Fetched:
        from playwright.async_api import Error
        from playwright.async_api import TimeoutError as LateError

        try:
            response = await context.fetch(
                origin + request.path,
                method=request.method,
                headers=dict((*request.headers, mark)),
                data=request.content or None,
                max_redirects=MOST_REDIRECTS if request.follow else 0,
                timeout=patience * 1000,
            )
            content = await response.body()
        except LateError:
            raise TimeoutError from None
        except Error as error:
            raise Unfetched(first_line(error)) from None
        headers = tuple((one["name"], one["value"]) for one in response.headers_array)
        found = Fetched(response.status, headers, content, response.url)
        await response.dispose()
        return found

    return fetch
