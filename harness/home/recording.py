"""What a run asked the world, written down while it runs, so that it can be run again without the
world.

`runs/RUN/tape.jsonl` has a line for each question to the forge, with its answer, and one for each
session with a model, which names its exchanges among the objects in `record/`: by their hash,
compressed, each once. Of sessions of the roles that judge only the name is written down; their
exchanges stay on the sealed side.

Properties kept:
- a tape that cannot be written stops nothing: the run is then one that cannot be replayed, and says
  so;
- what looks like a credential is not kept: its session is named, with what was found and where;
- a line is there whole or not at all, and a node that was begun anew after a kill begins its lines
  anew."""

import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness import __version__
from harness.domain.errors import FactoryError
from harness.domain.events import UsageRecorded
from harness.domain.ledger import of_kind
from harness.domain.plain import plain
from harness.forge.recording import BEGINS, OPEN, recorded, recorded_writer, tip_on_tape

if TYPE_CHECKING:
    from harness.domain.ledger import Entry
    from harness.factory.run.services import Places, Services
    from harness.ports.forge import Forge, ForgeWriter
    from harness.ports.git import Repository

SCHEMA = 1
TAPE, RECORD = "tape.jsonl", "record"
WIRE, WITHHELD, MADE_BY, SEALED = "wire", "withheld", "made_by", "sealed"
STORE = ("entries", "journeys", "controls", "proofs")
"""The folders of the judge's store that stand for what it holds. Only names are read there."""
Action = Callable[[Mapping[str, Any]], Mapping[str, Any]]
At = tuple[str, str]

_AT: ContextVar[At | None] = ContextVar(
    "the run and the node that are at work in this thread", default=None
)


def node_at_work() -> str | None:
    """The node of the run that is at work in this thread; None outside of one."""
    at = _AT.get()
    return at[1] if at else None


@contextmanager
def at_work(run: str, node: str) -> Iterator[None]:
    """What this thread does in the block belongs to this node of this run."""
    token = _AT.set((run, node))
    try:
        yield
    finally:
        _AT.reset(token)


class Recording:
    """The tapes of one home's runs. Safe to use from many threads: each writes whole lines of its
    own run."""

    def __init__(self, places: "Places") -> None:
        self._places = places

    def forge(self, forge: "Forge") -> "Forge":
        return recorded(forge, node=node_at_work, note=self.note)

    def writer(self, writer: "ForgeWriter") -> "ForgeWriter":
        return recorded_writer(writer, node=node_at_work, note=self.note)

    def repository(self, repository: "Repository") -> "Repository":
        return cast("Repository", tip_on_tape(repository, node=node_at_work, note=self.note))

    def note(self, line: Mapping[str, Any]) -> None:
        """Add a line to the tape of the run that is at work here; none where none is, or where the
        disk takes none."""
        at = _AT.get()
        if at is None:
            return
        path = recording_of(self._places, at[0])
        text = json.dumps({"schema": SCHEMA, **line}, ensure_ascii=False, sort_keys=True) + "\n"
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as tape:
                tape.write(text.encode("utf-8", "backslashreplace"))

    def taped(self, action: Action, services: "Services") -> Action:
        """The same action, each of its nodes on the tape of its run."""

        def act(payload: Mapping[str, Any]) -> Mapping[str, Any]:
            with at_work(payload["run"], payload["node"]):
                self._begin(services, payload)
                result = action(payload)
                self._keep_sessions(services, payload)
                return result

        return act

    def _begin(self, services: "Services", payload: Mapping[str, Any]) -> None:
        if not recording_of(self._places, payload["run"]).exists():
            self.note(
                {
                    "node": payload["node"],
                    SEALED: list(_names_in(self._places.sealed)),
                    MADE_BY: made_by(),
                }
            )
            if payload["workflow"] == "triage":
                with suppress(FactoryError):  # the forge is away: the node will say so itself
                    self.note(
                        {
                            "node": payload["node"],
                            OPEN: plain(_untriaged(services, payload["issue"])),
                        }
                    )
        self.note({"node": payload["node"], BEGINS: True})

    def _keep_sessions(self, services: "Services", payload: Mapping[str, Any]) -> None:
        """The exchanges of the run's sessions that ended since this was done last."""
        there = {line[WIRE] for line in tape_lines(self._places, payload["run"]) if WIRE in line}
        entries = services.ledger.entries(issue=payload["issue"])
        for entry in of_kind(entries, UsageRecorded):
            if entry.run == payload["run"] and (session := _session(entry)) not in there:
                self.note(
                    {
                        "node": payload["node"],
                        WIRE: session,
                        "role": entry.event.role,
                        **self._kept(session),
                    }
                )

    def _kept(self, session: str) -> Mapping[str, Any]:
        """Where the session's exchanges are kept, or why they are not; nothing of one whose log is
        on the sealed side."""
        try:
            content = (self._places.home / "broker" / "wire" / f"{session}.jsonl").read_bytes()
            if found := credentials_in(session, content):
                return {WITHHELD: found}
            return {"object": put(self._places.home / RECORD, content)}
        except OSError:
            return {}


