"""One breaker for each provider: what is wrong with the provider pauses the factory, and fails no
issue.

Properties: what one issue's sessions meet pauses that issue and nobody else, for a box has a say in
what it is answered (a flood, a huge `max_tokens`, a body that the provider fails at). All issues
are paused on what at least two of them met since anybody was answered last, and the one that failed
most often is not counted. Only calls that ask for an answer are evidence, or an answer. Its state
is in the meter's store, so that the next broker knows it; while it is open nothing is asked; when
its time is over one call goes first, and the others wait for what becomes of it, though not for
ever; what is wrong with one request opens nothing."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from harness.programs.broker.refusal import ISSUE, PROVIDER, Refusal, paused

_SCHEMA = sa.MetaData()
TROUBLES = sa.Table(
    "troubles",
    _SCHEMA,
    sa.Column("provider", sa.String, primary_key=True),
    # in a row
    sa.Column("failures", sa.Integer, nullable=False),
    # seconds since the epoch; 0: the breaker is closed
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)
WITNESSES = sa.Table(
    "witnesses",
    _SCHEMA,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("issue", sa.Integer, primary_key=True),
    # these three as those above, of this issue alone
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    # failures since the provider answered anybody
    sa.Column("evidence", sa.Integer, nullable=False),
    # seconds since the epoch, the last of them
    sa.Column("heard_at", sa.Float, nullable=False),
)


class Trouble(StrEnum):
    """What is wrong with a provider, whatever it is asked."""

    # it does not take our key
    ACCESS = "access"
    # what is paid for is used up
    QUOTA = "quota"
    # it has too much to do
    OVERLOAD = "overload"
    # it fails, or does not answer
    FAILING = "failing"


FIRST = {Trouble.ACCESS: 600.0, Trouble.QUOTA: 600.0, Trouble.OVERLOAD: 60.0, Trouble.FAILING: 60.0}
"""Seconds of the first pause; each further one in a row is twice as long."""
IN_A_ROW = {Trouble.ACCESS: 1, Trouble.QUOTA: 1, Trouble.OVERLOAD: 1, Trouble.FAILING: 3}
"""Calls that fail in a row until it opens. One request may well be what a provider fails at; three
are not."""
MOST = 3600.0
"""Seconds; whatever a provider says of itself, it is looked at once an hour. What was heard longer
ago is no evidence."""
PROBE = 60.0
"""Seconds that others wait for the call that goes first after a pause."""
_STATUS = {
    401: Trouble.ACCESS,
    402: Trouble.QUOTA,
    429: Trouble.OVERLOAD,
    503: Trouble.OVERLOAD,
    529: Trouble.OVERLOAD,
    408: Trouble.FAILING,
    500: Trouble.FAILING,
    502: Trouble.FAILING,
    504: Trouble.FAILING,
}
_QUOTA = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})
# Anthropic says so with 400 and `invalid_request_error`
_NO_CREDIT = "Your credit balance is too low"


def trouble(status: int, kind: str, message: str) -> Trouble | None:
    """What an answer says about its provider; None where it is about what was asked."""
    # its own words: others may be those of the request
    if kind in _QUOTA or message.startswith(_NO_CREDIT):
        return Trouble.QUOTA
    return _STATUS.get(status)


def seconds_open(found: Trouble, failures: int, *, wanted: float | None) -> float:
    """How long nothing is asked after so many failures in a row; 0: the breaker stays closed.
    `wanted` is what the provider itself asks for, which may be longer than the pause that is usual,
    and never longer than MOST."""
    beyond = failures - IN_A_ROW[found]
    return (
        0.0 if beyond < 0 else min(MOST, max(FIRST[found] * 2.0 ** min(beyond, 20), wanted or 0.0))
    )


@dataclass(frozen=True, slots=True)
class State:
    """How a provider has fared: failures in a row, and until when (seconds since the epoch) nothing
    is asked of it."""

    failures: int = 0
    until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Witness:
    """How one issue's sessions have fared with a provider; `state` is the issue's own. `evidence`:
    its failures since the provider answered anybody, the last of them at `heard_at` (seconds since
    the epoch)."""

    state: State = State()
    evidence: int = 0
    heard_at: float = 0.0


def corroborated(witnesses: Mapping[int, Witness], *, now: float) -> int:
    """The failures in a row that count against a provider: all but those of the issue that met most
    of them."""
    heard = [one.evidence for one in witnesses.values() if now - one.heard_at <= MOST]
    return sum(heard) - max(heard, default=0)


class Troubles:
    """The states of the providers, in the meter's store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with engine.begin() as tx:
            _SCHEMA.create_all(tx)

    def read(self, provider: str) -> State:
        with self._engine.connect() as tx:
            row = tx.execute(
                sa.select(TROUBLES).where(TROUBLES.c.provider == provider)
            ).one_or_none()
        return State() if row is None else State(row.failures, row.until, row.why)

    def witnesses(self, provider: str) -> dict[int, Witness]:
        """Those of whom there is something to remember, by the number of their issue."""
        with self._engine.connect() as tx:
            rows = tx.execute(sa.select(WITNESSES).where(WITNESSES.c.provider == provider)).all()
        return {
            row.issue: Witness(State(row.failures, row.until, row.why), row.evidence, row.heard_at)
            for row in rows
        }

    def write(self, provider: str, state: State, witnesses: Mapping[int, Witness]) -> None:
        with self._engine.begin() as tx:
            for table in (TROUBLES, WITNESSES):
                tx.execute(table.delete().where(table.c.provider == provider))
            if state.failures:
                tx.execute(
                    TROUBLES.insert().values(
                        provider=provider, failures=state.failures, until=state.until, why=state.why
                    )
                )
            for issue, one in witnesses.items():
                tx.execute(
                    WITNESSES.insert().values(
                        provider=provider,
                        issue=issue,
                        failures=one.state.failures,
                        until=one.state.until,
                        why=one.state.why,
                        evidence=one.evidence,
                        heard_at=one.heard_at,
                    )
                )


