"""`factory.toml`: the settings of a repository for its factory. Read at the base commit, never from
a branch."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any

from harness.domain.budget import Caps, Price
from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import BUILT_IN, AgentChoice, AgentKind
from harness.domain.model_choice.breaker import BreakerSettings
from harness.domain.model_choice.roles import Tier
from harness.factory.settings.budget import checked_caps, prices_in
from harness.factory.settings.merge_config import Merge, merge_in
from harness.factory.settings.model_config import (
    WORKS_IN_A_SANDBOX,
    Models,
    Review,
    agents_in,
    breaker_settings_in,
    families_in,
    models_in,
)
from harness.factory.settings.tables import FILE, MOST, only_known, read, table


@dataclass(frozen=True, slots=True)
class App:
    """How production starts the app, so that the judge starts it the same way. Without `start`
    there is no app to judge."""

    start: tuple[str, ...] = ()
    port_env: str = "PORT"
    ready: str = "/"
    ready_seconds: int = 20
    data: str = ""
    seed_command: tuple[str, ...] = ()
    clock_env: str = ""
    env: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Requirement files with hashes: the app's own, and the one that its tests need (by default the
    app's)."""

    lock: str = "requirements.txt"
    tests: str = ""


@dataclass(frozen=True, slots=True)
class Tests:
    """The project's own tests: a command that writes a JUnit report, and the paths that belong to
    them."""

    command: tuple[str, ...] = ()
    report: str = "/tmp/report.xml"  # noqa: S108 - a path in the sandbox, which has its own /tmp
    paths: tuple[str, ...] = ("tests/**",)
    seconds: int = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long, and how many at once."""

    # Issues at the same time.
    parallel: int = 2
    attempts: int = 3
    rounds: int = 2
    # Judgements of one change, until one of them gives an answer.
    judgements: int = 3
    turns: int = 40
    agent_seconds: int = 600
    judge_seconds: int = 600
    journey_seconds: int = 30
    # Journeys of landed work in one judgement. If there are more, its seed selects some.
    standing: int = 20


@dataclass(frozen=True, slots=True)
class Triage:
    """How many issues are triaged within 24 hours, and how long people have to answer. Rules with
    `applies: issue` may be stricter."""

    # Issues of one account that may not give commands.
    per_author: int = 20
    per_day: int = 200
    # Part of `per_day` for accounts that may give commands; at most half of it.
    reserved: int = 20
    # Issues in one tick.
    batch: int = 50
    # Days between a rejection and the closing of its issue.
    close_days: int = 7
    # Days that a question waits for its answer.
    reply_days: int = 14
    # Days after which an accepted issue becomes one step more urgent.
    aging_days: int = 2

    def __post_init__(self) -> None:
        """Raises ConfigError for a number out of range, or one that would stop triage for good."""
        least = {"per_author": 1, "per_day": 1, "batch": 1, "aging_days": 1}
        for one in fields(self):
            value, floor = getattr(self, one.name), least.get(one.name, 0)
            if not floor <= value <= MOST:
                raise ConfigError(
                    f"expected a number from {floor} to {MOST}, found {value}",
                    file=FILE,
                    key=f"triage.{one.name}",
                )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What an implementer is shown of the repository: at most `tokens` of it (0: nothing), from at
    most `files` files, with at most `lessons` of earlier runs (0: none). An attempt after a failed
    one is shown more."""

    tokens: int = 6000
    files: int = 6
    lessons: int = 5

    def __post_init__(self) -> None:
        """Raises ConfigError for a number out of range."""
        for one in fields(self):
            if not 0 <= getattr(self, one.name) <= MOST:
                raise ConfigError(
                    f"expected a number from 0 to {MOST}, found {getattr(self, one.name)}",
                    file=FILE,
                    key=f"context.{one.name}",
                )


LONGEST_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Judge:
    """How long the judge's browser waits for the app, in seconds, on a quiet machine; a slower
    machine gets more time. `quiet_seconds` is how long a page's background requests may delay a
    step.

    No time may be shorter than its default: a negative control that is hurried fails for being
    slow, and proves nothing."""

    # To start the browser itself.
    start_seconds: float = 20.0
    # To do one step, or to see what it expects.
    step_seconds: float = 5.0
    # To read one thing from a page.
    read_seconds: float = 2.0
    # To take one screenshot.
    picture_seconds: float = 1.0
    quiet_seconds: float = 1.5

    def __post_init__(self) -> None:
        """Raises ConfigError for a time that is shorter than its default, or too long."""
        for one in fields(self):
            value = getattr(self, one.name)
            if not one.default <= value <= LONGEST_SECONDS:
                raise ConfigError(
                    f"expected seconds from {one.default:g} to {LONGEST_SECONDS}, found {value!r}",
                    file=FILE,
                    key=f"judge.{one.name}",
                )


