"""Pictures of a page, asked of the browser itself.

The library's own screenshot prepares the page at twice the cost, and a trace would record it as an
act, with a copy of the page before and after it. All raise the library's error.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import CDPSession

# Of a JPEG: a page of 1280 pixels takes 15 to 60 kB.
QUALITY = 50
ASK_AGAIN_SECONDS = 0.1


async def picture(protocol: CDPSession) -> bytes:
    """What the person sees, as JPEG."""
    return await captured(protocol, format="jpeg", quality=QUALITY)


async def last_picture(protocol: CDPSession, *, ratio: float) -> bytes:
    """What the person sees at the end, as PNG, a pixel for each of the page's; `ratio` is that of
    the device."""
    seen = (await protocol.send("Page.getLayoutMetrics"))["cssVisualViewport"]
    clip = {
        "x": seen["pageX"],
        "y": seen["pageY"],
        "width": seen["clientWidth"],
        "height": seen["clientHeight"],
        "scale": 1 / ratio,
    }
    return await captured(protocol, format="png", clip=clip)


async def captured(protocol: CDPSession, **how: object) -> bytes:
    """A picture that is taken by these parameters of `Page.captureScreenshot`. A busy browser
    refuses a page that it has not drawn yet, so it is asked twice."""
    from playwright.async_api import Error

    command = ("Page.captureScreenshot", {**how, "optimizeForSpeed": True})
    try:
        taken = await protocol.send(*command)
    except Error:
        await asyncio.sleep(ASK_AGAIN_SECONDS)
        taken = await protocol.send(*command)
    return base64.b64decode(taken["data"])
