"""Money: usage, prices and caps. Amounts are US dollars as Decimal, never floats."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self


@dataclass(frozen=True, slots=True)
class Usage:
    """What a session with a model cost."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)

    def __add__(self, other: Self) -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
        )


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard limits, checked before each call. Crossing that of a call, a run or an issue is terminal
    for the issue, never retried; that of a day or a month (UTC) pauses the factory until it is
    over, and no issue fails for it."""

    calls_per_run: int = 60
    usd_per_call: Decimal = Decimal(2)
    usd_per_run: Decimal = Decimal(2)
    usd_per_issue: Decimal = Decimal(10)
    usd_per_day: Decimal = Decimal(20)
    usd_per_month: Decimal = Decimal(500)


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs, in US dollars per million tokens, as its operator knows it since
    `as_of`. Where a price depends on the length of a request, this is the dearest."""

    model: str
    as_of: date
    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    cache_write_1h: Decimal