def recording_of(places: "Places", run: str) -> Path:
    """Where a run's tape is."""
    return places.run(run) / TAPE


def tape_lines(places: "Places", run: str) -> tuple[Mapping[str, Any], ...]:
    """The whole lines of a run's tape; none where there is none. A line that a kill cut short is
    none."""
    return tuple(_whole(recording_of(places, run)))


def _whole(path: Path) -> Iterable[Mapping[str, Any]]:
    try:
        text = path.read_text("utf-8")
    except OSError:
        return
    for line in text.splitlines():
        with suppress(ValueError):
            yield json.loads(line)


def put(folder: Path, content: bytes) -> str:
    """Keep something under its hash, compressed; the hash. What is there already is not written
    again."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest[:2] / f"{digest}.gz"
    if path.exists():
        os.utime(path)  # it is as old as its last use: `factory gc` goes by that
    else:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f".{digest}.{os.getpid()}")
        partial.write_bytes(gzip.compress(content, mtime=0))
        os.replace(partial, path)
    return digest


def got(folder: Path, digest: str) -> bytes:
    """What was kept under this hash. Raises OSError where it is not there, ValueError where it is
    something else."""
    content = gzip.decompress((folder / digest[:2] / f"{digest}.gz").read_bytes())
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{digest:.10} in {RECORD}/ is not what its name says; it was changed after it was"
            " written"
        )
    return content


def credentials_in(name: str, content: bytes) -> str:
    """What in a recording looks like a credential, masked, in one line; empty where nothing
    does."""
    from harness.domain.facts import UNKNOWN, Unknown
    from harness.governance.facts.secrets import SecretScanner

    found = SecretScanner().found_in({name.encode(): content})
    if isinstance(found, Unknown):
        return f"nobody could look for credentials on this machine ({UNKNOWN})"
    return "; ".join(f"{one.rule} in line {one.line}" for one in found[:3])


def made_by() -> Mapping[str, str]:
    """What a replay should be made with: our version and the language's."""
    import platform

    return {"lights-out-factory": __version__, "python": platform.python_version()}


def _names_in(sealed: Path) -> Iterable[str]:
    """What stands in the judge's store, by name; of what was judged the verdicts alone, which tell
    what stands guard."""
    for folder in (folder for folder in STORE if (sealed / folder).is_dir()):
        yield from (
            f"{folder}/{name}"
            for name in sorted(os.listdir(sealed / folder))
            if not name.startswith(".")
        )
    yield from sorted(
        str(path.relative_to(sealed)) for path in sealed.glob("judged/[!.]*/verdict.json")
    )


def _session(entry: "Entry") -> str:
    return entry.key.removeprefix("usage/")


def _untriaged(services: "Services", number: int) -> tuple[Any, ...]:
    """Older issues that are open and that nothing is known of but what the forge shows: triage may
    compare with them."""
    shown = services.watch_list.open_issues()
    return tuple(
        issue
        for older, issue in sorted(shown.items())
        if older < number and not services.known.of(older).triage
    )
