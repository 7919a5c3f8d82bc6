"""`[budget]` and `[prices]` of `factory.toml`: amounts, and nothing that bounds nothing."""

from datetime import date
from decimal import Decimal

import pytest

from harness.domain.budget import Caps, Price
from harness.domain.errors import ConfigError
from harness.factory.settings.config import read_config

PRICE = {
    "as_of": "2026-11-21",
    "input": "0.4",
    "output": "2",
    "cache_read": "0.1",
    "cache_write": "0",
    "cache_write_1h": "0",
}


def config(**budget):
    return read_config(
        "schema = 1\n[budget]\n" + "".join(f"{key} = {value}\n" for key, value in budget.items())
    )


def prices(model="some/model", **changes):
    row = {key: value for key, value in {**PRICE, **changes}.items() if value is not None}
    return read_config(
        f'schema = 1\n[prices."{model}"]\n'
        + "".join(f"{key} = {value}\n" for key, value in row.items())
    ).prices


def test_each_cap_is_read_exactly_and_the_rest_is_as_it_was() -> None:
    found = config(
        usd_per_call="0.1", usd_per_day=7, usd_per_month="0.000000001", calls_per_session=3
    ).caps
    assert found == Caps(
        calls_per_session=3,
        usd_per_call=Decimal("0.1"),
        usd_per_day=Decimal(7),
        usd_per_month=Decimal("1e-9"),
    )


@pytest.mark.parametrize(
    "key", ["usd_per_call", "usd_per_run", "usd_per_issue", "usd_per_day", "usd_per_month"]
)
@pytest.mark.parametrize("amount", ["nan", "inf", "-inf", "-0.01", "1000001", "0.0000000001"])
def test_a_cap_that_bounds_nothing_or_is_no_amount_is_refused_by_its_name(key, amount) -> None:
    with pytest.raises(ConfigError, match="expected an amount from 0 to 1000000") as refused:
        config(**{key: amount})
    assert refused.value.key == f"budget.{key}"


def test_a_price_of_ones_own_is_dated_and_exact() -> None:
    assert prices() == (
        Price("some/model", date(2026, 11, 21), *map(Decimal, ("0.4", "2", "0.1", "0", "0"))),
    )
    assert read_config("schema = 1\n").prices == ()


@pytest.mark.parametrize(
    ("changes", "key", "expected"),
    [
        ({"output": None}, "prices.some/model", "missing or unknown: output"),
        ({"as_of": None}, "prices.some/model", "missing or unknown: as_of"),
        ({"tax": 19}, "prices.some/model", "missing or unknown: tax"),
        (
            {"as_of": '"lately"'},
            "prices.some/model.as_of",
            "expected the day on which you looked it up",
        ),
        ({"as_of": "2026-11-21T00:00:00Z"}, "prices.some/model.as_of", "expected the day"),
        ({"input": "nan"}, "prices.some/model.input", "expected US dollars per million tokens"),
        ({"input": "-1"}, "prices.some/model.input", "expected US dollars per million tokens"),
        ({"input": "true"}, "prices.some/model.input", "expected US dollars per million tokens"),
        ({"input": '"1"'}, "prices.some/model.input", "expected US dollars per million tokens"),
    ],
)
def test_a_price_that_cannot_be_read_names_model_and_column(changes, key, expected) -> None:
    with pytest.raises(ConfigError, match=expected) as refused:
        prices(**changes)
    assert refused.value.key == key


def test_prices_that_are_no_tables_are_refused() -> None:
    with pytest.raises(ConfigError, match="missing or unknown: 3"):
        read_config("schema = 1\n[prices]\nsome = 3\n")
