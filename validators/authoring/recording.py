"""`record`: write down, as a journey, what a person does in a browser with a window.

Playwright's recorder tells what was done, and on which element of which accessibility tree. The
browser is the person's own, without a sandbox of ours, and reaches the app's address alone."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from validators.authoring.recorded_element import Called, called
from validators.authoring.recorded_journey import Action, Asked, Writer
from validators.browser.chromium import UNCONNECTED
from validators.domain.stops import UsageError
from validators.launcher.living import Address

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

Person = Callable[["Page"], Awaitable[None]]
"""Acts on the page, and returns when it is done."""

WINDOWS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
MOST_ACTIONS = 200
# The recorder tells of an action a moment after it was done; a page may never answer.
SETTLE_SECONDS, ASK_SECONDS = 1.5, 2
# A script goes back at once after the click that made it; the recorder tells of a click half a
# second late.
SCRIPT_SECONDS = 0.8
INTO = ("fill", "check", "uncheck", "select", "assertValue", "assertChecked")
SECRET = re.compile(r"passw|passphrase|secret|\bpin\b|token", re.IGNORECASE)


@dataclass(slots=True)
class Recorder:
    """What was done so far, as Playwright tells it. `show` gets each step once it is over."""

    origin: str
    show: Callable[[str], None] = lambda _line: None
    # The window that the recording began with, and its outermost frame.
    window: Page | None = None
    _frame: str = ""
    actions: list[Action] = field(default_factory=list)
    # In the order in which they came, and for each action the numbers of those that it caused.
    asked: list[Asked] = field(default_factory=list)
    _caused: dict[int, list[int]] = field(default_factory=dict)
    _claimed: int = 0
    _shown: int = 0
    _full: bool = False
    # The page asked for what is loaded next: a link, a form, a script.
    _requested: bool = False
    _asking: set[asyncio.Future[None]] = field(default_factory=set)

    def begins_in(self, window: Page, *, frame: str) -> None:
        self.window, self._frame = window, frame

    def action_added(self, page: object, data: Mapping[str, Any], _code: str) -> None:
        """Playwright's recorder has another action."""
        action = action_of(data)
        # Playwright gives its inner object.
        if self.window and page is not self.window._impl_obj:
            self._add(replace(action, name=f"{action.name} in another window"))
        # It takes an address that a script sets late for one that a person opens.
        elif action.name != "navigate":
            self._add(action)
            self._ask(len(self.actions) - 1, action)

    def _add(self, action: Action) -> None:
        self._full = len(self.actions) >= MOST_ACTIONS
        if self._full:
            return
        self.actions.append(action)
        # What a key was for shows in what comes after it.
        if action.name != "press":
            self._tell(len(self.actions) - 1)

    def navigation_requested(self, event: Mapping[str, Any]) -> None:
        """The page asks for another one, or for itself."""
        if event.get("disposition") == "currentTab":
            self._requested = True

    def navigation_started(self, event: Mapping[str, Any]) -> None:
        """Another page is loaded: by the person, where the page did not ask for it."""
        requested, self._requested = self._requested, False
        kind, url = str(event.get("navigationType")), str(event.get("url"))
        if requested or self.window is None or event.get("frameId") != self._frame:
            return
        if kind.startswith("reload"):
            self._add(Action("reload"))
        elif kind == "differentDocument":
            self._add(Action("navigate", url=url))
        elif kind == "historyDifferentDocument":
            self._asking.add(asyncio.ensure_future(self._went_back(url)))

    async def _went_back(self, url: str) -> None:
        """Forward, too: as an address, which is where a person looks next."""
        before = len(self.actions)
        await asyncio.sleep(SCRIPT_SECONDS)
        if len(self.actions) == before:
            self._add(Action("navigate", url=url))

    def action_updated(self, _page: object, data: Mapping[str, Any], _code: str) -> None:
        """The last action goes on: another letter was typed."""
        if not self._full and self.actions:
            last = self.actions[-1]
            self.actions[-1] = replace(
                action_of(data), name=last.name, downloads=last.downloads, secret=last.secret
            )

    def signal_added(self, _page: object, data: Mapping[str, Any], _code: str) -> None:
        """What the last action caused: a download, a dialog that may still be unanswered."""
        if self._full or not self.actions:
            return
        if data.get("name") == "download":
            self.actions[-1] = replace(self.actions[-1], downloads=True)
        elif data.get("name") == "dialog":
            self._caused.setdefault(len(self.actions) - 1, []).append(self._claimed)
            self._claimed += 1

    def dialog_opened(self, event: Mapping[str, Any]) -> None:
        self.asked.append(Asked(str(event.get("type")), str(event.get("message"))))

    def dialog_closed(self, event: Mapping[str, Any]) -> None:
        if self.asked:
            accepted, typed = event.get("result") is True, str(event.get("userInput", ""))
            self.asked[-1] = replace(self.asked[-1], accepted=accepted, typed=typed)

    def done(self) -> tuple[Action, ...]:
        """The actions, with the dialogs that each of them caused."""
        return tuple(
            replace(
                one,
                asked=tuple(self.asked[n] for n in self._caused.get(at, ()) if n < len(self.asked)),
            )
            for at, one in enumerate(self.actions)
        )

    async def settled(self) -> tuple[Action, ...]:
        """All that was done, once what was asked of the page has come."""
        await asyncio.gather(*self._asking)
        self._tell(len(self.actions))
        return self.done()

    def _ask(self, at: int, action: Action) -> None:
        """Ask the page for what the recorder does not tell."""
        if self.window is None or self._full:
            return
        if action.element is None and action.selector:
            self._asking.add(asyncio.ensure_future(self._found(self.window, at)))
        if action.name in ("fill", "assertValue"):
            self._asking.add(asyncio.ensure_future(self._hidden(self.window, at)))

    async def _found(self, page: Page, at: int) -> None:
        """What was only looked at comes without a tree: ask for it."""
        from playwright.async_api import Error

        action = self.actions[at]
        with suppress(Error, TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                own = await page.locator(action.selector).first.aria_snapshot(mode="ai")
                tree = await page.aria_snapshot(mode="ai")
            ref = re.search(r"\[ref=(\w+)\]", own)
            found = called(tree, ref[1], field=action.name in INTO) if ref else None
            secret = self.actions[at].secret or _is_secret(found)
            self.actions[at] = replace(self.actions[at], element=found, secret=secret)

    async def _hidden(self, page: Page, at: int) -> None:
        """Whether the page hides what is typed, as for a password: then the journey has none."""
        from playwright.async_api import Error

        with suppress(Error, TimeoutError):
            async with asyncio.timeout(ASK_SECONDS):
                kind = await page.locator(self.actions[at].selector).first.get_attribute("type")
            if kind == "password":
                self.actions[at] = replace(self.actions[at], secret=True)

    def _tell(self, over: int) -> None:
        """Show the steps of the actions that are over."""
        lines = Writer(self.origin).lines(self.done())
        for line in (line for lines_of in lines[self._shown : over] for line in lines_of):
            self.show(line)
        self._shown = over


def action_of(data: Mapping[str, Any]) -> Action:
    """An action of Playwright's recorder, with the element named as a journey names it."""
    name, ref = str(data.get("name", "")), str(data.get("ref", ""))
    tree = str(data.get("ariaSnapshot") or "")
    element = called(tree, ref, field=name in INTO) if tree and ref else None
    return Action(
        name,
        element,
        selector=str(data.get("selector", "")),
        text=str(data.get("value" if name == "assertValue" else "text", "")),
        url=str(data.get("url", "")),
        key=str(data.get("key", "")),
        held=int(data.get("modifiers") or 0),
        clicks=int(data.get("clickCount", 1)),
        right=data.get("button", "left") != "left",
        substring=data.get("substring") is True,
        checked=data.get("checked") is True,
        secret=_is_secret(element),
    )


def _is_secret(element: Called | None) -> bool:
    """Whether a field is called like one that hides what is typed."""
    return element is not None and SECRET.search(element.keys[-1][1]) is not None


async def recorded(
    recorder: Recorder, address: Address, *, executable: str, person: Person | None = None
) -> tuple[Action, ...]:
    """What a person does in a window, until they close it or send SIGINT; what `person` does, in a
    browser without one. Raises playwright's Error when the browser cannot be started."""
    from playwright.async_api import async_playwright

    over = asyncio.Event()
    if person is None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, over.set)
    with nowhere() as proxy:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=executable,
                chromium_sandbox=True,
                headless=person is not None,
                handle_sigint=False,
                args=[*alone_with(address, proxy), *UNCONNECTED],
            )
            browser.on("disconnected", lambda _: over.set())
            context = await browser.new_context(no_viewport=True if person is None else None)
            page = await _window(context, recorder, over)
            await page.goto(recorder.origin)
            if person is None:
                await over.wait()
            else:
                await person(page)
            if browser.is_connected() and context.pages:
                await asyncio.sleep(SETTLE_SECONDS)
            done = await recorder.settled()
            if browser.is_connected():
                await browser.close()
            return done


