"""The request to the judge, parsed strictly: an unknown key, a wrong type or a missing value is an
error that names the key.

Nothing that a verdict binds has a default. Strings that become paths, refs or hashes are checked
for their shape here."""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from validators.domain.bounds import USUAL, Bounds
from validators.domain.exploring.persona import Allowance, Persona
from validators.domain.stops import UsageError

STRICT = ConfigDict(extra="forbid", strict=True)


def _line(value: str) -> str:
    # Raises ValueError for a quote that is left open.
    if not shlex.split(value):
        raise ValueError("expected a command")
    return value


def _absolute(value: str) -> str:
    path = Path(value)
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError(f"expected an absolute path without '..', got {value!r}")
    return value


ObjectId = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Slug = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
EnvName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")]
CommandName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
CommandLine = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_line)]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Seconds = Annotated[int, Field(ge=1, le=3600)]
Argv = Annotated[tuple[str, ...], Field(min_length=1)]
Sentence = Annotated[str, Field(min_length=1, max_length=500)]
# With at least one character that a slug can keep.
Label = Annotated[str, Field(pattern=r"[A-Za-z0-9]", max_length=100)]
AppPath = Annotated[str, Field(pattern=r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$")]


@dataclass(frozen=True, slots=True)
class IssueText:
    """The issue as the judge may know it: its normalised text, without the discussion. Number 0 is
    the mission itself, for a maintainer's own journey."""

    number: Annotated[int, Field(ge=0)]
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
    """How production starts the app. `env` is the allow-list. The launcher adds the port and the
    data folder only. `start` is empty where there is no app: then journeys run commands alone.

    `commands` has the line of each command that the repository names, split into words as a shell
    does; a word that begins with ./ is a file of its tree. `beside` starts, where there is no
    `start`, what they need beside them, and ends with 0 once it is ready."""

    start: tuple[str, ...]
    port_env: EnvName
    ready: Annotated[str, Field(pattern=r"^/[!-~]*$")]
    ready_seconds: Seconds
    env: dict[EnvName, str]
    lock: str | None = None
    data: EnvName | None = None
    seed_command: Argv | None = None
    clock_env: EnvName | None = None
    commands: dict[CommandName, CommandLine] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class SandboxCommand:
    """The sandbox supervisor's command, and the form of sandbox that the operator asks for.
    `other_form`: the form for the masked visitor's app; empty where it is the same. `root`: the
    prepared root file system of the app's sandboxes; empty: the machine's own."""

    command: Argv
    form: Literal["auto", "bwrap-root", "bwrap-userns", "landlock", "unsealed"] = "auto"
    other_form: Literal["", "bwrap-root", "bwrap-userns", "landlock"] = ""
    root: Literal[""] | AbsolutePath = ""
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class BrokerSocket:
    """A role's own socket of the model broker. The launcher never sees a key."""

    socket: AbsolutePath
    model: Annotated[str, Field(min_length=1)]
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class PersonaText:
    """A persona (see `validators.domain.exploring.persona`) as the maintainers wrote it. `kept_at`
    may be empty, `shown` may not."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    who: Sentence
    goal: Sentence
    promise: Annotated[str, Field(pattern=r"^(issue|[A-Z][A-Z0-9]*(-[A-Z0-9]+)*)$")]
    shown: Annotated[tuple[Label, ...], Field(min_length=1, max_length=10)]
    starts_at: AppPath = "/"
    kept_at: AppPath | None = None
    claims: Annotated[tuple[Sentence, ...], Field(max_length=10)] = ()
    acts: Annotated[int, Field(ge=1, le=200)] = 25
    seconds: Annotated[int, Field(ge=1, le=900)] = 120
    tokens: Annotated[int, Field(ge=1_000, le=1_000_000)] = 40_000
    __pydantic_config__ = STRICT

    def persona(self) -> Persona:
        """The persona itself."""
        return Persona(
            name=self.name,
            who=self.who,
            goal=self.goal,
            promise=self.promise,
            shown=self.shown,
            kept_at=self.kept_at or "",
            starts_at=self.starts_at,
            allowance=Allowance(self.acts, self.seconds, self.tokens),
            claims=self.claims,
        )


def _apart(exploring: Exploring) -> Exploring:
    names = [persona.name for persona in exploring.personas]
    if len(set(names)) != len(names):
        raise ValueError("two personas have the same name; give each its own")
    if exploring.contrast and exploring.contrast.model == exploring.actor.model:
        raise ValueError(
            "the contrastive judge has the actor's model; give it one of another family"
        )
    return exploring


@dataclass(frozen=True, slots=True)
class Exploring:
    """The personas that explore a passed candidate, and the broker's sockets of the actor that
    plays them and of the contrastive judge of their claims."""

    personas: Annotated[tuple[PersonaText, ...], Field(min_length=1, max_length=20)]
    actor: BrokerSocket
    contrast: BrokerSocket | None = None
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Limits:
    """Wall-clock limits in seconds: for the whole request, and for one journey in one browser.

    `standing`: how many journeys of the regression suite are performed in one judgement at most."""

    wall_seconds: Seconds = 120
    journey_seconds: Seconds = 30
    standing: Annotated[int, Field(ge=0, le=500)] = 20
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Watching:
    """Which journeys are performed on the base alone, where no change is judged: the named ones,
    with `own` those of the request's issue, and else the whole regression suite."""

    journeys: Annotated[tuple[Digest, ...], Field(max_length=500)] = ()
    own: bool = False
    __pydantic_config__ = STRICT


@dataclass(frozen=True, slots=True)
class Living:
    """A place in which the base runs already. There the mission's journeys that keep these promises
    are performed, and nothing is started."""

    url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,300}$")]
    environment: Slug
    promises: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=100)]
    __pydantic_config__ = STRICT


