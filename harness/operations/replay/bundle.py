"""A replay bundle: everything that one run needs to run again, in one folder or one file.

    kit.json             schema, run, repository, versions, commits; the SHA-256 of each other file
    ledger.jsonl         the ledger's entries up to the end of the run
    tape.jsonl           the calls of the run to the forge, and the answers
    wire/N-ROLE-ID       its sessions with models, in their order
    sealed/wire/         the sessions of the roles that judge
    sealed/store/        the judge's store as it was when the run began
    objects.pack         every commit that the run can name, with its history
    evidence/            the envelopes of the issue's verdicts
    own-verdict.json     the envelope of the run's own verdict
    validator.key.pub    the public key of whoever signed them

A bundle never contains a signing key. If the judge had a part in the run it contains sealed
journeys, so it belongs where only its owner can read it."""

import base64
import hashlib
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.ledger import Entry
from harness.domain.plain import JsonObject
from harness.home.recording import SCHEMA
from harness.store.in_memory import entries_from

FILE, PACK, LEDGER, PUBLIC_KEY = "kit.json", "objects.pack", "ledger.jsonl", "validator.key.pub"
TAPE, OWN_VERDICT = "tape.jsonl", "own-verdict.json"
LARGEST = 8 << 30
"""The most bytes that somebody else's file may unpack to."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle: its folder, and the fields of its `kit.json`."""

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
        return entries_from(json.loads(line) for line in text.splitlines())

    def forge_calls(self) -> tuple[JsonObject, ...]:
        """The recorded calls to the forge."""
        text = (self.folder / TAPE).read_text("utf-8")
        return tuple(json.loads(line) for line in text.splitlines())

    def seed(self) -> int | None:
        """The seed of the judge's data, from the run's own verdict; None if it reached none."""
        try:
            envelope = json.loads((self.folder / OWN_VERDICT).read_text("utf-8"))
            seed = json.loads(base64.b64decode(envelope["payload"]))["predicate"]["seed"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return seed if type(seed) is int else None

    def sessions(self) -> Iterator[tuple[str, bool, list[JsonObject]]]:
        """Each session, in order: its role, whether it is sealed, and its calls."""
        for sealed, folder in (
            (False, self.folder / "wire"),
            (True, self.folder / "sealed" / "wire"),
        ):
            for path in sorted(folder.glob("*.jsonl")):
                calls = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
                # The name is N-ROLE-ID, and a role may have dashes of its own.
                yield path.name.split("-", 1)[1].rpartition("-")[0], sealed, calls


def open_bundle(folder: Path) -> Bundle:
    """Open the bundle in a folder and check each file's digest. Raises ConfigError."""
    path = folder / FILE
    try:
        document = json.loads(path.read_text("utf-8"))
        schema, expected = document.pop("schema"), document.pop("files")
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"is not a bundle of a run: {error}", file=str(path)) from error
    if schema != SCHEMA:
        raise ConfigError(
            f"has schema {schema!r}, but this version of the factory replays schema {SCHEMA}: use"
            " the version that wrote it",
            file=str(path),
            key="schema",
        )
    if (found := digests(folder)) != expected:
        changed = sorted(
            name for name in {*found, *expected} if found.get(name) != expected.get(name)
        )
        raise ConfigError(
            f"is not what was written: {', '.join(changed[:5])} is missing, new or changed",
            file=str(path),
        )
    try:
        return Bundle(folder, **document)
    except TypeError as error:
        raise ConfigError(f"is not a bundle of a run: {error}", file=str(path)) from error


def pack_bundle(bundle: Bundle, file: Path) -> None:
    """Write the bundle to one compressed file that only this account may read. Raises ConfigError
    if the file exists."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigError("exists already; name a new file", file=str(file)) from None
    with (
        open(descriptor, "wb") as out,
        tarfile.open(fileobj=out, mode="w:xz", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(bundle.folder.rglob("*")):
            if path.is_file():
                name = str(path.relative_to(bundle.folder))
                archive.add(path, arcname=name, recursive=False, filter=_without_owner)


def unpack_bundle(file: Path, folder: Path) -> Bundle:
    """Unpack a file into an empty folder and open the bundle. Raises ConfigError, also for links,
    devices and names that lead out of the folder."""
    # The file may be somebody else's: it may be huge, and its names may be hostile.
    try:
        with tarfile.open(file, "r:xz") as archive:
            if sum(member.size for member in archive) > LARGEST:
                raise ConfigError(f"unpacks to more than {LARGEST >> 30} GB", file=str(file))
            archive.extractall(folder, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ConfigError(f"is not a bundle of a run: {error}", file=str(file)) from error
    return open_bundle(folder)


def _without_owner(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A member without owner and time, so that two exports of one run are the same bytes."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file of a bundle, by its path; without `kit.json` itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != FILE
    }
