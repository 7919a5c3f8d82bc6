"""`[[environments]]` of `factory.toml`: where what has landed is brought, in this order."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from harness.domain.deployment import DeployKind, Environment
from harness.domain.errors import ConfigError
from harness.factory.settings.tables import FILE, read

MOST_ENVIRONMENTS = 8
LONGEST_SOAK = 30 * 24 * 3600
_NAME = re.compile("[a-z][a-z0-9-]{0,30}")
_PATH = re.compile(r"/[^\s?#]{0,200}")


def environments_in(tables: Any) -> tuple[Environment, ...]:
    """Every environment. Raises ConfigError naming the key and what was expected."""
    if not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise ConfigError("expected tables `[[environments]]`", file=FILE, key="environments")
    if len(tables) > MOST_ENVIRONMENTS:
        raise ConfigError(
            f"a release passes at most {MOST_ENVIRONMENTS} environments",
            file=FILE,
            key="environments",
        )
    found = tuple(
        _environment(one, f"environments.{number}") for number, one in enumerate(tables, start=1)
    )
    # Two places with one address would be one place: a staging that is production.
    for key in ("name", "url"):
        if len({getattr(one, key) for one in found}) != len(found):
            raise ConfigError(
                f"two environments have the same {key}; give each its own",
                file=FILE,
                key="environments",
            )
    return found


def _environment(given: Mapping[str, Any], key: str) -> Environment:
    deploy = given.get("deploy")
    kinds = [one.value for one in DeployKind]
    if deploy not in kinds:
        near = difflib.get_close_matches(str(deploy), kinds, n=1)
        hint = f"; did you mean `{near[0]}`?" if near else ""
        expected = " or ".join(f"`{one}`" for one in kinds)
        raise ConfigError(
            f"expected {expected}, found {deploy!r:.60}{hint}", file=FILE, key=f"{key}.deploy"
        )
    rest = {name: value for name, value in given.items() if name != "deploy"}
    found = replace(read(Environment, rest, key), deploy=DeployKind(deploy))
    for name, problem in _problems(found):
        raise ConfigError(problem, file=FILE, key=f"{key}.{name}")
    # One spelling of each place, so that two spellings of one are found.
    return replace(found, url=found.url.rstrip("/").lower())


def _problems(found: Environment) -> list[tuple[str, str]]:
    """Each key whose value is not allowed, with what was expected there."""
    problems = []
    if not _NAME.fullmatch(found.name):
        expected = "expected small letters, digits and hyphens"
        problems.append(("name", f"{expected}, found {found.name!r:.60}"))
    if not _is_address(found.url):
        expected = "expected an address without a path, such as `https://staging.example.org`"
        problems.append(("url", f"{expected}, found {found.url!r:.60}"))
    if not _PATH.fullmatch(found.health):
        problems.append(
            ("health", f"expected a path such as `/healthz`, found {found.health!r:.60}")
        )
    try:
        seconds = found.soak_seconds
    except ValueError as error:
        problems.append(("soak", str(error)))
    else:
        if seconds > LONGEST_SOAK:
            problems.append(("soak", f"expected at most 720h, found {found.soak!r}"))
    return problems


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError:
        return False
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and parts.path in ("", "/")
        and not (parts.query or parts.fragment or parts.username or parts.password)
        and not any(one.isspace() for one in url)
    )
