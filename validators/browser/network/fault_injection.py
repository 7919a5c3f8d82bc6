"""The saboteur: an app that is broken on purpose, between the browser and the app, so that a
journey can be seen to fail.

Five ways to be broken. `drop-row` and `swap-text` alter answers; `stale` and `error-500` never let
a write reach the app; `frozen` answers every request for a path as the first was answered, whatever
is asked of it: a painted app. Two of them do a second thing for journeys that look at it:
`drop-row` turns a table round where the order of its rows is read, and `error-500` gives every page
the status of an error where the status is read. The rule, kept by the fold:

- *changed* counts what was altered. A sabotage that altered no byte and held back no write is not
  applicable: it is neither caught nor missed, and never a control.
- *touched* says that what was altered is the journey's own business: a text that a positive
  expectation requires was in an answer and is gone from it, or a write that carried a value which
  such a text mentions was held back.
- *reached* says that it was a value which a step had put in and an expectation mentions. Where
  there are such values, one of these must be caught, or the journey must have looked for them again
  from elsewhere: a page that paints what was typed and keeps nothing has a name and a heading that
  can be wounded, too.
- every touched sabotage must be caught, and at least one applicable one. A sabotage that is
  applicable and not touched may go unnoticed: a journey need not notice what it says nothing about.
- `frozen` touches nothing in this sense. It must be caught where all that is expected was there
  when the pages had merely been opened: else neither what the steps do nor what they put in makes a
  difference.

A write is a request that changes something by its method and that the page waits for: beacons are
not writes. Web sockets and event streams pass unaltered, so an app that speaks only through them
has fewer saboteurs that apply."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from validators.browser.network.http1 import Head
from validators.browser.network.mutations import (
    HTML,
    Mutation,
    dropped,
    leaves,
    swapped,
    turned,
)
from validators.domain.evidence import FaultFacts, FaultInjector
from validators.domain.journeys.data_at_stake import Stakes
from validators.domain.journeys.wording import folded

_PARTS = re.compile(r'[",;\t]')
WRITES = ("POST", "PUT", "PATCH", "DELETE")
MOST_FROZEN = 64 * 1024 * 1024
"""Bytes of answers that are remembered. What comes after them is left as it is."""
_BROKEN = b"<!doctype html><title>Internal Server Error</title><h1>Internal Server Error</h1>"


class FaultInjection:
    """One saboteur at work in one run. `stakes` is asked anew at every message: a run learns its
    values as it goes."""

    def __init__(self, injector: FaultInjector, stakes: Callable[[], Stakes]) -> None:
        self._injector = injector
        self._stakes = stakes
        self._changed = 0
        self._touched = False
        self._reached = False
        self._first: dict[str, tuple[Head, bytes]] = {}

    @property
    def facts(self) -> FaultFacts:
        return FaultFacts(
            self._changed, self._touched, put_in=bool(self._stakes().data), reached=self._reached
        )

    def instead(self, request: Head, content: bytes) -> tuple[Head, bytes] | None:
        """The answer to a write that the app will never see; None lets the request through."""
        if self._injector not in (FaultInjector.STALE, FaultInjector.ERROR_500) or not _is_write(
            request
        ):
            return None
        self._changed += 1
        if self._stakes().data & set(_carried(request, content)):
            self._touched = self._reached = True
        return _broken() if self._injector is FaultInjector.ERROR_500 else _as_if_done(request)

    def altered(self, request: Head, answer: Head, content: bytes) -> bytes:
        """The answer's body, wounded where this saboteur wounds answers."""
        kind = _kind(answer)
        match self._injector:
            case FaultInjector.SWAP_TEXT:
                wounded = swapped(content, kind, self._stakes())
            case FaultInjector.DROP_ROW:
                wounded = self._rows(content, kind)
            case FaultInjector.FROZEN:
                first = self._frozen(request, answer, content)
                self._changed += _told(*first) != _told(answer, content)
                return first[1]
            case _:
                return content
        self._changed += wounded.content != content
        self._touched |= wounded.touched
        self._reached |= wounded.reached
        return wounded.content

    def head(self, request: Head, answer: Head) -> Head:
        """The answer's head: an error, where pages are given the status of one; the first, where
        all are."""
        if self._injector is FaultInjector.FROZEN:
            return self._first.get(_path(request), (answer, b""))[0]
        page = request.header("sec-fetch-dest") == "document" and not 300 <= answer.status < 400
        if self._injector is not FaultInjector.ERROR_500 or not page or not self._stakes().status:
            return answer
        self._changed += 1
        self._touched = True
        return Head(
            answer.first,
            *(("500", "Internal Server Error") if answer.status != 500 else ("200", "OK")),
            answer.headers,
        )

    def _frozen(self, request: Head, answer: Head, content: bytes) -> tuple[Head, bytes]:
        """The first answer for this path; the app is asked all the same, so that what is altered is
        known."""
        room = MOST_FROZEN - sum(len(held) for _, held in self._first.values())
        if len(content) <= room:
            self._first.setdefault(_path(request), (answer, content))
        return self._first.get(_path(request), (answer, content))

    def _rows(self, content: bytes, kind: str) -> Mutation:
        stakes = self._stakes()
        about = turned(content, kind, stakes)
        return about if about.content != content else dropped(content, kind, stakes)


def _kind(answer: Head) -> str:
    """The media type by which an answer is read: a file that is handed over as mere bytes may well
    be a text."""
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    known = kind.startswith("text/") or kind.endswith("json") or kind in HTML
    handed = answer.header("content-disposition").strip().lower().startswith("attachment")
    return "text/plain" if handed and not known else kind


def _told(answer: Head, content: bytes) -> tuple[int, str, bytes]:
    """What of an answer is more than its date."""
    return answer.status, answer.header("location"), content


def _path(request: Head) -> str:
    return urlsplit(request.second).path or "/"


def _is_write(request: Head) -> bool:
    return request.first in WRITES and request.header("sec-fetch-mode") != "no-cors"


def _carried(request: Head, content: bytes) -> Iterator[str]:
    """Every value a request brings: path segments, query, form fields, JSON leaves, parts of a
    multipart body.

    Of a file that is its name, and each of its lines and cells."""
    url = urlsplit(request.second)
    yield from (unquote_plus(segment) for segment in url.path.split("/"))
    yield from (folded(value) for _, value in parse_qsl(url.query))
    kind, told = request.header("content-type"), content.decode("utf-8", "replace")
    if "json" in kind:
        yield from _json_values(told)
    elif "multipart" in kind:
        yield from (
            folded(piece) for line in told.splitlines() for piece in (line, *_PARTS.split(line))
        )
    else:
        yield from (folded(value) for _, value in parse_qsl(told))


def _json_values(told: str) -> Iterator[str]:
    try:
        yield from (folded(str(leaf)) for leaf in leaves(json.loads(told)))
    except ValueError:
        return


def _broken() -> tuple[Head, bytes]:
    return Head(
        "HTTP/1.1", "500", "Internal Server Error", (("Content-Type", "text/html; charset=utf-8"),)
    ), _BROKEN


def _as_if_done(request: Head) -> tuple[Head, bytes]:
    """What an app that forgot the write would say: back to where the form was, or an empty yes to a
    script."""
    if "text/html" in request.header("accept"):
        back = urlsplit(request.header("referer"))
        where = (back.path or "/") + (f"?{back.query}" if back.query else "")
        return Head("HTTP/1.1", "303", "See Other", (("Location", where),)), b""
    return Head("HTTP/1.1", "200", "OK", (("Content-Type", "application/json"),)), b"{}"
