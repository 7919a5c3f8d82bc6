"""`factory.toml`: what a repository tells its factory about itself. Read at the base commit, never
from a branch."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import ceil
from typing import Any

from harness.domain.budget import Caps, Price
from harness.domain.checks import RequiredCheck
from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import BUILT_IN, AgentChoice, AgentKind
from harness.domain.model_choice.breaker import BreakerSettings
from harness.domain.model_choice.roles import Tier
from harness.factory.settings.budget import checked_caps, prices_in
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
    there is none to judge."""

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
    """Hash-locked requirement files: the app's own, and the one its tests need (the app's own where
    it is empty)."""

    lock: str = "requirements.txt"
    tests: str = ""


@dataclass(frozen=True, slots=True)
class Tests:
    """The project's own tests: a command that writes a JUnit report, and the paths that belong to
    them."""

    command: tuple[str, ...] = ()
    report: str = "/tmp/report.xml"  # noqa: S108 - a path inside the box, whose /tmp is its own
    paths: tuple[str, ...] = ("tests/**",)
    seconds: int = 120


@dataclass(frozen=True, slots=True)
class Limits:
    """How often, how long, and how many at once."""

    parallel: int = 2  # issues that are worked on at the same time
    attempts: int = 3
    rounds: int = 2
    judgements: int = 3  # of one change, until one of them comes to an answer
    turns: int = 40
    agent_seconds: int = 600
    judge_seconds: int = 600
    journey_seconds: int = 30
    # journeys of what has landed that one judgement performs; which of more, its seed draws
    standing: int = 20


@dataclass(frozen=True, slots=True)
class Triage:
    """How many issues are looked at within 24 hours, and how long people have to answer. Rules with
    `applies: issue` may be stricter."""

    per_author: int = 20  # of one account that may not command
    per_day: int = 200  # of all accounts together
    reserved: int = 20  # of those, kept for accounts that may command; at most half
    batch: int = 50  # in one pass
    grace_days: int = 7  # between a rejection and the closing of its issue
    reply_days: int = 14  # how long a question waits for its answer
    aging_days: int = 2  # after which an accepted issue counts as one step more urgent

    def __post_init__(self) -> None:
        """Raises ConfigError for a number that would stop triage for good, or that is none."""
        least = {"per_author": 1, "per_day": 1, "batch": 1, "aging_days": 1}
        for one in fields(self):
            value, floor = getattr(self, one.name), least.get(one.name, 0)
            if not floor <= value <= MOST:
                raise ConfigError(
                    f"expected a number from {floor} to {MOST}, found {value}",
                    file=FILE,
                    key=f"triage.{one.name}",
                )


PUSH, API = "push", "api"


