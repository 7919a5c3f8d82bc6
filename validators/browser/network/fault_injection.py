"""Injects faults between the browser and the app, to show that a journey can fail.

There are five injectors:

- `drop-row` and `swap-text` alter answers. Where a journey reads the order of rows, `drop-row`
  reverses the table instead.
- `stale` and `error-500` let no write reach the app. Where a journey reads the status of a page,
  `error-500` also gives every page the status of an error.
- `frozen` answers every request for a path as the first one was answered, whatever it contains:
  like an app that is only painted.

To the calls of a journey they do what goes wrong with an API:

- `drop-row` removes list entries; where there are none at stake, the fields at stake, or their
  headers; and it reverses an array whose order is read.
- `stale` answers a write as if it were done: with an expected status, and with what was sent.
- `error-500` gives an answer whose status is read another one: no error becomes an error, and an
  error a success.
- `frozen` hands the app another input than the step's own: other data that could have been drawn.
  The answer is right for that input: like an app that does not read what it is given.

A web socket that a call opens is a call like others: what it sends is a write, what comes a list.
`drop-row` loses messages, `swap-text` alters them, `stale` keeps the sent one from the app,
`frozen` also gives each socket the messages of the first one at its path, and `error-500` closes it
before any message comes.

Properties, which `validators.domain.fold` checks:

- *changed* counts the alterations. A fault that altered no byte and held back no write is not
  applicable: it is neither caught nor missed, and never counts as a control.
- *touched* means that the alteration concerns the journey: a text that a positive expectation
  requires was in an answer and is gone from it, or a write was held back that carried a value which
  such a text mentions.
- *reached* means that the text was a value which a step had entered and an expectation mentions.
  Where there are such values, one such fault must be caught, or the journey must have looked for
  the values again from elsewhere. Otherwise a page that shows what was typed and stores nothing
  would pass: its name and its heading can be altered, too.
- Every fault that touched must be caught, and at least one that was applicable. A fault that is
  applicable and did not touch may go unnoticed: a journey need not notice what it does not check.
- `frozen` touches nothing in this sense. It must be caught where all that is expected was there
  when the pages had merely been opened: otherwise the steps and what they enter make no difference.

A write is a request that changes something by its method and that the page waits for: beacons are
not writes. A page's web sockets and event streams pass unaltered, so to an app that uses only those
fewer faults apply."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import responses
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from validators.browser.network.api_mutations import (
    lost_json,
    lost_messages,
    with_other_input,
)
from validators.browser.network.http1 import Head
from validators.browser.network.mutations import (
    HTML,
    Mutation,
    dropped,
    reversed_tables,
    swapped,
)
from validators.browser.network.sockets import OPENED, opens_socket
from validators.domain.evidence import FaultFacts, FaultInjector
from validators.domain.journeys.data_at_stake import Stakes
from validators.domain.journeys.wording import folded
from validators.domain.json_values import leaves
from validators.domain.socket_messages import message_of

_PARTS = re.compile(r'[",;\t]')
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# So many bytes of answers are remembered. Answers beyond that pass unaltered.
MOST_FROZEN = 64 * 1024 * 1024
_BROKEN = b"<!doctype html><title>Internal Server Error</title><h1>Internal Server Error</h1>"


class FaultInjection:
    """Injects one kind of fault into one run. It calls `stakes` at every message, because a run
    learns its values as it goes."""

    def __init__(self, injector: FaultInjector, stakes: Callable[[], Stakes]) -> None:
        self._injector = injector
        self._stakes = stakes
        self._changed = 0
        self._touched = False
        self._reached = False
        self._first: dict[tuple[str, str], tuple[Head, bytes]] = {}

    @property
    def facts(self) -> FaultFacts:
        return FaultFacts(
            self._changed, self._touched, put_in=bool(self._stakes().data), reached=self._reached
        )

    def instead(self, request: Head, content: bytes) -> tuple[Head, bytes] | None:
        """The answer to a write that never reaches the app; None to let the request through."""
        if self._injector not in (FaultInjector.STALE, FaultInjector.ERROR_500):
            return None
        if not _is_write(request) and not (opens_socket(request) and content):
            return None
        if opens_socket(request) and self._injector is FaultInjector.ERROR_500:
            # The app gets the message, and then the socket is closed.
            return None
        self._changed += 1
        stakes = self._stakes()
        if stakes.data & set(_carried(request, content)):
            self._touched = self._reached = True
        if self._injector is FaultInjector.ERROR_500:
            return _broken()
        if opens_socket(request):
            return _sent_as_if_answered(content)
        return _called_as_if_done(content, stakes) if request.called else _as_if_done(request)

    def request(self, request: Head, content: bytes) -> tuple[Head, bytes]:
        """The request for the app: for `frozen` with another input, where a journey makes calls;
        else the same."""
        others = self._stakes().others
        if self._injector is not FaultInjector.FROZEN or not others:
            return request, content
        if not (request.called or _is_write(request)):
            return request, content
        path, body = with_other_input(request, content, others)
        if (path, body) == (request.second, content):
            return request, content
        self._changed += 1
        if self._stakes().data & set(_carried(request, content)):
            self._touched = self._reached = True
        return replace(request, second=path), body

    def altered(self, request: Head, answer: Head, content: bytes) -> bytes:
        """The answer's body, with the fault in it if this injector alters answers."""
        kind = _kind(answer)
        match self._injector:
            case FaultInjector.SWAP_TEXT:
                mutation = swapped(content, kind, self._stakes())
            case FaultInjector.DROP_ROW:
                mutation = self._rows(request, content, kind)
            case FaultInjector.ERROR_500 if opens_socket(request) and answer.status == OPENED:
                mutation = lost_messages(content, self._stakes(), every=True)
            case FaultInjector.FROZEN:
                first = self._frozen(request, answer, content)
                self._changed += _comparable(*first) != _comparable(answer, content)
                return first[1]
            case _:
                return content
        self._changed += mutation.content != content
        self._touched |= mutation.touched
        self._reached |= mutation.reached
        return mutation.content

    def head(self, request: Head, answer: Head) -> Head:
        """The answer's head: that of the first answer for `frozen`, another status for `error-500`
        where a journey reads the status of a page, else the same."""
        if self._injector is FaultInjector.FROZEN:
            return self._first.get(_asked(request), (answer, b""))[0]
        if self._injector is FaultInjector.DROP_ROW and request.called:
            return self._without_headers(answer)
        if self._injector is not FaultInjector.ERROR_500:
            return answer
        if opens_socket(request):
            return self._closed(answer)
        if request.called:
            return self._with_another_status(answer)
        page = request.header("sec-fetch-dest") == "document" and not 300 <= answer.status < 400
        if not page or not self._stakes().status:
            return answer
        self._changed += 1
        self._touched = True
        # A journey may expect status 500: then the fault is that the page has 200.
        altered = ("500", "Internal Server Error") if answer.status != 500 else ("200", "OK")
        return Head(answer.first, *altered, answer.headers)

    def _closed(self, answer: Head) -> Head:
        """A web socket that was open, closed with an error; one that was not, open."""
        expected = self._stakes().statuses
        if answer.status != OPENED and not expected:
            return answer
        self._changed += 1
        self._touched |= str(answer.status) in expected
        wrong = ("1011", "1006") if answer.status == OPENED else ("101", "1011")
        other = next(one for one in (*wrong, "1012") if one not in expected)
        return Head(answer.first, other, "", answer.headers)

    def _with_another_status(self, answer: Head) -> Head:
        """An answer to a call with a status that is not among the expected ones."""
        if not (expected := self._stakes().statuses):
            return answer
        self._changed += 1
        self._touched |= str(answer.status) in expected
        wrong = ("500", "200", "404", "202") if answer.status < 400 else ("200", "500", "202")
        other = next(one for one in (*wrong, "418") if one not in expected)
        return Head(answer.first, other, responses[int(other)], answer.headers)

    def _without_headers(self, answer: Head) -> Head:
        stripped = answer.without(*self._stakes().headers)
        if stripped != answer:
            self._changed += 1
            self._touched = True
        return stripped

    def _frozen(self, request: Head, answer: Head, content: bytes) -> tuple[Head, bytes]:
        """The first answer for this path. The app is asked all the same, to know what the fault
        alters."""
        room = MOST_FROZEN - sum(len(held) for _, held in self._first.values())
        if len(content) <= room:
            self._first.setdefault(_asked(request), (answer, content))
        return self._first.get(_asked(request), (answer, content))

    def _rows(self, request: Head, content: bytes, kind: str) -> Mutation:
        stakes = self._stakes()
        if opens_socket(request) and kind.endswith("json"):
            lost = lost_messages(content, stakes)
            if lost.content != content:
                return lost
        if request.called and kind.endswith("json"):
            lost = lost_json(content, stakes)
            if lost.content != content:
                return lost
        reversed_rows = reversed_tables(content, kind, stakes)
        if reversed_rows.content != content:
            return reversed_rows
        return dropped(content, kind, stakes)


