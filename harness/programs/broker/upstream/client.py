"""Asks a provider, retries when that can help, and finds out whose fault a failure is."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.providers import Provider
from harness.programs.broker.refusal import Refusal
from harness.programs.broker.sse import EventStream
from harness.programs.broker.upstream.breaker import ProviderBreaker
from harness.programs.broker.upstream.failure import ProviderFailure
from harness.programs.broker.upstream.faults import (
    NO_CONNECTION,
    OPERATORS,
    OTHER_API,
    ProviderFault,
    provider_fault,
    words_of,
)
from harness.programs.broker.upstream.retry import wait_before_retry
from harness.programs.broker.wires.dialect import Dialect
from harness.programs.broker.wires.registry import DIALECTS

if TYPE_CHECKING:
    from harness.programs.broker.upstream.exchange import Timeouts

_T = TypeVar("_T")
_OF_A_REQUEST = frozenset(
    {ProviderFault.MODEL, ProviderFault.ENDPOINT, ProviderFault.UNIMPLEMENTED}
)
"""Faults that are one request's where our own call of the same model is answered."""
_OURSELVES = 0
"""In place of an issue's number: our own call is for none."""
SmallestCall = Callable[["Upstream", Dialect, str], Awaitable[JsonDict | ProviderFailure]]


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
        timeouts: "Timeouts | None" = None,
        smallest_call: SmallestCall | None = None,
    ) -> None:
        # The HTTP client is a tenth of the broker's start, and one that replays asks no provider.
        from harness.programs.broker.upstream.exchange import Exchange, Timeouts

        self.provider, self.breaker = provider, breaker
        # Made by whoever counts the money; see `probe.py`.
        self._ask_counted = smallest_call or Upstream.ask_smallest
        self._confirming = asyncio.Lock()
        self._exchange = Exchange(provider, key, clock=clock, timeouts=timeouts or Timeouts())
        self._sleep, self._jitter = sleep, jitter

    async def close(self) -> None:
        await self._exchange.close()

    async def whole(
        self,
        dialect: Dialect,
        body: JsonObject,
        *,
        issue: int,
        again: Callable[[], None],
        dialects: Sequence[Dialect] = (),
    ) -> JsonDict:
        """One answer that makes a message, asked for `issue`, whose session may use `dialects`.

        `again` is called before each new try after one that may have been billed. Raises Refusal:
        ProviderFailure, or a pause while nothing is asked of this provider.
        """
        async with self.breaker.admitted(issue):
            found = await self._with_retries(
                lambda: self._exchange.whole(dialect, body),
                again,
                Asked(issue, str(body.get("model", "")), tuple(dialects) or (dialect,)),
            )
            # Before the block ends: the calls that wait for this one then find the breaker closed.
            self.breaker.answers()
        self.breaker.succeeded(issue)
        return found

    async def count(
        self, path: str, body: JsonObject, *, issue: int, dialects: Sequence[Dialect] = ()
    ) -> JsonDict:
        """The same for a token count. It costs nothing, has limits of its own, and does not
        count as evidence."""
        async with self.breaker.admitted(issue, is_evidence=False):
            return await self._with_retries(
                lambda: self._exchange.json(path, body),
                lambda: None,
                Asked(issue, str(body.get("model", "")), tuple(dialects), is_evidence=False),
            )

    async def stream(
        self,
        dialect: Dialect,
        body: JsonObject,
        *,
        issue: int,
        again: Callable[[], None],
        dialects: Sequence[Dialect] = (),
    ) -> EventStream:
        """The events of an answer, as they come.

        Raises as `whole` does: here before the first event, while iterating after it. The caller
        reports at the end whether the answer was `finished` or `cut`.
        """
        async with self.breaker.admitted(issue):
            found = await self._with_retries(
                lambda: self._exchange.stream(dialect, body),
                again,
                Asked(issue, str(body.get("model", "")), tuple(dialects) or (dialect,)),
            )
            self.breaker.answers()
            return found

    async def ask_smallest(self, dialect: Dialect, model: str) -> JsonDict | ProviderFailure:
        """The answer to the smallest request, asked once, whatever the breaker's state."""
        return await self._exchange.smallest(dialect, model)

    async def smallest_call(self, dialect: Dialect, model: str) -> JsonDict | ProviderFailure:
        """The same, reserved and settled by whoever counts the money. Raises Refusal while nobody
        does."""
        return await self._ask_counted(self, dialect, model)

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
        asked: "Asked",
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
            raise await self._failure(outcome, asked)
        return outcome

    async def _failure(self, failed: ProviderFailure, asked: "Asked") -> ProviderFailure:
        """The failure that the sandbox gets in the end.

        It learns nothing about our own access to the provider, which concerns the operator.
        """
        found = provider_fault(failed.status, failed.kind, failed.message)
        is_operators = found in OPERATORS
        # A sandbox may provoke any of these answers to its own request, but not to ours.
        is_confirmed = await self._confirms(asked) if is_operators else None
        if is_confirmed is False and found in _OF_A_REQUEST and failed.kind != OTHER_API:
            return failed
        if is_confirmed is False and failed.kind in (OTHER_API, NO_CONNECTION):
            failed, found = _as_a_failing_one(failed), ProviderFault.FAILING
        if found is None:
            return failed
        # Nobody charges for an answer that no model gave.
        failed.free = failed.free or bool(is_confirmed)
        words = words_of(
            found,
            self.provider,
            asked.model,
            status=failed.status,
            kind=failed.kind,
            message=failed.message,
        )
        failed.pause = self.breaker.failed(
            found,
            str(words),
            issue=asked.issue,
            wanted=failed.wanted,
            is_evidence=asked.is_evidence,
            is_confirmed=bool(is_confirmed),
        )
        if failed.pause is None:
            return failed
        shown_failure = failed.pause if found in OPERATORS else failed
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

    async def _confirms(self, asked: "Asked") -> bool | None:
        """Whether our own smallest call shows a fault of the operator's set-up, in each dialect
        that the session may use; None if it shows neither that nor that all is well."""
        # One after the other: many sessions may meet the same at once.
        async with self._confirming:
            found = set[bool | None]()
            for dialect in asked.dialects or DIALECTS[self.provider.wire]:
                try:
                    outcome = await self.smallest_call(dialect, asked.model)
                except Refusal:
                    # The meter does not answer, so nothing is asked.
                    return None
                found.add(_shows_operators_fault(outcome))
        if False not in found:
            return None if None in found else True
        # It answers us, so what other issues met was their own fault.
        self.breaker.succeeded(_OURSELVES)
        return False


@dataclass(frozen=True, slots=True)
class Asked:
    """For which issue a model was asked, and in which dialects its session may ask it."""

    issue: int
    model: str
    dialects: tuple[Dialect, ...] = ()
    is_evidence: bool = True


def _shows_operators_fault(outcome: JsonDict | ProviderFailure) -> bool | None:
    if not isinstance(outcome, ProviderFailure):
        return False
    found = provider_fault(outcome.status, outcome.kind, outcome.message)
    if found is None:
        return False
    # An overload tells nothing of the set-up.
    return True if found in OPERATORS else None


def _as_a_failing_one(failed: ProviderFailure) -> ProviderFailure:
    said = "the provider's answer was cut or cannot be read: "
    message = said + failed.message if failed.kind == OTHER_API else failed.message
    return ProviderFailure(502, "api_error", message, free=failed.free, retry=False)
