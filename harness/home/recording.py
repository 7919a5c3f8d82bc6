"""Records what a run asks the outside world, so that the run can be replayed without it.

`runs/RUN/tape.jsonl` has one line for each request to the forge, with its answer, and one for each
session with a model. A session's line names its exchanges: objects in `record/`, stored by hash,
compressed, each once. For sessions of the judging roles only the name is recorded; their exchanges
stay on the sealed side.

Properties:
- A recording that cannot be written stops nothing. The run then cannot be replayed, and reports
  that.
- Text that looks like a credential is not stored. The session is named, with what was found and
  where.
- A line is written whole or not at all. A node that starts again after a kill starts its lines
  again.
"""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness import __version__
from harness.domain.errors import FactoryError
from harness.domain.events import UsageRecorded
from harness.domain.ledger import of_kind
from harness.domain.plain import JsonObject, plain
from harness.forge.recording import BEGINS, OPEN, recorded, recorded_writer, with_recorded_tip
from harness.ports.engine import Action

if TYPE_CHECKING:
    from harness.domain.ledger import Entry
    from harness.factory.run.services import Places, Services
    from harness.ports.forge import Forge, ForgeWriter
    from harness.ports.git import Repository

SCHEMA = 1
RECORDING, OBJECTS = "tape.jsonl", "record"
WIRE, WITHHELD, MADE_BY, SEALED = "wire", "withheld", "made_by", "sealed"
STORE = ("entries", "journeys", "controls", "proofs")
"""The folders of the judge's store that are listed in a recording. Only names are read there."""
RunNode = tuple[str, str]

_CURRENT: ContextVar[RunNode | None] = ContextVar(
    "the run and the node of this thread", default=None
)


def current_node() -> str | None:
    """The node that this thread runs; None outside of a run."""
    current = _CURRENT.get()
    return current[1] if current else None


@contextmanager
def running_node(run: str, node: str) -> Iterator[None]:
    """Attribute what this thread does in the block to this node of this run."""
    token = _CURRENT.set((run, node))
    try:
        yield
    finally:
        _CURRENT.reset(token)


