"""Money: what was spent, and what may be. US dollars as Decimal, because money is not a float."""

from dataclasses import dataclass
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
        return Usage(self.calls + other.calls, self.input_tokens + other.input_tokens,
                     self.output_tokens + other.output_tokens, self.cost_usd + other.cost_usd)


@dataclass(frozen=True, slots=True)
class Caps:
    """Hard limits, checked before each call. Crossing one is terminal for the issue, never retried."""

    calls_per_run: int = 60
    usd_per_run: Decimal = Decimal(2)
    usd_per_issue: Decimal = Decimal(10)
    usd_per_day: Decimal = Decimal(50)
