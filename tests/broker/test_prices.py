"""What a call costs, and the most it can cost."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from harness.programs.broker.prices import (
    NANO,
    ModelPrice,
    PricesError,
    Rates,
    Tokens,
    price_list,
    prices,
    rates_of,
    tokens_of,
)

TABLE, TODAY = prices(), "2026-11-22"
A_MILLION_EACH = Tokens(1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000)


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("claude-sonnet-5-5", 2 + 10 + 0.10 + 2.50 + 4),
        ("claude-opus-5", 5 + 25 + 0.50 + 6.25 + 10),
        # a dated name costs what the undated one does
        ("claude-haiku-4-5-20251001", 1 + 5 + 0.10 + 1.25 + 2),
    ],
)
def test_a_listed_model_costs_its_list_price(model: str, dollars: float) -> None:
    assert TABLE.rates(model, day=TODAY).cost(A_MILLION_EACH) == pytest.approx(
        dollars * NANO, abs=0
    )


@pytest.mark.parametrize("model", ["gpt-oss", "claude-sonnet-5-5-preview", "claude", ""])
def test_an_unknown_model_costs_as_much_as_the_dearest_of_every_column(model: str) -> None:
    unknown = TABLE.rates(model, day=TODAY)
    for tokens in (
        Tokens(input=1),
        Tokens(output=1),
        Tokens(cache_read=1),
        Tokens(cache_write=1),
        Tokens(cache_write_1h=1),
    ):
        assert unknown.cost(tokens) == max(
            dated.rates.cost(tokens) for versions in TABLE.models.values() for dated in versions
        )


def test_a_table_lists_what_it_has_a_price_of_its_own_for(tmp_path: Path) -> None:
    assert [
        TABLE.lists(model, day=TODAY)
        for model in ("claude-sonnet-5-5", "claude-sonnet-5-5-20261001", "gpt-oss")
    ] == [True, True, False]
    dear = ROW.replace("output: 2", "output: 9")
    (tmp_path / "p.yaml").write_text(
        f"as_of: 2027-01-01\nmodels:\n  m: {ROW}\n  m-20260101: {dear}\n"
    )
    assert prices(tmp_path / "p.yaml").rates("m-20260101", day=TODAY).usual.output == 9000


def test_a_long_request_costs_the_long_price_as_a_whole() -> None:
    haiku = TABLE.rates("claude-haiku-5-5", day=TODAY)
    assert (
        haiku.cost(Tokens(input=60_000, cache_read=40_000, output=10))
        == 60_000 * 100 + 40_000 * 10 + 10 * 500
    )
    assert (
        haiku.cost(Tokens(input=60_001, cache_read=40_000, output=10))
        == 60_001 * 500 + 40_000 * 50 + 10 * 2500
    )
    # whichever of the two will apply
    assert haiku.worst(Tokens(input=10)) == 10 * 500


def test_the_worst_is_never_less_than_the_cost() -> None:
    for versions in TABLE.models.values():
        for dated in versions:
            assert dated.rates.worst(A_MILLION_EACH) >= dated.rates.cost(A_MILLION_EACH) > 0


def test_the_worst_takes_each_token_of_the_input_for_the_dearest_that_it_can_turn_out_to_be() -> (
    None
):
    """Some providers write to their cache for nothing: what was to be cached and was not is billed
    as any other input."""
    rates = rates_of(
        {"input": "4", "output": "8", "cache_read": "1", "cache_write": "0", "cache_write_1h": "0"},
        "x",
    )
    assert rates.worst(Tokens(cache_write=1000, output=10)) == 1000 * 4000 + 10 * 8000
    dear = rates_of(
        {"input": "4", "output": "8", "cache_read": "1", "cache_write": "5", "cache_write_1h": "9"},
        "x",
    )
    # the hour was not asked for
    assert dear.worst(Tokens(cache_write=1000)) == 1000 * 5000


def test_a_usage_object_is_read_in_its_five_classes() -> None:
    usage = {
        "input_tokens": 1,
        "output_tokens": 2,
        "cache_read_input_tokens": 3,
        "cache_creation_input_tokens": 10,
        "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4},
        "service_tier": "standard",
    }
    assert tokens_of(usage) == Tokens(1, 2, 3, 6, 4)
    assert tokens_of({"input_tokens": None}) == Tokens()
    assert tokens_of({"output_tokens": 2**31 - 1}).output == 2**31 - 1
    for wrong in (-1, 2**31, "9", 1.5, True):
        with pytest.raises(ValueError, match="output_tokens"):
            tokens_of({"output_tokens": wrong})


ALL = "input, output, cache_read, cache_write, cache_write_1h"
ROW = "{input: 1, output: 2, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2}"
FROM_MAY = (
    "{from: 2026-05-01, input: 1, output: 3, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2}"
)
FROM_JUNE = FROM_MAY.replace("05", "06").replace("output: 3", "output: 4")


def test_a_table_of_ones_own_replaces_ours(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(f"as_of: 2027-01-01\nmodels:\n  local: {ROW}\n")
    table = prices(file)
    assert (table.as_of, table.rates("local", day="2020-01-01").cost(Tokens(output=1))) == (
        "2027-01-01",
        2000,
    )


@pytest.mark.parametrize(
    ("day", "dollars"),
    [("2026-05-01", 3), ("2026-05-31", 3), ("2026-06-01", 4), ("2030-01-01", 4), ("2026-04-30", 9)],
)
def test_a_price_holds_from_its_day_on_and_before_the_first_the_dearest_is_taken(
    tmp_path: Path, day: str, dollars: int
) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(
        f"as_of: 2026-11-21\nmodels:\n  dear: {ROW.replace('output: 2', 'output: 9')}\n"
        f"  a: [{FROM_MAY}, {FROM_JUNE}]\n"
    )
    assert prices(file).rates("a", day=day).cost(Tokens(output=1_000_000)) == dollars * NANO


def test_whoever_reads_the_table_hears_of_its_age_today() -> None:
    table, warning = price_list()
    assert (table.as_of, warning) == (TABLE.as_of, TABLE.warning(datetime.now(UTC).date()))


@pytest.mark.parametrize(("age", "warned"), [(0, False), (120, False), (121, True), (4000, True)])
def test_the_table_is_not_used_beyond_its_horizon_without_a_warning(age: int, warned: bool) -> None:
    assert TABLE.good_for_days == 120
    assert TABLE.source
    said = TABLE.warning(date.fromisoformat(TABLE.as_of) + timedelta(days=age))
    assert bool(said) is warned
    assert (
        not warned
        or said
        == f"the price table is of {TABLE.as_of}, {age} days old, and was to be read again after"
        " 120: what calls cost may be wrong; upgrade, or give today's prices as [prices] in"
        " factory.toml"
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("models: {a: 1", "line"),
        ("[]", "expected the keys `as_of` and `models`"),
        ("as_of: 2026-11-21\nmodels: {}", "at least one model"),
        ("as_of: 2026-11-21\nmodels: {a: 3}", "a: expected the columns"),
        (
            f"as_of: lately\nmodels: {{a: {ROW}}}",
            "as_of: expected a day such as 2026-11-21, found 'lately'",
        ),
        (
            f"as_of: 2026-11-21\ngood_for_days: ever\nmodels: {{a: {ROW}}}",
            "good_for_days: expected a number of days",
        ),
        (
            f"as_of: 2026-11-21\ntax: 19\nmodels: {{a: {ROW}}}",
            "`source` and `good_for_days`, and no others",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: [{ROW}]}}",
            "a: expected rows that each name the day `from` which they hold",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: [{FROM_MAY}, {FROM_MAY}]}}",
            "a: expected the rows in the order of their days",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: [{FROM_MAY.replace('2026-05-01', 'May')}]}}",
            "a: from: expected a day",
        ),
        ("as_of: 2026-11-21\nmodels: {a: {input: 1}}", "a: missing or unknown: cache_read"),
        (f"as_of: 2026-11-21\nmodels: {{a: {ROW.replace('}', ', tax: 3}')}}}", "unknown: tax"),
        (
            f"as_of: 2026-11-21\nmodels: {{a: {ROW.replace('output: 2', 'output: -2')}}}",
            "a: output: expected US dollars",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: {ROW.replace('output: 2', 'output: .nan')}}}",
            "a: output: expected US dollars",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: {ROW.replace('output: 2', 'output: free')}}}",
            "a: output: expected US dollars",
        ),
        (
            f"as_of: 2026-11-21\nmodels: {{a: {ROW.replace('}', ', long: {over: many}}')}}}",
            "a: long: expected `over: TOKENS`",
        ),
    ],
)
def test_a_table_that_cannot_be_read_names_the_entry(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(PricesError) as error:
        prices(file)
    assert str(file) in str(error.value)
    assert named in str(error.value)


LONG = ROW.replace(
    "}",
    ", long: {over: 10, input: 3, output: 4, cache_read: 5, cache_write: 6, cache_write_1h: 7}}",
)


@pytest.mark.parametrize(
    ("more", "source", "days"),
    [
        ("", "", 120),
        ("source: https://example.com\n", "https://example.com", 120),
        ("good_for_days: 0\n", "", 0),
    ],
)
def test_a_table_names_its_source_and_how_long_it_holds(
    tmp_path: Path, more: str, source: str, days: int
) -> None:
    (tmp_path / "prices.yaml").write_text(f"as_of: 2027-01-01\n{more}models:\n  local: {ROW}\n")
    table = prices(tmp_path / "prices.yaml")
    assert (table.source, table.good_for_days) == (source, days)


def test_a_row_of_ones_own_may_have_a_price_for_long_requests(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(f"as_of: 2027-01-01\nmodels:\n  local: {LONG}\n")
    (dated,) = prices(tmp_path / "prices.yaml").models["local"]
    assert (dated.since, dated.rates) == (
        "",
        Rates(
            ModelPrice(1000, 2000, 100, 1250, 2000), 10, ModelPrice(3000, 4000, 5000, 6000, 7000)
        ),
    )


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("3", f"a: expected the columns {ALL}"),
        (
            LONG.replace("over: 10", "over: ten"),
            f"a: long: expected `over: TOKENS` and the columns {ALL}",
        ),
        (
            LONG.replace("{over: 10, ", "{"),
            f"a: long: expected `over: TOKENS` and the columns {ALL}",
        ),
        (ROW.replace("}", ", long: 3}"), f"a: long: expected `over: TOKENS` and the columns {ALL}"),
        (
            LONG.replace("output: 4, ", ""),
            f"a: long: missing or unknown: output; expected exactly {ALL}",
        ),
        (
            f"[{FROM_MAY.replace('output: 3, ', '')}]",
            f"a: missing or unknown: output; expected exactly {ALL}",
        ),
        (
            ROW.replace("output: 2, ", "tax: 3, "),
            f"a: missing or unknown: output, tax; expected exactly {ALL}",
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_what_was_expected(
    tmp_path: Path, row: str, named: str
) -> None:
    (tmp_path / "p.yaml").write_text(f"as_of: 2026-11-21\nmodels: {{a: {row}}}")
    with pytest.raises(PricesError) as error:
        prices(tmp_path / "p.yaml")
    assert str(error.value) == f"{tmp_path / 'p.yaml'}: {named}"


def test_a_row_of_factory_toml_is_named_by_place_and_nanodollars_round_up() -> None:
    row = dict.fromkeys(
        ("input", "output", "cache_read", "cache_write", "cache_write_1h"), "0.0001"
    )
    assert rates_of(row, "[prices]") == Rates(ModelPrice(1, 1, 1, 1, 1))
    with pytest.raises(PricesError, match=r"^\[prices\]: missing or unknown: output; "):
        rates_of({key: row[key] for key in row if key != "output"}, "[prices]")
