"""What a call costs, and the most it can cost. Money here is whole nanodollars: 1 USD = 1,000,000,000.

A price of one US dollar per million tokens is 1,000 nanodollars a token, so no list price needs a fraction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

NANO = 1_000_000_000
_DATED = re.compile(r"-20\d{6}$")       # claude-haiku-4-5-20251001 costs what claude-haiku-4-5 costs
_TABLE = Path(__file__).with_name("prices.yaml")


class PricesError(ValueError):
    """A price table that cannot be read; the message names the file and the entry."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of one call, in the provider's five price classes."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0

    @property
    def whole_input(self) -> int:
        """Every token that was read, cached or not."""
        return self.input + self.cache_read + self.cache_write + self.cache_write_1h


@dataclass(frozen=True, slots=True)
class Price:
    """Nanodollars a token."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int

    def of(self, tokens: Tokens) -> int:
        """Nanodollars for `tokens`."""
        return sum(getattr(self, field.name) * getattr(tokens, field.name) for field in fields(Price))


_COLUMNS = tuple(field.name for field in fields(Price))


@dataclass(frozen=True, slots=True)
class Rates:
    """A model's price, and the one that replaces it for long requests."""

    usual: Price
    long_over: int | None = None
    long: Price | None = None

    def cost(self, tokens: Tokens) -> int:
        """Nanodollars for one call."""
        if self.long is not None and self.long_over is not None and tokens.whole_input > self.long_over:
            return self.long.of(tokens)
        return self.usual.of(tokens)

    def worst(self, tokens: Tokens) -> int:
        """The most that a call of this size can cost, whichever price turns out to apply."""
        return max(price.of(tokens) for price in self._all())

    def _all(self) -> tuple[Price, ...]:
        return (self.usual,) if self.long is None else (self.usual, self.long)


@dataclass(frozen=True, slots=True)
class Prices:
    """A dated table of prices. A model it does not list costs as much as the dearest of every column."""

    as_of: str
    models: Mapping[str, Rates]

    def rates(self, model: str) -> Rates:
        """The model's rates, those of its undated name, or the dearest known."""
        known = self.models.get(model) or self.models.get(_DATED.sub("", model))
        return known or Rates(self._dearest())

    def _dearest(self) -> Price:
        every = [price for rates in self.models.values() for price in rates._all()]
        return Price(*(max(getattr(price, column) for price in every) for column in _COLUMNS))


def tokens_of(usage: Mapping[str, Any]) -> Tokens:
    """The five classes from a Messages API `usage` object; what is absent or null is zero.

    Raises ValueError on a count that is none: a negative one would give money back.
    """
    written = _count(usage, "cache_creation_input_tokens")
    an_hour = _count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return Tokens(input=_count(usage, "input_tokens"), output=_count(usage, "output_tokens"),
                  cache_read=_count(usage, "cache_read_input_tokens"),
                  cache_write=max(0, written - an_hour), cache_write_1h=an_hour)


def _count(usage: Mapping[str, Any], name: str) -> int:
    found = usage.get(name) or 0
    if type(found) is not int or found < 0:
        raise ValueError(f"usage: {name} is {found!r}")
    return found


def prices(file: Path = _TABLE) -> Prices:
    """Read a table like `prices.yaml`. Raises PricesError naming the model and the column."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise PricesError(f"{file}: {error}") from error
    match document:
        case {"as_of": as_of, "models": dict() as models, **rest} if models and not rest:
            return Prices(str(as_of), {str(name): _rates(row, f"{file}: {name}") for name, row in models.items()})
    raise PricesError(f"{file}: expected the keys `as_of` and `models`, with at least one model, and no others")


def _rates(row: Any, where: str) -> Rates:
    if not isinstance(row, dict):
        raise PricesError(f"{where}: expected the columns {', '.join(_COLUMNS)}")
    beyond = row.get("long")
    usual = _price({key: value for key, value in row.items() if key != "long"}, where)
    if beyond is None:
        return Rates(usual)
    if not isinstance(beyond, dict) or type(beyond.get("over")) is not int:
        raise PricesError(f"{where}: long: expected `over: TOKENS` and the columns {', '.join(_COLUMNS)}")
    return Rates(usual, beyond["over"],
                 _price({key: value for key, value in beyond.items() if key != "over"}, f"{where}: long"))


def _price(row: Mapping[Any, Any], where: str) -> Price:
    if set(row) != set(_COLUMNS):
        wrong = ", ".join(sorted(str(key) for key in set(row) ^ set(_COLUMNS)))
        raise PricesError(f"{where}: missing or unknown: {wrong}; expected exactly {', '.join(_COLUMNS)}")
    return Price(*(_nanodollars(row[column], f"{where}: {column}") for column in _COLUMNS))


def _nanodollars(usd_per_million: Any, where: str) -> int:
    try:
        amount = Decimal(str(usd_per_million))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(usd_per_million, bool) or not amount.is_finite() or amount < 0:
        raise PricesError(f"{where}: expected US dollars per million tokens, found {usd_per_million!r}")
    return int((amount * 1000).to_integral_value(ROUND_CEILING))
