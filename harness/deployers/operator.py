"""`deployers.toml` in the home: the operator's own programs, by environment.

    [production]
    deploy = ["/opt/ops/deploy"]        # gets the order as JSON on standard input
    running = ["/opt/ops/what-runs"]    # prints the commit; or else:
    version = "/version"                # the path below the environment's url that answers it
    env = {DEPLOY_TOKEN = "…"}          # all of the program's environment beside PATH and LANG

It names programs and may hold credentials, so it never comes from the repository, and no other
account may read it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError
from harness.private_text import private_text

FILE = "deployers.toml"
_KEYS = frozenset({"deploy", "running", "version", "env"})


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """How the operator deploys to one environment. Either `running` or `version` is given."""

    deploy: tuple[str, ...]
    running: tuple[str, ...] = ()
    version: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)


def operator_commands(home: Path) -> Mapping[str, OperatorCommand]:
    """The commands by environment; none where the home has no such file. Raises ConfigError, which
    shows no value."""
    text = private_text(home / FILE, what="programs of yours and their credentials")
    try:
        document = tomllib.loads(text or "")
    except ValueError as error:
        # Without the parser's words, which may quote a line that holds a credential.
        raise ConfigError("is not TOML", file=FILE) from error
    return {name: _command(name, table) for name, table in document.items()}


def _command(name: str, table: Any) -> OperatorCommand:
    if not isinstance(table, dict) or (unknown := sorted(set(table) - _KEYS)):
        found = f"the key {unknown[0]!r:.60}" if isinstance(table, dict) else "no table"
        raise ConfigError(
            f"expected {', '.join(sorted(_KEYS))}, found {found}", file=FILE, key=name
        )
    deploy, running = (_words(name, key, table.get(key, [])) for key in ("deploy", "running"))
    version, env = table.get("version", ""), table.get("env", {})
    if not deploy or not Path(deploy[0]).is_absolute():
        raise ConfigError("expected the full path of a program", file=FILE, key=f"{name}.deploy")
    if bool(running) == bool(version):
        raise ConfigError("expected either running or version", file=FILE, key=name)
    if not isinstance(version, str) or (version and not version.startswith("/")):
        raise ConfigError("expected a path like /version", file=FILE, key=f"{name}.version")
    if not isinstance(env, dict) or not all(isinstance(one, str) for one in env.values()):
        raise ConfigError("expected variables with a text each", file=FILE, key=f"{name}.env")
    return OperatorCommand(deploy, running, version, env)


def _words(name: str, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ConfigError("expected a list of words", file=FILE, key=f"{name}.{key}")
    return tuple(value)
