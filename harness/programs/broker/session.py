"""One session: who may ask, what it may spend, where its answers come from, and what is kept of
them."""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing, contextmanager
from functools import partial
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter, Reservation
from harness.programs.broker.prices import Tokens
from harness.programs.broker.recording import Recorder, estimate
from harness.programs.broker.refusal import Refusal, unreachable
from harness.programs.broker.script import Script
from harness.programs.broker.sse import EventStream
from harness.programs.broker.upstream.client import Upstream
from harness.programs.broker.upstream.failure import ProviderFailure
from harness.programs.broker.wirelog import WireLog
from harness.programs.broker.wires.dialect import Dialect, Event, StreamReader
from harness.programs.broker.wires.messages_grammar import COUNT_BODY, checked
from harness.programs.broker.wires.registry import DIALECTS, EVERY, MESSAGES
from harness.programs.broker.worst_case import worst


class BrokerSession:
    """Answers requests, from a script or from a provider. Reserves money before each call, settles
    it after.

    `model` is the provider's own name for the identity's model; a script needs none. A script
    answers in every dialect, a provider in those of its wire; with `api`, in the one of that path.
    """

    def __init__(
        self,
        identity: SessionIdentity,
        caps: SessionCaps,
        *,
        meter: Meter,
        source: Script | Upstream,
        log: WireLog,
        model: str = "",
        recorder: Recorder | None = None,
        api: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        every = EVERY if isinstance(source, Script) else DIALECTS[source.provider.wire]
        self.identity = identity
        self.dialects = tuple(dialect for dialect in every if api in ("", dialect.path))
        self._model = model or identity.model
        self._caps, self._meter, self._source, self._log = caps, meter, source, log
        self._recorder, self._clock = recorder, clock
        self._fault: Refusal | None = None

    def usage(self) -> JsonDict:
        """What was used, how much of a script was not played, and the refusal that ended the
        session, if any."""
        left = self._source.left if isinstance(self._source, Script) else 0
        refusal_at_end = None if self._fault is None else self._fault.body()["error"]
        return {
            **self._meter.spent_by_session(self.identity.id).document(),
            "script_left": left,
            "fault": refusal_at_end,
        }

    @contextmanager
    def reading_request(self) -> Iterator[None]:
        """The reading of a request: a request that is refused there is one of the session's calls.

        Raises Refusal, also when the session has ended: then nothing is read.
        """
        if self._fault is not None:
            raise self._fault
        try:
            yield
        except Refusal:
            # Otherwise bad bodies would be free, and a sandbox could send them for ever.
            try:
                self._count_a_call()
            except Refusal as refusal:
                self._note_end(refusal)
            raise

    def _count_a_call(self) -> None:
        """Count a call that costs nothing. Raises Refusal when the session has made all its
        calls."""
        self._meter.reserve(self.identity, self._caps, Tokens()).free()

    async def count(self, body: Any) -> JsonDict:
        """The tokens of a Messages API request, as the provider counts them, or estimated when a
        script plays.

        It costs nothing and is one of the session's calls. Raises Refusal.
        """
        with self.reading_request():
            body = checked(body, model=self.identity.model, grammar=COUNT_BODY)
        try:
            self._count_a_call()
            if isinstance(self._source, Script):
                return {"input_tokens": estimate(body)}
            return await self._source.count(
                "/messages/count_tokens",
                {**body, "model": self._model},
                issue=self.identity.issue,
                dialects=self.dialects,
            )
        except Refusal as refusal:
            self._note_end(refusal)
            raise

    async def whole(self, dialect: Dialect, body: Any) -> tuple[JsonDict, Callable[[], None]]:
        """A whole answer, and a function that settles and keeps it. Raises Refusal.

        The caller runs the function once the answer was sent, or could not be.
        """
        with self.reading_request():
            body = dialect.checked(body, model=self.identity.model)
        answer, _, afterwards = await self._answered(dialect, body)
        return answer, afterwards

    async def stream(self, dialect: Dialect, body: Any) -> AsyncGenerator[Event, None]:
        """An answer as events. Raises Refusal before the first; after it, a refusal is the last
        event."""
        with self.reading_request():
            body = dialect.checked(body, model=self.identity.model)
        source = self._source
        if isinstance(source, Script):
            _, message, afterwards = await self._answered(dialect, body)
            # A script's answer is whole already, so it is settled before its events are read.
            afterwards()
            return _async_events(dialect.events(message, body))
        conversation, began = dialect.conversation(body), self._clock()
        reservation = self._reserved(dialect, body, conversation, began)
        with self._releasing_on_refusal(conversation, reservation, began):
            events = await source.stream(
                dialect,
                dialect.forwarded(body, model=self._model),
                issue=self.identity.issue,
                again=reservation.again,
                dialects=self.dialects,
            )
        return self._counted_stream(
            events,
            dialect,
            dialect.stream_reader(body),
            source=source,
            conversation=conversation,
            reservation=reservation,
            began=began,
        )

    async def _answered(
        self, dialect: Dialect, body: JsonObject
    ) -> tuple[JsonDict, JsonDict, Callable[[], None]]:
        """The answer to a checked body, the same as a message, and the function that settles and
        keeps it."""
        conversation, began = dialect.conversation(body), self._clock()
        reservation = self._reserved(dialect, body, conversation, began)
        with self._releasing_on_refusal(conversation, reservation, began):
            if isinstance(self._source, Script):
                message = self._source.answer(conversation)
                answer, tokens = dialect.answer(message, body), MESSAGES.counted(message)
            else:
                forwarded = dialect.forwarded(body, model=self._model)
                answer = await self._source.whole(
                    dialect,
                    forwarded,
                    issue=self.identity.issue,
                    again=reservation.again,
                    dialects=self.dialects,
                )
                message, tokens = dialect.message(answer), dialect.counted(answer)

        def afterwards() -> None:
            _settle(reservation, tokens)
            self._keep(conversation, message, began)

        return answer, message, afterwards

    async def _counted_stream(
        self,
        events: EventStream,
        dialect: Dialect,
        stream_reader: StreamReader,
        *,
        source: Upstream,
        conversation: JsonObject,
        reservation: Reservation,
        began: float,
    ) -> AsyncGenerator[Event, None]:
        """Pass a stream on while counting it, then settle it. Only a whole stream settles at its
        true cost."""
        refusal_at_end, is_providers, kept = unreachable("the sandbox hung up"), False, False
        finish = partial(
            self._finished,
            stream_reader,
            source,
            conversation=conversation,
            reservation=reservation,
            began=began,
        )
        try:
            async with aclosing(events):
                async for event in events:
                    shown = stream_reader.add(event)
                    # A provider may stream more than the limit that it was given.
                    reservation.exceed(stream_reader.so_far())
                    # Settle before the last event: a client that sees it may ask for the cost.
                    if dialect.is_end(event) and stream_reader.whole:
                        kept = finish()
                    if shown is not None:
                        yield shown
            refusal_at_end = unreachable("the provider's stream ended before the message did")
            is_providers = True
        except ValueError as error:
            refusal_at_end = unreachable(f"the provider's stream makes no message: {error}")
            is_providers = True
        except Refusal as refusal:
            refusal_at_end, is_providers = refusal, isinstance(refusal, ProviderFailure)
        finally:
            # The client may hang up, or the end mark be missing, after the message is whole.
            if stream_reader.whole and not kept:
                finish()
            elif not stream_reader.whole:
                # A cut stream is billed, and what it counted so far is only a lower bound.
                reservation.forfeit(stream_reader.counted() or Tokens())
                self._refused(conversation, refusal_at_end, began, so_far=stream_reader.message())
                if (
                    is_providers
                    and (pause := source.cut(refusal_at_end.message, issue=self.identity.issue))
                    is not None
                ):
                    self._note_end(pause)
        # Outside of `finally`: a generator that is being closed must not yield.
        if not stream_reader.whole:
            yield dialect.ended(refusal_at_end)

    def _finished(
        self,
        stream_reader: StreamReader,
        source: Upstream,
        *,
        conversation: JsonObject,
        reservation: Reservation,
        began: float,
    ) -> bool:
        """Settle a whole stream, and keep it."""
        _settle(reservation, stream_reader.counted())
        self._keep(conversation, stream_reader.message(), began)
        source.finished(self.identity.issue)
        return True

    def _reserved(
        self,
        dialect: Dialect,
        body: JsonObject,
        conversation: JsonObject,
        began: float,
    ) -> Reservation:
        if self._fault is not None:
            raise self._fault
        try:
            if isinstance(self._source, Script):
                self._source.deny(conversation)
            most = worst(
                body, output=dialect.most_output(body), is_cached=dialect.caches_automatically
            )
            return self._meter.reserve(self.identity, self._caps, most)
        except Refusal as refusal:
            self._refused(conversation, refusal, began)
            raise

    @contextmanager
    def _releasing_on_refusal(
        self, conversation: JsonObject, reservation: Reservation, began: float
    ) -> Iterator[None]:
        """Frees the reservation of a refused call when it certainly cost nothing. Otherwise it
        stays held."""
        try:
            yield
        except Refusal as refusal:
            if isinstance(self._source, Script) or refusal.free:
                reservation.free()
            else:
                reservation.forfeit(Tokens())
            self._refused(conversation, refusal, began)
            raise

    def _refused(
        self,
        conversation: JsonObject,
        refusal: Refusal,
        began: float,
        *,
        so_far: JsonObject | None = None,
    ) -> None:
        """Keep what is known of a call that got no whole answer."""
        if self._recorder is not None and not refusal.final:
            self._recorder.error(conversation, refusal)
        self._note_end(refusal)
        self._log.note(
            conversation,
            at=began,
            seconds=self._clock() - began,
            answer=so_far or None,
            refusal=refusal,
        )

    def _note_end(self, refusal: Refusal) -> None:
        if refusal.ends is not None and self._fault is None:
            self._fault = refusal.ends

    def _keep(self, conversation: JsonObject, message: JsonObject, began: float) -> None:
        if self._recorder is not None:
            self._recorder.message(conversation, message)
        self._log.note(conversation, at=began, seconds=self._clock() - began, answer=message)


def _settle(reservation: Reservation, tokens: Tokens | None) -> None:
    """Settle at the counted tokens, or at what was held when the provider did not count."""
    if tokens is None:
        reservation.forfeit(Tokens())
    else:
        reservation.settle(tokens)


async def _async_events(events: Iterable[Event]) -> AsyncGenerator[Event, None]:
    for event in events:
        yield event
