"""A recorded run, run again: real git, boxes, tools, agents and judge; the forge from its tape,
models from their wire.

Nothing is asked of a network and nothing is written but in a folder of the replay's own. What the
run decides is compared with what it decided then."""

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.domain.errors import ConfigError, FactoryError, FactoryStop
from harness.domain.events import NodeEnded, RunStarted, UsageRecorded
from harness.domain.ledger import Entry, Recorded, as_of, of_kind
from harness.domain.model_choice.agents import AgentKind
from harness.factory.run.services import Places, Services
from harness.forge.recording import ReplayedForge
from harness.home.document import EMBEDDED, HomeFile
from harness.home.recording import current_node, running_node
from harness.operations.replay.bundle import PACK, PUBLIC_KEY, Bundle
from harness.operations.replay.comparison import Difference, differences, unrecorded
from harness.operations.replay.model_recording import script_of
from harness.store.in_memory import DirectEngine, PlayedLedger

if TYPE_CHECKING:
    from harness.domain.budget import Usage
    from harness.domain.verdict import Verdict
    from harness.factory.pipeline.dispatch import Dispatch
    from harness.ports.model import Broker, Session, SessionRequest
    from harness.ports.validator import Authored, Journeys, Judged, Validator

Tell = Callable[[str, str, str], None]
LAUNCHER_KEY = "validator.key"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay. `faults` are where it left its script: each names the place. `same` is
    that there are none.

    `notes` are what the program of another maker told its model otherwise than then: it draws names
    and reads the time as it likes, and no two of its sessions are alike. What it did is compared
    all the same: the tree that came of it."""

    run: str
    compared: int
    differences: tuple[Difference, ...]
    faults: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        return not self.differences and not self.faults


@dataclass(frozen=True, slots=True)
class Means:
    """What a replay takes from this machine: the launcher's key, where the judge has a part,
    prepared layers, and the home in which agent CLIs are installed."""

    signing_key: Path | None = None
    layers: Path | None = None
    against: str | None = None  # a commit of the kit's that stands for the run's base
    programs: Path | None = None


def replayed(bundle: Bundle, means: Means, *, tell: Tell, folder: Path | None = None) -> Replayed:
    """Run the kit again, in `folder` where one is named, which then stays. Raises ConfigError where
    something is missing."""
    began = time.monotonic()
    with ExitStack() as stack:
        home = folder or Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix=f"factory-replay-{os.getpid()}-")
            )
        )
        _require_a_key(bundle, means)
        lap = stack.enter_context(_lap(bundle, means, home, tell=tell))
        ended = lap.run()
        found = differences(
            lap.ledger.recorded,
            lap.ledger.came,
            places=(str(home), bundle.home),
            other_base=bool(means.against),
        )
        told = () if means.against else lap.told()
        faults = (
            *ended,
            *lap.faults(compare=means.against is None),
            *(_words(one) for one, theirs in told if not theirs),
        )
        notes = tuple(_words(one) for one, theirs in told if theirs)
        return Replayed(
            bundle.run, len(lap.ledger.recorded), found, faults, time.monotonic() - began, notes
        )


@dataclass(frozen=True, slots=True)
class _Places(Places):
    """A home of the replay's own, but for the launcher's key: that stays where it is, and is never
    copied."""

    launcher_key: Path

    @property
    def signing_key(self) -> Path:
        return self.launcher_key


@dataclass(frozen=True, slots=True)
class _Lap:
    bundle: Bundle
    services: Services
    dispatch: "Dispatch"
    ledger: PlayedLedger
    forge: ReplayedForge

    def run(self) -> tuple[str, ...]:
        """Drive the run to its end; what ended it before, if anything did."""
        from harness.domain.issue import CommitSha
        from harness.factory.records.history import history_of
        from harness.factory.run.policy_snapshot import policy_at

        try:
            policy = policy_at(self.services, CommitSha(self._base))
            self.dispatch.run(
                policy, history_of(self.ledger, self.bundle.issue), self.bundle.workflow
            )
        except (FactoryError, FactoryStop) as error:
            return (f"the run did not come to its end: {error}",)
        return ()

    @property
    def _base(self) -> str:
        found = self.ledger.find(f"run/{self.bundle.run}")
        return as_of(found, RunStarted).event.base if found else self.bundle.base

    def faults(self, *, compare: bool) -> tuple[str, ...]:
        """Where the lap left what was recorded of the forge."""
        off = (self.forge.off_script,) if self.forge.off_script else ()
        left = (
            tuple(f"the tape was not used up: {line}" for line in self.forge.unused)
            if compare
            else ()
        )
        return (*off, *left)

    def told(self) -> tuple[tuple[Difference, bool], ...]:
        """Session by session, what a model was told and nobody had recorded; whether by the program
        of another maker."""
        from harness.factory.stages.implement import IMPLEMENTER

        theirs = (
            {IMPLEMENTER} if any(_is_anothers(entry) for entry in self.ledger.recorded) else set()
        )
        return tuple((found, role in theirs) for role, found in self._told())

    def _told(self) -> Iterator[tuple[str, Difference]]:
        turns: Counter[str] = Counter()
        came = [
            (entry.event.role, self._wire(entry))
            for entry in of_kind(self.ledger.came, UsageRecorded)
        ]
        played: dict[str, list[Sequence[Mapping[str, Any]]]] = {}
        for role, _, calls in self.bundle.wires():
            played.setdefault(role, []).append(calls)
        for role, calls in came:
            turn, turns[role] = turns[role], turns[role] + 1
            recorded = played.get(role, [])
            if turn < len(recorded) and (
                found := unrecorded(recorded[turn], calls, session=f"{role} {turn + 1}")
            ):
                yield role, found

    def _wire(self, entry: Entry) -> list[Mapping[str, Any]]:
        session, places = entry.key.removeprefix("usage/"), self.services.places
        for folder in (places.home / "broker" / "wire", places.sealed / "wire"):
            if (path := folder / f"{session}.jsonl").exists():
                return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return []


def _is_anothers(entry: Entry) -> bool:
    """Whether it tells of work by an agent that is not ours."""
    ended = entry.event
    agent = ended.result.output.get("agent") if isinstance(ended, NodeEnded) else None
    return agent is not None and agent != AgentKind.BUILT_IN


def _words(difference: Difference) -> str:
    gone, new = ((text or "").strip()[:300] for text in (difference.recorded, difference.came))
    return f"{difference.where}: recorded {gone!r}, came {new!r}"


@contextmanager
def _lap(bundle: Bundle, means: Means, home: Path, *, tell: Tell) -> Iterator[_Lap]:
    from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
    from harness.home.programs import broker_of

    places = _Places(home, bundle.repository, means.signing_key or home / "keys" / LAUNCHER_KEY)
    _furnish(bundle, means, places)
    origin = _repositories(bundle, means, places)
    ledger = PlayedLedger(_entries(bundle, means, places, origin), bundle.run)
    forge = ReplayedForge(bundle.tape(), node=current_node, branch=bundle.branch)
    owner, _, name = bundle.repository.partition(".")
    document = HomeFile(
        owner=owner,
        name=name,
        forge=EMBEDDED,
        port=0,
        number=0,
        models="replay",
        token_file="keys/forge.token",  # noqa: S106 - the name of a file
    )
    with broker_of(home, document, places) as control:
        services = _services(
            places,
            ledger,
            forge,
            origin=origin,
            control=control,
            tell=tell,
            programs=means.programs,
        )
        services = replace(services, validator=_Seeded(services.validator, bundle.seed()))
        engine, act = DirectEngine(), node_action(services)

        def placed(payload: Mapping[str, Any]) -> Mapping[str, Any]:
            with running_node(payload["run"], payload["node"]):
                return act(payload)

        engine.register(ACTION, placed)
        yield _Lap(bundle, services, Dispatch(services, engine), ledger, forge)


def _require_a_key(bundle: Bundle, means: Means) -> None:
    """Without it the judge would make a new one, and take nothing in its own store for its own."""
    if (bundle.folder / "sealed" / "store").is_dir() and not (
        means.signing_key and means.signing_key.is_file()
    ):
        raise ConfigError(
            f"the judge has a part in {bundle.run}, and what it sealed holds only with the launcher's"
            " key, which is in no export: name it with --signing-key"
        )


def _furnish(bundle: Bundle, means: Means, places: Places) -> None:
    """The home of the replay: scripts, the judge's store, verdicts, and the key by its place, never
    a copy of it."""
    keys = places.home / "keys"
    keys.mkdir(mode=0o700, parents=True)
    places.sealed.mkdir(mode=0o700, parents=True)
    places.sealed.parent.chmod(0o700)
    if (bundle.folder / PUBLIC_KEY).exists():
        shutil.copyfile(bundle.folder / PUBLIC_KEY, keys / PUBLIC_KEY)
    if (bundle.folder / "sealed" / "store").is_dir():
        shutil.copytree(bundle.folder / "sealed" / "store", places.sealed, dirs_exist_ok=True)
        for folder in (places.sealed, *places.sealed.iterdir()):
            folder.chmod(0o700)
    if (bundle.folder / "evidence").is_dir():
        shutil.copytree(bundle.folder / "evidence", places.evidence)
    if means.layers and means.layers.is_dir():
        places.layers.symlink_to(means.layers.resolve())
    _scripts(bundle, places)


def _scripts(bundle: Bundle, places: Places) -> None:
    turns: Counter[str] = Counter()
    for folder in (places.home / "recordings", places.sealed / "recordings"):
        (folder / f"issue-{bundle.issue}").mkdir(parents=True, exist_ok=True)
    for role, sealed, calls in bundle.wires():
        turns[role] += 1
        folder = (places.sealed if sealed else places.home) / "recordings" / f"issue-{bundle.issue}"
        (folder / f"{role}-{turns[role]}.json").write_text(
            json.dumps(script_of(calls), ensure_ascii=False), "utf-8"
        )


def _repositories(bundle: Bundle, means: Means, places: Places) -> Path:
    """A forge's repository as it was, and the factory's own beside it."""
    from harness.repository.plumbing import Git
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    origin, pack = places.home / "origin.git", (bundle.folder / PACK).read_bytes()
    Git(origin).output(
        "init",
        "--bare",
        "--quiet",
        "--template=",
        "--object-format=sha1",
        f"--initial-branch={bundle.branch}",
    )
    TrustedRepository(places.trusted, Remote(origin.as_uri()))
    for folder in (origin, places.trusted):
        Git(folder, seconds=600).output("index-pack", "--stdin", "--strict", stdin=pack)
    for branch, commit in {bundle.branch: means.against or bundle.tip, **bundle.heads}.items():
        Git(origin).output("update-ref", f"refs/heads/{branch}", commit)
    return origin


def _entries(bundle: Bundle, means: Means, places: Places, origin: Path) -> tuple[Entry, ...]:
    """The recorded ledger; on another base, with the run begun there."""
    from harness.domain.issue import CommitSha
    from harness.factory.run.policy_snapshot import read_policy
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    entries = bundle.entries()
    if means.against is None:
        return entries
    rules = read_policy(
        TrustedRepository(places.trusted, Remote(origin.as_uri())), CommitSha(means.against)
    ).digest
    return tuple(
        _begun_at(as_of(entry, RunStarted), base=means.against, rules=rules)
        if entry.key == f"run/{bundle.run}"
        else entry
        for entry in entries
    )


def _begun_at(entry: Recorded[RunStarted], *, base: str, rules: str) -> Entry:
    event = replace(entry.event, base=base, rules=rules)
    return replace(entry, event=event, data=event.document())


def _services(
    places: Places,
    ledger: PlayedLedger,
    forge: ReplayedForge,
    *,
    origin: Path,
    control: Path,
    tell: Tell,
    programs: Path | None,
) -> Services:
    from harness.agents.sessions import BrokerClient
    from harness.repository.remote import Remote
    from harness.wiring import ExternalPorts, services_of

    external = ExternalPorts(
        forge=forge.forge,
        writer=forge.writer,
        remote=Remote(origin.as_uri()),
        clock=ledger,
        broker=_InTurn(BrokerClient(control)),
        link=lambda path: path,
        repository=lambda repository: repository,
    )
    return services_of(places, ledger, external, tell=tell, programs=programs)


class _Seeded:
    """A judge that draws its data from the recorded seed. All else is as it is."""

    def __init__(self, validator: "Validator", seed: int | None) -> None:
        self._validator, self._seed = validator, seed

    def author(self, request: Mapping[str, Any], out: Path) -> "Authored":
        return self._validator.author(request, out)

    def judge(self, request: Mapping[str, Any], out: Path) -> "Judged":
        return self._validator.judge({**request, "seed": self._seed}, out)

    def verified(self, envelope: Path) -> "Verdict | None":
        return self._validator.verified(envelope)

    def journeys(self, request: Mapping[str, Any]) -> "Journeys":
        return self._validator.journeys(request)


class _InTurn:
    """A broker whose sessions of one role are numbered as they come: the recorded ones are, too."""

    def __init__(self, broker: "Broker") -> None:
        self._broker, self._turns = broker, Counter[str]()

    def open(self, request: "SessionRequest") -> "AbstractContextManager[Session]":
        self._turns[request.role] += 1
        return self._broker.open(replace(request, attempt=self._turns[request.role]))

    def usage(self, session: "Session") -> "Usage":
        return self._broker.usage(session)
