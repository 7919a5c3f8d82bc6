"""Deployments as values: a place where the app runs, what is ordered there, and what the place
answers of itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.domain.issue import CommitSha, TreeSha
from harness.domain.judge_request import AppStart, SandboxChoice
from harness.domain.setting import MOST, setting

DURATION = re.compile(r"(0|[1-9][0-9]{0,5})([smh])")
_UNITS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600}


def seconds_in(duration: str) -> int:
    """The seconds in `90s`, `30m` or `2h`. Raises ValueError for anything else."""
    found = DURATION.fullmatch(duration)
    if found is None:
        raise ValueError(f"expected a duration like `90s`, `30m` or `2h`, found {duration!r:.60}")
    return int(found[1]) * _UNITS[found[2]]


class DeployKind(StrEnum):
    """Who brings a commit to a place: the factory itself on its own machine, a command of the
    operator's, or a workflow that a deployment on the forge begins."""

    LOCAL = "local"
    COMMAND = "command"
    GITHUB = "github"


@dataclass(frozen=True, slots=True)
class Environment:
    """One place where what has landed runs. A release passes them in the order in which they stand
    in the file; the last one is production."""

    # fmt: off
    name: str = setting(
        "", "Its name: small letters, digits and hyphens.", example='"staging"', required=True,
    )
    deploy: DeployKind = setting(
        DeployKind.LOCAL, "Who brings a commit there. `local`: the factory itself, on its own"
        " machine; `command`: a program that the home names; `github`: a workflow on the forge.",
        example='"local"', required=True,
    )
    url: str = setting(
        "", "Where it is reached, without a path.", example='"http://localhost:8100"',
        required=True,
    )
    smoke: tuple[str, ...] = setting(
        (), "Promises whose sealed journeys are performed there: only those that read, or that"
        " clean up after themselves.",
        example='["M-BOOK", "M-GUIDE"]',
    )
    soak: str = setting(
        "30m", "How long it must stay healthy: here before the next environment, in the last one"
        " before the release is done.",
        example='"2h"', unit="seconds, minutes or hours",
    )
    health: str = setting(
        "/healthz", "The path whose answer is its health.", example='"/up"',
    )
    health_every: int = setting(
        10, "How often it is asked.", example="30", unit="seconds", least=1, most=3600,
    )
    unhealthy: int = setting(
        3, "Answers in a row that are not healthy, or no answers, that take a release back.",
        example="2", unit="answers", least=1, most=100,
    )
    errors: int = setting(
        0, "Errors of the release that services may report by webhook while it is looked at."
        " Errors that come by a DSN do not count, because everybody who sees a page can read it.",
        example="5", unit="errors", least=0, most=MOST,
    )
    identity: bool = setting(
        True, "Whether the health answer must name the environment and the commit.",
        example="false",
    )
    app: str = setting(
        "github-actions[bot]", "With `github`: the account whose statuses of a deployment"
        " count; those of any other are nothing.",
        example='"our-deployer[bot]"',
    )
    seconds: int = setting(
        300, "How long a deployment there may take.", example="900", unit="seconds",
        least=10, most=3600,
    )
    # fmt: on

    @property
    def soak_seconds(self) -> int:
        """`soak` in seconds."""
        return seconds_in(self.soak)


@dataclass(frozen=True, slots=True)
class Running:
    """What runs in a place, as somebody who looked there found it. `reference` names it to the
    deployer's own world: a process, a deployment's number."""

    commit: CommitSha
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """What a place answered. `environment` and `commit` are what it claims to be; empty where it
    does not say. `message` is a stranger's text, cut and on one line."""

    is_ok: bool
    message: str = ""
    environment: str = ""
    commit: str = ""


@dataclass(frozen=True, slots=True)
class DeployOrder:
    """One decision to bring a commit to a place. The same `key` is the same decision, also after
    this process was killed. `seconds` is how long one operation may take; it ends by itself.

    `app`, `layers`, `wheels` and `sandbox` are how the commit's own settings start it, for a
    deployer that starts it itself."""

    key: str
    environment: Environment
    commit: CommitSha
    tree: TreeSha
    seconds: float
    app: AppStart
    layers: str
    wheels: str
    sandbox: SandboxChoice

    @property
    def variables(self) -> Mapping[str, str]:
        """What the app learns of where it runs. The last two are those that Sentry's SDKs read."""
        return {
            "FACTORY_ENVIRONMENT": self.environment.name,
            "FACTORY_COMMIT": self.commit,
            "SENTRY_ENVIRONMENT": self.environment.name,
            "SENTRY_RELEASE": self.commit,
        }


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a deployer claims to have done. It proves nothing: what runs there is looked up."""

    reference: str = ""
    message: str = ""
