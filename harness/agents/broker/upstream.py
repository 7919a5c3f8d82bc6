"""The provider, asked over HTTP, again where that can help. The only module that knows the key."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

import httpx2

from harness.agents.broker.refusal import Refusal
from harness.agents.broker.retry import FREE, RETRYABLE, TRIES, pause
from harness.agents.broker.sse import EventStream, dumps, events

_TIMEOUT = httpx2.Timeout(600, connect=10, write=60, pool=60)    # seconds; a long answer may be silent for minutes
_LIMIT = 32 << 20                                                # bytes of a whole answer
_CODES = {"invalid_request_error": 400, "authentication_error": 401, "permission_error": 403, "not_found_error": 404,
          "request_too_large": 413, "rate_limit_error": 429, "api_error": 500, "timeout_error": 504, "overloaded_error": 529}
_T = TypeVar("_T")
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class Failed(Refusal):
    """The provider gave no answer. `free` when that certainly cost nothing."""

    def __init__(self, status: int, kind: str, message: str, *, free: bool, retry: bool,
                 retry_after: str | None = None) -> None:
        super().__init__(status, kind, message, retry_after=retry_after)
        self.free, self.retry = free, retry


class Upstream:
    """One provider and its key. `clock`, `sleep` and `jitter` are arguments so that tests need not wait."""

    def __init__(self, url: str, key: str, *, clock: Callable[[], float] = time.time,
                 sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
                 jitter: Callable[[], float] = random.random) -> None:
        self._key, self._clock, self._sleep, self._jitter = key, clock, sleep, jitter
        self._client = httpx2.AsyncClient(base_url=url, timeout=_TIMEOUT, headers={
            "x-api-key": key, "anthropic-version": "2023-06-01", "content-type": "application/json",
            "user-agent": "lights-out-factory"})

    async def close(self) -> None:
        await self._client.aclose()

    async def whole(self, path: str, body: Mapping[str, Any], *, again: Callable[[], None]) -> dict[str, Any]:
        """One JSON answer. `again` is called before each new try after one that may have been billed. Raises Failed."""
        response = await self._answered(lambda: self._try(path, body), again)
        try:
            found = json.loads(await _read(response))
        except (httpx2.TransportError, ValueError) as error:
            raise _cut(error) from error
        if not isinstance(found, dict):
            raise _cut(ValueError("an answer that is no object"))
        return found

    async def stream(self, path: str, body: Mapping[str, Any], *, again: Callable[[], None]) -> EventStream:
        """The events of an answer, as they come. Raises Failed: before the first here, after it while iterating."""
        return await self._answered(lambda: self._begun(path, body), again)

    async def _begun(self, path: str, body: Mapping[str, Any]) -> EventStream | Failed:
        """A stream whose first event has come. An overloaded provider may say 200 and then, in that event, that it is so:
        nothing of an answer has been seen by then, and it can be asked again."""
        response = await self._try(path, body)
        if isinstance(response, Failed):
            return response
        coming = self._events(response)
        first = await anext(coming, None)
        if first is None or first["type"] != "error":
            return _from(first, coming)
        await coming.aclose()
        return self._refused(first)

    async def _events(self, response: httpx2.Response) -> EventStream:
        try:
            async for event in events(response.aiter_bytes()):
                yield event
        except (httpx2.TransportError, ValueError) as error:
            raise _cut(error) from error
        finally:
            await response.aclose()

    async def _answered(self, attempt: Callable[[], Awaitable[_T | Failed]], again: Callable[[], None]) -> _T:
        tried = 1
        while isinstance(outcome := await attempt(), Failed):
            if not outcome.retry or tried == TRIES:
                raise outcome
            await self._sleep(pause(outcome.retry_after, tried, now=self._clock(), jitter=self._jitter()))
            if not outcome.free:
                again()
            tried += 1
        return outcome

    async def _try(self, path: str, body: Mapping[str, Any]) -> httpx2.Response | Failed:
        request = self._client.build_request("POST", path, content=dumps(body).encode("utf-8", "backslashreplace"))
        try:
            response = await self._client.send(request, stream=True)
            if response.status_code == httpx2.codes.OK:
                return response
            return self._failed(response, await _read(response))
        except httpx2.TransportError as error:
            message = f"the provider did not answer: {type(error).__name__}"
            return Failed(502, "api_error", message, free=isinstance(error, _NOT_SENT), retry=True)
        except ValueError as error:
            return _cut(error)

    def _failed(self, response: httpx2.Response, content: bytes) -> Failed:
        code = response.status_code
        kind, message = _error_in(content)
        return Failed(code if code >= httpx2.codes.BAD_REQUEST else 502, kind, message.replace(self._key, "[redacted]"),
                      free=code in FREE or response.is_redirect, retry=code in RETRYABLE,
                      retry_after=response.headers.get("retry-after"))


    def _refused(self, event: Mapping[str, Any]) -> Failed:
        """An error that came as the first event of a stream, as it would have come as an answer."""
        kind, message = _error_in(dumps(event).encode("utf-8", "backslashreplace"))
        code = _CODES.get(kind, httpx2.codes.BAD_GATEWAY)
        return Failed(code, kind, message.replace(self._key, "[redacted]"), free=code in FREE, retry=code in RETRYABLE)


async def _from(first: dict[str, Any] | None, coming: EventStream) -> EventStream:
    async with aclosing(coming):
        if first is not None:
            yield first
        async for event in coming:
            yield event


def _cut(error: Exception) -> Failed:
    return Failed(502, "api_error", f"the provider's answer was cut or cannot be read: {error or type(error).__name__}",
                  free=False, retry=False)


def _error_in(content: bytes) -> tuple[str, str]:
    """The type and message of an error body; of any other body, a piece of its text."""
    try:
        match json.loads(content):
            case {"error": {"type": str(kind), "message": str(message)}}:
                return kind, message
    except ValueError:
        pass
    return "api_error", f"the provider answered: {content[:200].decode('utf-8', 'replace')}"


async def _read(response: httpx2.Response) -> bytes:
    """The whole body. Raises ValueError over the limit."""
    content = bytearray()
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _LIMIT:
                raise ValueError(f"an answer of more than {_LIMIT} bytes")
    finally:
        await response.aclose()
    return bytes(content)