async def _window(context: BrowserContext, recorder: Recorder, over: asyncio.Event) -> Page:
    """The first window of a browser that is recorded. `over` is set when the last one is closed."""

    def closed(_page: Page) -> None:
        if not context.pages:
            over.set()

    context.on("page", lambda page: page.on("close", closed))
    # A dialog that nobody listens for is dismissed by Playwright; the answer is the person's.
    context.on("dialog", lambda _dialog: None)
    # What Playwright's own clients of the recorder call; the public interface has none.
    await context._impl_obj._start_recording({"language": "jsonl"}, recorder)
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    await devtools.send("Page.enable")
    tree = await devtools.send("Page.getFrameTree")
    recorder.begins_in(page, frame=tree["frameTree"]["frame"]["id"])
    for event, hear in (
        ("javascriptDialogOpening", recorder.dialog_opened),
        ("javascriptDialogClosed", recorder.dialog_closed),
        ("frameRequestedNavigation", recorder.navigation_requested),
        ("frameStartedNavigating", recorder.navigation_started),
    ):
        # Playwright leaves marks on what it is given, and a method takes none.
        devtools.on(f"Page.{event}", lambda one, hear=hear: hear(one))
    return page


def alone_with(address: Address, proxy: int) -> tuple[str, ...]:
    """Arguments for Chromium to reach this address and nothing else: all other requests, those of
    the browser itself too, go to a proxy that is not there."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    return (
        f"--proxy-server=http://127.0.0.1:{proxy}",
        # The last rule that fits counts: the first one takes this machine's own addresses back.
        f"--proxy-bypass-list=<-loopback>;{host}:{address.port}",
        f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {address.host}, EXCLUDE 127.0.0.1",
    )


@contextmanager
def nowhere() -> Iterator[int]:
    """A port of this machine at which nobody listens, and nobody else can."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def window_browser(environment: Mapping[str, str] = os.environ) -> str:
    """The browser with a window. Raises UsageError that names what is lacking."""
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise UsageError(
            "record needs a screen: neither DISPLAY nor WAYLAND_DISPLAY is set; use it at a"
            " desktop, or draft the journey with `factory journeys new`"
        )
    if os.geteuid() == 0:
        raise UsageError("record opens a browser, which does not run as root: use your own account")
    theirs = sorted(Path.home().glob(".cache/ms-playwright/chromium-*/*/chrome"), reverse=True)
    found = next((path for path in (*WINDOWS, *map(str, theirs)) if os.access(path, os.X_OK)), "")
    if not found:
        raise UsageError(
            f"record needs a browser with a window, one of {', '.join(WINDOWS)}: install chromium,"
            " or run `playwright install chromium`"
        )
    return found
