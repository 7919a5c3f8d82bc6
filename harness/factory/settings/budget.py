"""`[budget]` and `[prices]` of `factory.toml`: the caps, and prices that the built-in list lacks or
has wrong.

[prices."openrouter/some-model"]      # US dollars per million tokens
as_of = 2026-11-21
input = 0.4
output = 2
cache_read = 0.1
cache_write = 0.4
cache_write_1h = 0.4
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from harness.domain.budget import MOST_USD, Caps, Price
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.factory.settings.tables import FILE

_NANO = Decimal("1e-9")
_COLUMNS = tuple(field.name for field in fields(Price) if field.name not in ("model", "as_of"))


def checked_caps(caps: Caps) -> Caps:
    """The caps themselves. Raises ConfigError for one that is no amount: `nan` and `inf` would
    limit nothing."""
    for name in (field.name for field in fields(Caps)):
        amount = Decimal(getattr(caps, name))
        if not _is_an_amount(amount):
            raise ConfigError(
                f"expected an amount from 0 to {MOST_USD}, with at most nine digits behind the"
                f" point, found {amount}",
                file=FILE,
                key=f"budget.{name}",
            )
    return caps


def prices_in(table: JsonObject) -> tuple[Price, ...]:
    """The prices of models, sorted by name. Raises ConfigError naming the model and the column."""
    return tuple(_price(model, value, f"prices.{model}") for model, value in sorted(table.items()))


def _price(model: str, value: Any, key: str) -> Price:
    if not isinstance(value, Mapping) or set(value) != {"as_of", *_COLUMNS}:
        wrong = (
            ", ".join(sorted(set(value) ^ {"as_of", *_COLUMNS}))
            if isinstance(value, Mapping)
            else repr(value)
        )
        raise ConfigError(
            f"missing or unknown: {wrong}; expected exactly as_of, {', '.join(_COLUMNS)}",
            file=FILE,
            key=key,
        )
    as_of = value["as_of"]
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise ConfigError(
            f"expected the day on which you looked it up, such as 2026-11-21, found {as_of!r}",
            file=FILE,
            key=f"{key}.as_of",
        )
    return Price(model, as_of, *(_dollars(value[column], f"{key}.{column}") for column in _COLUMNS))


def _dollars(value: Any, key: str) -> Decimal:
    # Not isinstance: `true` is an int in Python, and no price.
    amount = Decimal(str(value)) if type(value) in (int, float) else Decimal("NaN")
    if not _is_an_amount(amount):
        raise ConfigError(
            f"expected US dollars per million tokens, found {value!r}", file=FILE, key=key
        )
    return amount


def _is_an_amount(amount: Decimal) -> bool:
    return amount.is_finite() and 0 <= amount <= MOST_USD and amount == amount.quantize(_NANO)
