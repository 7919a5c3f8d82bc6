"""One session: who may ask, what it may spend, where its answers come from, and what is kept of
them."""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Any

from harness.programs.broker.meter import Call, Caps, Identity, Meter
from harness.programs.broker.prices import Tokens
from harness.programs.broker.recording import Recorder, estimate
from harness.programs.broker.refusal import Refusal, unreachable
from harness.programs.broker.script import Script
from harness.programs.broker.sse import EventStream, dumps
from harness.programs.broker.upstream.client import Failed, Upstream
from harness.programs.broker.wirelog import WireLog
from harness.programs.broker.wires.dialect import Dialect, Event, Reading
from harness.programs.broker.wires.known import DIALECTS, EVERY, MESSAGES
from harness.programs.broker.wires.messages_grammar import COUNT_BODY, checked

# tokens a provider adds of its own when tools are offered; list prices say 300 to 700
_PREAMBLE = 2_000
# tokens of the largest image, however few bytes it is packed into
_IMAGE = 5_000
_IMAGES = (b'"image"', b'"image_url"', b'"input_image"')


class Session:
    """Answers requests, from a script or from a provider; holds money for each before, settles it
    after.

    `model` is the provider's own name for what the identity names; a script needs none. A script
    answers in every dialect, a provider in those of its wire."""

    def __init__(
        self,
        identity: Identity,
        caps: Caps,
        *,
        meter: Meter,
        source: Script | Upstream,
        log: WireLog,
        model: str = "",
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.identity, self.dialects = (
            identity,
            EVERY if isinstance(source, Script) else DIALECTS[source.provider.wire],
        )
        self._model = model or identity.model
        self._caps, self._meter, self._source, self._log = caps, meter, source, log
        self._recorder, self._clock = recorder, clock
        self._fault: Refusal | None = None

    def usage(self) -> dict[str, Any]:
        """What was used, what of a script was not played, and the refusal that ended the session,
        if one did."""
        left = self._source.left if isinstance(self._source, Script) else 0
        fault = None if self._fault is None else self._fault.body()["error"]
        return {
            **self._meter.spent_by_session(self.identity.id).document(),
            "script_left": left,
            "fault": fault,
        }

    @contextmanager
    def understanding(self) -> Iterator[None]:
        """Around the reading of a request: one that is refused as it stands is one of the session's
        calls, and a session that has ended has nothing read. Raises Refusal."""
        if self._fault is not None:
            raise self._fault
        try:
            yield
        except Refusal:
            try:
                self._count_a_call()
            except Refusal as refusal:
                self._ended_by(refusal)
            raise

    def _count_a_call(self) -> None:
        """One that costs nothing. Raises Refusal where the session has made its calls."""
        self._meter.reserve(self.identity, self._caps, Tokens()).free()

    async def count(self, body: Any) -> dict[str, Any]:
        """The tokens of a request of the Messages API, as the provider counts them, or estimated
        when a script plays. It costs nothing and is one of the session's calls. Raises Refusal."""
        with self.understanding():
            body = checked(body, model=self.identity.model, grammar=COUNT_BODY)
        try:
            self._count_a_call()
            if isinstance(self._source, Script):
                return {"input_tokens": estimate(body)}
            return await self._source.count(
                "/messages/count_tokens", {**body, "model": self._model}, issue=self.identity.issue
            )
        except Refusal as refusal:
            self._ended_by(refusal)
            raise

    async def whole(self, dialect: Dialect, body: Any) -> tuple[dict[str, Any], Callable[[], None]]:
        """A whole answer, and what is to be done when it was sent, or could not be: to settle it
        and to keep it. Raises Refusal."""
        with self.understanding():
            body = dialect.checked(body, model=self.identity.model)
        answer, _, afterwards = await self._answered(dialect, body)
        return answer, afterwards

    async def stream(self, dialect: Dialect, body: Any) -> AsyncGenerator[Event, None]:
        """An answer as events. Raises Refusal before the first; after it, a refusal is the last
        event."""
        with self.understanding():
            body = dialect.checked(body, model=self.identity.model)
        source = self._source
        if isinstance(source, Script):
            _, message, afterwards = await self._answered(dialect, body)
            afterwards()
            return _each(dialect.events(message, body))
        asked, began = dialect.conversation(body), self._clock()
        call = self._reserved(dialect, body, asked, began)
        with self._asking(asked, call, began):
            events = await source.stream(
                dialect,
                dialect.forwarded(body, model=self._model),
                issue=self.identity.issue,
                again=call.again,
            )
        return self._followed(
            events,
            dialect,
            dialect.reading(body),
            source=source,
            asked=asked,
            call=call,
            began=began,
        )

    async def _answered(
        self, dialect: Dialect, body: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], Callable[[], None]]:
        """The answer to a checked body, the same as a message, and what settles and keeps it:
        nobody has to wait for that."""
        asked, began = dialect.conversation(body), self._clock()
        call = self._reserved(dialect, body, asked, began)
        with self._asking(asked, call, began):
            if isinstance(self._source, Script):
                message = self._source.answer(asked)
                answer, tokens = dialect.answer(message, body), MESSAGES.counted(message)
            else:
                forwarded = dialect.forwarded(body, model=self._model)
                answer = await self._source.whole(
                    dialect.path, forwarded, issue=self.identity.issue, again=call.again
                )
                message, tokens = _understood(dialect, answer)

        def afterwards() -> None:
            _settle(call, tokens)
            self._keep(asked, message, began)

        return answer, message, afterwards

    async def _followed(
        self,
        events: EventStream,
        dialect: Dialect,
        reading: Reading,
        *,
        source: Upstream,
        asked: Mapping[str, Any],
        call: Call,
        began: float,
    ) -> AsyncGenerator[Event, None]:
        """Pass a stream on while counting it. Whatever ends it, it is settled; at its true cost
        only when whole."""
        fault, is_providers, kept = unreachable("the box hung up"), False, False
        try:
            async with aclosing(events):
                async for event in events:
                    shown = reading.add(event)
                    call.exceed(reading.so_far())
                    # first: whoever sees the end may ask what it came to
                    if dialect.is_end(event) and reading.whole:
                        kept = self._finished(reading, source, asked=asked, call=call, began=began)
                    if shown is not None:
                        yield shown
            fault, is_providers = (
                unreachable("the provider's stream ended before the message did"),
                True,
            )
        except ValueError as error:
            fault, is_providers = (
                unreachable(f"the provider's stream makes no message: {error}"),
                True,
            )
        except Refusal as refusal:
            fault, is_providers = refusal, isinstance(refusal, Failed)
        finally:
            if reading.whole and not kept:
                self._finished(reading, source, asked=asked, call=call, began=began)
            elif not reading.whole:
                call.forfeit(reading.counted() or Tokens())
                self._refused(asked, fault, began, so_far=reading.message())
                if (
                    is_providers
                    and (pause := source.cut(fault.message, issue=self.identity.issue)) is not None
                ):
                    self._ended_by(pause)
        if not reading.whole:
            yield dialect.ended(fault)

    def _finished(
        self,
        reading: Reading,
        source: Upstream,
        *,
        asked: Mapping[str, Any],
        call: Call,
        began: float,
    ) -> bool:
        """Settle a stream that is whole, and keep it."""
        _settle(call, reading.counted())
        self._keep(asked, reading.message(), began)
        source.finished(self.identity.issue)
        return True

    def _reserved(
        self, dialect: Dialect, body: Mapping[str, Any], asked: Mapping[str, Any], began: float
    ) -> Call:
        if self._fault is not None:
            raise self._fault
        try:
            if isinstance(self._source, Script):
                self._source.deny(asked)
            most = worst(body, output=dialect.most_output(body), is_cached=dialect.caches_unasked)
            return self._meter.reserve(self.identity, self._caps, most)
        except Refusal as refusal:
            self._refused(asked, refusal, began)
            raise

    @contextmanager
    def _asking(self, asked: Mapping[str, Any], call: Call, began: float) -> Iterator[None]:
        """A refused call is free when that is certain; else what was held for it stays held."""
        try:
            yield
        except Refusal as refusal:
            if isinstance(self._source, Script) or refusal.free:
                call.free()
            else:
                call.forfeit(Tokens())
            self._refused(asked, refusal, began)
            raise

    def _refused(
        self,
        asked: Mapping[str, Any],
        refusal: Refusal,
        began: float,
        *,
        so_far: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what little there is of a call that got no whole answer."""
        if self._recorder is not None and not refusal.final:
            self._recorder.error(asked, refusal)
        self._ended_by(refusal)
        self._log.note(
            asked, at=began, seconds=self._clock() - began, answer=so_far or None, refusal=refusal
        )

    def _ended_by(self, refusal: Refusal) -> None:
        if refusal.ends is not None and self._fault is None:
            self._fault = refusal.ends

    def _keep(self, asked: Mapping[str, Any], message: Mapping[str, Any], began: float) -> None:
        if self._recorder is not None:
            self._recorder.message(asked, message)
        self._log.note(asked, at=began, seconds=self._clock() - began, answer=message)


def worst(body: Mapping[str, Any], *, output: int, is_cached: bool = False) -> Tokens:
    """The most tokens that a request can come to: a token is at least a byte, and an image packs
    many into few. `is_cached`: they may be written to a cache though nobody asked."""
    text = dumps(body).encode("utf-8", "backslashreplace")
    tokens = len(text) + _PREAMBLE + _IMAGE * sum(map(text.count, _IMAGES))
    if not is_cached and b'"cache_control"' not in text:
        return Tokens(input=tokens, output=output)
    if b'"1h"' in text:
        return Tokens(cache_write_1h=tokens, output=output)
    return Tokens(cache_write=tokens, output=output)


def _understood(
    dialect: Dialect, answer: Mapping[str, Any]
) -> tuple[dict[str, Any], Tokens | None]:
    """A provider's answer as a message, and its tokens. Raises Refusal when it is none."""
    try:
        return dialect.message(answer), dialect.counted(answer)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise unreachable(f"the provider's answer cannot be understood: {error}") from error


def _settle(call: Call, tokens: Tokens | None) -> None:
    """At what it cost; where the provider did not count, at what was held."""
    if tokens is None:
        call.forfeit(Tokens())
    else:
        call.settle(tokens)


async def _each(events: Iterable[Event]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event
