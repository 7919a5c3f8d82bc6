"""Make a request out of folders that a person names, and of how the app in them is started.

It needs no factory. Repository, store and key are temporary. The results are in the report, in the
proof beside the journey, and in the folder given by `--keep`."""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from validators.app.side import TREE
from validators.authoring.folders import DATA, PACKAGES, SideFolders, change_of
from validators.domain.bounds import Bounds
from validators.domain.stops import UsageError
from validators.launcher.request import (
    STRICT,
    AppSpec,
    GovernanceText,
    IssueText,
    Limits,
    LongBounds,
    Request,
    SandboxCommand,
)

T = TypeVar("T")

CONFIG = "factory.toml"
DATA_ENV = "APP_DATA"
# A journey with `needs: {seed: NAME}` starts from the folder NAME below the data folder.
COPY_DATA = ("sh", "-c", f'cp -R "{TREE}/{DATA}/$1/." "${DATA_ENV}"', "data")
SECONDS_AT_LEAST, SECONDS_A_JOURNEY = 600, 120


@dataclass(frozen=True, slots=True)
class LocalApp:
    """What a person may name about an app on this machine.

    Without `base`, a journey is a regression journey. Without `start`, factory.toml gives the
    command. `start` is a command line for `sh`, so that it may use `$PORT`. `env` and `commands`
    hold NAME=VALUE. `app` is a file with the app as a request has it, in place of factory.toml."""

    base: Path | None = None
    reference: Path | None = None
    start: str = ""
    port_env: str = ""
    ready: str = ""
    ready_seconds: int = 0
    env: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    app: Path | None = None
    packages: Path | None = None
    data: Path | None = None
    kind: str = "bug"

    def side(self, app: Path) -> SideFolders:
        """One of the two app folders with the packages and the data beside it."""
        return SideFolders(app, self.packages, self.data)


@dataclass(frozen=True, slots=True)
class JudgeSection:
    """The part of a folder's factory.toml that sets how long the judge waits."""

    judge: LongBounds
    __pydantic_config__ = STRICT


def local_request(
    local_app: LocalApp, *, folder: Path, supervisor: tuple[str, ...], journeys: int, seconds: int
) -> Request:
    """The request to judge the reference against the base. All its files are below `folder`.

    `seconds` limits one journey in one browser. Raises UsageError."""
    first = local_app.base or local_app.reference
    if first is None:
        raise UsageError(
            "name the folder with the app: --base FOLDER, --reference FOLDER, or both; or --request"
            " FILE"
        )
    app = app_in(local_app.reference or first, local_app)
    reference = local_app.side(local_app.reference) if local_app.reference else None
    change = change_of(local_app.side(first), reference, git_dir=folder / "repository.git")
    kind = local_app.kind if local_app.base else "chore"
    wall = min(3600, SECONDS_AT_LEAST + SECONDS_A_JOURNEY * journeys)
    return Request(
        repository="proof",
        sealed=str(folder / "store"),
        git_dir=str(change.git_dir),
        issue=IssueText(1, "", "", kind),  # type: ignore[arg-type]  # the parser's own choices
        base=change.base,
        governance=GovernanceText("sha256:" + "0" * 64, {}),
        app=app,
        layers=str(_cache() / "layers"),
        wheels=str(_cache() / "wheels"),
        sandbox=SandboxCommand(supervisor),
        signing_key=str(folder / "key" / "proof.key"),
        run="proof",
        round=1,
        head=change.head,
        candidate=change.candidate,
        limits=Limits(wall, seconds),
        bounds=bounds_in(local_app.reference or first),
    )


def app_in(folder: Path, local_app: LocalApp) -> AppSpec:
    """How the app in a folder is started: what the person gave, else what its factory.toml has.
    Raises UsageError."""
    app = _app_document(local_app.app) if local_app.app else _configured(folder)
    given = ((key, getattr(local_app, key)) for key in ("port_env", "ready", "ready_seconds"))
    app |= {key: value for key, value in given if value}
    app["env"] = {
        **app["env"],
        **_packages(local_app),
        **dict(_pair(item, "--env") for item in local_app.env),
    }
    named = dict(_pair(item, "--command") for item in local_app.commands)
    app["commands"] = {**app.get("commands", {}), **named}
    if local_app.start:
        app["start"] = ("sh", "-c", f"exec {local_app.start}")
    if local_app.data:
        app |= {"data": DATA_ENV, "seed_command": COPY_DATA}
    if not app.get("start") and not app.get("commands"):
        raise UsageError(
            f"{folder}: no start command: give --start 'COMMAND … $PORT', a tool with --command"
            f" NAME=COMMAND, or a {CONFIG} with [app] start or commands"
        )
    known = {key: value for key, value in app.items() if value not in ("", [], ())}
    return _spec({"start": (), **known}, folder)


def _configured(folder: Path) -> dict[str, Any]:
    """How the folder's own factory.toml starts the app."""
    config = _config(folder / CONFIG)
    app = {
        "port_env": "PORT",
        "ready": "/",
        "ready_seconds": 30,
        "env": {},
        **config.get("app", {}),
    }
    lock = config.get("dependencies", {}).get("lock", "requirements.txt")
    # Without a factory.toml, a requirements.txt need not be a lock file.
    if config and (folder / str(lock)).is_file():
        app["lock"] = lock
    return app


def _app_document(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    if not isinstance(found, dict):
        raise UsageError(f"{file}: expected an object, the app as a request has it")
    return found


def bounds_in(folder: Path) -> Bounds:
    """How long the judge waits for the app in a folder: `[judge]` of its factory.toml. Raises
    UsageError."""
    section = _config(folder / CONFIG).get("judge", {})
    return _read(TypeAdapter(JudgeSection), {"judge": section}, f"{folder}: ").judge


def _spec(app: dict[str, Any], folder: Path) -> AppSpec:
    return _read(TypeAdapter(AppSpec), app, f"{folder}: app.")


def _read(adapter: TypeAdapter[T], document: Any, prefix: str) -> T:
    try:
        return adapter.validate_json(json.dumps(document, default=str))
    except ValidationError as error:
        wrong = (
            f"{prefix}{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        )
        raise UsageError("\n".join(wrong)) from error


def _config(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text()) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error


def _packages(local_app: LocalApp) -> dict[str, str]:
    return {"PYTHONPATH": f"{TREE}/{PACKAGES}"} if local_app.packages else {}


def _pair(item: str, option: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise UsageError(f"{option} {item}: expected NAME=VALUE")
    return name, value


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lights-out-factory"