def _unhurried(bounds: Bounds) -> Bounds:
    """The bounds, none shorter than the usual one. Raises ValueError."""
    # A negative control must fail because it is wrong, not because there was too little time.
    for name, least in asdict(USUAL).items():
        if (found := getattr(bounds, name)) < least:
            raise ValueError(f"{name}: expected at least {least:g} seconds, found {found:g}")
    return bounds


def _startable(app: AppSpec) -> AppSpec:
    if not app.start and not app.commands:
        raise ValueError("expected a start command, or commands that journeys may run")
    return app


LongBounds = Annotated[Bounds, AfterValidator(_unhurried)]


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the judge or the author. An author's has no `head` and `candidate`, a judge's
    has no `broker`. One that has `watching` or `living` is for `observe`.

    `mends`: journeys of what has landed that are red on base, and that the change must make green
    again. `taken_back`: journeys that are red on base because their landing was taken back."""

    repository: Slug
    sealed: AbsolutePath
    git_dir: AbsolutePath
    issue: IssueText
    base: Revision
    governance: GovernanceText
    app: Annotated[AppSpec, AfterValidator(_startable)]
    layers: AbsolutePath
    wheels: AbsolutePath
    sandbox: SandboxCommand
    signing_key: AbsolutePath
    run: Slug
    round: Annotated[int, Field(ge=1)]
    head: Revision | None = None
    candidate: Revision | None = None
    broker: BrokerSocket | None = None
    exploring: Annotated[Exploring, AfterValidator(_apart)] | None = None
    limits: Limits = Limits()
    bounds: LongBounds = USUAL
    watching: Watching | None = None
    living: Living | None = None
    mends: Annotated[tuple[Digest, ...], Field(max_length=500)] = ()
    taken_back: Annotated[tuple[Digest, ...], Field(max_length=500)] = ()
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    __pydantic_config__ = STRICT


def request_at(path: Path) -> Request:
    """The request in a JSON file. Raises UsageError with one line for each fault."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot read the request ({error.strerror}); write it first"
        ) from error
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
