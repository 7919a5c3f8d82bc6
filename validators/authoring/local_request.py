"""The ground that a person names for a proof: folders and how the app in them is started, made into
a request.

Nobody needs a factory for it. Repository, store and key are made for the occasion and gone with it;
what stays is in the report, in the proof beside the journey, and in the folder that was asked for.
"""

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
# A journey that names data by `needs: {seed: …}` starts from the folder of that name among the
# data.
COPY_DATA = ("sh", "-c", f'cp -R "{TREE}/{DATA}/$1/." "${DATA_ENV}"', "data")
SECONDS_AT_LEAST, SECONDS_A_JOURNEY = 600, 120


@dataclass(frozen=True, slots=True)
class LocalApp:
    """What a person may name. Without `base` a journey is a regression's; without `start`,
    factory.toml tells it.

    `start` is a command line for `sh`, so that it may say `$PORT`; `env` holds NAME=VALUE."""

    base: Path | None = None
    reference: Path | None = None
    start: str = ""
    port_env: str = ""
    ready: str = ""
    ready_seconds: int = 0
    env: tuple[str, ...] = ()
    packages: Path | None = None
    data: Path | None = None
    kind: str = "bug"

    def side(self, app: Path) -> SideFolders:
        """One of the two folders with what is put beside the app."""
        return SideFolders(app, self.packages, self.data)


@dataclass(frozen=True, slots=True)
class Waits:
    """The part of a folder's factory.toml that says how long the judge waits."""

    judge: LongBounds
    __pydantic_config__ = STRICT


def local_request(
    local_app: LocalApp, *, folder: Path, supervisor: tuple[str, ...], journeys: int, seconds: int
) -> Request:
    """The request to judge the reference against the base, everything of it below `folder`. Raises
    UsageError.

    `seconds` is what one journey may take in one browser."""
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
    """How the app in a folder is started: as its factory.toml says, and before that as the person
    says."""
    told = _configured(folder / CONFIG)
    app = {"port_env": "PORT", "ready": "/", "ready_seconds": 30, "env": {}, **told.get("app", {})}
    if (
        folder / str(lock := told.get("dependencies", {}).get("lock", "requirements.txt"))
    ).is_file() and told:
        app["lock"] = lock
    app |= {
        key: value
        for key in ("port_env", "ready", "ready_seconds")
        if (value := getattr(local_app, key))
    }
    app["env"] = {
        **app["env"],
        **_packages(local_app),
        **dict(_pair(item) for item in local_app.env),
    }
    if local_app.start:
        app["start"] = ("sh", "-c", f"exec {local_app.start}")
    if local_app.data:
        app |= {"data": DATA_ENV, "seed_command": COPY_DATA}
    if not app.get("start"):
        raise UsageError(
            f"{folder}: nothing says how the app starts: give --start 'COMMAND … $PORT', or a"
            f" {CONFIG} with [app]"
        )
    return _spec({key: value for key, value in app.items() if value not in ("", [], ())}, folder)


def bounds_in(folder: Path) -> Bounds:
    """How long the judge waits for the app in a folder, as `[judge]` of its factory.toml says.
    Raises UsageError."""
    told = _configured(folder / CONFIG).get("judge", {})
    return _read(TypeAdapter(Waits), {"judge": told}, f"{folder}: ").judge


def _spec(app: dict[str, Any], folder: Path) -> AppSpec:
    return _read(TypeAdapter(AppSpec), app, f"{folder}: app.")


def _read(adapter: TypeAdapter[T], told: Any, prefix: str) -> T:
    try:
        return adapter.validate_json(json.dumps(told, default=str))
    except ValidationError as error:
        wrong = (
            f"{prefix}{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_url=False)
        )
        raise UsageError("\n".join(wrong)) from error


def _configured(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text()) if file.is_file() else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error


def _packages(local_app: LocalApp) -> dict[str, str]:
    return {"PYTHONPATH": f"{TREE}/{PACKAGES}"} if local_app.packages else {}


def _pair(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not equals:
        raise UsageError(f"--env {item}: expected NAME=VALUE")
    return name, value


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lights-out-factory"
