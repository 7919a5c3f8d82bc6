"""Money: usage, prices and caps. Amounts are US dollars as Decimal, never floats."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Self

from harness.domain.setting import Setting, required, setting

MOST_USD = 1_000_000


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
    """Hard limits, checked before each call. Where that of a call, a run or an issue would be
    crossed, the issue goes to a person and is not tried again; that of a day or a month (UTC)
    pauses the factory until it is over, and no issue fails for it."""

    # fmt: off
    calls_per_session: int = setting(
        60, "Calls of models in one session: an agent's, or a role's.",
        example="100", unit="calls", least=0, most=1_000_000,
    )
    usd_per_call: Decimal = setting(
        Decimal(2), "What one call may cost.",
        example="0.5", unit="US dollars", least=0, most=MOST_USD,
    )
    usd_per_run: Decimal = setting(
        Decimal(2), "What one run may cost.",
        example="1.0", unit="US dollars", least=0, most=MOST_USD,
    )
    usd_per_issue: Decimal = setting(
        Decimal(10), "What one issue may cost.",
        example="2.5", unit="US dollars", least=0, most=MOST_USD,
    )
    usd_per_day: Decimal = setting(
        Decimal(20), "What a day (UTC) may cost.",
        example="50", unit="US dollars", least=0, most=MOST_USD,
    )
    usd_per_month: Decimal = setting(
        Decimal(500), "What a month (UTC) may cost.",
        example="300", unit="US dollars", least=0, most=MOST_USD,
    )
    # fmt: on


def _column(sentence: str, example: str) -> Mapping[str, Setting]:
    unit = "US dollars per million tokens"
    return required(sentence, example=example, unit=unit, least=0, most=MOST_USD)


@dataclass(frozen=True, slots=True)
class Price:
    """What one model costs, in US dollars per million tokens, as its operator knows it since
    `as_of`. Where a price depends on the length of a request, this is the dearest."""

    model: str
    as_of: date = field(
        metadata=required("The day on which you looked it up.", example="2026-11-21")
    )
    input: Decimal = field(metadata=_column("Of what is sent.", "0.4"))
    output: Decimal = field(metadata=_column("Of what is answered.", "2"))
    cache_read: Decimal = field(metadata=_column("Of what is read from the cache.", "0.1"))
    cache_write: Decimal = field(
        metadata=_column("Of what is written to the cache for minutes.", "0.4")
    )
    cache_write_1h: Decimal = field(
        metadata=_column("Of what is written to the cache for an hour.", "0.4")
    )
