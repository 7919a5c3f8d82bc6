"""Pagination, with GitHub's Link header."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.shapes.common import Json

PER_PAGE, MOST_PER_PAGE = 30, 100
T = TypeVar("T")


def window(call: ApiCall) -> tuple[int, int]:
    """The page size and the number of items to skip. Invalid values mean the default, as
    on GitHub."""
    per_page = min(max(_number(call.query.get("per_page"), PER_PAGE), 1), MOST_PER_PAGE)
    return per_page, (max(_number(call.query.get("page"), 1), 1) - 1) * per_page


def page(
    call: ApiCall, items: Sequence[T], total: int, *, shape: Callable[[T], Json]
) -> ApiResponse:
    """One page whose items were fetched with `window`."""
    return ApiResponse([shape(item) for item in items], headers=links(call, total))


def page_of(call: ApiCall, items: Sequence[T], *, shape: Callable[[T], Json]) -> ApiResponse:
    """One page of a complete list."""
    size, skip = window(call)
    return page(call, items[skip : skip + size], len(items), shape=shape)


def links(call: ApiCall, total: int) -> dict[str, str]:
    """The Link header for `total` items; empty where one page holds all."""
    size, skip = window(call)
    now, last = skip // size + 1, max(1, -(-total // size))
    found: dict[str, int] = {}
    if now > 1:
        found |= {"prev": min(now - 1, last), "first": 1}
    if now < last:
        found |= {"next": now + 1, "last": last}
    entries = (
        f'<{call.url}?{urlencode({**call.query, "page": number})}>; rel="{name}"'
        for name, number in found.items()
    )
    return {"link": ", ".join(entries)} if found else {}


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 9 else otherwise
