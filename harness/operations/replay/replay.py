"""Runs a recorded run again, without a network. Git, sandboxes, tools, agents and the judge are
real; the forge and the models answer from the recording. Its decisions are compared."""

import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.errors import ConfigError, FactoryError, FactoryStop
from harness.domain.events import NodeEnded, RunStarted, UsageRecorded
from harness.domain.ledger import Entry, Recorded, as_of, of_kind
from harness.domain.model_choice.agents import AgentKind
from harness.domain.plain import JsonObject
from harness.factory.run.services import Places, Services
from harness.forge.recording import ReplayedForge
from harness.home.document import EMBEDDED, HomeFile
from harness.home.recording import current_node, running_node
from harness.log import Log
from harness.operations.replay.bundle import PACK, PUBLIC_KEY, Bundle
from harness.operations.replay.comparison import Difference, differences, unrecorded
from harness.operations.replay.model_recording import script_of
from harness.operations.replay.stand_ins import NumberingBroker, SeededValidator
from harness.store.in_memory import DirectEngine, ReplayedLedger

if TYPE_CHECKING:
    from harness.factory.pipeline.dispatch import Dispatch

LAUNCHER_KEY = "validator.key"


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """The result of a replay. `faults` are the places where it left the recording; `same` is
    whether there are neither faults nor differences.

    `notes` are requests to models by a third-party agent CLI that differ from the recorded ones.
    Such a program draws names and reads the clock, so no two of its sessions are alike. The tree
    that it makes is compared all the same."""

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
class ReplayOptions:
    """What a replay uses of this machine: the launcher's key if the judge has a part, prepared
    layers, and in `programs` the home with the installed agent CLIs. `against` is a commit in the
    bundle that replaces the run's base."""

    signing_key: Path | None = None
    layers: Path | None = None
    against: str | None = None
    programs: Path | None = None


def replay_bundle(
    bundle: Bundle, options: ReplayOptions, *, log: Log, folder: Path | None
) -> ReplayResult:
    """Run the bundle again, in a temporary folder or in `folder`, which then stays. Raises
    ConfigError if something is missing."""
    began = time.monotonic()
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix=f"factory-replay-{os.getpid()}-")
        home = folder or Path(stack.enter_context(temporary))
        _require_a_key(bundle, options)
        replay = stack.enter_context(_prepared(bundle, options, home, log=log))
        failures = replay.run()
        found = differences(
            replay.ledger.recorded,
            replay.ledger.came,
            places=(str(home), bundle.home),
            other_base=bool(options.against),
        )
        # On another base the models rightly read other text.
        requests = () if options.against else replay.request_differences()
        faults = (
            *failures,
            *replay.faults(compare=options.against is None),
            *(_shown(one) for one, is_third_party in requests if not is_third_party),
        )
        notes = tuple(_shown(one) for one, is_third_party in requests if is_third_party)
        seconds = time.monotonic() - began
        return ReplayResult(bundle.run, len(replay.ledger.recorded), found, faults, seconds, notes)


@dataclass(frozen=True, slots=True)
class _Places(Places):
    """The places of the replay's own home. Only the launcher's key stays where it is: it is never
    copied."""

    launcher_key: Path

    @property
    def signing_key(self) -> Path:
        return self.launcher_key


