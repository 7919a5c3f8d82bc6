"""`factory.toml`: the settings of a repository for its factory. Read at the base commit, never from
a branch."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import ceil
from typing import Any, TypeVar

from harness.domain.budget import Caps, Price
from harness.domain.deployment import Environment
from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import BUILT_IN, AgentChoice, AgentKind
from harness.domain.model_choice.breaker import BreakerSettings
from harness.domain.model_choice.roles import Tier
from harness.domain.sandbox import MOST_SERVICES, Service
from harness.domain.setting import MOST, required, setting
from harness.factory.settings.app_config import App, Dependencies, Tests
from harness.factory.settings.budget import checked_caps, prices_in
from harness.factory.settings.environments import environments_in
from harness.factory.settings.limits_config import (
    ContextSettings,
    ErrorSettings,
    Judge,
    Limits,
    Triage,
)
from harness.factory.settings.merge_config import Merge, merge_in
from harness.factory.settings.model_config import (
    WORKS_IN_A_SANDBOX,
    Models,
    Review,
    agents_in,
    families_in,
    models_in,
)
from harness.factory.settings.tables import FILE, only_known, read, table
from harness.factory.settings.trust_config import TrustSettings
from harness.factory.settings.watch_config import Watch


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """What the sandboxes of the app, its tests, its commands and an implementer are made of."""

    # fmt: off
    root: str = setting(
        "", "The digest of the root file system that they see; empty: the factory's machine.",
        example=f'"sha256:{"0123456789abcdef" * 4}"',
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class Seal:
    """Whose signatures count."""

    # fmt: off
    trusted_keys: tuple[str, ...] = setting(
        (), "Ids of the launcher's public keys whose verdicts count, pinned by a person.",
        example=f'["{"0123456789abcdef" * 4}"]',
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """What the factory shows on the forge beside its comments, labels and checks."""

    # fmt: off
    dashboard: bool = setting(
        True, "Whether one pinned issue shows what is under way and what needs a person.",
        example="false",
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class Persona:
    """A persona that explores what has passed; docs/seal.md describes it."""

    name: str = field(metadata=required("Its name, another for each.", example='"guest"'))
    who: str = field(
        metadata=required("Who it is, for the model that plays it.", example='"a guest in a hurry"')
    )
    goal: str = field(metadata=required("What it wants.", example='"book a walk for eight"'))
    promise: str = field(
        metadata=required("The entry of the mission that this serves.", example='"M-BOOK"')
    )
    shown: tuple[str, ...] = field(
        metadata=required(
            "Labels of fields: what was put in there is on the page at the end.", example='["Name"]'
        )
    )
    # fmt: off
    kept_at: str = setting(
        "", "The path where another visitor must find the same; empty: not looked for.",
        example='"/bookings"',
    )
    starts_at: str = setting("/", "The path where it begins.", example='"/walks"')
    claims: tuple[str, ...] = setting(
        (), "Sentences about the last page, for the judge of claims.",
        example='["The booking is confirmed"]',
    )
    # fmt: on
    acts: int = setting(25, "How many acts it has.", example="40", unit="acts", least=1, most=MOST)
    seconds: int = setting(
        120, "How long it has.", example="300", unit="seconds", least=1, most=MOST
    )
    tokens: int = setting(
        40_000, "What its model may use.", example="80000", unit="tokens", least=1, most=10 * MOST
    )


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
    watch: Watch = field(default_factory=Watch)
    trust: TrustSettings = field(default_factory=TrustSettings)
    personas: tuple[Persona, ...] = ()
    services: tuple[Service, ...] = ()
    sandbox: SandboxSettings = SandboxSettings()
    forge: ForgeSettings = ForgeSettings()
    review: Review = field(default_factory=Review)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    prices: tuple[Price, ...] = ()
    # The beginning of a model's name, and the family of these models.
    families: tuple[tuple[str, str], ...] = ()
    # Agents by the names that models refer to.
    agents: tuple[tuple[str, AgentChoice], ...] = ()
    context: ContextSettings = field(default_factory=ContextSettings)
    judge: Judge = field(default_factory=Judge)
    errors: ErrorSettings = field(default_factory=ErrorSettings)
    # Where what has landed is brought, in this order; the last one is production.
    environments: tuple[Environment, ...] = ()

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
    "watch",
    "trust",
    "forge",
    "personas",
    "services",
    "sandbox",
    "review",
    "breaker",
    "families",
    "prices",
    "agents",
    "context",
    "judge",
    "errors",
    "environments",
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
    families = families_in(table(document, "families"))
    return Config(
        app=_with_environment(read(App, table(document, "app"), "app"), "app"),
        dependencies=read(Dependencies, table(document, "dependencies"), "dependencies"),
        tests=_with_environment(read(Tests, table(document, "tests"), "tests"), "tests"),
        models=models_in(table(document, "models"), dict(families)),
        limits=read(Limits, table(document, "limits"), "limits"),
        triage=read(Triage, table(document, "triage"), "triage"),
        caps=checked_caps(read(Caps, table(document, "budget"), "budget")),
        seal=read(Seal, table(document, "seal"), "seal"),
        merge=merge_in(table(document, "merge")),
        watch=read(Watch, table(document, "watch"), "watch"),
        trust=read(TrustSettings, table(document, "trust"), "trust"),
        forge=read(ForgeSettings, table(document, "forge"), "forge"),
        personas=_personas(document.get("personas", [])),
        services=_services(document.get("services", [])),
        sandbox=_sandbox(read(SandboxSettings, table(document, "sandbox"), "sandbox")),
        review=read(Review, table(document, "review"), "review"),
        breaker=read(BreakerSettings, table(document, "breaker"), "breaker"),
        prices=prices_in(table(document, "prices")),
        families=families,
        agents=agents_in(table(document, "agents")),
        context=read(ContextSettings, table(document, "context"), "context"),
        judge=read(Judge, table(document, "judge"), "judge"),
        errors=read(ErrorSettings, table(document, "errors"), "errors"),
        environments=environments_in(document.get("environments", [])),
    )


STEPS_A_JOURNEY = 6
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_SERVICE = re.compile("[a-z][a-z0-9-]{0,30}")
_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]{0,99}")
_STARTS = TypeVar("_STARTS", App, Tests)


def _with_environment(settings: _STARTS, name: str) -> _STARTS:
    """The table, if its `env` can be an environment. Raises ConfigError."""
    for variable, value in settings.env:
        if not _VARIABLE.fullmatch(variable):
            raise ConfigError(
                f"expected a variable's name, of letters, digits and _, found {variable!r:.60}",
                file=FILE,
                key=f"{name}.env",
            )
        if "\0" in value:
            raise ConfigError("expected no NUL", file=FILE, key=f"{name}.env.{variable}")
    return settings


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


def _sandbox(settings: SandboxSettings) -> SandboxSettings:
    if settings.root and not _DIGEST.fullmatch(settings.root):
        raise ConfigError(
            f"expected `sha256:` and 64 digits, found {settings.root!r:.80}", file=FILE,
            key="sandbox.root",
        )  # fmt: skip
    return settings


def _services(tables: Any) -> tuple[Service, ...]:
    if not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise ConfigError("expected tables `[[services]]`", file=FILE, key="services")
    if len(tables) > MOST_SERVICES:
        raise ConfigError(
            f"at most {MOST_SERVICES} services are started", file=FILE, key="services"
        )
    found = tuple(
        read(Service, one, f"services.{number}") for number, one in enumerate(tables, start=1)
    )
    for number, service in enumerate(found, start=1):
        if not _SERVICE.fullmatch(service.name):
            raise ConfigError(
                f"expected small letters, digits and hyphens, found {service.name!r:.60}",
                file=FILE,
                key=f"services.{number}.name",
            )
        if not service.start:
            raise ConfigError(
                "expected a command, found none", file=FILE, key=f"services.{number}.start"
            )
    if len({service.name for service in found}) != len(found):
        raise ConfigError(
            "two services have the same name; give each its own", file=FILE, key="services"
        )
    return found


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
