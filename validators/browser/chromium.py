"""Starts Chromium once per identity: sandboxed, with no network but the wires of its runs."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from validators.browser.masking import Mask
from validators.browser.selector_engines import register
from validators.domain.bounds import USUAL, Bounds
from validators.domain.evidence import Identity

if TYPE_CHECKING:
    from playwright.async_api import Browser, Playwright

UNCONNECTED = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--dns-prefetch-disable",
    # RenderDocument makes a new frame for every page, even of the same site. That costs a quarter
    # of each navigation.
    "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,"
    "InterestFeedContentSuggestions,RenderDocument",
)
"""Arguments for Chromium to use no way around what it is connected by."""
_SEALED = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *UNCONNECTED)
_MARKS = ("--enable-automation", "--hide-scrollbars")
_VERSION = re.compile(r"\d+(?:\.\d+){3}")
# It takes a tenth of a second. A browser of a person's own may know no such option, and open.
TELL_SECONDS, TELL_BYTES = 2.0, 1000
_UNMARKED = ("--disable-blink-features=AutomationControlled",)


@dataclass(slots=True)
class Browsers:
    """The browsers of one driver, at most one per identity. A browser that has died is started
    again when it is next asked for."""

    playwright: Playwright
    executable: str
    downloads: Path | None = None
    bounds: Bounds = USUAL
    running: dict[Identity, Browser] = field(default_factory=dict)
    _starting: defaultdict[Identity, asyncio.Lock] = field(
        default_factory=lambda: defaultdict(asyncio.Lock)
    )

    async def of(self, identity: Identity) -> Browser:
        """A live browser for this identity. Raises playwright's Error when it cannot be started."""
        async with self._starting[identity]:
            browser = self.running.get(identity)
            if browser is None or not browser.is_connected():
                browser = await (self._launched() if identity is Identity.PLAIN else self._masked())
                self.running[identity] = browser
            return browser

    async def warm(self) -> None:
        """Start a browser for each identity. A failure is not reported here: whoever asks for the
        browser meets it again."""
        if self.executable:
            await asyncio.gather(*map(self.of, Identity), return_exceptions=True)

    async def _masked(self) -> Browser:
        # The user agent of a process is a flag, and names the version. An executable that does not
        # tell its own, or tells another, is asked once it runs.
        version = await told_version(self.executable) or (await self.of(Identity.PLAIN)).version
        browser = await self._launched(*_mask_flags(version), without=_MARKS)
        if Mask(browser.version).agent != Mask(version).agent:
            await browser.close()
            browser = await self._launched(*_mask_flags(browser.version), without=_MARKS)
        return browser

    async def _launched(self, *extra: str, without: tuple[str, ...] = ()) -> Browser:
        return await self.playwright.chromium.launch(
            executable_path=self.executable,
            chromium_sandbox=True,
            args=[*_SEALED, *extra],
            ignore_default_args=[*without] or None,
            timeout=self.bounds.start_seconds * 1000,
            downloads_path=self.downloads,
        )


def _mask_flags(version: str) -> tuple[str, ...]:
    return (f"--user-agent={Mask(version).agent}", *_UNMARKED)


async def told_version(executable: str) -> str:
    """The version that a browser tells without running, such as `156.0.8078.108`; empty where it
    tells none in time."""
    process = None
    try:
        async with asyncio.timeout(TELL_SECONDS):
            process = await asyncio.create_subprocess_exec(
                executable, "--version", stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL
            )
            assert process.stdout is not None
            words = (await process.stdout.read(TELL_BYTES)).decode("utf-8", "replace")
            await process.wait()
    except (OSError, TimeoutError):
        return ""
    finally:
        if process is not None and process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
    found = _VERSION.search(words)
    return found[0] if found else ""


@asynccontextmanager
async def browsers(
    executable: str, *, downloads: Path | None = None, bounds: Bounds = USUAL
) -> AsyncIterator[Browsers]:
    """Browsers from an executable, all closed at the end. If there is an executable, one browser
    for each identity starts now.

    `downloads` is a folder that the browser may write to, for a browser that runs as another user
    than its driver; None: the browser's own."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        await register(playwright)
        opened = Browsers(playwright, executable, downloads, bounds)
        warming = asyncio.create_task(opened.warm())
        try:
            yield opened
        finally:
            # Before closing: a browser that is still starting would be missed.
            await warming
            await asyncio.gather(*(browser.close() for browser in opened.running.values()))
