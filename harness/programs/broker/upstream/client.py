"""Asks a provider over HTTP, and retries when that can help. The only module that knows its key."""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.providers import ANTHROPIC, OPENAI, Provider
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sse import EventStream, dumps, objects
from harness.programs.broker.upstream.breaker import ProviderBreaker, ProviderFault, provider_fault
from harness.programs.broker.upstream.connections import (
    FAULTS,
    NO_ANSWER,
    NOT_SENT,
    Connections,
    ProviderReply,
)
from harness.programs.broker.upstream.failure import CODES, ProviderFailure, cut_answer, error_in
from harness.programs.broker.upstream.retry import (
    FREE,
    RETRYABLE,
    requested_wait,
    wait_before_retry,
)
from harness.programs.broker.wires.dialect import Dialect

# Bytes of a whole answer.
_LIMIT = 32 << 20
_T = TypeVar("_T")
# What the wire's SDK puts between the base URL and the path of an API.
_ROOT = {ANTHROPIC: "/v1", OPENAI: ""}
_REDACTED = "[redacted]"
_OPERATORS_MATTER = frozenset({ProviderFault.ACCESS, ProviderFault.MISSING, ProviderFault.QUOTA})
"""Faults of which a sandbox learns nothing but that there is a pause."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, to wait for the next byte of an answer, and for the whole of it.

    A long answer may be silent for minutes; none goes on for ever.
    """

    connect: float = 10
    silent: float = 600
    whole: float = 1800


