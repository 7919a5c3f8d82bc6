"""The sealed journeys' author: of another model family than every implementer, where another is
configured; and what doctor says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.domain.errors import ConfigError
from harness.domain.model_choice.roles import Tier, family_of
from harness.factory.settings.config import Config, read_config
from harness.factory.settings.model_config import Models
from harness.operations.doctor.finding import HealthFinding, Severity
from harness.operations.doctor.home_checks import author_finding

ONE_FAMILY = '[families]\nclaude = "anthropic"\n'
NAMES = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "gpt-5.5", "gpt-6", "qwen-5")


def config(models: str, more: str = "") -> Config:
    return read_config(f"schema = 1\n{more}[models]\n{models}\n")


@pytest.mark.parametrize(
    ("models", "author"),
    [
        ("", Tier("claude-opus-5-5")),
        ('implementer = "gpt-5.5"', Tier("claude-opus-5-5")),
        # The default would be of the implementer's family, so it gives way.
        ('implementer = "claude-opus-4"', Tier("claude-sonnet-5-5")),
        ('implementer = ["qwen-5", "claude-opus-4"]', Tier("claude-sonnet-5-5")),
        ('implementer = ["claude-sonnet-5-5", "claude-opus-4"]', Tier("claude-haiku-5-5")),
        # What the repository names goes first, as a name alone.
        (
            'implementer = "claude-opus-4"\nreviewer = {model = "there/gpt-5.5", effort = "high"}',
            Tier("there/gpt-5.5"),
        ),
        ('implementer = "claude-opus-4"\nreviewer = ["claude-opus-3", "qwen-5"]', Tier("qwen-5")),
        ('implementer = "claude-opus-4"\nactor = "gpt-5.5"', Tier("claude-sonnet-5-5")),
    ],
)
def test_without_a_name_the_author_is_of_another_family(models, author) -> None:
    assert config(models).models.author == (author,)


def test_a_named_author_of_the_implementers_family_is_refused_with_one_of_another() -> None:
    with pytest.raises(ConfigError) as refused:
        config('implementer = ["qwen-5", "gpt-5.5"]\nauthor = "there/gpt-6"\nplanner = "gpt-5.5"')
    assert refused.value.key == "models.author"
    for words in ("there/gpt-6", "gpt-5.5", "claude-haiku-5-5 (`models.triage`)", "[families]"):
        assert words in refused.value.message


@pytest.mark.parametrize(
    ("models", "more"),
    [
        # Nothing of another family is configured: defaults that nobody asks do not count.
        ('triage = "gpt-5-mini"\nimplementer = "gpt-5.5"\nauthor = "gpt-6"', ""),
        ('implementer = "claude-opus-5-5"\nauthor = "claude-opus-4"', ONE_FAMILY),
        ("", ONE_FAMILY),
    ],
)
def test_with_one_family_alone_it_goes_on_and_doctor_warns(models, more) -> None:
    found = author_finding(config(models, more))
    assert found.level is Severity.WARN
    assert "no model of another family is configured" in found.message
    assert "`author` under `[models]`" in found.fix


def test_doctor_names_both_families() -> None:
    found = author_finding(config('implementer = ["gpt-5.5", "gpt-6", "qwen-5"]'))
    assert found == HealthFinding(Severity.OK, "claude-opus (implementer: gpt, qwen)")


@given(
    st.fixed_dictionaries(
        {"implementer": st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)},
        optional={
            role: st.sampled_from(NAMES)
            for role in ("triage", "planner", "author", "reviewer", "diagnoser", "actor", "judge")
        },
    )
)
def test_where_another_family_is_configured_the_author_is_of_one(named) -> None:
    written = {family_of(model) for model in named["implementer"]}
    roles = {"triage": Models().triage[0].model} | {
        role: model for role, model in named.items() if role != "implementer"
    }
    there = {family_of(model) for model in roles.values()} - written
    lines = "\n".join(f"{role} = {models!r}".replace("'", '"') for role, models in named.items())
    if there and family_of(named.get("author", "")) in written:
        with pytest.raises(ConfigError, match="leave `author` out"):
            config(lines)
        return
    (author,) = config(lines).models.author
    assert family_of(author.model) not in written or not there
    assert author.model == named.get("author", author.model)
