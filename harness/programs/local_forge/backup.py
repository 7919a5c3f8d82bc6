"""Back up a running forge to one file, and restore a forge from it.

Properties:
- the database is copied first, with SQLite's online backup; then the refs of each repository, and
  its objects last. The server never deletes objects, so every ref in the file has its objects. The
  next start syncs whatever git moved in between, as after a power cut;
- the digest of every member is in the last one, `manifest.json`. Restore checks all of it before it
  puts anything in place;
- restore fills an empty folder only, and completely or not at all. The administrator's token is not
  in the file.
"""

import hashlib
import io
import json
import os
import re
import sqlite3
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from harness.domain.errors import ConfigError
from harness.domain.plain import JsonObject
from harness.programs.local_forge.git.objects import BareRepository, environment
from harness.programs.local_forge.settings import Settings
from harness.programs.local_forge.storage.tables import SCHEMA, STEPS

FORMAT = 1
MANIFEST = "manifest.json"
_MEMBER = re.compile(
    r"forge\.sqlite|repositories/[1-9][0-9]*\.git/(?:HEAD|packed-refs|objects/(?:[0-9a-f]{2}|pack)/[A-Za-z0-9.-]+)"
)
_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}|pack/pack-[0-9a-f]+\.(?:pack|idx)")
_CHUNK = 1024 * 1024
_MOST_BYTES = 256 * 1024**3


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What a backup holds."""

    repositories: int
    files: int
    bytes: int


@dataclass(slots=True)
class _Archive:
    """A tar file that is being written, and the digest of each member so far."""

    tar: tarfile.TarFile
    digests: dict[str, str] = field(default_factory=dict)
    size: int = 0

    def add(self, name: str, content: IO[bytes], size: int) -> None:
        reader = _Digesting(content)
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self.tar.addfile(info, reader)  # type: ignore[arg-type]
        self.digests[name] = reader.digest.hexdigest()
        self.size += size


class _Digesting:
    """A file that computes its digest while it is read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        """Read as any file does."""
        found = self._content.read(size)
        self.digest.update(found)
        return found


def back_up(home: Path, file: Path) -> BackupSummary:
    """Write everything that the forge in `home` stores to `file`. On an error there is no `file`.

    Raises ConfigError where there is no forge, or `file` exists already.
    """
    settings = Settings(home)
    if not settings.database.is_file():
        raise ConfigError(f"there is no forge in {home}; name its home with --home")
    if file.exists():
        raise ConfigError(f"{file} is there already; name a file that is not")
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".forge-backup-") as scratch:
        copied = Path(scratch, "forge.sqlite")
        draft = Path(scratch, "draft")
        _copy_database(settings.database, copied)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw:
            with tarfile.open(
                fileobj=raw, mode="w:gz", compresslevel=1, format=tarfile.PAX_FORMAT
            ) as tar:
                summary = _filled(_Archive(tar), settings, copied)
            raw.flush()
            os.fsync(raw.fileno())
        # A link, unlike a rename, fails where another process has made the file meanwhile.
        os.link(draft, file)
    return summary


def restore(file: Path, home: Path) -> BackupSummary:
    """Restore a forge into `home`, which must be empty or absent. Raises ConfigError for
    a damaged file."""
    home = home.absolute()
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConfigError(f"{home} is not empty; a forge is put back into a folder of its own")
    home.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent, prefix=".forge-restore-") as scratch:
        draft = Path(scratch, "home")
        draft.mkdir(mode=0o700)
        try:
            summary = _unpacked(file, draft)
        except (tarfile.TarError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"it is no backup of a forge, or not a whole one: {error}", file=str(file)
            ) from error
        _check_database(draft / "forge.sqlite", file)
        for folder in sorted((draft / "repositories").glob("*.git")):
            _check_repository(folder, file)
        # rename() needs an absent target; an empty folder was allowed above.
        if home.exists():
            home.rmdir()
        draft.rename(home)
    return summary


def _filled(archive: _Archive, settings: Settings, database: Path) -> BackupSummary:
    with database.open("rb") as content:
        archive.add("forge.sqlite", content, database.stat().st_size)
    numbers = _numbers(database)
    for number in numbers:
        _add_repository(archive, settings.repositories / f"{number}.git", number)
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        "repositories": numbers,
        "digests": archive.digests,
    }
    manifest_bytes = json.dumps(manifest, indent=1).encode()
    info = tarfile.TarInfo(MANIFEST)
    info.size, info.mode = len(manifest_bytes), 0o600
    archive.tar.addfile(info, io.BytesIO(manifest_bytes))
    return BackupSummary(len(numbers), len(archive.digests), archive.size)