@dataclass(frozen=True, slots=True)
class _Replay:
    """A bundle, ready to run."""

    bundle: Bundle
    services: Services
    dispatch: "Dispatch"
    ledger: ReplayedLedger
    forge: ReplayedForge

    def run(self) -> tuple[str, ...]:
        """Run to the end. Returns what ended the run early, if anything did."""
        from harness.domain.issue import CommitSha
        from harness.factory.records.history import history_of
        from harness.factory.run.policy_snapshot import policy_at

        try:
            policy = policy_at(self.services, CommitSha(self._base))
            self.dispatch.run(
                policy, history_of(self.ledger, self.bundle.issue), self.bundle.workflow
            )
        except (FactoryError, FactoryStop) as error:
            return (f"the run did not reach its end: {error}",)
        return ()

    @property
    def _base(self) -> str:
        found = self.ledger.find(f"run/{self.bundle.run}")
        return as_of(found, RunStarted).event.base if found else self.bundle.base

    def faults(self, *, compare: bool) -> tuple[str, ...]:
        """Where the replay left the recording of the forge. With `compare`, also recorded calls
        that did not come."""
        unexpected = (self.forge.off_script,) if self.forge.off_script else ()
        unused = self.forge.unused if compare else ()
        return (*unexpected, *(f"the recorded call did not come: {call}" for call in unused))

    def request_differences(self) -> tuple[tuple[Difference, bool], ...]:
        """Requests to models that differ from the recorded ones, by session, and whether a
        third-party agent CLI sent them."""
        from harness.factory.stages.implement import IMPLEMENTER

        is_third_party = any(_is_third_party(entry) for entry in self.ledger.recorded)
        roles = {IMPLEMENTER} if is_third_party else set()
        return tuple((found, role in roles) for role, found in self._request_differences())

    def _request_differences(self) -> Iterator[tuple[str, Difference]]:
        turns: Counter[str] = Counter()
        sessions = [
            (entry.event.role, self._wire(entry))
            for entry in of_kind(self.ledger.came, UsageRecorded)
        ]
        played: dict[str, list[Sequence[JsonObject]]] = {}
        for role, _, calls in self.bundle.sessions():
            played.setdefault(role, []).append(calls)
        for role, calls in sessions:
            # Sessions are paired by role and number, because their names are drawn at random.
            turn, turns[role] = turns[role], turns[role] + 1
            recorded = played.get(role, [])
            if turn < len(recorded) and (
                found := unrecorded(recorded[turn], calls, session=f"{role} {turn + 1}")
            ):
                yield role, found

    def _wire(self, entry: Entry) -> list[JsonObject]:
        session, places = entry.key.removeprefix("usage/"), self.services.places
        for folder in (places.home / "broker" / "wire", places.sealed / "wire"):
            if (path := folder / f"{session}.jsonl").exists():
                return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return []


def _is_third_party(entry: Entry) -> bool:
    """Whether it records the work of an agent that is not the built-in one."""
    ended = entry.event
    agent = ended.result.output.get("agent") if isinstance(ended, NodeEnded) else None
    return agent is not None and agent != AgentKind.BUILT_IN


def _shown(difference: Difference) -> str:
    old, new = ((text or "").strip()[:300] for text in (difference.recorded, difference.replayed))
    return f"{difference.where}: recorded {old!r}, replayed {new!r}"


@contextmanager
def _prepared(bundle: Bundle, options: ReplayOptions, home: Path, *, log: Log) -> Iterator[_Replay]:
    from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
    from harness.home.programs import broker_of

    places = _Places(home, bundle.repository, options.signing_key or home / "keys" / LAUNCHER_KEY)
    _fill_home(bundle, options, places)
    origin = _repositories(bundle, options, places)
    ledger = ReplayedLedger(_entries(bundle, options, places, origin), bundle.run)
    forge = ReplayedForge(bundle.forge_calls(), node=current_node, branch=bundle.branch)
    owner, _, name = bundle.repository.partition(".")
    document = HomeFile(
        owner=owner,
        name=name,
        forge=EMBEDDED,
        port=0,
        number=0,
        models="replay",
        # The name of a file, not a secret.
        token_file="keys/forge.token",  # noqa: S106
    )
    with broker_of(home, document, places) as control:
        services = _services(
            places,
            ledger,
            forge,
            origin=origin,
            control=control,
            log=log,
            programs=options.programs,
        )
        services = replace(services, validator=SeededValidator(services.validator, bundle.seed()))
        engine, act = DirectEngine(), node_action(services)

        def act_as_node(payload: JsonObject) -> JsonObject:
            # The recorded forge answers by the node that asks.
            with running_node(payload["run"], payload["node"]):
                return act(payload)

        engine.register(ACTION, act_as_node)
        yield _Replay(bundle, services, Dispatch(services, engine), ledger, forge)


def _require_a_key(bundle: Bundle, options: ReplayOptions) -> None:
    """Raise ConfigError if the launcher's key is needed and missing."""
    # Without it the judge would create a new key, and reject everything in its own store.
    if (bundle.folder / "sealed" / "store").is_dir() and not (
        options.signing_key and options.signing_key.is_file()
    ):
        raise ConfigError(
            f"the judge has a part in {bundle.run}, and its seals are valid only with the"
            " launcher's key, which no export contains: name it with --signing-key"
        )


