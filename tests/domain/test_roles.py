"""Which models are of one family, and who may therefore not review whom."""

import pytest

from harness.domain.model_choice.roles import FAMILIES, Tier, family_of, others, stem_of


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("claude-opus-5-5", "claude-opus"),
        ("claude-opus-4-20250514", "claude-opus"),
        ("anthropic/claude-opus-5.5", "claude-opus"),
        ("claude-3-5-sonnet-20241022", "claude-sonnet"),
        ("claude-sonnet-5-5", "claude-sonnet"),
        ("Claude-Haiku-5-5", "claude-haiku"),
        ("gpt-5.5", "gpt"),
        ("gpt-5-mini", "gpt"),
        ("gpt-4o", "gpt"),
        ("codex-mini-latest", "gpt"),
        ("o3-mini", "gpt-reasoning"),
        ("gemini-3-pro-preview", "gemini"),
        ("qwen3-coder-480b", "qwen"),
        ("deepseek-v3.2", "deepseek"),
        ("llama3.1:70b", "llama"),
        ("glm-5", "glm"),
        ("minimax-m3", "minimax"),
    ],
)
def test_a_model_is_of_the_family_of_its_name_without_maker_version_and_date(model, family) -> None:
    assert family_of(model) == family


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("acme-large-1", "acme-large-2", True),
        ("acme-large-1", "acme-small-1", False),
        ("here/acme-9", "there/acme-10", True),
        ("olmo-2", "o-3", False),
        ("grokker-1", "grok-5", False),
        ("acme-v2", "acme-3", True),
        ("acme-latest", "acme-3", True),
        ("acme-3-preview", "acme-3", True),
    ],
)
def test_a_model_that_no_table_knows_is_a_family_of_its_own_stem(one, other, same) -> None:
    assert (family_of(one) == family_of(other)) is same


def test_a_name_of_numbers_alone_is_still_a_family() -> None:
    assert stem_of("42") == "42"


def test_the_repositorys_own_table_goes_first_and_its_longest_beginning_counts() -> None:
    own = {"claude": "anthropic", "claude-haiku": "small"}
    assert (
        family_of("claude-opus-5-5", own=own)
        == family_of("claude-sonnet-5-5", own=own)
        == "anthropic"
    )
    assert family_of("claude-haiku-5-5", own=own) == "small"
    assert family_of("gpt-5.5", own=own) == "gpt"


LADDER = (Tier("claude-sonnet-5-5"), Tier("claude-opus-5-5"), Tier("openai/gpt-5.5"))


@pytest.mark.parametrize(
    ("wrote", "left"),
    [
        ([], ["claude-sonnet-5-5", "claude-opus-5-5", "openai/gpt-5.5"]),
        (["claude-sonnet-4"], ["claude-opus-5-5", "openai/gpt-5.5"]),
        (["claude-sonnet-4", "claude-opus-4"], ["openai/gpt-5.5"]),
        (["claude-sonnet-4", "claude-opus-4", "elsewhere/gpt-5"], []),
    ],
)
def test_nobody_of_a_family_that_wrote_may_review(wrote, left) -> None:
    assert [tier.model for tier in others(LADDER, wrote)] == left


def test_within_a_family_one_model_is_itself_whoever_provides_it() -> None:
    assert [
        tier.model
        for tier in others(LADDER, ["openrouter/gpt-5.5", "claude-sonnet-4"], same_family=True)
    ] == ["claude-sonnet-5-5", "claude-opus-5-5"]


def test_the_table_is_of_stems_that_a_name_can_have() -> None:
    assert all(stem_of(start) == start for start in FAMILIES)


def test_a_table_of_ones_own_is_written_in_any_case_and_makers_are_as_nothing() -> None:
    own = {"claude": "anthropic", "Claude-Haiku": "small"}
    assert family_of("anthropic/claude-haiku-5-5", own=own) == "small"


@pytest.mark.parametrize(
    ("own", "wrote", "left"),
    [
        ({"acme": "one", "bolt": "one"}, "acme-1", []),
        ({}, "acme-1", ["bolt-2"]),
        ({"bolt-1": "old", "bolt-2": "new"}, "bolt-1", ["bolt-2"]),
        ({}, "bolt-1", []),
    ],
)
def test_the_repositorys_own_table_decides_who_may_not_review(own, wrote, left) -> None:
    assert [tier.model for tier in others((Tier("bolt-2"),), [wrote], own=own)] == left


@pytest.mark.parametrize("wrote", ["gpt-5", "openai/gpt-5"])
@pytest.mark.parametrize("model", ["gpt-5", "openrouter/gpt-5"])
def test_no_model_reviews_itself(wrote, model) -> None:
    assert others((Tier(model),), [wrote], same_family=True) == ()