def _copy_database(database: Path, copy: Path) -> None:
    address = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(address, uri=True, timeout=60)) as live,
        closing(sqlite3.connect(copy)) as made,
    ):
        live.backup(made)
        # The copy must be one file: in WAL mode SQLite would put others beside it.
        made.execute("PRAGMA journal_mode = DELETE")


def _numbers(database: Path) -> list[int]:
    with closing(sqlite3.connect(database)) as db:
        return [number for (number,) in db.execute("SELECT id FROM repositories ORDER BY id")]


def _add_repository(archive: _Archive, folder: Path, number: int) -> None:
    """Add one repository: refs before objects, since a ref's objects were written before
    the ref."""
    if not folder.is_dir():
        raise ConfigError(f"repository {number} was taken away meanwhile; make the backup again")
    refs = BareRepository(folder).run("for-each-ref", "--format=%(objectname) %(refname)").encode()
    inside = f"repositories/{folder.name}"
    for name, data in (("HEAD", (folder / "HEAD").read_bytes()), ("packed-refs", refs)):
        archive.add(f"{inside}/{name}", io.BytesIO(data), len(data))
    for path in _objects(folder / "objects"):
        with path.open("rb") as content:
            archive.add(
                f"{inside}/{path.relative_to(folder).as_posix()}",
                content,
                os.fstat(content.fileno()).st_size,
            )


def _objects(folder: Path) -> Iterator[Path]:
    """Packs that have an index, and loose objects. A push in progress uses other file names."""
    for path in sorted(folder.glob("*/*")):
        name = path.relative_to(folder).as_posix()
        if (
            path.is_file()
            and _OBJECT.fullmatch(name)
            and (path.suffix != ".pack" or path.with_suffix(".idx").exists())
        ):
            yield path


def _unpacked(file: Path, draft: Path) -> BackupSummary:
    """Unpack every member and compare it with its digest. Raises ValueError for the
    first difference."""
    digests: dict[str, str] = {}
    manifest: JsonObject | None = None
    size = 0
    with tarfile.open(file, mode="r|gz") as tar:
        for member in tar:
            # A stream is read once, front to back: what follows the manifest could not be checked.
            if manifest is not None:
                raise ValueError(f"{member.name} comes after the manifest")
            content = tar.extractfile(member) if member.isreg() else None
            if content is None or (size := size + member.size) > _MOST_BYTES:
                raise ValueError(f"{member.name} is no plain file, or more than a forge holds")
            if member.name == MANIFEST:
                manifest = json.loads(content.read(64 * _CHUNK))
                continue
            if not _MEMBER.fullmatch(member.name) or member.name in digests:
                raise ValueError(f"{member.name} is no part of a forge, or there twice")
            digests[member.name] = _written(draft / member.name, content)
    if manifest is None or manifest["format"] != FORMAT:
        raise ValueError(f"its manifest is missing, or of another format than {FORMAT}")
    wrong = sorted(
        name
        for name in {*digests, *manifest["digests"]}
        if digests.get(name) != manifest["digests"].get(name)
    )
    if wrong:
        raise ValueError(f"{wrong[0]} is not as it was written")
    return BackupSummary(len(manifest["repositories"]), len(digests), size)


def _written(path: Path, content: IO[bytes]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with path.open("xb") as made:
        while chunk := content.read(_CHUNK):
            digest.update(chunk)
            made.write(chunk)
    return digest.hexdigest()


def _check_database(database: Path, file: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as db:
            sound = db.execute("PRAGMA integrity_check").fetchone()[0]
            schema = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise ConfigError(f"its database is not sound: {error}", file=str(file)) from error
    # An older schema is fine: the server upgrades it at its next start.
    if sound != "ok" or schema not in (*STEPS, SCHEMA):
        raise ConfigError(
            f"its database is not sound ({sound}), or has a schema ({schema}) that this forge does"
            " not know",
            file=str(file),
        )


def _check_repository(folder: Path, file: Path) -> None:
    """Check that every object that a branch needs is there. Settings and hooks are written anew,
    never taken from the file.
    """
    (folder / "refs").mkdir()
    (folder / "objects").mkdir(exist_ok=True)
    bare = BareRepository(folder)
    bare.write_settings()
    done = subprocess.run(
        [
            "git",
            "--git-dir",
            str(folder),
            "fsck",
            "--connectivity-only",
            "--no-dangling",
            "--no-progress",
        ],
        env=environment(),
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip().split("\n")[0]
        raise ConfigError(f"repository {folder.name} is not whole: {complaint}", file=str(file))
