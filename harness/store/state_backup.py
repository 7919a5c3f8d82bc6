"""A backup of a home's state, encrypted, in the database of its ledger: for moving between
machines.

Properties:
- The database sees no byte and no name of it: AES-256-GCM, under a key that is never stored there.
  Contents are named by a keyed hash. Equal contents are stored once, so a backup costs what
  changed.
- The list and every content that it names are written in one transaction, all or nothing.
- Each list follows the one that this home last read or wrote; otherwise nothing is written. A home
  that was overtaken changes nothing.
- Each list is recorded in the ledger. When it is fetched, an older list or one of another ledger is
  refused, by entries that this home's key has signed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harness.domain.errors import LedgerError
from harness.domain.events import StateSealed
from harness.domain.ledger import Entry
from harness.domain.plain import JsonObject
from harness.store.database import database_errors, postgres_engine
from harness.store.files import replace
from harness.store.ledger.sqlite import SqlLedger, ledger_errors
from harness.store.state_key import StateKey, derived

KIND = "carried"
_PUBLIC = "keys/ledger.pub"
PART_BYTES = 8 * 1024 * 1024
"""A content is stored in parts of this size."""
LIST_BYTES = 64 * 1024 * 1024
"""A list of half a million files. What is larger is never read: who holds the database wrote it."""

_NONCE_BYTES, _TAG_BYTES = 12, 16
_STATEMENTS = (
    (
        "CREATE TABLE IF NOT EXISTS carried_list (one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),"
        " generation BIGINT NOT NULL, sealed BYTEA NOT NULL)"
    ),
    "CREATE TABLE IF NOT EXISTS carried_parts (name TEXT PRIMARY KEY, sealed BYTEA NOT NULL)",
)
_HAS_LIST = sa.text("SELECT to_regclass('carried_list') IS NOT NULL")
_LIST = sa.text(
    "SELECT generation, CASE WHEN octet_length(sealed) <= :most THEN sealed END AS sealed"
    " FROM carried_list"
)
_FIRST_LIST = sa.text(
    "INSERT INTO carried_list (generation, sealed) VALUES (:generation, :sealed) ON CONFLICT (one)"
    " DO NOTHING"
)
_NEXT_LIST = sa.text(
    "UPDATE carried_list SET generation = :generation, sealed = :sealed WHERE generation = :before"
)
_KNOWN = sa.text("SELECT name FROM carried_parts")
_PART = sa.text(
    "SELECT sealed FROM carried_parts WHERE name = :name AND octet_length(sealed) <= :most"
)
_ADD_PART = sa.text(
    "INSERT INTO carried_parts (name, sealed) VALUES (:name, :sealed) ON CONFLICT (name) DO NOTHING"
)
_DROP_PARTS = sa.text("DELETE FROM carried_parts WHERE name <> ALL(:names)")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file: its mode, and the names of its parts in order. `mark` shows whether the local file
    has changed."""

    mode: int
    parts: tuple[str, ...]
    mark: tuple[int, int, int]