class Breaker:
    """Stands before one provider. `tell` reaches the operator. Whoever calls says for which issue:
    all sessions of an issue are one witness, since one box's words may reach them all."""

    def __init__(
        self,
        provider: str,
        troubles: Troubles,
        *,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], None] = lambda words: print(words, file=sys.stderr, flush=True),
        patience: float = PROBE,
    ) -> None:
        self.provider, self._troubles, self._clock, self._tell = provider, troubles, clock, tell
        self._state, self._witnesses = troubles.read(provider), troubles.witnesses(provider)
        self._patience = patience
        self._probe: asyncio.Event | None = None

    @asynccontextmanager
    async def admitted(self, issue: int, *, is_evidence: bool = True) -> AsyncIterator[None]:
        """Around one call. Raises Refusal, a pause, while the breaker is open; after it, one call
        at a time goes first, of those that are evidence."""
        while is_evidence and (first := self._probe) is not None:
            try:
                await asyncio.wait_for(first.wait(), self._patience)
            except TimeoutError:
                break
        if pause := self.pause(issue):
            raise pause
        if not self._state.until or not is_evidence:
            yield
            return
        mine = self._probe = asyncio.Event()
        try:
            yield
        finally:
            mine.set()
            if self._probe is mine:
                self._probe = None

    def pause(self, issue: int) -> Refusal | None:
        """What an issue's sessions are told while it is open, for everybody or for them."""
        now, own = self._clock(), self._witness(issue).state
        shut = max(((self._state, PROVIDER), (own, ISSUE)), key=lambda one: one[0].until)
        if (until := shut[0].until) <= now:
            return None
        whom = "" if shut[1] == PROVIDER else f" for issue {issue}"
        found = paused(
            f"the model provider {self.provider} is not asked{whom} now: {shut[0].why}",
            cause=shut[1],
            again_at=until,
            now=now,
        )
        found.free = True
        return found

    def document(self) -> dict[str, Any] | None:
        """{provider, again_at, why} while it is open for everybody."""
        if self._state.until <= self._clock():
            return None
        return {
            "provider": self.provider,
            "again_at": _moment(self._state.until),
            "why": self._state.why,
        }

    def failed(
        self,
        found: Trouble,
        why: str,
        *,
        issue: int,
        wanted: float | None,
        is_evidence: bool = True,
    ) -> Refusal | None:
        """A call for an issue failed by what is wrong with the provider; the pause that follows for
        that issue, if one does. Without `is_evidence` it is nothing to others."""
        now, known = self._clock(), self._witness(issue)
        own = _after(found, why, known.state.failures + 1, wanted=wanted, now=now)
        evidence = known.evidence if now - known.heard_at <= MOST else 0
        own = replace(own, until=max(own.until, known.state.until))
        self._witnesses[issue] = Witness(own, evidence + is_evidence, now)
        everybodys = _after(
            found, why, corroborated(self._witnesses, now=now), wanted=wanted, now=now
        )
        if is_evidence and everybodys.until > self._state.until:
            self._state = everybodys
            self._tell(
                f"the model provider {self.provider} is not asked before"
                f" {_moment(everybodys.until)}: {why}"
            )
        elif own.until > now:
            self._tell(
                f"the model provider {self.provider} is not asked for issue {issue} before"
                f" {_moment(own.until)}: {why}"
            )
        self._keep()
        return self.pause(issue)

    def answers(self) -> None:
        """A call got at least the beginning of an answer: others may be made."""
        if self._state.until:
            self._tell(f"the model provider {self.provider} answers again")
            self._state = replace(self._state, until=0.0)
            self._keep()

    def succeeded(self, issue: int) -> None:
        """A call for an issue got its whole answer: nothing is wrong with the provider, and what
        others met was their own."""
        if self._state.failures or self._witnesses:
            self._state = State()
            self._witnesses = {
                number: replace(one, evidence=0)
                for number, one in self._witnesses.items()
                if number != issue
            }
            self._keep()

    def _witness(self, issue: int) -> Witness:
        return self._witnesses.get(issue, Witness())

    def _keep(self) -> None:
        """Write it down, but for what is too old to matter."""
        now = self._clock()
        self._witnesses = {
            issue: one
            for issue, one in self._witnesses.items()
            if now - max(one.heard_at, one.state.until) <= 2 * MOST
        }
        self._troubles.write(self.provider, self._state, self._witnesses)


def _after(found: Trouble, why: str, failures: int, *, wanted: float | None, now: float) -> State:
    seconds = seconds_open(found, failures, wanted=wanted)
    return State(failures, now + seconds if seconds else 0.0, why)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
