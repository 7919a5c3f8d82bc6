"""A clock that stands until somebody sleeps."""

from dataclasses import dataclass, field

from harness.forge.rate_limiter import Time

NOON = 1_900_000_000.0  # 2030-03-17 17:46:40 UTC


@dataclass
class StandingClock:
    """`now` is the hour, in seconds since the epoch; `slept` is how long each wait was. Setting the
    hour moves nothing else."""

    now: float = NOON
    steady: float = 0.0
    chance: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_(seconds)

    def pass_(self, seconds: float) -> None:
        self.now += seconds
        self.steady += seconds

    @property
    def time(self) -> Time:
        return Time(lambda: self.now, lambda: self.steady, self.sleep, lambda: self.chance)
