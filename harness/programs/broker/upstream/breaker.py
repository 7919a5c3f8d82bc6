"""A circuit breaker for each provider: what is wrong with the provider pauses the factory and fails
no issue.

Properties:

- What one issue's sessions meet pauses that issue and nobody else, because a sandbox influences
  what it is answered (a flood, a huge `max_tokens`, a body that the provider fails at).
- All issues are paused on what at least two of them met since the provider last answered anybody.
  The issue that failed most often is not counted.
- All issues are paused at once, and no issue by itself, on a fault of the operator's set-up that a
  call of our own met as well: nothing of a sandbox is in that call.
- Only calls that ask for an answer count, as failure or as success.
- Its state is in the meter's store, so that the next broker knows it.
- While it is open, nothing is asked. When its time is over, one call goes first. The others wait
  for its outcome, but only for a limited time.
- What is wrong with one request opens nothing.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from harness.domain.plain import JsonDict
from harness.programs.broker.refusal import ISSUE, PROVIDER, Refusal, paused
from harness.programs.broker.upstream.faults import OPERATORS, ProviderFault

_SCHEMA = sa.MetaData()
PROVIDERS_TABLE = sa.Table(
    "troubles",
    _SCHEMA,
    sa.Column("provider", sa.String, primary_key=True),
    # Failures in a row.
    sa.Column("failures", sa.Integer, nullable=False),
    # Seconds since the epoch; 0 means that the breaker is closed.
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("why", sa.String, nullable=False),
)
ISSUES_TABLE = sa.Table(
    "witnesses",
    _SCHEMA,
    sa.Column("provider", sa.String, primary_key=True),
    sa.Column("issue", sa.Integer, primary_key=True),
    # The next three are as above, for this issue alone.
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    # Failures since the provider last answered anybody.
    sa.Column("evidence", sa.Integer, nullable=False),
    # When the last of them was, in seconds since the epoch.
    sa.Column("heard_at", sa.Float, nullable=False),
)


FIRST_PAUSE = dict.fromkeys(OPERATORS, 600.0) | {
    # A network comes back sooner than an operator.
    ProviderFault.UNREACHABLE: 60.0,
    ProviderFault.OVERLOAD: 60.0,
    ProviderFault.FAILING: 60.0,
}
"""Seconds of the first pause; each further one in a row is twice as long."""
FAILURES_TO_OPEN = dict.fromkeys(ProviderFault, 1) | {ProviderFault.FAILING: 3}
"""Failures in a row until it opens. A provider may fail at one odd request, but not at three."""
LONGEST_PAUSE = 3600.0
"""Seconds. Whatever a provider asks for, it is tried once an hour. Older failures do not count."""
PROBE_SECONDS = 60.0
"""Seconds that others wait for the call that goes first after a pause."""


def seconds_open(fault: ProviderFault, failures: int, *, wanted: float | None) -> float:
    """How long nothing is asked after so many failures in a row; 0 means that the breaker stays
    closed.

    `wanted` is what the provider itself asks for. It may be longer than the usual pause, and never
    longer than LONGEST_PAUSE.
    """
    beyond = failures - FAILURES_TO_OPEN[fault]
    # The exponent is bounded, because a float overflows after about a thousand failures.
    return (
        0.0
        if beyond < 0
        else min(LONGEST_PAUSE, max(FIRST_PAUSE[fault] * 2.0 ** min(beyond, 20), wanted or 0.0))
    )


@dataclass(frozen=True, slots=True)
class BreakerState:
    """Failures in a row, and until when (seconds since the epoch) nothing is asked."""

    failures: int = 0
    until: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class IssueHealth:
    """How one issue's sessions have fared with a provider. `state` is for this issue alone.

    `evidence` counts its failures since the provider last answered anybody. The last one was at
    `last_failure_at` (seconds since the epoch).
    """

    state: BreakerState = BreakerState()
    evidence: int = 0
    last_failure_at: float = 0.0


def corroborated_failures(issue_health: Mapping[int, IssueHealth], *, now: float) -> int:
    """The failures in a row that count against a provider: all but those of the issue with the
    most."""
    counts = [
        one.evidence for one in issue_health.values() if now - one.last_failure_at <= LONGEST_PAUSE
    ]
    return sum(counts) - max(counts, default=0)


class BreakerStore:
    """The states of the providers' breakers, in the meter's store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        with engine.begin() as tx:
            _SCHEMA.create_all(tx)

    def read(self, provider: str) -> BreakerState:
        with self._engine.connect() as tx:
            row = tx.execute(
                sa.select(PROVIDERS_TABLE).where(PROVIDERS_TABLE.c.provider == provider)
            ).one_or_none()
        return BreakerState() if row is None else BreakerState(row.failures, row.until, row.why)

    def issue_health(self, provider: str) -> dict[int, IssueHealth]:
        """The issues with something to remember, by number."""
        with self._engine.connect() as tx:
            rows = tx.execute(
                sa.select(ISSUES_TABLE).where(ISSUES_TABLE.c.provider == provider)
            ).all()
        return {
            row.issue: IssueHealth(
                BreakerState(row.failures, row.until, row.why), row.evidence, row.heard_at
            )
            for row in rows
        }

    def write(
        self, provider: str, state: BreakerState, issue_health: Mapping[int, IssueHealth]
    ) -> None:
        with self._engine.begin() as tx:
            for table in (PROVIDERS_TABLE, ISSUES_TABLE):
                tx.execute(table.delete().where(table.c.provider == provider))
            if state.failures:
                tx.execute(
                    PROVIDERS_TABLE.insert().values(
                        provider=provider, failures=state.failures, until=state.until, why=state.why
                    )
                )
            for issue, one in issue_health.items():
                tx.execute(
                    ISSUES_TABLE.insert().values(
                        provider=provider,
                        issue=issue,
                        failures=one.state.failures,
                        until=one.state.until,
                        why=one.state.why,
                        evidence=one.evidence,
                        heard_at=one.last_failure_at,
                    )
                )


