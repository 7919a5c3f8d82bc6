"""Opens a home: its ledger alone, what an audit reads, or a whole working factory."""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.errors import ForgeError, GitError, ModelError
from harness.domain.issue import CommitSha
from harness.factory.run.services import Places, Services
from harness.factory.run.signs import SignsOfLife
from harness.home.attendance import attendance
from harness.home.document import HomeFile, read_home, wheels_folder
from harness.home.error_intake import spool_of
from harness.home.providers import wires_of
from harness.home.recording import Recording
from harness.home.state import database_of, open_ledger, sole_factory
from harness.home.state_backup import BackupTimes, backed_up, with_backup
from harness.log import WARNING, Log
from harness.ports.clock import Clock
from harness.ports.error_groups import ErrorGroups
from harness.ports.forge import Forge, ForgeWriter
from harness.ports.git import Repository
from harness.ports.ledger import Ledger
from harness.ports.model import Broker
from harness.ports.validator import EvidenceReader, Validator
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqlLedger
from harness.validator.program import ValidatorProgram

if TYPE_CHECKING:
    from harness.factory.pipeline.dispatch import Dispatch
    from harness.forge.connection import Access
    from harness.home.programs import ForgeAddress
    from harness.programs.agent_clis.cli import CliWire
    from harness.repository.remote import Remote
    from harness.store.durable.engine import Durable
    from harness.store.lease import Lease

CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Archive:
    """What an audit reads. Nothing in it writes. `branch` is the default branch; empty if nothing
    was ever fetched."""

    ledger: SqlLedger
    branch: str
    repository: Repository
    validator: Validator
    evidence: EvidenceReader
    program: ValidatorProgram

    @property
    def base(self) -> CommitSha:
        """The tip of the default branch, as last fetched. Raises GitError if nothing ever was."""
        if not self.branch:
            raise GitError("no branch was fetched yet; `factory tick` does")
        return self.repository.fetched(self.branch)


@dataclass(frozen=True, slots=True)
class Works:
    """A working factory: its services, its dispatch, its engine, and the web address of its
    repository. `check` raises PortError if the local forge or the broker is gone."""

    services: Services
    dispatch: "Dispatch"
    engine: "Durable"
    url: str
    check: Callable[[], None]


@contextmanager
def open_archive(home: Path) -> Iterator[Archive]:
    """Ledger, trusted repository and the launcher's public key, without the forge and without the
    network."""
    from harness.home.programs import offline_address
    from harness.repository.remote import Remote
    from harness.repository.trusted import TrustedRepository, fetched_branch

    document = read_home(home)
    places = Places(home, document.repository_id)
    with open_ledger(home) as ledger:
        trusted = TrustedRepository(places.trusted, Remote(offline_address(home, document, places)))
        validator = validator_of(places)
        yield Archive(ledger, fetched_branch(trusted), trusted, validator, validator, validator)


@contextmanager
def open_factory(home: Path, *, log: Log, patience: float = 0.0) -> Iterator[Works]:
    """A whole factory while the block lasts. Raises Busy if another factory still works on this
    home, or on its database, after `patience` seconds."""
    command = " ".join(("factory", *sys.argv[1:2]))
    with (
        sole_factory(home, command=command, patience=patience) as lease,
        backed_up(home) as backup,
        attendance(
            home, command=command, log=log, is_staying=False, before_notice=backup.before_effect
        ) as signs,
        open_works(
            home, log=log, lease=lease, heartbeat=signs.moved, backup=backup, signs=signs
        ) as works,
    ):
        yield works