class Recording:
    """The recordings of one home's runs. It is safe to use from many threads: each writes whole
    lines of its own run."""

    def __init__(self, places: "Places") -> None:
        self._places = places

    def forge(self, forge: "Forge") -> "Forge":
        return recorded(forge, node=current_node, note=self.note)

    def writer(self, writer: "ForgeWriter") -> "ForgeWriter":
        return recorded_writer(writer, node=current_node, note=self.note)

    def repository(self, repository: "Repository") -> "Repository":
        return cast("Repository", with_recorded_tip(repository, node=current_node, note=self.note))

    def note(self, line: JsonObject) -> None:
        """Add a line to the recording of this thread's run. Does nothing outside of a run, or if
        the disk is full."""
        current = _CURRENT.get()
        if current is None:
            return
        path = recording_of(self._places, current[0])
        text = json.dumps({"schema": SCHEMA, **line}, ensure_ascii=False, sort_keys=True) + "\n"
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            # In append mode, lines of several threads never overwrite each other.
            with open(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as file:
                # Text of the forge may contain lone surrogates, which UTF-8 cannot encode.
                file.write(text.encode("utf-8", "backslashreplace"))

    def recorded_action(self, action: Action, services: "Services") -> Action:
        """The same action, with each of its nodes recorded in its run."""

        def act(payload: JsonObject) -> JsonObject:
            with running_node(payload["run"], payload["node"]):
                self._begin(services, payload)
                result = action(payload)
                self._keep_sessions(services, payload)
                return result

        return act

    def _begin(self, services: "Services", payload: JsonObject) -> None:
        if not recording_of(self._places, payload["run"]).exists():
            sealed = list(_names_in(self._places.sealed))
            self.note({"node": payload["node"], SEALED: sealed, MADE_BY: made_by()})
            if payload["workflow"] == "triage":
                # If the forge does not answer, the node itself reports it.
                with suppress(FactoryError):
                    untriaged = plain(_untriaged(services, payload["issue"]))
                    self.note({"node": payload["node"], OPEN: untriaged})
        self.note({"node": payload["node"], BEGINS: True})

    def _keep_sessions(self, services: "Services", payload: JsonObject) -> None:
        """Record the exchanges of the run's sessions that ended since the last time."""
        lines = recorded_lines(self._places, payload["run"])
        there = {line[WIRE] for line in lines if WIRE in line}
        entries = services.ledger.entries(issue=payload["issue"])
        for entry in of_kind(entries, UsageRecorded):
            if entry.run == payload["run"] and (session := _session(entry)) not in there:
                line = {"node": payload["node"], WIRE: session, "role": entry.event.role}
                self.note({**line, **self._stored(session)})

    def _stored(self, session: str) -> JsonObject:
        """Where the session's exchanges are stored, or why they are not. Nothing if their log is on
        the sealed side."""
        try:
            content = (self._places.home / "broker" / "wire" / f"{session}.jsonl").read_bytes()
            if found := credentials_in(session, content):
                return {WITHHELD: found}
            return {"object": put_object(self._places.home / OBJECTS, content)}
        except OSError:
            return {}


def recording_of(places: "Places", run: str) -> Path:
    """The file with a run's recording."""
    return places.run(run) / RECORDING


def recorded_lines(places: "Places", run: str) -> tuple[JsonObject, ...]:
    """The whole lines of a run's recording; empty if there is none. A line that a kill cut short is
    ignored."""
    return tuple(_whole(recording_of(places, run)))


def _whole(path: Path) -> Iterable[JsonObject]:
    try:
        text = path.read_text("utf-8")
    except OSError:
        return
    for line in text.splitlines():
        with suppress(ValueError):
            yield json.loads(line)


def put_object(folder: Path, content: bytes) -> str:
    """Store content under its hash, compressed, unless it is there already. Returns the hash."""
    digest = hashlib.sha256(content).hexdigest()
    path = folder / digest[:2] / f"{digest}.gz"
    if path.exists():
        # Its age is that of its last use: `factory gc` decides by the time of change.
        os.utime(path)
    else:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f".{digest}.{os.getpid()}")
        # Without a time in the header, the same content gives the same bytes.
        partial.write_bytes(gzip.compress(content, mtime=0))
        os.replace(partial, path)
    return digest


def object_in(folder: Path, digest: str) -> bytes:
    """The content stored under this hash. Raises OSError if it is missing, ValueError if it was
    changed."""
    content = gzip.decompress((folder / digest[:2] / f"{digest}.gz").read_bytes())
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(
            f"{digest:.10} in {OBJECTS}/ does not match its name; it was changed later"
        )
    return content


def credentials_in(name: str, content: bytes) -> str:
    """What looks like a credential in a recording, masked, in one line; empty if nothing does."""
    from harness.domain.facts import UNKNOWN, Unknown
    from harness.governance.facts.secrets import secrets_in

    found = secrets_in({name.encode(): content})
    # What could not be searched counts as a finding: it must not be stored.
    if isinstance(found, Unknown):
        return f"this machine could not search for credentials ({UNKNOWN})"
    return "; ".join(f"{one.rule} in line {one.line}" for one in found[:3])


def made_by() -> Mapping[str, str]:
    """The versions that a replay should use: ours and Python's."""
    import platform

    return {"lights-out-factory": __version__, "python": platform.python_version()}


def _names_in(sealed: Path) -> Iterable[str]:
    """The names of what is in force in the judge's store. Of past judgements only the verdicts
    count, because they decide what guards later changes."""
    for folder in (folder for folder in STORE if (sealed / folder).is_dir()):
        yield from (
            f"{folder}/{name}"
            for name in sorted(os.listdir(sealed / folder))
            # A hidden name is something that the judge had not finished.
            if not name.startswith(".")
        )
    yield from sorted(
        str(path.relative_to(sealed)) for path in sealed.glob("judged/[!.]*/verdict.json")
    )


def _session(entry: "Entry") -> str:
    return entry.key.removeprefix("usage/")


def _untriaged(services: "Services", number: int) -> tuple[Any, ...]:
    """Older open issues that nothing but the forge knows yet. Triage may compare with them."""
    shown = services.watch_list.open_issues()
    return tuple(
        issue
        for older, issue in sorted(shown.items())
        if older < number and not services.issue_index.of(older).triage
    )