def _fill_home(bundle: Bundle, options: ReplayOptions, places: Places) -> None:
    """Fill the home of the replay: recordings, the judge's store, verdicts and the public key."""
    keys = places.home / "keys"
    keys.mkdir(mode=0o700, parents=True)
    places.sealed.mkdir(mode=0o700, parents=True)
    places.sealed.parent.chmod(0o700)
    if (bundle.folder / PUBLIC_KEY).exists():
        shutil.copyfile(bundle.folder / PUBLIC_KEY, keys / PUBLIC_KEY)
    if (bundle.folder / "sealed" / "store").is_dir():
        shutil.copytree(bundle.folder / "sealed" / "store", places.sealed, dirs_exist_ok=True)
        # A copy has the modes of the unpacked folders, and a judge's store is for one account only.
        for folder in (places.sealed, *places.sealed.iterdir()):
            folder.chmod(0o700)
    if (bundle.folder / "evidence").is_dir():
        shutil.copytree(bundle.folder / "evidence", places.evidence)
    if options.layers and options.layers.is_dir():
        # A replay has no network to fetch dependencies from, so it uses what was prepared before.
        places.layers.symlink_to(options.layers.resolve())
    _write_recordings(bundle, places)


def _write_recordings(bundle: Bundle, places: Places) -> None:
    turns: Counter[str] = Counter()
    for folder in (places.home / "recordings", places.sealed / "recordings"):
        (folder / f"issue-{bundle.issue}").mkdir(parents=True, exist_ok=True)
    for role, sealed, calls in bundle.sessions():
        turns[role] += 1
        folder = (places.sealed if sealed else places.home) / "recordings" / f"issue-{bundle.issue}"
        (folder / f"{role}-{turns[role]}.json").write_text(
            json.dumps(script_of(calls), ensure_ascii=False), "utf-8"
        )


def _repositories(bundle: Bundle, options: ReplayOptions, places: Places) -> Path:
    """Create the forge's repository as it was, and the factory's own. Returns the forge's."""
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
    # Both get everything: the run may name commits of its repository that no push ever moved.
    for folder in (origin, places.trusted):
        Git(folder, seconds=600).output("index-pack", "--stdin", "--strict", stdin=pack)
    for branch, commit in {bundle.branch: options.against or bundle.tip, **bundle.heads}.items():
        Git(origin).output("update-ref", f"refs/heads/{branch}", commit)
    return origin


def _entries(
    bundle: Bundle, options: ReplayOptions, places: Places, origin: Path
) -> tuple[Entry, ...]:
    """The recorded ledger; with another base, the run begins there."""
    from harness.domain.issue import CommitSha
    from harness.factory.run.policy_snapshot import read_policy
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository

    entries = bundle.entries()
    if options.against is None:
        return entries
    rules = read_policy(
        TrustedRepository(places.trusted, Remote(origin.as_uri())), CommitSha(options.against)
    ).digest
    return tuple(
        _begun_at(as_of(entry, RunStarted), base=options.against, rules=rules)
        if entry.key == f"run/{bundle.run}"
        else entry
        for entry in entries
    )


def _begun_at(entry: Recorded[RunStarted], *, base: str, rules: str) -> Entry:
    event = replace(entry.event, base=base, rules=rules)
    return replace(entry, event=event, data=event.document())


def _services(
    places: Places,
    ledger: ReplayedLedger,
    forge: ReplayedForge,
    *,
    origin: Path,
    control: Path,
    log: Log,
    programs: Path | None,
) -> Services:
    from harness.agents.sessions import BrokerClient
    from harness.repository.remote import Remote
    from harness.wiring import ExternalPorts, services_of

    external = ExternalPorts(
        forge=forge.forge,
        writer=forge.writer,
        remote=Remote(origin.as_uri()),
        # The time is the recorded one: limits and pauses depend on it.
        clock=ledger,
        broker=NumberingBroker(BrokerClient(control)),
        link=lambda path: path,
        repository=lambda repository: repository,
    )
    return services_of(places, ledger, external, log=log, programs=programs)