def _kind(answer: Head) -> str:
    """The media type by which an answer is read."""
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    known = kind.startswith("text/") or kind.endswith("json") or kind in HTML
    download = answer.header("content-disposition").strip().lower().startswith("attachment")
    # Apps send many text files as mere bytes.
    return "text/plain" if download and not known else kind


def _comparable(answer: Head, content: bytes) -> tuple[int, str, bytes]:
    """The parts of an answer that count when two are compared: not its date."""
    return answer.status, answer.header("location"), content


def _asked(request: Head) -> tuple[str, str]:
    """What has one answer for ever: a path, and the method of a call. A page's form is answered at
    the path that shows it, too."""
    return request.first if request.called else "", urlsplit(request.second).path or "/"


def _is_write(request: Head) -> bool:
    return request.first in WRITES and request.header("sec-fetch-mode") != "no-cors"


def _carried(request: Head, content: bytes) -> Iterator[str]:
    """Every value in a request: path segments, query, form fields, JSON leaves, of a text its lines
    and cells, and of a multipart body the parts, the names of files and the same of each."""
    url = urlsplit(request.second)
    yield from (unquote_plus(segment) for segment in url.path.split("/"))
    yield from (folded(value) for _, value in parse_qsl(url.query))
    kind, text = request.header("content-type"), content.decode("utf-8", "replace")
    if "json" in kind:
        yield from _json_values(text)
    elif "multipart" in kind or "text/plain" in kind:
        yield from (
            folded(piece) for line in text.splitlines() for piece in (line, *_PARTS.split(line))
        )
    else:
        yield from (folded(value) for _, value in parse_qsl(text))