@dataclass(frozen=True, slots=True)
class Seal:
    """Whose signatures count: ids of the launcher's public keys, pinned by a person."""

    trusted_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """What the factory shows on the forge beside its comments, labels and checks: the pinned
    dashboard issue."""

    dashboard: bool = True


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona that explores what has passed; docs/seal.md describes it. `shown` are labels of
    fields; `kept_at` may be empty."""

    name: str
    who: str
    goal: str
    promise: str
    shown: tuple[str, ...]
    kept_at: str = ""
    starts_at: str = "/"
    claims: tuple[str, ...] = ()
    acts: int = 25
    seconds: int = 120
    tokens: int = 40_000


@dataclass(frozen=True, slots=True)
class Config:
    """The whole of `factory.toml`."""

    app: App
    dependencies: Dependencies
    tests: Tests
    models: Models
    limits: Limits
    triage: Triage
    caps: Caps
    seal: Seal
    merge: Merge = field(default_factory=Merge)
    personas: tuple[Persona, ...] = ()
    forge: ForgeSettings = ForgeSettings()
    review: Review = field(default_factory=Review)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    prices: tuple[Price, ...] = ()
    # The beginning of a model's name, and the family of these models.
    families: tuple[tuple[str, str], ...] = ()
    # Agents by the names that models refer to.
    agents: tuple[tuple[str, AgentChoice], ...] = ()
    context: ContextSettings = ContextSettings()
    judge: Judge = Judge()

    def __post_init__(self) -> None:
        """Raises ConfigError for an unknown agent, for an agent of a role that has none, and for a
        step time that no journey has."""
        _check_step_time(self.judge, self.limits.journey_seconds)
        for role in (one.name for one in fields(self.models)):
            for tier in self.models.of(role):
                if tier.agent and role != WORKS_IN_A_SANDBOX:
                    raise ConfigError(
                        f"only the {WORKS_IN_A_SANDBOX} works with an agent; a {role} only answers"
                        " questions",
                        file=FILE,
                        key=f"models.{role}",
                    )
                if tier.agent and tier.agent not in dict(self.agents):
                    raise ConfigError(
                        f"no agent of the name {tier.agent!r}; declare it as"
                        f" `[agents.{tier.agent}]`",
                        file=FILE,
                        key=f"models.{role}",
                    )
                # A CLI has its own settings for these, so ours would have no effect.
                if (tier.effort or tier.max_tokens) and self.agent(
                    tier
                ).kind is not AgentKind.BUILT_IN:
                    raise ConfigError(
                        f"{self.agent(tier).kind} sets `effort` and `max_tokens` itself; leave"
                        " them out",
                        file=FILE,
                        key=f"models.{role}",
                    )

    def agent(self, tier: Tier) -> AgentChoice:
        """The agent that works with this model; the built-in one if it names none."""
        return dict(self.agents)[tier.agent] if tier.agent else BUILT_IN


_TABLES = (
    "app",
    "dependencies",
    "tests",
    "models",
    "limits",
    "triage",
    "budget",
    "seal",
    "merge",
    "forge",
    "personas",
    "review",
    "breaker",
    "families",
    "prices",
    "agents",
    "context",
    "judge",
)


def read_config(text: str) -> Config:
    """Parse `factory.toml`. Raises ConfigError naming the key, what was expected, and the nearest
    known key."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(error), file=FILE) from error
    if document.pop("schema", None) != 1:
        raise ConfigError("expected `schema = 1` as the first line", file=FILE, key="schema")
    only_known(document, _TABLES, "")
    return Config(
        app=read(App, table(document, "app"), "app"),
        dependencies=read(Dependencies, table(document, "dependencies"), "dependencies"),
        tests=read(Tests, table(document, "tests"), "tests"),
        models=models_in(table(document, "models")),
        limits=read(Limits, table(document, "limits"), "limits"),
        triage=read(Triage, table(document, "triage"), "triage"),
        caps=checked_caps(read(Caps, table(document, "budget"), "budget")),
        seal=read(Seal, table(document, "seal"), "seal"),
        merge=merge_in(table(document, "merge")),
        forge=read(ForgeSettings, table(document, "forge"), "forge"),
        personas=_personas(document.get("personas", [])),
        review=read(Review, table(document, "review"), "review"),
        breaker=breaker_settings_in(table(document, "breaker")),
        prices=prices_in(table(document, "prices")),
        families=families_in(table(document, "families")),
        agents=agents_in(table(document, "agents")),
        context=read(ContextSettings, table(document, "context"), "context"),
        judge=read(Judge, table(document, "judge"), "judge"),
    )


STEPS_A_JOURNEY = 6


def _check_step_time(judge: Judge, journey_seconds: int) -> None:
    """Raises ConfigError for a step longer than a sixth of a journey's time: the browser would cut
    it off."""
    longest = max(Judge().step_seconds, journey_seconds / STEPS_A_JOURNEY)
    if judge.step_seconds > longest:
        raise ConfigError(
            f"expected at most {longest:g}, a sixth of `limits.journey_seconds`"
            f" ({journey_seconds}); for {judge.step_seconds:g}, make that"
            f" {ceil(judge.step_seconds * STEPS_A_JOURNEY)}",
            file=FILE,
            key="judge.step_seconds",
        )


def _personas(tables: Any) -> tuple[Persona, ...]:
    if not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise ConfigError("expected tables `[[personas]]`", file=FILE, key="personas")
    found = tuple(
        read(Persona, one, f"personas.{number}") for number, one in enumerate(tables, start=1)
    )
    if len({persona.name for persona in found}) != len(found):
        raise ConfigError(
            "two personas have the same name; give each its own", file=FILE, key="personas"
        )
    return found
