"""The request, read strictly: an unknown key, a wrong type or a missing value is an error that names the key.

Nothing is defaulted that a verdict binds. Strings that become paths, refs or hashes are checked for their shape here.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from validators.domain.stops import UsageError

STRICT = ConfigDict(extra="forbid", strict=True)


def _absolute(value: str) -> str:
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError(f"expected an absolute path without '..', got {value!r}")
    return value


ObjectId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class IssueText:
    """The issue as the judge may know it: normalised text, nothing of its discussion."""

    number: Annotated[int, Field(ge=1)]
    title: str
    body: str
    kind: Literal["bug", "feature", "chore"]
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and its tree, as full lower-case object ids."""

    commit: ObjectId
    tree: ObjectId
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class GovernanceText:
    """The three files at the base commit, by name, and the digest that the verdict binds."""

    digest: Digest
    files: dict[str, str]
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class AppSpec:
    """How production starts the app. `env` is the allow-list; the launcher adds only the port and the data folder."""

    start: Argv
    port_env: EnvName
    ready: Annotated[str, Field(pattern=r"^/[!-~]*$")]
    ready_seconds: Seconds
    env: dict[EnvName, str]
    lock: str | None = None
    data: EnvName | None = None
    seed_command: Argv | None = None
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class SandboxCommand:
    """The box supervisor, as a command, and the form of box that the operator asks for."""

    command: Argv
    form: Literal["auto", "bwrap-root", "bwrap-userns", "unsealed"] = "auto"
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class BrokerSocket:
    """The author's own socket of the model broker. The launcher never sees a key."""

    socket: AbsolutePath
    model: Annotated[str, Field(min_length=1)]
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Limits:
    """Wall-clock limits in seconds: for everything the request asks, and for one journey in one browser."""

    wall_seconds: Seconds = 120
    journey_seconds: Seconds = 30
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Request:
    """One thing asked of the judge. An author is asked without `head` and `candidate`, a judge without `broker`."""

    repository: Slug
    sealed: AbsolutePath
    git_dir: AbsolutePath
    issue: IssueText
    base: Revision
    governance: GovernanceText
    app: AppSpec
    layers: AbsolutePath
    wheels: AbsolutePath
    sandbox: SandboxCommand
    signing_key: AbsolutePath
    run: Slug
    round: Annotated[int, Field(ge=1)]
    head: Revision | None = None
    candidate: Revision | None = None
    broker: BrokerSocket | None = None
    limits: Limits = Limits()
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    __pydantic_config__ = STRICT


def request_at(path: Path) -> Request:
    """The request in a JSON file. Raises UsageError, with one line for each thing that is wrong."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot read the request ({error.strerror}); write it first") from error
    return request_in(text, source=path.name)


def request_in(text: bytes, source: str) -> Request:
    """The request in these bytes; `source` names them in messages."""
    try:
        return TypeAdapter(Request).validate_json(text)
    except ValidationError as error:
        lines = (f"{source}: {_complaint(detail)}" for detail in error.errors(include_url=False))
        raise UsageError("\n".join(lines)) from error


def _complaint(detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "the document"
    match detail["type"]:
        case "unexpected_keyword_argument":
            return f"{key}: unknown key; remove it or correct its name"
        case "missing":
            return f"{key}: missing; the request must give it"
        case _:
            return f"{key}: {detail['msg']}"
