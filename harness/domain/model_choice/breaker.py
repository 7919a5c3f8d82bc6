"""A circuit breaker for one model in one role: a fold over what was heard of it, so it lasts as
long as the ledger does.

Properties: only what a model did itself is heard here (never the forge, the machine, the provider
or money); an issue counts once, for whose words it holds may have made the model fail; open, nobody
asks it before its rest is over; then one run asks it, and its answer alone closes it again; a run
that was to ask and died holds nobody up for longer than another rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class ModelSignal(StrEnum):
    """What is heard of a model. A PROBE is a run that asks it once its rest is over."""

    FAILED = "failed"
    ANSWERED = "answered"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing heard, in which run, when (UTC) and on which issue."""

    sound: ModelSignal
    run: str
    at: datetime
    issue: int


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens: at failures on this many issues within a window, for how long."""

    failures: int = 3
    window_minutes: int = 60
    rest_minutes: int = 30

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)

    @property
    def rest(self) -> timedelta:
        return timedelta(minutes=self.rest_minutes)


class Circuit(StrEnum):
    """CLOSED: it is asked. OPEN: it is not. HALF_OPEN: one run asks it, to see."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """How the circuit stands for one run. `until` is set while it is open; `failures` are the
    issues that count now."""

    circuit: Circuit
    failures: int
    until: datetime | None = None


def breaker(
    heard: Iterable[Observation], *, breaker_settings: BreakerSettings, now: datetime, run: str
) -> Breaker:
    """How the circuit stands for `run`, by all that was heard, oldest first."""
    failures: dict[int, datetime] = {}  # of each issue the last
    opened: datetime | None = None
    probe: Observation | None = None
    for one in heard:
        match one.sound:
            case ModelSignal.ANSWERED:
                failures, opened, probe = {}, None, None
            case ModelSignal.PROBE if (
                probe is None or one.at - probe.at >= breaker_settings.rest
            ):  # of two at once, the first
                probe = one
            case ModelSignal.FAILED:
                failures = {
                    issue: at
                    for issue, at in failures.items()
                    if one.at - at < breaker_settings.window
                } | {one.issue: one.at}
                if opened is not None or len(failures) >= breaker_settings.failures:
                    opened, probe = one.at, None
    return _stands(
        list(failures.values()), opened, probe, breaker_settings=breaker_settings, now=now, run=run
    )


def _stands(
    failures: list[datetime],
    opened: datetime | None,
    probe: Observation | None,
    *,
    breaker_settings: BreakerSettings,
    now: datetime,
    run: str,
) -> Breaker:
    if opened is None:
        return Breaker(Circuit.CLOSED, sum(now - at < breaker_settings.window for at in failures))
    if now < opened + breaker_settings.rest:
        return Breaker(Circuit.OPEN, len(failures), opened + breaker_settings.rest)
    if probe is not None and probe.run != run and now < probe.at + breaker_settings.rest:
        return Breaker(Circuit.OPEN, len(failures), probe.at + breaker_settings.rest)
    return Breaker(Circuit.HALF_OPEN, len(failures))
