"""Everything that one run needs to be run again, in one folder, and that folder as one file.

kit.json            schema, run, repository, versions, commits; the SHA-256 of every other file
ledger.jsonl        the ledger's entries up to the end of the run tape.jsonl          what the run
asked the forge wire/N-ROLE-ID      its sessions with models, in their order; sealed/wire/ those of
the roles that judge sealed/store/       the judge's store as it was, to the names that stood there
when the run began objects.pack        every commit that the run can name, with its history
evidence/           the envelopes of the issue's verdicts, the run's own as own-verdict.json;
validator.key.pub, who signed them

Keys that sign are never in it. What is sealed is, where the judge had a part in the run: such a
file belongs where only you can read it."""

import base64
import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.domain.errors import ConfigError, LedgerError
from harness.domain.events import Landed, ProposalPushed, RunStarted, UsageRecorded, VerdictRecorded
from harness.domain.ledger import Entry, as_of, entry_document, of_kind
from harness.factory.run.services import Places
from harness.forge.recording import recorded_tip
from harness.home.document import read_home
from harness.home.recording import (
    OBJECTS,
    SCHEMA,
    SEALED,
    WIRE,
    WITHHELD,
    made_by,
    object_in,
    recorded_lines,
    recording_of,
)
from harness.store.in_memory import entries_told

FILE, PACK, LEDGER, PUBLIC_KEY = "kit.json", "objects.pack", "ledger.jsonl", "validator.key.pub"
OWN_VERDICT = "own-verdict.json"
LARGEST = 8 << 30  # bytes that a file of somebody else's may unpack to
JUDGED = frozenset({"implement", "validate", "merge"})
"""The workflows in which the judge has a part."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A kit that was opened: its folder, and what `bundle.json` says."""

    folder: Path
    run: str
    issue: int
    workflow: str
    repository: str
    branch: str
    base: str
    tip: str
    home: str
    made_by: Mapping[str, str]
    heads: Mapping[str, str]
    against: str = ""

    def entries(self) -> tuple[Entry, ...]:
        """The recorded ledger."""
        text = (self.folder / LEDGER).read_text("utf-8")
        return entries_told(json.loads(line) for line in text.splitlines())

    def tape(self) -> tuple[Mapping[str, Any], ...]:
        """The lines of the tape."""
        return tuple(
            json.loads(line) for line in (self.folder / tape_name()).read_text("utf-8").splitlines()
        )

    def seed(self) -> int | None:
        """What the judge drew its data from, as its verdict says; None where the run reached
        none."""
        try:
            envelope = json.loads((self.folder / OWN_VERDICT).read_text("utf-8"))
            seed = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["seed"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return seed if type(seed) is int else None

    def wires(self) -> Iterator[tuple[str, bool, list[Mapping[str, Any]]]]:
        """Each session in its order: its role, whether it is sealed, and its calls."""
        for sealed, folder in (
            (False, self.folder / "wire"),
            (True, self.folder / "sealed" / "wire"),
        ):
            for path in sorted(folder.glob("*.jsonl")):
                calls = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
                yield path.name.split("-", 1)[1].rpartition("-")[0], sealed, calls


def tape_name() -> str:
    return "tape.jsonl"


def recorded_runs(home: Path) -> tuple[str, ...]:
    """Every run that is over and has a recording, in the order in which they ended."""
    from harness.home.state import open_ledger

    places = Places(home, read_home(home).repository_id)
    with open_ledger(home) as ledger:
        ended = [str(entry.run) for entry in ledger.entries(kind="run-ended")]
    return tuple(run for run in ended if recording_of(places, run).exists())


def gather(home: Path, run: str, folder: Path, *, ref: str | None = None) -> Bundle:
    """Put a run's kit together in an empty folder. The home is only read. `ref` is another commit
    for it to begin at.

    Raises ConfigError, naming what is missing: a run that is not known or not over, a recording
    that was never made, is too old or was withheld; LedgerError where the ledger is not the one
    that was signed."""
    document = read_home(home)
    places = Places(home, document.repository_id)
    entries = _entries(home, run)
    start = next(entry for entry in entries if entry.key == f"run/{run}")
    began = as_of(start, RunStarted)
    lines = _recording(places, run)
    tip = recorded_tip(lines) or began.event.base
    _write_lines(folder / LEDGER, (entry_document(entry) for entry in entries))
    _write_lines(folder / tape_name(), lines)
    _wires(places, entries, lines, folder, run=run)
    if began.event.workflow in JUDGED:
        _sealed(places, lines, folder)
    heads, against = _heads(entries, began), _commit(places, ref) if ref else ""
    _pack(
        places,
        folder,
        commits=(began.event.base, str(tip), against, *_named(entries, began)),
    )
    bundle = {
        "schema": SCHEMA,
        "run": run,
        "issue": began.issue,
        "workflow": began.event.workflow,
        "repository": document.repository_id,
        "branch": _branch(lines),
        "base": began.event.base,
        "tip": str(tip),
        "home": str(home),
        "made_by": dict(_made_by(lines)),
        "heads": heads,
        "against": against,
    }
    _public(home, entries, folder, began)
    (folder / FILE).write_text(
        json.dumps({**bundle, "files": _digests(folder)}, indent=1) + "\n", "utf-8"
    )
    return opened(folder)


def opened(folder: Path) -> Bundle:
    """A kit in a folder, each file of it checked. Raises ConfigError."""
    path = folder / FILE
    try:
        document = json.loads(path.read_text("utf-8"))
        schema, digests = document.pop("schema"), document.pop("files")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"is no kit of a run: {error}", file=str(path)) from error
    if schema != SCHEMA:
        raise ConfigError(
            f"has schema {schema!r}, and this version of the factory replays schema {SCHEMA}: use"
            " the version that wrote it",
            file=str(path),
            key="schema",
        )
    if (found := _digests(folder)) != digests:
        changed = sorted(
            name for name in {*found, *digests} if found.get(name) != digests.get(name)
        )
        raise ConfigError(
            f"is not what was written: {', '.join(changed[:5])} is missing, new or changed",
            file=str(path),
        )
    try:
        return Bundle(folder, **document)
    except TypeError as error:
        raise ConfigError(f"is no kit of a run: {error}", file=str(path)) from error


