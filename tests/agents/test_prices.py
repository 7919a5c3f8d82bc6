"""What a call costs, and the most it can cost."""

from pathlib import Path

import pytest

from harness.agents.broker.prices import NANO, PricesError, Tokens, prices, tokens_of

TABLE = prices()
A_MILLION_EACH = Tokens(1_000_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000)


@pytest.mark.parametrize(("model", "dollars"), [
    ("claude-sonnet-5-5", 2 + 10 + 0.10 + 2.50 + 4),
    ("claude-opus-5", 5 + 25 + 0.50 + 6.25 + 10),
    ("claude-haiku-4-5-20251001", 1 + 5 + 0.10 + 1.25 + 2),     # a dated name costs what the undated one does
])
def test_a_listed_model_costs_its_list_price(model: str, dollars: float) -> None:
    assert TABLE.rates(model).cost(A_MILLION_EACH) == pytest.approx(dollars * NANO, abs=0)


@pytest.mark.parametrize("model", ["gpt-oss", "claude-sonnet-5-5-preview", "claude", ""])
def test_an_unknown_model_costs_as_much_as_the_dearest_of_every_column(model: str) -> None:
    unknown = TABLE.rates(model)
    for tokens in (Tokens(input=1), Tokens(output=1), Tokens(cache_read=1), Tokens(cache_write=1), Tokens(cache_write_1h=1)):
        assert unknown.cost(tokens) == max(rates.cost(tokens) for rates in TABLE.models.values())


def test_a_long_request_costs_the_long_price_as_a_whole() -> None:
    haiku = TABLE.rates("claude-haiku-5-5")
    assert haiku.cost(Tokens(input=60_000, cache_read=40_000, output=10)) == 60_000 * 100 + 40_000 * 10 + 10 * 500
    assert haiku.cost(Tokens(input=60_001, cache_read=40_000, output=10)) == 60_001 * 500 + 40_000 * 50 + 10 * 2500
    assert haiku.worst(Tokens(input=10)) == 10 * 500        # whichever of the two will apply


def test_the_worst_is_never_less_than_the_cost() -> None:
    for rates in TABLE.models.values():
        assert rates.worst(A_MILLION_EACH) >= rates.cost(A_MILLION_EACH) > 0


def test_a_usage_object_is_read_in_its_five_classes() -> None:
    usage = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 10,
             "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4}, "service_tier": "standard"}
    assert tokens_of(usage) == Tokens(1, 2, 3, 6, 4)
    assert tokens_of({"input_tokens": None}) == Tokens()
    for wrong in (-1, "9", 1.5, True):
        with pytest.raises(ValueError, match="output_tokens"):
            tokens_of({"output_tokens": wrong})


ROW = "{input: 1, output: 2, cache_read: 0.1, cache_write: 1.25, cache_write_1h: 2}"


def test_a_table_of_ones_own_replaces_ours(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(f"as_of: 2027-01-01\nmodels:\n  local: {ROW}\n")
    table = prices(file)
    assert (table.as_of, table.rates("local").cost(Tokens(output=1))) == ("2027-01-01", 2000)


@pytest.mark.parametrize(("text", "named"), [
    ("models: {a: 1", "line"),
    ("[]", "expected the keys `as_of` and `models`"),
    ("as_of: 1\nmodels: {}", "at least one model"),
    ("as_of: 1\nmodels: {a: 3}", "a: expected the columns"),
    ("as_of: 1\nmodels: {a: {input: 1}}", "a: missing or unknown: cache_read"),
    (f"as_of: 1\nmodels: {{a: {ROW.replace('}', ', tax: 3}')}}}", "unknown: tax"),
    (f"as_of: 1\nmodels: {{a: {ROW.replace('output: 2', 'output: -2')}}}", "a: output: expected US dollars"),
    (f"as_of: 1\nmodels: {{a: {ROW.replace('output: 2', 'output: .nan')}}}", "a: output: expected US dollars"),
    (f"as_of: 1\nmodels: {{a: {ROW.replace('output: 2', 'output: free')}}}", "a: output: expected US dollars"),
    (f"as_of: 1\nmodels: {{a: {ROW.replace('}', ', long: {over: many}}')}}}", "a: long: expected `over: TOKENS`"),
])
def test_a_table_that_cannot_be_read_names_the_entry(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "prices.yaml"
    file.write_text(text)
    with pytest.raises(PricesError) as error:
        prices(file)
    assert str(file) in str(error.value)
    assert named in str(error.value)
