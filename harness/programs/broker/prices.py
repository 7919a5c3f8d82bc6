"""What a call costs, and the most it can cost, in whole nanodollars: 1 USD = 1,000,000,000.

A price of one US dollar per million tokens is 1,000 nanodollars a token, so no list price needs a
fraction. Prices have dates: a model may have several, each from its day on. A model without a price
costs as much as the dearest one.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness.domain.plain import JsonObject

NANO = 1_000_000_000
MOST_COUNTED = 2**31 - 1
"""Tokens of one class in one call. A column of the meter's table holds no more."""
# claude-haiku-4-5-20251001 costs what claude-haiku-4-5 costs.
_DATED = re.compile(r"-20\d{6}$")
_TABLE = Path(__file__).with_name("prices.yaml")
_USUAL_DAYS = 120


def dollars(nano: int) -> Decimal:
    """Nanodollars as US dollars, exactly."""
    return Decimal(nano).scaleb(-9)


class PricesError(ValueError):
    """A price table that cannot be read. The message names the file and the entry."""


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
class ModelPrice:
    """Nanodollars per token."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    cache_write_1h: int

    def of(self, tokens: Tokens) -> int:
        """Nanodollars for `tokens`."""
        return sum(
            getattr(self, field.name) * getattr(tokens, field.name) for field in fields(ModelPrice)
        )

    def worst(self, tokens: Tokens) -> int:
        """The same, with every input token at the dearest class that it can turn out to have."""
        asked = [
            getattr(self, name)
            for name in ("cache_write", "cache_write_1h")
            if getattr(tokens, name)
        ]
        dearest: int = max(self.input, self.cache_read, *asked)
        return tokens.whole_input * dearest + tokens.output * self.output


COLUMNS = tuple(field.name for field in fields(ModelPrice))


@dataclass(frozen=True, slots=True)
class Rates:
    """A model's price, and the price that replaces it for long requests."""

    usual: ModelPrice
    long_over: int | None = None
    long: ModelPrice | None = None

    def cost(self, tokens: Tokens) -> int:
        """Nanodollars for one call."""
        if (
            self.long is not None
            and self.long_over is not None
            and tokens.whole_input > self.long_over
        ):
            return self.long.of(tokens)
        return self.usual.of(tokens)

    def worst(self, tokens: Tokens) -> int:
        """The most that a call of this size can cost, whichever price turns out to apply.

        A token that was to be written to the cache may be billed as uncached, or as read from it.
        """
        return max(price.worst(tokens) for price in self._all())

    def _all(self) -> tuple[ModelPrice, ...]:
        return (self.usual,) if self.long is None else (self.usual, self.long)


@dataclass(frozen=True, slots=True)
class DatedRates:
    """A model's rates from the day `since` on: ISO 8601, UTC; empty means always."""

    since: str
    rates: Rates


@dataclass(frozen=True, slots=True)
class Prices:
    """A table of prices, read on the day `as_of` (ISO 8601) at `source`, to be read again after
    `good_for_days`.

    The versions of each model are in the order of their days.
    """

    as_of: str
    models: Mapping[str, tuple[DatedRates, ...]]
    source: str = ""
    good_for_days: int = _USUAL_DAYS

    def rates(self, model: str, *, day: str) -> Rates:
        """The model's rates on `day` (ISO 8601), those of its undated name, or the dearest of
        the table."""
        listed = self._listed(model, day)
        return listed[-1] if listed else Rates(self._dearest())

    def lists(self, model: str, *, day: str) -> bool:
        """Whether the table has the model's own rates on `day`."""
        return bool(self._listed(model, day))

    def warning(self, today: date) -> str:
        """The warning that the table is too old on `today`; empty when it is not."""
        age = (today - date.fromisoformat(self.as_of)).days
        if age <= self.good_for_days:
            return ""
        return (
            f"the price table is of {self.as_of}, {age} days old, and was to be read again after"
            f" {self.good_for_days}: what calls cost may be wrong; upgrade, or give today's prices"
            " as [prices] in factory.toml"
        )

    def _listed(self, model: str, day: str) -> list[Rates]:
        versions = self.models.get(model) or self.models.get(_DATED.sub("", model), ())
        return [dated.rates for dated in versions if dated.since <= day]

    def _dearest(self) -> ModelPrice:
        every = [
            price
            for versions in self.models.values()
            for dated in versions
            for price in dated.rates._all()
        ]
        # Column by column: no one model has to be the dearest in all of them.
        return ModelPrice(*(max(getattr(price, column) for price in every) for column in COLUMNS))