class StateBackup:
    """The files at `places` below `home`, except those `left_out`, in the database at `address`,
    encrypted with `key` (an age identity, or 64 hexadecimal digits).

    Raises ConfigError for an invalid key, and LedgerError if the database does not answer or has
    unexpected content.
    """

    def __init__(
        self,
        home: Path,
        address: str,
        key: str,
        *,
        places: tuple[str, ...],
        left_out: tuple[str, ...],
        ledger: Callable[[], SqlLedger],
    ) -> None:
        self._home, self._places, self._ledger = home, places, ledger
        self._left_out = frozenset(home / path for path in left_out)
        self._engine = postgres_engine(address)
        self._seal = _Cipher(key)
        self._files: dict[str, StoredFile] = {}
        self._generation, self._left_over = self._marked(), False
        self._lock = threading.Lock()

    def fetch(self) -> bool:
        """Restore the last backup, unless the home equals it already. Returns whether there is a
        backup."""
        with (
            ledger_errors("the home's backup could not be fetched"),
            database_errors(),
            self._engine.connect() as connection,
        ):
            found = (
                connection.execute(_LIST, {"most": LIST_BYTES}).one_or_none()
                if connection.execute(_HAS_LIST).scalar()
                else None
            )
            if found is None:
                return False
            if found.generation != self._generation:
                listed = self._opened(found)
                self._verify(connection, found, listed)
                self._unpack(connection, listed)
                self._mark(found.generation)
                self._files = dict(self._packed())
            return True

    def keep(self, *, all_is_over: bool = False) -> None:
        """Back up what changed. With `all_is_over`, contents that no list names any more are
        deleted."""
        with self._lock:
            # Creates the ledger's key, so that the first backup contains it.
            if self._generation == 0:
                self._ledger().append(StateSealed(0, ""), f"{KIND}/0")
            files = dict(self._packed())
            if files != self._files or (all_is_over and self._left_over):
                self._write(files, self._found(stat.S_ISDIR), all_is_over=all_is_over)

    def close(self) -> None:
        self._engine.dispose()

    def _packed(self) -> Iterator[tuple[str, StoredFile]]:
        for path in sorted(self._found(stat.S_ISREG)):
            before = self._files.get(path)
            try:
                facts = (self._home / path).lstat()
                mark = (facts.st_size, facts.st_mtime_ns, stat.S_IMODE(facts.st_mode))
                if before is None or before.mark != mark:
                    before = StoredFile(
                        mark[2], tuple(self._seal.name(part) for part in self._parts(path)), mark
                    )
                yield path, before
            except FileNotFoundError:
                # Deleted since the folder was listed.
                continue

    def _write(
        self, files: Mapping[str, StoredFile], folders: Mapping[str, int], *, all_is_over: bool
    ) -> None:
        generation = self._generation + 1
        listed = {
            "files": {path: [held.mode, held.parts] for path, held in files.items()},
            "folders": sorted(folders.items()),
        }
        sealed = self._seal.closed(json.dumps(listed).encode(), _list_name(generation))
        if len(sealed) > LIST_BYTES:
            raise LedgerError(
                f"the list of this home's {len(files)} files is larger than {LIST_BYTES >> 20} MiB,"
                " so they are not backed up; remove what is not needed"
            )
        with (
            ledger_errors("the home could not be backed up"),
            database_errors(),
            self._engine.begin() as connection,
        ):
            for statement in _STATEMENTS:
                connection.execute(sa.text(statement))
            self._add_parts(connection, files)
            row = {"generation": generation, "sealed": sealed, "before": self._generation}
            # Compare-and-swap on the generation: no row changes if another factory was faster.
            next_list = _NEXT_LIST if self._generation else _FIRST_LIST
            if connection.execute(next_list, row).rowcount != 1:
                raise LedgerError(
                    "another factory has backed up this home meanwhile; `factory home fetch` brings"
                    " its backup"
                )
            if all_is_over:
                connection.execute(
                    _DROP_PARTS, {"names": [part for held in files.values() for part in held.parts]}
                )
        self._files, self._left_over = dict(files), not all_is_over
        self._mark(generation)
        wanted = StateSealed(generation, _digest(sealed))
        # One that is there already was of a newer state than this home had fetched.
        if self._ledger().append(wanted, f"{KIND}/{generation}").data["list"] != wanted.list:
            raise LedgerError(
                f"the ledger has another list {generation} of this home's backup: the database"
                " showed an older state; `factory home fetch` brings the newer one"
            )

    def _add_parts(self, connection: sa.Connection, files: Mapping[str, StoredFile]) -> None:
        there = {row.name for row in connection.execute(_KNOWN)}
        for path, held in files.items():
            if not there.issuperset(held.parts):
                for part in self._parts(path):
                    name = self._seal.name(part)
                    connection.execute(
                        _ADD_PART, {"name": name, "sealed": self._seal.closed(part, name)}
                    )
                    there.add(name)
                if not there.issuperset(held.parts):
                    raise LedgerError(
                        f"{path} changed during the backup; the next backup has it",
                        retryable=True,
                    )

    def _opened(self, found: Any) -> JsonObject:
        """The list, if the ledger's entries have no newer one. They are not verified yet: the key
        may be in the list."""
        if found.sealed is None:
            raise LedgerError(
                f"the list of this home's backup is larger than {LIST_BYTES >> 20} MiB, so the"
                " database has something else there; restore the database from a copy"
            )
        sealed = bytes(found.sealed)
        listed = json.loads(self._seal.opened(sealed, _list_name(found.generation)))
        recorded = self._ledger().entries(kind=KIND)
        _refuse_another(found, recorded[-1] if recorded else None)
        return dict(listed)

    def _verify(self, connection: sa.Connection, found: Any, listed: JsonObject) -> None:
        """The same against what this home's key has signed. A new machine has it from the list."""
        if _PUBLIC in listed["files"] and not (self._home / _PUBLIC).exists():
            self._restore(connection, listed, _PUBLIC)
        _refuse_another(found, self._ledger().last_of(KIND))

    def _restore(self, connection: sa.Connection, listed: JsonObject, path: str) -> None:
        mode, parts = listed["files"][path]
        content = b"".join(self._part(connection, name) for name in parts)
        self._place(path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._place(path).unlink(missing_ok=True)
        replace(self._place(path), content, mode=mode)

    def _unpack(self, connection: sa.Connection, listed: JsonObject) -> None:
        """The home's document is written last, so a home without one is known to be unfinished."""
        # Files of ours that the list lacks were deleted by the home that wrote it.
        for path in set(self._found(stat.S_ISREG)) - listed["files"].keys():
            (self._home / path).unlink()
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, mode in listed["folders"]:
            folder = self._place(path)
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(mode)
        for path in sorted(listed["files"], key=lambda path: (path == "home.json", path)):
            self._restore(connection, listed, path)

    def _part(self, connection: sa.Connection, name: str) -> bytes:
        most = _NONCE_BYTES + PART_BYTES + _TAG_BYTES
        sealed = connection.execute(_PART, {"name": name, "most": most}).scalar()
        if sealed is None:
            raise LedgerError(
                "a part of this home's backup is missing in the database, or too large for one;"
                " restore the database from a copy"
            )
        return self._seal.opened(bytes(sealed), name)

    def _place(self, path: str) -> Path:
        """Where a path belongs. Our own list named it, and still it must be below the home."""
        parts = PurePosixPath(path).parts
        if (
            not parts
            or parts[0] not in self._places
            or ".." in parts
            or PurePosixPath(path).is_absolute()
        ):
            raise LedgerError(
                f"the list of this home's backup names {path[:80]!r}, which does not belong to it"
            )
        return self._home / path

    def _parts(self, path: str) -> Iterator[bytes]:
        with (self._home / path).open("rb") as file:
            while part := file.read(PART_BYTES):
                yield part

    def _found(self, is_kind: Callable[[int], bool]) -> dict[str, int]:
        """The mode of each, by its path."""
        found = dict[str, int]()
        for path in self._walked():
            try:
                mode = path.lstat().st_mode
            except FileNotFoundError:
                # Deleted since the folder was listed.
                continue
            if is_kind(mode) and not path.name.endswith((".lock", ".sock", ".new")):
                found[path.relative_to(self._home).as_posix()] = stat.S_IMODE(mode)
        return found

    def _walked(self) -> Iterator[Path]:
        for name in self._places:
            top = self._home / name
            if top.is_symlink() or not top.exists():
                continue
            yield top
            for folder, folders, names in os.walk(top):
                yield from (
                    path
                    for path in (Path(folder, name) for name in (*folders, *names))
                    if path not in self._left_out
                )

    def _marked(self) -> int:
        try:
            return int((self._home / ".carried").read_text("ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def _mark(self, generation: int) -> None:
        self._generation = generation
        replace(self._home / ".carried", f"{generation}\n".encode(), mode=0o600)


class _Cipher:
    """Encryption and names under one key. Raises ConfigError for an invalid key."""

    def __init__(self, key: str) -> None:
        # Keys of 64 hexadecimal digits are older than the identities of age, and still open homes.
        is_older = re.fullmatch(r"\s*[0-9a-fA-F]{64}\s*", key) is not None
        raw = bytes.fromhex(key.strip()) if is_older else StateKey(key).secret(b"database")
        self._cipher = AESGCM(derived(raw, b"contents"))
        self._names = derived(raw, b"names")

    def name(self, content: bytes) -> str:
        return hmac.new(self._names, content, hashlib.sha256).hexdigest()

    def closed(self, content: bytes, name: str) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content, name.encode())

    def opened(self, sealed: bytes, name: str) -> bytes:
        """The content. Raises LedgerError if it was not encrypted with this key and this name."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise LedgerError(
                "this home's backup cannot be decrypted: FACTORY_HOME_KEY is another one, or the"
                " database was changed"
            ) from None


def _refuse_another(found: Any, recorded: Entry | None) -> None:
    """The list must be the last one in the ledger or its successor: a kill may come before the
    ledger's entry. Raises LedgerError."""
    last: JsonObject = recorded.data if recorded else {"generation": 0, "list": ""}
    follows = found.generation == last["generation"] + 1
    if not follows and (found.generation, _digest(bytes(found.sealed))) != (
        last["generation"],
        last["list"],
    ):
        raise LedgerError(
            f"the database has list {found.generation} of this home's backup, and the ledger"
            f" has list {last['generation']}: one of them was restored from an older copy"
        )


def _list_name(generation: int) -> str:
    return f"list {generation}"


def _digest(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()
