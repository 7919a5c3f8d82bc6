"""The request for a page's icon, as a person's Chrome sends it once a page is there. A Chromium
without a window never sends it.

The request goes to the app beside the wire's exchanges: no step waits for it, no rule counts it,
and its answer is thrown away."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from validators.browser.network.http1 import Head
from validators.browser.network.wire import Wire

if TYPE_CHECKING:
    from playwright.async_api import Page

PATIENCE_MS = 1000
_LINK = "link[rel~='icon' i][href]"
# One selector for both cases: between two questions the page may be left.
_LINK_OR_NONE = f"{_LINK}, body:not(:has({_LINK}))"


async def request_icon(page: Page, wire: Wire, *, origin: str) -> None:
    """Request the icon of the page that is shown. An icon of another origin, or one that the page
    itself contains, is not requested."""
    href = await page.locator(_LINK_OR_NONE).first.get_attribute("href", timeout=PATIENCE_MS)
    address = urljoin(page.url, "/favicon.ico" if href is None else href.strip())
    if not address.startswith(f"{origin}/"):
        return
    split = urlsplit(address)
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    if not (path.isascii() and path.isprintable() and " " not in path):
        return
    cookies = "; ".join(
        f"{one['name']}={one['value']}" for one in await page.context.cookies(address)
    )
    wire.aside(
        Head(
            "GET",
            path,
            "HTTP/1.1",
            (
                ("Host", split.netloc),
                ("sec-ch-ua-platform", '"Linux"'),
                # The wire fills in every header that is empty here.
                ("User-Agent", ""),
                ("sec-ch-ua", ""),
                ("sec-ch-ua-mobile", "?0"),
                (
                    "Accept",
                    "image/jxl,image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
                ),
                ("Sec-Fetch-Site", "same-origin"),
                ("Sec-Fetch-Mode", "no-cors"),
                ("Sec-Fetch-Dest", "image"),
                ("Referer", page.url.partition("#")[0]),
                ("Accept-Encoding", "gzip, deflate, br, zstd"),
                ("Accept-Language", ""),
                *((("Cookie", cookies),) if cookies else ()),
            ),
        )
    )