def _json_values(text: str) -> Iterator[str]:
    try:
        yield from (folded(str(leaf)) for leaf in leaves(json.loads(text)))
    except ValueError:
        return


def _called_as_if_done(content: bytes, stakes: Stakes) -> tuple[Head, bytes]:
    """The answer of an API that forgot the write: an expected status, and what was sent."""
    good = sorted(one for one in stakes.statuses if one.startswith("2"))
    status = good[0] if good else "200"
    body = b"" if status == "204" else content or b"{}"
    headers = (("Content-Type", "application/json"),)
    return Head("HTTP/1.1", status, responses.get(int(status), ""), headers), body


def _sent_as_if_answered(content: bytes) -> tuple[Head, bytes]:
    """The answer on a web socket of an app that forgot the message: that message."""
    headers = (("Content-Type", "application/json"),)
    messages = json.dumps([message_of(content, text=True)]).encode()
    return Head("HTTP/1.1", str(OPENED), "Switching Protocols", headers), messages


def _broken() -> tuple[Head, bytes]:
    headers = (("Content-Type", "text/html; charset=utf-8"),)
    return Head("HTTP/1.1", "500", "Internal Server Error", headers), _BROKEN


def _as_if_done(request: Head) -> tuple[Head, bytes]:
    """The answer of an app that forgot the write: a redirect to the form, or success without
    content for a script."""
    if "text/html" in request.header("accept"):
        back = urlsplit(request.header("referer"))
        where = (back.path or "/") + (f"?{back.query}" if back.query else "")
        return Head("HTTP/1.1", "303", "See Other", (("Location", where),)), b""
    return Head("HTTP/1.1", "200", "OK", (("Content-Type", "application/json"),)), b"{}"
