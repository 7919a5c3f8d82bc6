"""HTTP calls of one run, made by the request context of a person's browser, or by a client of their
own: it has that person's cookies, and no way out but the wire of the run."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from validators.browser.network.wire import Wire
from validators.domain.errors import Unable
from validators.domain.evidence import Trouble
from validators.domain.journeys.calls import Answer, Method, Request
from validators.domain.journeys.wording import visible
from validators.domain.shortened import cut
from validators.domain.socket_messages import messages_text

MOST_REDIRECTS = 10
MOST_KEPT = 100
LONGEST_KEPT = 4_000
# Seconds for which a masked visitor hesitates between calls: programs do other things meanwhile.
HESITATES = (0.02, 0.12)
# Of the time that a call has, so much is for the messages of its web socket: what does not come in
# it is no failure of the call, but of a look at the messages.
MESSAGES_SHARE = 0.6
# Names of what proves who somebody is: of headers, members of JSON, fields and parameters.
_PRIVATE = (
    r"(?:[\w.-]{0,40}(?:passw|passphrase|secret|token|api[_-]?key|credential|cookie|session)"
    r"[\w.-]{0,40}"
    r"|(?:proxy-)?authorization)"
)
_HEADER = re.compile(_PRIVATE, re.IGNORECASE)
_MEMBER = re.compile(rf'("{_PRIVATE}"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s,{{}}\[\]"]+)', re.IGNORECASE)
_PARAMETER = re.compile(rf"((?:^|[?&]){_PRIVATE}=)([^&#\s\"]*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer as a client has it; `url` is where it came from, after any redirects."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    url: str


class Unfetched(Exception):
    """No answer came; the text has the reason."""


Fetch = Callable[[str, Request, tuple[str, str], float], Awaitable[Fetched]]
"""Fetches the answer to a request of this origin, sent with one more header, in so many seconds.
Raises TimeoutError or Unfetched."""


@dataclass(slots=True)
class Caller:
    """Makes the calls of a run. `pace` draws how long it hesitates; None: not at all. `answers` are
    those that came, the first MOST_KEPT of them."""

    wire: Wire
    origin: str
    pace: random.Random | None = None
    answers: list[Answer] = field(default_factory=list)

    async def answer(self, fetch: Fetch, request: Request, *, page: str, patience: float) -> Answer:
        """The whole answer to a request. `page`: the path of the page that is open, or empty.

        Raises Unable if none comes in time, one that is too large, or one that leads to another
        host."""
        # Before the first one an app has no earlier request to compare its time with.
        if self.pace and self.answers:
            await asyncio.sleep(self.pace.uniform(*HESITATES))
        first, began = len(self.wire.exchanges), monotonic()
        given = (key for key, _ in request.headers)
        seconds = patience * MESSAGES_SHARE
        mark = self.wire.callers.mark(given, page=page, events=request.events, seconds=seconds)
        try:
            found = await fetch(self.origin, request, mark, patience)
        except TimeoutError:
            reason = f"the app did not answer in {patience:g} s"
            raise Unable(Trouble.TIMED_OUT, reason) from None
        except Unfetched as error:
            raise self._unanswered(str(error), first) from None
        self._stayed(first)
        url = urlsplit(found.url)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        millis = int((monotonic() - began) * 1000)
        status, headers = self.wire.callers.status(found.status, found.headers)
        answer = Answer(request, status, headers, found.content, path, self.origin, millis)
        if len(self.answers) < MOST_KEPT:
            self.answers.append(answer)
        return answer

    def log(self) -> str:
        """Requests and answers as JSON for the evidence: secrets are left out, bodies are cut."""
        return json.dumps([_kept(answer) for answer in self.answers], indent=1, ensure_ascii=False)

    def _unanswered(self, reason: str, first: int) -> Unable:
        self._stayed(first)
        latest = self.wire.exchanges[first:]
        if any(one.cut for one in latest):
            return Unable(Trouble.TOO_LARGE, "the app answered with more than is taken")
        broken = [one.broken for one in latest if one.broken]
        return Unable(Trouble.NO_ANSWER, broken[-1] if broken else reason)

    def _stayed(self, first: int) -> None:
        """Raise Unable if a call was led to another host: the answer is not the app's."""
        if refused := [one.refused for one in self.wire.exchanges[first:] if one.refused]:
            raise Unable(Trouble.NO_ANSWER, f"the answer leads to another host: {refused[0]}")


def _kept(answer: Answer) -> dict[str, Any]:
    return {
        "method": answer.request.method,
        "path": _line(answer.request.path),
        "headers": _without_secrets(answer.request.headers),
        "body": _readable(answer.request.content),
        "status": answer.status,
        "from": _line(answer.path),
        "answer_headers": _without_secrets(answer.headers),
        "answer": _readable(_shown(answer)),
        "bytes": len(answer.content),
        "millis": answer.millis,
    }


def _shown(answer: Answer) -> bytes:
    """The body of an answer; of a web socket, its messages below each other."""
    if answer.request.method is not Method.SOCKET:
        return answer.content
    return messages_text(answer.content).encode("utf-8", "replace")


def _without_secrets(headers: tuple[tuple[str, str], ...]) -> list[list[str]]:
    return [
        [name, _length(value) if _HEADER.fullmatch(name) else _line(value)]
        for name, value in headers
    ]


def _readable(content: bytes) -> str:
    """The beginning of a body as a person may read it, without secrets; of what is no text, its
    length."""
    text = content[: 4 * LONGEST_KEPT].decode("utf-8", "replace")
    if "\0" in text:
        return f"({len(content)} bytes)"
    return cut(_redacted(visible(text)), LONGEST_KEPT)


def _line(value: str) -> str:
    return _redacted(visible(value))[:LONGEST_KEPT]


def _redacted(text: str) -> str:
    """The text, where each value that is named as a secret is only measured."""
    kept = _MEMBER.sub(lambda found: found[1] + f'"{_length(found[2].strip(chr(34)))}"', text)
    return _PARAMETER.sub(lambda found: found[1] + _length(found[2]), kept)


def _length(value: str) -> str:
    return f"({len(value)} characters)"
