"""The models and their roles: `[models]`, `[agents]`, `[families]`, `[breaker]`, `[review]` of
`factory.toml`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from itertools import chain
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.domain.model_choice.roles import FallbackChain, Tier, family_of, others
from harness.domain.plain import JsonObject
from harness.domain.setting import setting
from harness.factory.settings.tables import FILE, only_known, read

_VERSION = re.compile(r"(\d+\.\d+\.\d+([-+.][0-9A-Za-z.-]+)?)?")
WORKS_IN_A_SANDBOX = "implementer"
ASKED_BY_THE_SEAL = ("author", "actor", "judge")
"""Roles that the sealed program asks in its own way. Each has one model, and nobody outside learns
how it failed."""


@dataclass(frozen=True, slots=True)
class Models:
    """The models of each role: one model, or a list of which a later one is used when those before
    it have failed. A model is a name, or a table with its settings. No role reviews its own
    work."""

    # fmt: off
    triage: FallbackChain = setting(
        (Tier("claude-haiku-5-5"),), "Reads whether an issue belongs to the product.",
        example='"claude-sonnet-5-5"',
    )
    planner: FallbackChain = setting(
        (), "Names where to look, and steps to work in; empty: nobody does.",
        example='"claude-opus-5-5"',
    )
    implementer: FallbackChain = setting(
        (Tier("claude-sonnet-5-5"),), "Makes the change, in a sandbox.",
        example='["claude-sonnet-5-5", { model = "gpt-5.5", effort = "high" }]',
    )
    author: FallbackChain = setting(
        (Tier("claude-opus-5-5"),), "Writes the sealed journeys; one model, of another family than"
        " the implementer's where one is there, without `effort` and `max_tokens`.",
        example='"gemini-3-5-pro"',
    )
    reviewer: FallbackChain = setting(
        (Tier("claude-opus-5-5"),), "Votes on judged rules, and reviews what would land.",
        example='["claude-opus-5-5", "gemini-3-5-pro"]',
    )
    diagnoser: FallbackChain = setting(
        (), "Explains failed attempts; empty: nobody does.",
        example='"claude-opus-5-5"',
    )
    actor: FallbackChain = setting(
        (Tier("claude-haiku-5-5"),), "Plays the personas; one model, as the author.",
        example='"claude-sonnet-5-5"',
    )
    judge: FallbackChain = setting(
        (Tier("claude-opus-5-5"),), "Judges the claims of a persona; one model, another than the"
        " actor.",
        example='"gemini-3-5-pro"',
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Raises ConfigError for a required role without a model, and for settings that would have
        no effect."""
        for role in (one.name for one in fields(self)):
            fallbacks: FallbackChain = getattr(self, role)
            if not fallbacks and role not in ("planner", "diagnoser"):
                raise ConfigError("expected a model", file=FILE, key=f"models.{role}")
            if role in ASKED_BY_THE_SEAL and (
                len(fallbacks) > 1 or fallbacks[0].effort or fallbacks[0].max_tokens
            ):
                raise ConfigError(
                    "expected one model, without `effort` and `max_tokens`: the sealed program asks"
                    " it in a way of its own",
                    file=FILE,
                    key=f"models.{role}",
                )
            if len({tier.model for tier in fallbacks}) != len(fallbacks):
                raise ConfigError(
                    "a model is there twice; name each once", file=FILE, key=f"models.{role}"
                )

    def of(self, role: str) -> FallbackChain:
        """The models of a role, by its name."""
        fallbacks: FallbackChain = getattr(self, role)
        return fallbacks


LENSES = ("correctness", "security", "scope", "tests", "companions")
SEVERITIES = ("blocker", "major", "minor")