class Upstream:
    """One provider and its key. `clock`, `sleep` and `jitter` are arguments so that tests need
    not wait."""

    def __init__(
        self,
        provider: Provider,
        key: str,
        breaker: ProviderBreaker,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.provider, self.breaker = provider, breaker
        self._key, self._clock, self._sleep, self._jitter = key, clock, sleep, jitter
        self._timeouts = timeouts or Timeouts()
        http_timeouts = {
            "read": self._timeouts.silent,
            "connect": self._timeouts.connect,
            "write": 60.0,
            "pool": 60.0,
        }
        self._connections = Connections(
            provider.base_url, _headers(provider.wire, key), timeouts=http_timeouts
        )

    async def close(self) -> None:
        await self._connections.close()

    async def whole(
        self, path: str, body: JsonObject, *, issue: int, again: Callable[[], None]
    ) -> JsonDict:
        """One JSON answer, asked for `issue`.

        `again` is called before each new try after one that may have been billed. Raises Refusal:
        ProviderFailure, or a pause while nothing is asked of this provider.
        """
        async with self.breaker.admitted(issue):
            found = await self._with_retries(lambda: self._whole_answer(path, body), again, issue)
            # Before the block ends: the calls that wait for this one then find the breaker closed.
            self.breaker.answers()
        self.breaker.succeeded(issue)
        return found

    async def count(self, path: str, body: JsonObject, *, issue: int) -> JsonDict:
        """The same for a token count. It costs nothing, has limits of its own, and does not
        count as evidence."""
        async with self.breaker.admitted(issue, is_evidence=False):
            return await self._with_retries(
                lambda: self._whole_answer(path, body), lambda: None, issue, is_evidence=False
            )

    async def stream(
        self, dialect: Dialect, body: JsonObject, *, issue: int, again: Callable[[], None]
    ) -> EventStream:
        """The events of an answer, as they come.

        Raises as `whole` does: here before the first event, while iterating after it. The caller
        reports at the end whether the answer was `finished` or `cut`.
        """
        async with self.breaker.admitted(issue):
            found = await self._with_retries(
                lambda: self._started_stream(dialect, body), again, issue
            )
            self.breaker.answers()
            return found

    def finished(self, issue: int) -> None:
        """A stream came to its end."""
        self.breaker.succeeded(issue)

    def cut(self, why: str, *, issue: int) -> Refusal | None:
        """A stream did not come to its end, by the provider's fault; the pause that follows, if
        any."""
        return self.breaker.failed(
            ProviderFault.FAILING, f"it fails: {why[:200]}", issue=issue, wanted=None
        )

    async def _with_retries(
        self,
        attempt: Callable[[], Awaitable[_T | ProviderFailure]],
        again: Callable[[], None],
        issue: int,
        *,
        is_evidence: bool = True,
    ) -> _T:
        tried = 1
        while isinstance(outcome := await attempt(), ProviderFailure) and outcome.retry:
            wait = wait_before_retry(outcome.wanted, tried, jitter=self._jitter())
            if wait is None:
                break
            await self._sleep(wait)
            if not outcome.free:
                again()
            tried += 1
        if isinstance(outcome, ProviderFailure):
            raise self._failure(outcome, issue, is_evidence=is_evidence)
        return outcome

    def _failure(
        self, failed: ProviderFailure, issue: int, *, is_evidence: bool
    ) -> ProviderFailure:
        """The failure that the sandbox gets in the end.

        It learns nothing about our own access to the provider, which concerns the operator.
        """
        found = provider_fault(failed.status, failed.kind, failed.message)
        if found is None:
            return failed
        failed.pause = self.breaker.failed(
            found,
            self._why(found, failed),
            issue=issue,
            wanted=failed.wanted,
            is_evidence=is_evidence,
        )
        if failed.pause is None:
            return failed
        shown_failure = failed.pause if found in _OPERATORS_MATTER else failed
        shown = ProviderFailure(
            shown_failure.status,
            shown_failure.kind,
            shown_failure.message,
            free=failed.free,
            retry=False,
            about=shown_failure.about,
            retry_after=failed.pause.retry_after,
        )
        shown.pause = failed.pause
        return shown

    def _why(self, found: ProviderFault, failed: ProviderFailure) -> str:
        key = self.provider.key_from or "its key"
        match found:
            case ProviderFault.ACCESS:
                return (
                    f"it does not accept our key ({failed.status}); put a valid one into {key} and"
                    " restart the factory"
                )
            case ProviderFault.MISSING:
                return (
                    f"it has no such model, or is an endpoint of another kind ({failed.status});"
                    " compare the model's name and `base_url` with what it"
                    " offers, and run `factory doctor`"
                )
            case ProviderFault.QUOTA:
                return (
                    f"what is paid for is used up ({failed.status} {failed.kind}); look at the"
                    f" account behind {key}"
                )
            case ProviderFault.OVERLOAD:
                return f"it is overloaded, or our rate is ({failed.status} {failed.kind})"
            case ProviderFault.FAILING:
                return f"it fails ({failed.status}): {failed.message[:200]}"

    async def _whole_answer(self, path: str, body: JsonObject) -> JsonDict | ProviderFailure:
        try:
            async with asyncio.timeout(self._timeouts.whole):
                response = await self._try(path, body)
                if isinstance(response, ProviderFailure):
                    return response
                found = json.loads(await _read(response))
        except TimeoutError:
            return self._late()
        except (*FAULTS, ValueError, RecursionError) as error:
            return cut_answer(error)
        return (
            found
            if isinstance(found, dict)
            else cut_answer(ValueError("an answer that is no object"))
        )

    async def _started_stream(
        self, dialect: Dialect, body: JsonObject
    ) -> EventStream | ProviderFailure:
        """A stream whose answer has begun.

        An overloaded provider may answer 200 and report the overload in its first event. No answer
        has been seen by then, so it can be asked again.
        """
        deadline = asyncio.get_running_loop().time() + self._timeouts.whole
        response = await self._try(dialect.path, body)
        if isinstance(response, ProviderFailure):
            return response
        coming, first = self._events(dialect, response, deadline), list[JsonDict]()
        try:
            async for event in coming:
                first.append(event)
                if not dialect.is_preamble(event):
                    break
        except ProviderFailure as failed:
            return failed
        return _from(first, coming)

    async def _events(
        self, dialect: Dialect, response: ProviderReply, deadline: float
    ) -> EventStream:
        coming = objects(response.pieces())
        try:
            while True:
                # One deadline for all events: a stream that trickles is never silent for long.
                async with asyncio.timeout_at(deadline):
                    event = await anext(coming, None)
                if event is None:
                    return
                if fault := dialect.fault(event):
                    raise self._refused(*fault)
                yield event
        except TimeoutError:
            raise self._late() from None
        except NO_ANSWER as error:
            raise self._unanswered(error) from error
        except (*FAULTS, ValueError, RecursionError) as error:
            raise cut_answer(error) from error
        finally:
            await response.aclose()

    async def _try(self, path: str, body: JsonObject) -> ProviderReply | ProviderFailure:
        content = dumps(body).encode("utf-8", "backslashreplace")
        try:
            response = await self._connections.post(_ROOT[self.provider.wire] + path, content)
            packed = response.headers.get("content-encoding", "identity") != "identity"
            if response.status == HTTPStatus.OK and not packed:
                return response
            if not packed:
                return self._failed(response, await _read(response))
            await response.aclose()
            if response.status != HTTPStatus.OK:
                return self._failed(response, b"(compressed)")
            return cut_answer(ValueError("it is compressed, and was asked for as it is"))
        except FAULTS as error:
            return self._unanswered(error)
        except ValueError as error:
            return cut_answer(error)

    def _failed(self, response: ProviderReply, content: bytes) -> ProviderFailure:
        code = response.status
        kind, message = error_in(content)
        wanted = requested_wait(response.headers, now=self._clock())
        may_retry = (
            response.headers.get("x-should-retry") != "false"
            and provider_fault(code, kind, message) is not ProviderFault.QUOTA
        )
        return ProviderFailure(
            # Any other code, a redirect's say, is no error in itself.
            code if code >= HTTPStatus.BAD_REQUEST else 502,
            kind,
            # A provider's error may quote the key that it refuses.
            message.replace(self._key, _REDACTED),
            free=code in FREE or response.is_redirect,
            retry=code in RETRYABLE and may_retry,
            wanted=wanted,
        )

    def _refused(self, kind: str, message: str) -> ProviderFailure:
        """An error that came as an event of a stream, as it would have come as an answer."""
        code = CODES.get(kind, HTTPStatus.BAD_GATEWAY)
        retry = code in RETRYABLE and provider_fault(code, kind, message) is not ProviderFault.QUOTA
        return ProviderFailure(
            code, kind, message.replace(self._key, _REDACTED), free=code in FREE, retry=retry
        )

    def _unanswered(self, error: Exception) -> ProviderFailure:
        # No retry: another such wait is longer than any sandbox lives.
        if isinstance(error, NO_ANSWER):
            message = f"the provider sent nothing for {self._timeouts.silent:g} s"
            return ProviderFailure(504, "timeout_error", message, free=False, retry=False)
        message = f"the provider did not answer: {type(error).__name__}"
        return ProviderFailure(
            502, "api_error", message, free=isinstance(error, NOT_SENT), retry=True
        )

    def _late(self) -> ProviderFailure:
        message = f"the provider's answer took longer than {self._timeouts.whole:g} s"
        return ProviderFailure(504, "timeout_error", message, free=False, retry=False)


def _headers(wire: str, key: str) -> dict[str, str]:
    """The headers of each request; nothing of a sandbox is in them.

    Answers have to come uncompressed: a compressed one may be too large to unpack.
    """
    common = {
        "content-type": "application/json",
        "user-agent": "lights-out-factory",
        "accept": "*/*",
        "accept-encoding": "identity",
    }
    if wire == ANTHROPIC:
        return common | {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return common | {"authorization": f"Bearer {key}"}


async def _from(first: list[JsonDict], coming: EventStream) -> EventStream:
    async with aclosing(coming):
        for event in first:
            yield event
        async for event in coming:
            yield event


async def _read(response: ProviderReply) -> bytes:
    """The whole body. Raises ValueError over the limit."""
    content = bytearray()
    try:
        async for chunk in response.pieces():
            content += chunk
            if len(content) > _LIMIT:
                raise ValueError(f"an answer of more than {_LIMIT} bytes")
    finally:
        await response.aclose()
    return bytes(content)
