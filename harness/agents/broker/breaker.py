"""One breaker for each provider: what is wrong with the provider pauses the factory, and fails no issue.

Properties: its state is in the meter's store, so that the next broker knows it; while it is open nothing is asked; when its time
is over one call goes first, and the others wait for what becomes of it; what is wrong with one request opens nothing.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from harness.agents.broker.refusal import PROVIDER, Refusal, paused

_SCHEMA = sa.MetaData()
TROUBLES = sa.Table(
    "troubles", _SCHEMA,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),       # in a row
    sa.Column("until", sa.Float, nullable=False),            # seconds since the epoch; 0: the breaker is closed
    sa.Column("why", sa.String, nullable=False),
)


class Trouble(StrEnum):
    """What is wrong with a provider, whatever it is asked."""

    ACCESS = "access"           # it does not take our key
    QUOTA = "quota"             # what is paid for is used up
    OVERLOAD = "overload"       # it has too much to do
    FAILING = "failing"         # it fails, or does not answer


FIRST = {Trouble.ACCESS: 600.0, Trouble.QUOTA: 600.0, Trouble.OVERLOAD: 60.0, Trouble.FAILING: 60.0}
"""Seconds of the first pause; each further one in a row is twice as long."""
IN_A_ROW = {Trouble.ACCESS: 1, Trouble.QUOTA: 1, Trouble.OVERLOAD: 1, Trouble.FAILING: 3}
"""Calls that fail in a row until it opens. One request may well be what a provider fails at; three are not."""
MOST = 3600.0
"""Seconds; whatever a provider says of itself, it is looked at once an hour."""
_STATUS = {401: Trouble.ACCESS, 402: Trouble.QUOTA, 429: Trouble.OVERLOAD, 503: Trouble.OVERLOAD, 529: Trouble.OVERLOAD,
           408: Trouble.FAILING, 500: Trouble.FAILING, 502: Trouble.FAILING, 504: Trouble.FAILING}
_QUOTA = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})
_NO_CREDIT = "credit balance is too low"        # Anthropic says so with 400 and `invalid_request_error`


def trouble(status: int, kind: str, message: str) -> Trouble | None:
    """What an answer says about its provider; None where it is about what was asked."""
    if kind in _QUOTA or _NO_CREDIT in message:
        return Trouble.QUOTA
    return _STATUS.get(status)


def seconds_open(found: Trouble, failures: int, *, wanted: float | None) -> float:
    """How long nothing is asked after so many failures in a row; 0: the breaker stays closed. `wanted` is what the provider
    itself asks for, which may be longer than the pause that is usual, and never longer than MOST."""
    beyond = failures - IN_A_ROW[found]
    return 0.0 if beyond < 0 else min(MOST, max(FIRST[found] * 2.0 ** min(beyond, 20), wanted or 0.0))


@dataclass(frozen=True, slots=True)
class State:
    """How a provider has fared: failures in a row, and until when (seconds since the epoch) nothing is asked of it."""

    failures: int = 0
    until: float = 0.0
    why: str = ""


class Troubles:
    """The states of the providers, in the meter's store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with engine.begin() as tx:
            _SCHEMA.create_all(tx)

    def read(self, provider: str) -> State:
        with self._engine.connect() as tx:
            row = tx.execute(sa.select(TROUBLES).where(TROUBLES.c.provider == provider)).one_or_none()
        return State() if row is None else State(row.failures, row.until, row.why)

    def write(self, provider: str, state: State) -> None:
        with self._engine.begin() as tx:
            tx.execute(TROUBLES.delete().where(TROUBLES.c.provider == provider))
            if state.failures:
                tx.execute(TROUBLES.insert().values(provider=provider, failures=state.failures, until=state.until, why=state.why))


class Breaker:
    """Stands before one provider. `tell` reaches the operator."""

    def __init__(self, provider: str, troubles: Troubles, *, clock: Callable[[], float] = time.time,
                 tell: Callable[[str], None] = lambda words: print(words, file=sys.stderr, flush=True)) -> None:
        self.provider, self._troubles, self._clock, self._tell = provider, troubles, clock, tell
        self._state = troubles.read(provider)
        self._probe: asyncio.Event | None = None

    @asynccontextmanager
    async def admitted(self) -> AsyncIterator[None]:
        """Around one call. Raises Refusal, a pause, while the breaker is open; after it, one call at a time goes first."""
        while self._probe is not None:
            await self._probe.wait()
        if self.pause is not None:
            raise self.pause
        if not self._state.until:
            yield
            return
        self._probe = asyncio.Event()
        try:
            yield
        finally:
            self._probe.set()
            self._probe = None

    @property
    def pause(self) -> Refusal | None:
        """What everybody is told while it is open."""
        now = self._clock()
        if self._state.until <= now:
            return None
        found = paused(f"the model provider {self.provider} is not asked now: {self._state.why}", cause=PROVIDER,
                       again_at=self._state.until, now=now)
        found.free = True
        return found

    def document(self) -> dict[str, Any] | None:
        """{provider, again_at, why} while it is open."""
        pause = self.pause
        return None if pause is None else {"provider": self.provider, "again_at": pause.about["again_at"], "why": self._state.why}

    def failed(self, found: Trouble, why: str, *, wanted: float | None) -> Refusal | None:
        """A call failed by what is wrong with the provider; the pause that follows, if one does."""
        failures = self._state.failures + 1
        seconds = seconds_open(found, failures, wanted=wanted)
        self._note(State(failures, self._clock() + seconds if seconds else 0.0, why))
        if seconds:
            moment = datetime.fromtimestamp(self._state.until, UTC).isoformat(timespec="seconds")
            self._tell(f"the model provider {self.provider} is not asked before {moment}: {why}")
        return self.pause

    def answers(self) -> None:
        """A call got at least the beginning of an answer: others may be made."""
        if self._state.until:
            self._tell(f"the model provider {self.provider} answers again")
            self._note(replace(self._state, until=0.0))

    def succeeded(self) -> None:
        """A call got its whole answer: nothing is wrong with the provider."""
        if self._state.failures:
            self._note(State())

    def _note(self, state: State) -> None:
        self._state = state
        self._troubles.write(self.provider, state)