@dataclass(frozen=True, slots=True)
class Merge:
    """How a change lands, beside what the branch's own rules on the forge demand.

    `required_checks` are green on the candidate, by name and app, before it lands; `wait_minutes`
    is how long they may take. `by` is `push` (the judged commit itself) or `api` (where only the
    forge's merge may write). With `auto_revert` a landing that turns required checks of the default
    branch red is taken back, once, and merging stays frozen all the same. `canary` names standing
    journeys by their digests: one that is found red on the default branch itself freezes
    merging."""

    required_checks: tuple[RequiredCheck, ...] = ()
    wait_minutes: int = 60
    by: str = PUSH
    auto_revert: bool = False
    canary: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ConfigError for a way to land that there is not, and for a wait that is none or
        has no end."""
        if self.by not in (PUSH, API):
            raise ConfigError(
                f"expected `{PUSH}` or `{API}`, found {self.by!r}", file=FILE, key="merge.by"
            )
        if not 1 <= self.wait_minutes <= MOST:
            raise ConfigError(
                f"expected a number from 1 to {MOST}, found {self.wait_minutes}",
                file=FILE,
                key="merge.wait_minutes",
            )


@dataclass(frozen=True, slots=True)
class ContextSettings:
    """What an implementer is told of the repository before it looks: at most `tokens` of it (0:
    nothing), as parts of at most `files` files, with at most `lessons` of what earlier runs noted
    (0: none). An attempt after a failed one is told more."""

    tokens: int = 6000
    files: int = 6
    lessons: int = 5

    def __post_init__(self) -> None:
        """Raises ConfigError for a number that is none of these."""
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
    """How long the judge's browser waits before it says that the app does not answer, in seconds,
    on a quiet machine; on a slower one it waits longer. `quiet_seconds`: how long a page's own
    background requests may keep a step waiting.

    None may be shorter than its default: a control that is hurried fails for being slow, and then
    proves nothing."""

    start_seconds: float = 20.0  # the browser itself starts
    step_seconds: float = 5.0  # a step is done, or what is expected appears
    read_seconds: float = 2.0  # a page answers one question
    picture_seconds: float = 1.0  # a page shows itself
    quiet_seconds: float = 1.5

    def __post_init__(self) -> None:
        """Raises ConfigError for a time that is shorter than its default, or has no sensible
        end."""
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
    """Whose signature counts: key ids of the launcher's public key, pinned by a person."""

    trusted_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ForgeSettings:
    """What the factory shows on the forge beside its comments, labels and checks: one pinned issue
    on how it stands."""

    dashboard: bool = True


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody who explores what has passed, as docs/seal.md says. `shown` are labels of fields;
    `kept_at` may be empty."""

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
    merge: Merge = Merge()
    personas: tuple[Persona, ...] = ()
    forge: ForgeSettings = ForgeSettings()
    review: Review = field(default_factory=Review)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    prices: tuple[Price, ...] = ()
    families: tuple[
        tuple[str, str], ...
    ] = ()  # a beginning of a model's name, and the family that it is of
    agents: tuple[tuple[str, AgentChoice], ...] = ()  # by the names that models are given them by
    context: ContextSettings = ContextSettings()
    judge: Judge = Judge()

    def __post_init__(self) -> None:
        """Raises ConfigError for an agent that is not declared, for one where nobody works in a
        box, and for a step that is longer than a journey has time for."""
        _fits(self.judge, self.limits.journey_seconds)
        for role in (one.name for one in fields(self.models)):
            for tier in self.models.of(role):
                if tier.agent and role != WORKS_IN_A_SANDBOX:
                    raise ConfigError(
                        f"only the {WORKS_IN_A_SANDBOX} works with an agent; a {role} is asked, and"
                        " answers",
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
        """The agent that works with this model."""
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
        merge=_merge(table(document, "merge")),
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


def _fits(judge: Judge, journey_seconds: int) -> None:
    """A step waits at most a sixth of a journey's time, whatever is set; a longer one would be set
    in vain."""
    longest = max(Judge().step_seconds, journey_seconds / STEPS_A_JOURNEY)
    if judge.step_seconds > longest:
        raise ConfigError(
            f"expected at most {longest:g}, a sixth of `limits.journey_seconds`"
            f" ({journey_seconds}); for {judge.step_seconds:g}, make that"
            f" {ceil(judge.step_seconds * STEPS_A_JOURNEY)}",
            file=FILE,
            key="judge.step_seconds",
        )


def _personas(told: Any) -> tuple[Persona, ...]:
    if not isinstance(told, list) or not all(isinstance(one, Mapping) for one in told):
        raise ConfigError("expected tables `[[personas]]`", file=FILE, key="personas")
    found = tuple(
        read(Persona, one, f"personas.{number}") for number, one in enumerate(told, start=1)
    )
    if len({persona.name for persona in found}) != len(found):
        raise ConfigError(
            "two personas have the same name; give each its own", file=FILE, key="personas"
        )
    return found


def _merge(given: Mapping[str, Any]) -> Merge:
    told = given.get("required_checks", [])
    rest = {name: value for name, value in given.items() if name != "required_checks"}
    return replace(read(Merge, rest, "merge"), required_checks=_required(told))


def _required(told: Any) -> tuple[RequiredCheck, ...]:
    """Each by name and app: any account may report a check of any name."""
    if not isinstance(told, list):
        raise ConfigError(
            'expected a list such as [{name = "ci", app = 15368}]',
            file=FILE,
            key="merge.required_checks",
        )
    found = tuple(
        _required_check(one, f"merge.required_checks.{number}")
        for number, one in enumerate(told, start=1)
    )
    if len(set(found)) != len(found):
        raise ConfigError(
            "a check is there twice; name each once", file=FILE, key="merge.required_checks"
        )
    return found


def _required_check(one: Any, key: str) -> RequiredCheck:
    if not isinstance(one, Mapping):
        raise ConfigError(
            f'expected a table such as {{name = "ci", app = 15368}}, found {one!r}',
            file=FILE,
            key=key,
        )
    only_known(one, ("name", "app"), f"{key}.")
    name, app = one.get("name"), one.get("app")
    if not isinstance(name, str) or not name:
        raise ConfigError(
            f"expected the check's name, found {name!r}", file=FILE, key=f"{key}.name"
        )
    if type(app) is not int or app < 1:
        raise ConfigError(
            "expected the number of the app that reports it, which the forge tells beside each"
            f" check run (15368 is GitHub Actions), found {app!r}",
            file=FILE,
            key=f"{key}.app",
        )
    return RequiredCheck(name, app)
