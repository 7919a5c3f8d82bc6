"""One session: who may ask, what it may spend, where its answers come from, and what is kept of them."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any

from harness.agents.broker.allow import COUNT_BODY, checked
from harness.agents.broker.meter import Call, Caps, Identity, Meter
from harness.agents.broker.prices import Tokens, tokens_of
from harness.agents.broker.recording import Recorder, estimate
from harness.agents.broker.refusal import Refusal, unreachable
from harness.agents.broker.script import Script
from harness.agents.broker.sse import Assembly, EventStream, dumps, events_of
from harness.agents.broker.upstream import Failed, Upstream
from harness.agents.broker.wirelog import WireLog

_PATH = "/v1/messages"
_PREAMBLE = 2_000       # tokens a provider adds of its own when tools are offered; list prices say 300 to 700
_IMAGE = 5_000          # tokens of the largest image, however few bytes it is packed into


class Session:
    """Answers requests, from a script or from a provider; holds money for each before, settles it after."""

    def __init__(self, identity: Identity, caps: Caps, *, meter: Meter, source: Script | Upstream, log: WireLog,
                 recorder: Recorder | None = None, clock: Callable[[], float] = time.time) -> None:
        self.identity = identity
        self._caps, self._meter, self._source, self._log = caps, meter, source, log
        self._recorder, self._clock = recorder, clock
        self._fault: Refusal | None = None

    def usage(self) -> dict[str, Any]:
        """What was used, what of a script was not played, and the refusal that ended the session, if one did."""
        left = self._source.left if isinstance(self._source, Script) else 0
        fault = None if self._fault is None else self._fault.body()["error"]
        return {**self._meter.spent_by_session(self.identity.id).document(), "script_left": left, "fault": fault}

    async def count(self, body: Any) -> dict[str, Any]:
        """The tokens of a request, as the provider counts them, or estimated when a script plays. Raises Refusal."""
        body = checked(body, model=self.identity.model, grammar=COUNT_BODY)
        if isinstance(self._source, Script):
            return {"input_tokens": estimate(body)}
        return await self._source.whole(f"{_PATH}/count_tokens", body, again=lambda: None)

    async def message(self, body: Any) -> dict[str, Any]:
        """A whole message. Raises Refusal."""
        body = checked(body, model=self.identity.model)
        call, began = self._reserved(body), self._clock()
        with self._asking(body, call, began):
            message = await self._whole(body, call)
        call.settle(tokens_of(message["usage"]))
        self._keep(body, message, began)
        return message

    async def stream(self, body: Any) -> EventStream:
        """A message as events. Raises Refusal before the first; after it, a refusal is the last event."""
        body = checked(body, model=self.identity.model)
        if isinstance(self._source, Script):
            return _each(events_of(await self.message(body)))
        call, began = self._reserved(body), self._clock()
        with self._asking(body, call, began):
            events = await self._source.stream(_PATH, body, again=call.again)
        return self._followed(events, body, call, began)

    async def _whole(self, body: Mapping[str, Any], call: Call) -> dict[str, Any]:
        if isinstance(self._source, Script):
            return self._source.answer(body)
        message = await self._source.whole(_PATH, body, again=call.again)
        try:
            tokens_of(message["usage"])
            if all(isinstance(block, dict) for block in message["content"]):
                return message
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise unreachable(f"the provider's answer is not a message with content and usage: {error!r}") from error
        raise unreachable("the provider's answer has content that is not made of blocks")

    async def _followed(self, events: EventStream, body: Mapping[str, Any], call: Call, began: float) -> EventStream:
        """Pass a stream on while counting it. Whatever ends it, it is settled; at its true cost only when whole."""
        put_together, fault = Assembly(), unreachable("the box hung up")
        try:
            async with aclosing(events):
                async for event in events:
                    put_together.add(event)
                    call.exceed(tokens_of(put_together.usage))
                    yield event
            fault = unreachable("the provider's stream ended before the message did")
        except ValueError as error:
            fault = unreachable(f"the provider's stream makes no message: {error}")
        except Refusal as refusal:
            fault = refusal
        finally:
            tokens = tokens_of(put_together.usage)
            if put_together.whole:
                call.settle(tokens)
                self._keep(body, put_together.message, began)
            else:
                call.forfeit(tokens)
                self._refused(body, fault, began, so_far=put_together.message)
        if not put_together.whole:
            yield fault.body()

    def _reserved(self, body: Mapping[str, Any]) -> Call:
        if self._fault is not None:
            raise self._fault
        try:
            return self._meter.reserve(self.identity, self._caps, worst(body))
        except Refusal as refusal:
            self._ended_by(refusal)
            raise

    @contextmanager
    def _asking(self, body: Mapping[str, Any], call: Call, began: float) -> Iterator[None]:
        """A refused call is free when that is certain; else what was held for it stays held."""
        try:
            yield
        except Refusal as refusal:
            if isinstance(self._source, Script) or (isinstance(refusal, Failed) and refusal.free):
                call.free()
            self._refused(body, refusal, began)
            raise

    def _refused(self, body: Mapping[str, Any], refusal: Refusal, began: float, *,
                 so_far: Mapping[str, Any] | None = None) -> None:
        """Keep what little there is of a call that got no whole answer."""
        if self._recorder is not None and not refusal.final:
            self._recorder.error(body, refusal)
        self._ended_by(refusal)
        self._log.note(body, at=began, seconds=self._clock() - began, answer=so_far or None, error=str(refusal))

    def _ended_by(self, refusal: Refusal) -> None:
        if refusal.final and self._fault is None:
            self._fault = refusal

    def _keep(self, body: Mapping[str, Any], message: Mapping[str, Any], began: float) -> None:
        if self._recorder is not None:
            self._recorder.message(body, message)
        self._log.note(body, at=began, seconds=self._clock() - began, answer=message)


def worst(body: Mapping[str, Any]) -> Tokens:
    """The most tokens that a request can come to: a token is at least a byte, and an image packs many into few."""
    text = dumps(body).encode("utf-8", "backslashreplace")
    tokens = len(text) + _PREAMBLE + _IMAGE * text.count(b'"image"')
    if b'"cache_control"' not in text:
        return Tokens(input=tokens, output=body["max_tokens"])
    if b'"1h"' in text:
        return Tokens(cache_write_1h=tokens, output=body["max_tokens"])
    return Tokens(cache_write=tokens, output=body["max_tokens"])


async def _each(events: Iterable[dict[str, Any]]) -> EventStream:
    for event in events:
        yield event
