"""Starts Chromium once per identity: sandboxed, with no network but the wires of its runs."""

from __future__ import annotations

import asyncio
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

_WITHOUT = (
    # Ways out, and what asks the network for itself.
    "Translate", "OptimizationHints", "MediaRouter", "DialMediaRouteProvider",
    "InterestFeedContentSuggestions", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
    # It makes a new frame for every page, even of the same site. That costs a quarter of each
    # navigation.
    "RenderDocument",
    # The last argument of this name counts, so what the library leaves out by its own is named
    # again: it holds a page back, turns `http` into `https`, or breaks what the library does.
    "PaintHolding", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "AvoidCorsURLLoaderRestartOnRedirect",
    "DestroyProfileOnBrowserClose", "LensOverlay",
)  # fmt: skip
UNCONNECTED = (
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-quic",
    "--dns-prefetch-disable",
    f"--disable-features={','.join(_WITHOUT)}",
)
"""Arguments for Chromium to use no way around what it is connected by."""
_SEALED = ("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", *UNCONNECTED)
_MARKS = ("--enable-automation", "--hide-scrollbars")
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
    _starting: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, identity: Identity) -> Browser:
        """A live browser for this identity. Raises playwright's Error when it cannot be started."""
        async with self._starting:
            plain = await self._live(Identity.PLAIN, ())
            if identity is Identity.PLAIN:
                return plain
            # The user agent of a process is a flag, and the version in it is only known from a
            # running browser. So the plain one starts first.
            return await self._live(
                identity, (f"--user-agent={Mask(plain.version).agent}", *_UNMARKED)
            )

    async def warm(self) -> None:
        """Start a browser for each identity. A failure is not reported here: whoever asks for the
        browser meets it again."""
        from playwright.async_api import Error

        if self.executable:
            with suppress(Error):
                await self.of(Identity.MASKED)

    async def _live(self, identity: Identity, extra: tuple[str, ...]) -> Browser:
        browser = self.running.get(identity)
        if browser is None or not browser.is_connected():
            browser = await self.playwright.chromium.launch(
                executable_path=self.executable,
                chromium_sandbox=True,
                args=[*_SEALED, *extra],
                ignore_default_args=[*_MARKS] if identity is Identity.MASKED else None,
                timeout=self.bounds.start_seconds * 1000,
                downloads_path=self.downloads,
            )
            self.running[identity] = browser
        return browser


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