@dataclass(frozen=True, slots=True)
class Review:
    """Who reviews what would land, before the sealed judge does. Without a lens nobody does."""

    # fmt: off
    lenses: tuple[str, ...] = setting(
        (), "The questions to ask of a change, each in a conversation of its own.",
        example='["correctness", "security"]', choices=LENSES,
    )
    requests: str = setting(
        "major", "A finding of this severity, or a graver one, sends the change back.",
        example='"blocker"', choices=SEVERITIES,
    )
    never_sees: tuple[str, ...] = setting(
        (), "Globs of files whose content no reviewer is shown.",
        example='["**/*.png"]',
    )
    same_family: bool = setting(
        False, "Whether a reviewer may be of the implementer's model family, and only has to be"
        " another model.",
        example="true",
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Raises ConfigError for an unknown lens or severity."""
        for lens in self.lenses:
            if lens not in LENSES or self.lenses.count(lens) > 1:
                raise ConfigError(
                    f"expected some of {', '.join(LENSES)}, each once; found {lens!r}",
                    file=FILE,
                    key="review.lenses",
                )
        if self.requests not in SEVERITIES:
            raise ConfigError(
                f"expected {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}, found"
                f" {self.requests!r}",
                file=FILE,
                key="review.requests",
            )


def models_in(given: JsonObject, families: Mapping[str, str]) -> Models:
    """`[models]`. Raises ConfigError naming the role and what was expected. `families` is the
    repository's own table."""
    only_known(given, tuple(one.name for one in fields(Models)), "models.")
    named = {role: _fallbacks(value, f"models.{role}") for role, value in given.items()}
    return _with_another_author(Models(**named), named, families)


def _with_another_author(
    models: Models, named: Mapping[str, FallbackChain], families: Mapping[str, str]
) -> Models:
    """The models, of which the author is of another family than every implementer, where one is
    configured: whoever shares an implementer's training would ask for what it gets wrong.

    Of the defaults only triage's counts as configured, which every issue needs. Raises ConfigError
    where an author is named that is not the other one."""
    writers = [tier.model for tier in models.implementer]

    def apart(fallbacks: FallbackChain) -> FallbackChain:
        return others(fallbacks, writers, own=families)

    if apart(models.author):
        return models
    configured = {"triage": models.triage, **named}
    if "author" in named:
        for role, fallbacks in configured.items():
            for other in apart(fallbacks)[:1]:
                raise _author_of_the_same_family(models, role, other, families)
        return models
    preferred = (named.get(role, ()) for role in ("reviewer", "planner", "diagnoser", "judge"))
    # Without a better one, the model that implements where nobody names one.
    order = (*chain(*preferred), *Models().implementer, *models.triage, *named.get("actor", ()))
    # Only its name: the sealed program asks in a way of its own.
    found = tuple(Tier(tier.model) for tier in apart(order)[:1])
    return replace(models, author=found or models.author)


def _author_of_the_same_family(
    models: Models, role: str, other: Tier, families: Mapping[str, str]
) -> ConfigError:
    author = models.author[0]
    family = family_of(author.model, own=families)
    writer = next(
        tier for tier in models.implementer if family_of(tier.model, own=families) == family
    )
    return ConfigError(
        f"{author.model} is of the family {family}, as the implementer {writer.model} is: it would"
        " write sealed journeys with the same blind spots. Name one of another family, such as"
        f" {other.model} (`models.{role}`), or leave `author` out. If all of them are one family"
        " to you, say so under `[families]`",
        file=FILE,
        key="models.author",
    )


def _fallbacks(value: Any, key: str) -> FallbackChain:
    """One model by its name, or as a table with its settings; or a list of them, tried in order."""
    listed = value if isinstance(value, list) else [value]
    return tuple(
        _tier(one, key if listed is not value else f"{key}.{place}")
        for place, one in enumerate(listed, start=1)
    )


def _tier(value: Any, key: str) -> Tier:
    tier = (
        Tier(value)
        if isinstance(value, str)
        else read(Tier, value, key)
        if isinstance(value, Mapping)
        else None
    )
    if tier is None or not tier.model:
        raise ConfigError(
            'expected a model\'s name, or a table such as {model = "claude-opus-5-5", effort ='
            f' "high"}}, found {value!r}',
            file=FILE,
            key=key,
        )
    return tier


def agents_in(given: JsonObject) -> tuple[tuple[str, AgentChoice], ...]:
    """`[agents.NAME]`, sorted by name. Raises ConfigError naming the agent and what was
    expected."""
    return tuple((name, _agent(value, f"agents.{name}")) for name, value in sorted(given.items()))


def _agent(value: Any, key: str) -> AgentChoice:
    """One agent: its kind, and the version of a CLI."""
    kinds = ", ".join(AgentKind)
    if not isinstance(value, Mapping):
        raise ConfigError(f"expected a table with `kind`, one of {kinds}", file=FILE, key=key)
    # There is no path here: a repository must not name files of the operator's machine.
    only_known(value, ("kind", "version"), f"{key}.")
    kind, version = value.get("kind"), value.get("version", "")
    if kind not in tuple(AgentKind):
        raise ConfigError(
            f"expected one of {kinds}, found {kind!r:.60}", file=FILE, key=f"{key}.kind"
        )
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        raise ConfigError(
            f'expected a version such as "2.1.0", found {version!r:.60}',
            file=FILE,
            key=f"{key}.version",
        )
    if version and kind == AgentKind.BUILT_IN:
        raise ConfigError(
            "the built-in agent has no version of its own: it comes with the factory",
            file=FILE,
            key=f"{key}.version",
        )
    return AgentChoice(AgentKind(kind), version)


def families_in(given: JsonObject) -> tuple[tuple[str, str], ...]:
    """`[families]`: the beginnings of model names, and their families. Raises ConfigError for an
    empty name."""
    for start, family in given.items():
        if not start or not isinstance(family, str) or not family:
            raise ConfigError(
                "expected the name of a family, by the beginning of a model's name",
                file=FILE,
                key=f"families.{start}",
            )
    return tuple(sorted(given.items()))