class ProviderBreaker:
    """Guards one provider. `notify` reaches the operator.

    Each caller names its issue. All sessions of an issue count as one, since one sandbox's text may
    reach them all.
    """

    def __init__(
        self,
        provider: str,
        store: BreakerStore,
        *,
        clock: Callable[[], float] = time.time,
        notify: Callable[[str], None] = lambda words: print(words, file=sys.stderr, flush=True),
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        self.provider, self._store, self._clock, self._notify = provider, store, clock, notify
        self._state, self._issues = store.read(provider), store.issue_health(provider)
        self._probe_seconds = probe_seconds
        self._probe: asyncio.Event | None = None

    @asynccontextmanager
    async def admitted(self, issue: int, *, is_evidence: bool = True) -> AsyncIterator[None]:
        """Around one call. Raises Refusal, a pause, while the breaker is open. After it, one
        counted call at a time goes first."""
        # Asked again after each wait: another waiter may be the next to go first.
        while is_evidence and (first := self._probe) is not None:
            try:
                await asyncio.wait_for(first.wait(), self._probe_seconds)
            except TimeoutError:
                # One slow call must not hold up everybody.
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
            # Another call may have gone first after the wait for this one ran out.
            if self._probe is mine:
                self._probe = None

    def pause(self, issue: int) -> Refusal | None:
        """The pause for this issue's sessions now, if any: for everybody, or for them alone."""
        now, of_issue = self._clock(), self._issue_health(issue).state
        longest = max(((self._state, PROVIDER), (of_issue, ISSUE)), key=lambda one: one[0].until)
        if (until := longest[0].until) <= now:
            return None
        whom = "" if longest[1] == PROVIDER else f" for issue {issue}"
        fault = paused(
            f"the model provider {self.provider} is not asked{whom} now: {longest[0].why}",
            cause=longest[1],
            again_at=until,
            now=now,
        )
        fault.free = True
        return fault

    def document(self) -> JsonDict | None:
        """{provider, again_at, why} while it is open for everybody, else None."""
        if self._state.until <= self._clock():
            return None
        return {
            "provider": self.provider,
            "again_at": _moment(self._state.until),
            "why": self._state.why,
        }

    def failed(
        self,
        fault: ProviderFault,
        why: str,
        *,
        issue: int,
        wanted: float | None,
        is_evidence: bool = True,
        is_confirmed: bool = False,
    ) -> Refusal | None:
        """A call for an issue failed by the provider's fault; the pause that follows for that
        issue, if any.

        Without `is_evidence` it does not count for other issues. `is_confirmed`: our own call met
        the same, so it is nothing of that issue's.
        """
        if is_confirmed:
            return self._open_for_all(fault, why, issue, wanted)
        now, before = self._clock(), self._issue_health(issue)
        of_issue = _after(fault, why, before.state.failures + 1, wanted=wanted, now=now)
        evidence = before.evidence if now - before.last_failure_at <= LONGEST_PAUSE else 0
        # A later failure of a milder kind must not shorten a pause.
        of_issue = replace(of_issue, until=max(of_issue.until, before.state.until))
        self._issues[issue] = IssueHealth(of_issue, evidence + is_evidence, now)
        shared = _after(
            fault, why, corroborated_failures(self._issues, now=now), wanted=wanted, now=now
        )
        if is_evidence and shared.until > self._state.until:
            self._state = shared
            self._notify(
                f"the model provider {self.provider} is not asked before"
                f" {_moment(shared.until)}: {why}"
            )
        elif of_issue.until > now:
            self._notify(
                f"the model provider {self.provider} is not asked for issue {issue} before"
                f" {_moment(of_issue.until)}: {why}"
            )
        self._keep()
        return self.pause(issue)

    def _open_for_all(
        self, fault: ProviderFault, why: str, issue: int, wanted: float | None
    ) -> Refusal | None:
        now, before = self._clock(), self._state
        # Several sessions may meet it at once, which is one failure.
        if before.until > now and before.why == why:
            return self.pause(issue)
        state = _after(fault, why, before.failures + 1, wanted=wanted, now=now)
        self._state = replace(state, until=max(state.until, before.until))
        # The operator hears of it once, however often it is tried in vain.
        if not before.failures or before.why != why:
            until = _moment(self._state.until)
            self._notify(f"the model provider {self.provider} is not asked before {until}: {why}")
        self._keep()
        return self.pause(issue)

    def answers(self) -> None:
        """A call got at least the beginning of an answer, so others may be made."""
        if self._state.until:
            self._notify(f"the model provider {self.provider} answers again")
            self._state = replace(self._state, until=0.0)
            self._keep()

    def succeeded(self, issue: int) -> None:
        """A call for an issue got its whole answer, so nothing is wrong with the provider.

        What other issues met was their own fault.
        """
        if self._state.failures or self._issues:
            self._state = BreakerState()
            self._issues = {
                number: replace(one, evidence=0)
                for number, one in self._issues.items()
                if number != issue
            }
            self._keep()

    def _issue_health(self, issue: int) -> IssueHealth:
        return self._issues.get(issue, IssueHealth())

    def _keep(self) -> None:
        """Store the state, without what is too old to matter."""
        now = self._clock()
        self._issues = {
            issue: one
            for issue, one in self._issues.items()
            if now - max(one.last_failure_at, one.state.until) <= 2 * LONGEST_PAUSE
        }
        self._store.write(self.provider, self._state, self._issues)


def _after(
    fault: ProviderFault, why: str, failures: int, *, wanted: float | None, now: float
) -> BreakerState:
    seconds = seconds_open(fault, failures, wanted=wanted)
    return BreakerState(failures, now + seconds if seconds else 0.0, why)


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