@contextmanager
def open_works(
    home: Path,
    *,
    log: Log,
    lease: "Lease",
    heartbeat: Callable[[], None],
    warm: int = 0,
    backup: BackupTimes | None = None,
    signs: SignsOfLife,
) -> Iterator[Works]:
    """A whole factory without the lease, which the caller holds.

    A lost lease is taken again first, and nothing is recorded without it. `heartbeat` is called
    about once a second while something runs. `warm` worktrees are kept ready, which only helps a
    process that stays. `backup` is of a home whose state is kept elsewhere."""
    from harness.home.programs import broker_of, forge_of, model_key
    from harness.home.providers import provider_keys
    from harness.programs.broker.prices import price_list
    from harness.store.orphans import end_orphans

    document, backup = read_home(home), backup or BackupTimes()
    places = Places(home, document.repository_id)
    _bypass_proxy_for_loopback()
    with ExitStack() as stack:
        # Before the engine is imported: its import starts a program of the system, which would
        # inherit the key.
        key = stack.enter_context(model_key())
        keys = stack.enter_context(provider_keys(home, document))
        from harness.factory.pipeline.dispatch import ACTION, Dispatch, node_action
        from harness.store.durable.engine import Durable

        lease.ensure()
        end_orphans(home)
        database = database_of(home, document)
        ledger = stack.enter_context(open_ledger(home))
        forge = stack.enter_context(forge_of(home, document))
        broker = stack.enter_context(
            broker_of(home, document, places, key=key, keys=keys, database=database)
        )
        if warning := price_list()[1]:
            log.write("prices", warning, level=WARNING)

        check = partial(
            _check, heartbeat, lease, backup, forge if document.is_embedded else None, broker
        )
        recording = Recording(places)
        services = _services(
            home,
            document,
            ledger,
            recording=recording,
            forge=forge,
            broker=broker,
            log=log,
            warm=warm,
            signs=signs,
            before_effect=backup.before_effect,
        )
        engine = Durable(home, address=database, check=check)
        action = recording.recorded_action(node_action(services), services)
        engine.register(ACTION, with_backup(action, backup.after_node))
        engine.launch()
        stack.callback(engine.close)
        url = f"{forge.url}/{document.owner}/{document.name}"
        yield Works(services, Dispatch(services, engine), engine, url, check)


def _bypass_proxy_for_loopback() -> None:
    # Requests to the local forge and the broker must not go through the operator's proxy.
    local = (os.environ.get("NO_PROXY"), "localhost,127.0.0.1")
    os.environ["NO_PROXY"] = ",".join(filter(None, local))


def _check(
    heartbeat: Callable[[], None],
    lease: "Lease",
    backup: BackupTimes,
    forge: "ForgeAddress | None",
    broker: Path,
) -> None:
    """Raises if the lease is lost, or if the local forge or the broker is down."""
    heartbeat()
    lease.held()
    backup.check()
    if forge is not None:
        _check_forge(forge)
    _check_broker(broker)


def _check_forge(forge: "ForgeAddress") -> None:
    """Raises ForgeError if the local forge is down. Another forge is checked by the next request to
    it."""
    parts = urlsplit(forge.url)
    if _answers(socket.AF_INET, ("127.0.0.1", parts.port or 80)):
        return
    raise ForgeError(f"the local forge does not answer at {forge.url}", retryable=True)


def _check_broker(control: Path) -> None:
    if not _answers(socket.AF_UNIX, os.fspath(control)):
        raise ModelError(f"the model broker does not answer at {control}", retryable=True)