def tokens_of(usage: JsonObject) -> Tokens:
    """The five classes from a Messages API `usage` object. What is absent or null is zero.

    Raises ValueError on a count that is not a natural number, or above MOST_COUNTED: a negative one
    would give money back, and one that is too large could not be stored.
    """
    written = _count(usage, "cache_creation_input_tokens")
    an_hour = _count(usage.get("cache_creation") or {}, "ephemeral_1h_input_tokens")
    return Tokens(
        input=_count(usage, "input_tokens"),
        output=_count(usage, "output_tokens"),
        cache_read=_count(usage, "cache_read_input_tokens"),
        # The whole count includes the tokens that are kept for an hour.
        cache_write=max(0, written - an_hour),
        cache_write_1h=an_hour,
    )


def _count(usage: JsonObject, name: str) -> int:
    found = usage.get(name) or 0
    # Not `isinstance`, which accepts true and false as well.
    if type(found) is not int or not 0 <= found <= MOST_COUNTED:
        raise ValueError(f"usage: {name} is {found!r:.40}")
    return found


def prices(file: Path | None = None) -> Prices:
    """Read a table like `prices.yaml`, which is the one that is meant where none is named. Raises
    PricesError that names the model and the column."""
    return _read(file) if file else _built_in()


@cache
def _built_in() -> Prices:
    return _read(_TABLE)


def _read(file: Path) -> Prices:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise PricesError(f"{file}: {error}") from error
    match document:
        case {"as_of": as_of, "models": dict() as models, **rest} if models and not rest.keys() - {
            "source",
            "good_for_days",
        }:
            days = rest.get("good_for_days", _USUAL_DAYS)
            if type(days) is not int or days < 0:
                raise PricesError(
                    f"{file}: good_for_days: expected a number of days, found {days!r}"
                )
            return Prices(
                _day(as_of, f"{file}: as_of"),
                {str(name): _versions(row, f"{file}: {name}") for name, row in models.items()},
                str(rest.get("source", "")),
                days,
            )
    raise PricesError(
        f"{file}: expected the keys `as_of` and `models`, with at least one model, `source` and"
        " `good_for_days`, and no others"
    )


def _day(value: Any, where: str) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise PricesError(f"{where}: expected a day such as 2026-11-21, found {value!r}") from None


def _versions(row: Any, where: str) -> tuple[DatedRates, ...]:
    """One row that always holds, or a list of rows, each with the day `from` which it holds."""
    if not isinstance(row, list):
        return (DatedRates("", _rates(row, where)),)
    if not row or not all(isinstance(row, dict) and "from" in row for row in row):
        raise PricesError(f"{where}: expected rows that each name the day `from` which they hold")
    found = [
        DatedRates(
            _day(row["from"], f"{where}: from"),
            _rates({key: row[key] for key in row if key != "from"}, where),
        )
        for row in row
    ]
    if [dated.since for dated in found] != sorted({dated.since for dated in found}):
        raise PricesError(f"{where}: expected the rows in the order of their days, one a day")
    return tuple(found)


def _rates(row: Any, where: str) -> Rates:
    if not isinstance(row, dict):
        raise PricesError(f"{where}: expected the columns {', '.join(COLUMNS)}")
    beyond = row.get("long")
    usual = _price({key: value for key, value in row.items() if key != "long"}, where)
    if beyond is None:
        return Rates(usual)
    if not isinstance(beyond, dict) or type(beyond.get("over")) is not int:
        raise PricesError(
            f"{where}: long: expected `over: TOKENS` and the columns {', '.join(COLUMNS)}"
        )
    return Rates(
        usual,
        beyond["over"],
        _price({key: value for key, value in beyond.items() if key != "over"}, f"{where}: long"),
    )


def _price(row: Mapping[Any, Any], where: str) -> ModelPrice:
    if set(row) != set(COLUMNS):
        wrong = ", ".join(sorted(str(key) for key in set(row) ^ set(COLUMNS)))
        raise PricesError(
            f"{where}: missing or unknown: {wrong}; expected exactly {', '.join(COLUMNS)}"
        )
    return ModelPrice(*(_nanodollars(row[column], f"{where}: {column}") for column in COLUMNS))


def rates_of(row: JsonObject, where: str) -> Rates:
    """The rates of one row: exactly five columns of US dollars per million tokens. Raises
    PricesError."""
    return Rates(_price(row, where))


def _nanodollars(usd_per_million: Any, where: str) -> int:
    try:
        amount = Decimal(str(usd_per_million))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(usd_per_million, bool) or not amount.is_finite() or amount < 0:
        raise PricesError(
            f"{where}: expected US dollars per million tokens, found {usd_per_million!r}"
        )
    # Rounded up, so that no price is counted too low.
    return int((amount * 1000).to_integral_value(ROUND_CEILING))


def price_list() -> tuple[Prices, str]:
    """The built-in table, and its warning today; empty when the table is not too old."""
    table = prices()
    return table, table.warning(datetime.now(UTC).date())
