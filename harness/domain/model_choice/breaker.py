"""A circuit breaker for one model in one role, computed from the ledger's observations of it.

Properties: only the model's own failures count, never the forge's, the machine's, the provider's or
the budget's; each issue counts once, because its text may have caused the failure; while the
breaker is open nobody asks the model; after the rest one run asks it, and only an answer closes the
breaker; a run that died while it probed blocks nobody for longer than another rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from harness.domain.setting import MOST, setting


class ModelSignal(StrEnum):
    """What was observed of a model. A PROBE is a run that asks it once its rest is over."""

    FAILED = "failed"
    ANSWERED = "answered"
    PROBE = "probe"


@dataclass(frozen=True, slots=True)
class Observation:
    """One signal of a model: in which run, when (UTC) and on which issue."""

    signal: ModelSignal
    run: str
    at: datetime
    issue: int


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens: at failures on this many issues within a window, for how long."""

    # fmt: off
    failures: int = setting(
        3, "On how many issues a model fails before it rests in that role.",
        example="5", unit="issues", least=1, most=MOST,
    )
    window_minutes: int = setting(
        60, "Within which time these failures count.",
        example="120", unit="minutes", least=1, most=MOST,
    )
    rest_minutes: int = setting(
        30, "How long it rests.",
        example="15", unit="minutes", least=1, most=MOST,
    )
    # fmt: on

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
class ModelBreaker:
    """The circuit's state for one run. `until` is set while it is open; `failures` is the number of
    issues that count now."""

    circuit: Circuit
    failures: int
    until: datetime | None = None


def breaker(
    observations: Iterable[Observation],
    *,
    breaker_settings: BreakerSettings,
    now: datetime,
    run: str,
) -> ModelBreaker:
    """The circuit's state for `run`, from all observations, oldest first."""
    # by issue, its last failure
    failures: dict[int, datetime] = {}
    opened: datetime | None = None
    probe: Observation | None = None
    for one in observations:
        match one.signal:
            case ModelSignal.ANSWERED:
                failures, opened, probe = {}, None, None
            case ModelSignal.PROBE if probe is None or one.at - probe.at >= breaker_settings.rest:
                # Of two runs that probe at once the first counts; after a rest the probe is dead.
                probe = one
            case ModelSignal.FAILED:
                # One issue counts once: a stranger's words must not open the breaker for all.
                failures = {
                    issue: at
                    for issue, at in failures.items()
                    if one.at - at < breaker_settings.window
                } | {one.issue: one.at}
                if opened is not None or len(failures) >= breaker_settings.failures:
                    opened, probe = one.at, None
    return _state(
        list(failures.values()), opened, probe, breaker_settings=breaker_settings, now=now, run=run
    )


def _state(
    failures: list[datetime],
    opened: datetime | None,
    probe: Observation | None,
    *,
    breaker_settings: BreakerSettings,
    now: datetime,
    run: str,
) -> ModelBreaker:
    if opened is None:
        return ModelBreaker(
            Circuit.CLOSED, sum(now - at < breaker_settings.window for at in failures)
        )
    if now < opened + breaker_settings.rest:
        return ModelBreaker(Circuit.OPEN, len(failures), opened + breaker_settings.rest)
    if probe is not None and probe.run != run and now < probe.at + breaker_settings.rest:
        return ModelBreaker(Circuit.OPEN, len(failures), probe.at + breaker_settings.rest)
    return ModelBreaker(Circuit.HALF_OPEN, len(failures))
