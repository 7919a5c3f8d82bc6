"""`[merge]` of `factory.toml`: how a change lands, and the checks that must be green first."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.domain.checks import RequiredCheck
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.domain.setting import MOST, setting
from harness.factory.settings.tables import FILE, only_known, read

PUSH, API = "push", "api"


@dataclass(frozen=True, slots=True)
class Merge:
    """How a change lands, beside what the branch's own rules on the forge require."""

    # fmt: off
    required_checks: tuple[RequiredCheck, ...] = setting(
        (), "Checks that must be green on the candidate before it lands.",
        example='[{ name = "ci", app = 15368 }]',
    )
    wait_minutes: int = setting(
        60, "How long these checks may take.",
        example="120", unit="minutes", least=1, most=MOST,
    )
    by: str = setting(
        PUSH, "`push` lands the judged commit itself; `api` is for branches that only the forge's"
        " own merge may write.",
        example='"api"', choices=(PUSH, API),
    )
    auto_revert: bool = setting(
        False, "Whether a landing that turns required checks of the default branch red is reverted"
        " once; merging stays frozen.",
        example="true",
    )
    canary: tuple[str, ...] = setting(
        (), "Digests of journeys of landed work; one that fails on the default branch freezes"
        " merging.",
        example=f'["sha256:{"0123456789abcdef" * 4}"]',
    )
    # fmt: on

    def __post_init__(self) -> None:
        """Raises ConfigError for an unknown way to land."""
        if self.by not in (PUSH, API):
            raise ConfigError(
                f"expected `{PUSH}` or `{API}`, found {self.by!r}", file=FILE, key="merge.by"
            )


def merge_in(given: JsonObject) -> Merge:
    """`[merge]`. Raises ConfigError naming the key and what was expected."""
    required = given.get("required_checks", [])
    rest = {name: value for name, value in given.items() if name != "required_checks"}
    return replace(read(Merge, rest, "merge"), required_checks=_required_checks(required))


def _required_checks(required: Any) -> tuple[RequiredCheck, ...]:
    """The checks, each by name and app: any account may report a check of any name."""
    if not isinstance(required, list):
        raise ConfigError(
            'expected a list such as [{name = "ci", app = 15368}]',
            file=FILE,
            key="merge.required_checks",
        )
    found = tuple(
        _required_check(one, f"merge.required_checks.{number}")
        for number, one in enumerate(required, start=1)
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
    # Not isinstance: `true` is an int in Python, and no app.
    if type(app) is not int or app < 1:
        raise ConfigError(
            "expected the number of the app that reports it, which the forge tells beside each"
            f" check run (15368 is GitHub Actions), found {app!r}",
            file=FILE,
            key=f"{key}.app",
        )
    return RequiredCheck(name, app)