def packed(bundle: Bundle, file: Path) -> None:
    """The kit as one compressed file, which only this account may read. Raises ConfigError where
    something is there."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError("is there already; name a new file", file=str(file)) from None
    with (
        open(descriptor, "wb") as out,
        tarfile.open(fileobj=out, mode="w:xz", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(bundle.folder.rglob("*")):
            if path.is_file():
                archive.add(
                    path,
                    arcname=str(path.relative_to(bundle.folder)),
                    recursive=False,
                    filter=_nobodys,
                )


def unpacked(file: Path, folder: Path) -> Bundle:
    """The kit in a file, in an empty folder. Raises ConfigError: links, devices and names that lead
    elsewhere are refused."""
    try:
        with tarfile.open(file, "r:xz") as archive:
            if sum(member.size for member in archive) > LARGEST:
                raise ConfigError(f"unpacks to more than {LARGEST >> 30} GB", file=str(file))
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ConfigError(f"is no kit of a run: {error}", file=str(file)) from error
    return opened(folder)


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Neither whose it was nor when it was written: two exports of one run are the same bytes."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _entries(home: Path, run: str) -> tuple[Entry, ...]:
    from harness.home.state import open_ledger

    with open_ledger(home) as ledger:
        if fault := ledger.fault():
            raise LedgerError(f"{fault.says}; what is not sound is not replayed")
        entries = ledger.entries()
    keys = {entry.key: entry.seq for entry in entries}
    if f"run/{run}" not in keys:
        raise ConfigError(f"no run is called {run}; `factory logs` lists those that there are")
    if f"run/{run}/ended" not in keys:
        raise ConfigError(f"{run} is not over; it can be replayed when it is")
    return entries[: keys[f"run/{run}/ended"]]


def _recording(places: Places, run: str) -> tuple[Mapping[str, Any], ...]:
    lines = recorded_lines(places, run)
    if not lines:
        raise ConfigError(
            f"there is no recording of {run}: it ran before runs were recorded, or its recording"
            " grew too old and was swept",
            file=str(recording_of(places, run)),
        )
    if wrong := next((line["schema"] for line in lines if line.get("schema") != SCHEMA), None):
        raise ConfigError(
            f"has schema {wrong!r}, and this version of the factory replays schema {SCHEMA}",
            file=str(recording_of(places, run)),
            key="schema",
        )
    return lines


def _wires(
    places: Places,
    entries: tuple[Entry, ...],
    lines: tuple[Mapping[str, Any], ...],
    folder: Path,
    *,
    run: str,
) -> None:
    kept = {line[WIRE]: line for line in lines if WIRE in line}
    sessions = [entry for entry in of_kind(entries, UsageRecorded) if entry.run == run]
    for number, entry in enumerate(sessions, start=1):
        session, role = entry.key.removeprefix("usage/"), entry.event.role
        line, name = kept.get(session, {}), f"{number:03}-{role}-{session}.jsonl"
        if WITHHELD in line:
            raise ConfigError(
                f"{run}: the recording of {role} was withheld, since it holds what looks like a"
                f" credential: {line[WITHHELD]}"
            )
        sealed = places.sealed / "wire" / f"{session}.jsonl"
        try:
            if "object" in line:
                _write(folder / "wire" / name, object_in(places.home / OBJECTS, line["object"]))
            elif sealed.exists():
                _write(folder / "sealed" / "wire" / name, sealed.read_bytes())
            elif entry.event.calls:
                raise ConfigError(
                    f"{run}: the exchanges of {role} were not recorded (session {session})"
                )
        except (OSError, ValueError) as error:
            raise ConfigError(f"{run}: the recording of {role} cannot be read: {error}") from error


def _sealed(places: Places, lines: tuple[Mapping[str, Any], ...], folder: Path) -> None:
    """The judge's store by the names that stood there when the run began; nothing in it is looked
    into."""
    names: list[str] = next((line[SEALED] for line in lines if SEALED in line), [])
    for name in names:
        source, target = places.sealed / name, folder / "sealed" / "store" / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            _write(target, source.read_bytes())


def _heads(entries: tuple[Entry, ...], began: Entry) -> dict[str, str]:
    """The branches that the factory had pushed for the issue when the run began."""
    pushed = [
        entry.event
        for entry in of_kind(entries, ProposalPushed)
        if entry.issue == began.issue and entry.seq < began.seq
    ]
    return {one.branch: one.head for one in pushed[-1:]}


def _named(entries: tuple[Entry, ...], began: Entry) -> Iterator[str]:
    """Commits that the run can know of: of its own issue, and where others landed before."""
    for entry in entries:
        if entry.seq > began.seq:
            return
        whole = entry.event.document()
        for document in (whole, whole.get("result"), whole.get("binds")):
            if isinstance(document, Mapping) and (
                entry.issue == began.issue or isinstance(entry.event, Landed)
            ):
                yield from (
                    str(document[name])
                    for name in ("base", "head", "candidate", "commit")
                    if isinstance(document.get(name), str) and len(document[name]) == 40
                )


def _commit(places: Places, ref: str) -> str:
    """A commit of the factory's own repository, by its name or as a branch that was fetched."""
    from harness.repository.plumbing import Git
    from harness.repository.trusted import FETCHED

    git = Git(places.trusted)
    for name in (f"{FETCHED}/heads/{ref}", ref):
        said = git.said(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
        if not said.status:
            return said.out.decode("ascii").strip()
    raise ConfigError(
        f"the factory's repository has no commit {ref!r}: name a branch that it has fetched, or a"
        " commit's forty digits"
    )


def _pack(places: Places, folder: Path, *, commits: tuple[str, ...]) -> None:
    from harness.repository.plumbing import Git

    git = Git(places.trusted, seconds=600)
    wanted = "".join(
        f"{commit}\n"
        for commit in dict.fromkeys(commits)
        if commit and not git.said("cat-file", "-e", commit).status
    )
    _write(
        folder / PACK,
        git.output("pack-objects", "--revs", "--stdout", "--quiet", stdin=wanted.encode()),
    )


def _branch(lines: tuple[Mapping[str, Any], ...]) -> str:
    return next(
        (str(line["answer"]) for line in lines if line.get("call") == "default_branch"), "main"
    )


def _made_by(lines: tuple[Mapping[str, Any], ...]) -> Mapping[str, str]:
    return next((line["made_by"] for line in lines if "made_by" in line), made_by())


def _public(home: Path, entries: tuple[Entry, ...], folder: Path, began: Entry) -> None:
    """The launcher's public key, and the envelopes of the issue's verdicts; the run's own apart, so
    that no replay finds the verdict that it has to reach."""
    key = home / "keys" / PUBLIC_KEY
    if key.exists():
        _write(folder / PUBLIC_KEY, key.read_bytes())
    for entry in of_kind(entries, VerdictRecorded):
        envelope = home / entry.event.envelope
        if entry.issue == began.issue and envelope.exists():
            name = OWN_VERDICT if entry.run == began.run else entry.event.envelope
            _write(folder / name, envelope.read_bytes())


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != FILE
    }


def _write_lines(path: Path, documents: Any) -> None:
    _write(
        path,
        "".join(
            json.dumps(one, sort_keys=True, ensure_ascii=False) + "\n" for one in documents
        ).encode("utf-8", "surrogatepass"),
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)
