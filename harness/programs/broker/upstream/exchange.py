"""One try at a provider over HTTP. The only module that knows its key."""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.providers import ANTHROPIC, OPENAI, Provider
from harness.programs.broker.sse import EventStream, dumps, loads, objects
from harness.programs.broker.upstream.connections import (
    FAULTS,
    NO_ANSWER,
    NOT_SENT,
    Connections,
    ProviderReply,
)
from harness.programs.broker.upstream.failure import (
    CODES,
    REDACTED,
    ProviderFailure,
    cut_answer,
    error_in,
    other_api,
)
from harness.programs.broker.upstream.faults import NO_CONNECTION, ProviderFault, provider_fault
from harness.programs.broker.upstream.retry import FREE, RETRYABLE, requested_wait
from harness.programs.broker.wires.dialect import Dialect

# With this a provider refuses a limit that is too small for its model to answer within.
_TOO_SMALL = "Could not finish the message because max_tokens"
# Events. More of them than an answer begins with are passed on as they come.
_PREAMBLE = 8
# Bytes of a whole answer.
_LIMIT = 32 << 20
# What the wire's SDK puts between the base URL and the path of an API.
_ROOT = {ANTHROPIC: "/v1", OPENAI: ""}
# Characters of an error that came as an event.
_SHOWN = 2_000


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, to wait for the next byte of an answer, for the whole of it, and for the
    whole answer to the smallest request.

    A long answer may be silent for minutes; none goes on for ever.
    """

    connect: float = 10
    silent: float = 600
    whole: float = 1800
    smallest: float = 10


class Exchange:
    """The exchanges with one provider. A failure is returned, not raised, until an answer has
    begun."""

    def __init__(
        self,
        provider: Provider,
        key: str,
        *,
        clock: Callable[[], float],
        timeouts: Timeouts,
    ) -> None:
        self._provider, self._key, self._clock, self._timeouts = provider, key, clock, timeouts
        http_timeouts = {
            "read": timeouts.silent,
            "connect": timeouts.connect,
            "write": 60.0,
            "pool": 60.0,
        }
        self._connections = Connections(
            provider.base_url, _headers(provider.wire, key), timeouts=http_timeouts
        )

    async def close(self) -> None:
        await self._connections.close()

    async def smallest(self, dialect: Dialect, model: str) -> JsonDict | ProviderFailure:
        """The answer to the smallest request, whose answer has to come soon."""
        try:
            async with asyncio.timeout(self._timeouts.smallest):
                outcome = await self.whole(dialect, dialect.smallest(model))
        except TimeoutError:
            late = f"the provider did not answer within {self._timeouts.smallest:g} s"
            return ProviderFailure(504, "timeout_error", late, free=False, retry=False)
        # It knows the key and the model, and asks for more room than this call gives.
        if isinstance(outcome, ProviderFailure) and outcome.message.startswith(_TOO_SMALL):
            return {}
        return outcome

    async def whole(self, dialect: Dialect, body: JsonObject) -> JsonDict | ProviderFailure:
        found = await self.json(dialect.path, body)
        if isinstance(found, ProviderFailure):
            return found
        try:
            dialect.message(found)
            dialect.counted(found)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return other_api(f"200 with JSON that cannot be understood: {error}"[:200])
        return found

    async def json(self, path: str, body: JsonObject) -> JsonDict | ProviderFailure:
        try:
            async with asyncio.timeout(self._timeouts.whole):
                response = await self._try(path, body)
                if isinstance(response, ProviderFailure):
                    return response
                content = await _read(response)
        except TimeoutError:
            return self._late()
        except (*FAULTS, ValueError) as error:
            return cut_answer(error)
        try:
            found = loads(content)
        except ValueError as error:
            # What begins like an answer was cut.
            is_cut = content.lstrip()[:1] == b"{"
            return cut_answer(error) if is_cut else other_api("200 with something that is no JSON")
        return found if isinstance(found, dict) else other_api("200 with JSON that is no object")

    async def stream(self, dialect: Dialect, body: JsonObject) -> EventStream | ProviderFailure:
        """A stream whose answer has begun.

        An overloaded provider may answer 200 and report the overload in its first event. No answer
        has been seen by then, so it can be asked again.
        """
        deadline = asyncio.get_running_loop().time() + self._timeouts.whole
        try:
            # Also the head, and the body of an error, may trickle.
            async with asyncio.timeout_at(deadline):
                response = await self._try(dialect.path, body)
        except TimeoutError:
            return self._late()
        if isinstance(response, ProviderFailure):
            return response
        if response.headers.get("content-type", "").lower().startswith("application/json"):
            await response.aclose()
            return other_api("200 with JSON in place of a stream")
        coming, first = self._events(dialect, response, deadline), list[JsonDict]()
        try:
            async for event in coming:
                first.append(event)
                if not dialect.is_preamble(event) or len(first) > _PREAMBLE:
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
        except (*FAULTS, ValueError) as error:
            raise cut_answer(error) from error
        finally:
            await response.aclose()

    async def _try(self, path: str, body: JsonObject) -> ProviderReply | ProviderFailure:
        content = dumps(body).encode("utf-8", "backslashreplace")
        try:
            response = await self._connections.post(_ROOT[self._provider.wire] + path, content)
            packed = response.headers.get("content-encoding", "identity") != "identity"
            if response.status == HTTPStatus.OK and _is_page(response):
                await response.aclose()
                return other_api("200 with a web page")
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
        kind, message = error_in(content, secret=self._key)
        wanted = requested_wait(response.headers, now=self._clock())
        may_retry = (
            response.headers.get("x-should-retry") != "false"
            and provider_fault(code, kind, message) is not ProviderFault.QUOTA
        )
        return ProviderFailure(
            # Any other code, a redirect's say, is no error in itself.
            code if code >= HTTPStatus.BAD_REQUEST else 502,
            self._redacted(kind),
            self._redacted(message),
            free=code in FREE or response.is_redirect,
            retry=code in RETRYABLE and may_retry,
            wanted=wanted,
        )

    def _refused(self, kind: str, message: str) -> ProviderFailure:
        """An error that came as an event of a stream, as it would have come as an answer."""
        code = CODES.get(kind, HTTPStatus.BAD_GATEWAY)
        retry = code in RETRYABLE and provider_fault(code, kind, message) is not ProviderFault.QUOTA
        # Redacted before it is cut, because it may be cut within the key.
        shown = self._redacted(message)[:_SHOWN]
        return ProviderFailure(
            code, self._redacted(kind)[:_SHOWN], shown, free=code in FREE, retry=retry
        )

    def _redacted(self, words: str) -> str:
        """A provider's error may quote the key that it refuses, in any of its fields."""
        return words.replace(self._key, REDACTED)

    def _unanswered(self, error: Exception) -> ProviderFailure:
        # No retry: another such wait is longer than any sandbox lives.
        if isinstance(error, NO_ANSWER):
            message = f"the provider sent nothing for {self._timeouts.silent:g} s"
            return ProviderFailure(504, "timeout_error", message, free=False, retry=False)
        if not isinstance(error, NOT_SENT):
            message = f"the provider did not answer: {type(error).__name__}"
            return ProviderFailure(502, "api_error", message, free=False, retry=True)
        message = f"no connection to it can be made ({_cause_of(error)})"
        return ProviderFailure(502, NO_CONNECTION, message, free=True, retry=True)

    def _late(self) -> ProviderFailure:
        message = f"the provider's answer took longer than {self._timeouts.whole:g} s"
        return ProviderFailure(504, "timeout_error", message, free=False, retry=False)


def _is_page(response: ProviderReply) -> bool:
    return response.headers.get("content-type", "").lower().startswith("text/html")


def _cause_of(error: BaseException) -> str:
    """The name of what kept a connection from being made; of a fault of TLS, its reason."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"TLS: {cause.reason or type(cause).__name__}"
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__


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
