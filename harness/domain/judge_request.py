"""The request to the sealed validator: everything it may know, and nothing of the implementation.

The two programs share no code. `tests/golden/judge_request.json` ties this form to the one that the
validator parses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.domain.plain import OPTIONAL, stored_as


@dataclass(frozen=True, slots=True)
class IssueText:
    """The issue's normalised text, without the discussion. Number 0 is the mission itself."""

    number: int
    title: str
    body: str
    kind: str


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and its tree."""

    commit: str
    tree: str


@dataclass(frozen=True, slots=True)
class GovernanceFiles:
    """The three files at base by name, and the digest that the verdict binds."""

    digest: str
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AppStart:
    """How production starts the app, with an empty `start` where there is none; and the lines of
    the commands that journeys may run, by name. `beside` starts, where there is no app, what they
    need beside them, and ends; empty: nothing."""

    start: tuple[str, ...]
    port_env: str
    ready: str
    ready_seconds: int
    env: Mapping[str, str]
    lock: str | None
    data: str | None
    seed_command: tuple[str, ...] | None
    clock_env: str | None
    commands: Mapping[str, str]
    beside: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SandboxChoice:
    """The sandbox supervisor's command, the form that the operator asks for, and the form for the
    masked visitor's app; empty where it is the same. `root` is the prepared root file system of the
    app's sandboxes; empty: the machine's own."""

    command: tuple[str, ...]
    form: str
    other_form: str
    root: str


@dataclass(frozen=True, slots=True)
class BrokerSession:
    """The socket of one role's own session with the model broker, and its model."""

    socket: str
    model: str


@dataclass(frozen=True, slots=True)
class PersonaText:
    """A persona as the maintainers wrote it."""

    name: str
    who: str
    goal: str
    promise: str
    shown: tuple[str, ...]
    kept_at: str | None
    starts_at: str
    claims: tuple[str, ...]
    acts: int
    seconds: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Exploration:
    """The personas that explore what has passed, with the sessions of the actor that plays them and
    of the contrastive judge of their claims."""

    personas: tuple[PersonaText, ...]
    actor: BrokerSession
    contrast: BrokerSession | None = field(default=None, metadata=OPTIONAL)


@dataclass(frozen=True, slots=True)
class JudgeLimits:
    """Seconds for the whole request and for one journey, and how many journeys of the regression
    suite run at most."""

    wall_seconds: int
    journey_seconds: int
    regression_journeys: int = field(metadata=stored_as("standing"))


@dataclass(frozen=True, slots=True)
class Watching:
    """Which journeys are performed on the base alone: the named ones, with `own` those of the
    request's issue, and else all of landed work."""

    journeys: tuple[str, ...] = ()
    own: bool = False


@dataclass(frozen=True, slots=True)
class Living:
    """The place in which the base runs already: `url` without a path, and the environment's name.
    Only journeys of these promises are performed there, and nothing is started."""

    url: str
    environment: str
    promises: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JudgeRequest:
    """One request. An author's has a `broker` and no candidate, a judge's the reverse; one with
    `watching` or `living` is for an observation. `bounds` are the browser's waits in seconds, by
    name. `mends` are the digests of journeys that are red on base, and that the change must make
    green; `taken_back` those of landings that were taken back, which are red for that and protect
    nothing."""

    repository: str
    sealed: str
    git_dir: str
    issue: IssueText
    base: Revision
    governance: GovernanceFiles
    app: AppStart
    layers: str
    wheels: str
    sandbox: SandboxChoice
    signing_key: str
    limits: JudgeLimits
    bounds: Mapping[str, float]
    run: str
    round: int
    seed: int | None = None
    head: Revision | None = field(default=None, metadata=OPTIONAL)
    candidate: Revision | None = field(default=None, metadata=OPTIONAL)
    broker: BrokerSession | None = field(default=None, metadata=OPTIONAL)
    exploring: Exploration | None = field(default=None, metadata=OPTIONAL)
    watching: Watching | None = field(default=None, metadata=OPTIONAL)
    mends: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    taken_back: tuple[str, ...] = field(default=(), metadata=OPTIONAL)
    living: Living | None = field(default=None, metadata=OPTIONAL)
