"""The pinned releases of agent CLIs: which package of the npm registry, and its digest.

Each package has the native program for one machine, which needs no Node.js and no install script.
"""

import platform
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import AgentKind
from harness.domain.plain import JsonDict

_TABLE = Path(__file__).with_name("releases.toml")


@dataclass(frozen=True, slots=True)
class Release:
    """One version of one CLI for this machine.

    `package` is NAME@VERSION for npm, and `integrity` its digest. `program` is its path in the
    package, and `keeps` are the paths that are kept beside it.
    """

    kind: AgentKind
    version: str
    package: str
    integrity: str
    program: str
    keeps: tuple[str, ...]


def released(kind: AgentKind, *, machine: str = "") -> Release:
    """The pinned release for this machine, or another. Raises ConfigError when its makers ship
    none."""
    machine = machine or platform.machine()
    entry = _table()[kind]
    if machine not in entry["machines"]:
        machines = ", ".join(sorted(entry["machines"]))
        raise ConfigError(f"there is no {kind} for {machine}; there is one for {machines}")
    return _release(
        kind,
        entry,
        machine,
        version=entry["version"],
        integrity=entry["machines"][machine]["integrity"],
    )


def another(kind: AgentKind, *, version: str, integrity: str, machine: str = "") -> Release:
    """A version that is not pinned here, by a digest that its operator vouches for."""
    pinned = released(kind, machine=machine)
    entry = _table()[kind]
    vouched = integrity or _unpinned(pinned, version)
    return _release(kind, entry, machine or platform.machine(), version=version, integrity=vouched)


def _unpinned(pinned: Release, version: str) -> str:
    if version == pinned.version:
        return pinned.integrity
    package = pinned.package.replace(pinned.version, version)
    raise ConfigError(
        f"{pinned.kind} {version} is not the version that is pinned here, {pinned.version}: give"
        f" its digest with --integrity sha512-…, as `npm view {package} dist.integrity` prints it"
    )


def _release(
    kind: AgentKind, entry: JsonDict, machine: str, *, version: str, integrity: str
) -> Release:
    own = entry["machines"][machine]
    fill = {"version": version, "triple": own.get("triple", "")}
    return Release(
        kind=kind,
        version=version,
        package=own["package"].format(**fill),
        integrity=integrity,
        program=entry["program"].format(**fill),
        keeps=tuple(name.format(**fill) for name in entry["keeps"]),
    )


@cache
def _table() -> JsonDict:
    return tomllib.loads(_TABLE.read_text(encoding="utf-8"))