def _answers(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(CONNECT_SECONDS)
        try:
            line.connect(address)
        except OSError:
            return False
    return True


@dataclass(frozen=True, slots=True)
class ExternalPorts:
    """What a factory needs from outside: the forge by its ports and by git, the models, the time.
    `repository` wraps the trusted repository, for example to record it. `access` tells a deployer
    how the forge is reached; without it, as in a replay, nothing is deployed."""

    forge: Forge
    writer: ForgeWriter
    remote: "Remote"
    broker: Broker
    clock: Clock
    link: Callable[[str], str]
    repository: Callable[[Repository], Repository]
    access: "Callable[[], Access] | None" = None


def _services(
    home: Path,
    document: HomeFile,
    ledger: SqlLedger,
    *,
    recording: Recording,
    forge: "ForgeAddress",
    broker: Path,
    log: Log,
    warm: int,
    signs: SignsOfLife,
    before_effect: Callable[[], None],
) -> Services:
    from harness.agents.sessions import BrokerClient
    from harness.agents.transcript.transcribing import TranscribingBroker
    from harness.forge.github import GitHubForge
    from harness.home.credentials import access_of, git_token_of
    from harness.repository.remote import Remote

    places = Places(home, document.repository_id)
    hub = GitHubForge(access_of(home, document, forge.api))
    remote = Remote(
        f"{forge.url}/{document.owner}/{document.name}.git", git_token_of(home, document, hub)
    )
    transcribing = TranscribingBroker(
        BrokerClient(broker), wire=home / "broker" / "wire", folder_of=places.run
    )
    external = ExternalPorts(
        forge=recording.forge(hub),
        writer=recording.writer(hub),
        remote=remote,
        broker=transcribing,
        clock=SystemClock(),
        link=lambda path: document.address(forge.url, path),
        repository=recording.repository,
        access=partial(access_of, home, document, forge.api),
    )
    return services_of(
        places,
        ledger,
        external,
        sandbox_form=document.sandbox,
        other_form=document.other_sandbox,
        log=log,
        warm=warm,
        wires=wires_of(document),
        signs=signs,
        errors=spool_of(home),
        before_effect=before_effect,
    )


def services_of(
    places: Places,
    ledger: Ledger,
    external: ExternalPorts,
    *,
    log: Log,
    sandbox_form: str = "auto",
    other_form: str = "",
    warm: int = 0,
    wires: "Mapping[str, CliWire] | None" = None,
    programs: Path | None = None,
    signs: SignsOfLife | None = None,
    errors: ErrorGroups | None = None,
    before_effect: Callable[[], None] = lambda: None,
) -> Services:
    """The services of a factory with real adapters for everything but `external`: for a home at
    work, or for a replay.

    `wires` are the providers' APIs, None if the broker replays and supports all of them. `programs`
    is the home with the agent CLIs, if that is another one. `errors` are those that the running app
    reported, None in a replay.
    """
    from harness.agents.builtin_agent import SandboxedAgent
    from harness.agents.cli_agent import Agents, CliAgent
    from harness.agents.model import BrokeredModel
    from harness.context.repository_contexts import IndexedContexts
    from harness.context.sandboxed_outlines import SandboxedOutlines
    from harness.deployers.asking import PlaceHealth
    from harness.home.places import HomeDeployer
    from harness.programs.agent_clis.installed import Programs
    from harness.programs.sandbox.client import COMMAND, SandboxSupervisor
    from harness.repository.candidate import TrustedCandidates
    from harness.repository.trusted import TrustedRepository
    from harness.repository.worktrees.adapter import RunWorktrees

    trusted = TrustedRepository(places.trusted, external.remote)
    worktrees = RunWorktrees(trusted, places.worktrees, warm=warm)
    sandbox = SandboxSupervisor(places.layers, form=sandbox_form)
    return Services(
        places=places,
        forge=external.forge,
        writer=external.writer,
        repository=external.repository(trusted),
        worktrees=worktrees,
        candidates=TrustedCandidates(trusted),
        sandbox=sandbox,
        agent=Agents(
            SandboxedAgent(sandbox),
            CliAgent(
                sandbox, Programs(programs or places.home), wires=wires, output_folder=places.runs
            ),
        ),
        model=BrokeredModel(),
        broker=external.broker,
        validator=validator_of(places),
        ledger=ledger,
        clock=external.clock,
        wheels=wheels_folder(),
        sandbox_command=COMMAND,
        trusted_keys=own_keys(places),
        link=external.link,
        log=log,
        other_form=other_form,
        contexts=IndexedContexts(trusted, places.index, outlines=SandboxedOutlines(sandbox)),
        signs=signs or SignsOfLife(),
        errors=errors,
        before_effect=before_effect,
        deployer=HomeDeployer(places.home, worktrees.export, external.access)
        if external.access
        else None,
        health=PlaceHealth() if external.access else None,
    )


def validator_of(places: Places) -> ValidatorProgram:
    """The validator's process."""
    public = places.signing_key.with_name(places.signing_key.name + ".pub")
    return ValidatorProgram(public, _validator_environment(), places.runs, sealed=places.sealed)


def validator_without_home() -> ValidatorProgram:
    """The validator's process for what needs neither a store nor a key."""
    return ValidatorProgram(Path(), _validator_environment(), Path())


def _validator_environment() -> dict[str, str]:
    """A path and a language, what package managers need for a layer, and no secret of ours."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name.lower().startswith(("pip_", "npm_config_", "xdg_")) or name == "HOME"
    }
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **passed_on}


def own_keys(places: Places) -> frozenset[str]:
    """The id of the launcher's key in this home; empty if there is none yet."""
    from harness.validator.envelope import key_id

    public = places.signing_key.with_name(places.signing_key.name + ".pub")
    return frozenset({key_id(public)}) if public.exists() else frozenset()
