"""Every side effect of this process, named right before it happens, as the interpreter, SQLite and
SQLAlchemy tell of themselves.

Nothing is patched: Python's own audit events tell of files, processes and what goes out over HTTP,
SQLite's trace and SQLAlchemy's events tell of what is about to be committed. Between two effects a
process only reads and thinks, so what it leaves when it dies right after one is what it leaves when
it dies right before the next: the points before each effect, and the end, are all there are."""

import hashlib
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

Tell = Callable[[str], None]
WRITING_GIT = frozenset(
    (
        "push",
        "update-ref",
        "fetch",
        "commit-tree",
        "merge-tree",
        "write-tree",
        "mktree",
        "hash-object",
        "init",
        "gc",
        "worktree",
        "checkout-index",
        "read-tree",
        "unpack-objects",
        "index-pack",
        "config",
        "replace",
        "branch",
        "tag",
        "symbolic-ref",
    )
)
_WRITES = re.compile(
    r"\s*(INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+\"?(?:\w+\"?\.)?\"?(\w+)", re.IGNORECASE
)
_BY_CHANCE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|\+[\d:]+)?|tmp[a-z0-9_]{8}|[0-9a-f]{12,}|\d{3,}"
)
"""What a name holds that is another the next time: a temporary name, a digest, a process, a
moment."""
_REPOSITORY = re.compile(r"/api/v3/repos/[^/]+/[^/]+")
DEEP = 4
"""How many folders a file's name is told with: trees that are written file by file count once for
each folder of theirs."""
_ENTRY = re.compile(
    r"INSERT INTO entries .*? VALUES \(\d+, '[^']*', '([^']*)', '((?:[^']|'')*)'", re.DOTALL
)
_KEYS = ("key", "workflow_uuid", "workflow_id", "id")


def tell_effects(tell: Tell, *, below: Path) -> None:
    """From now on `tell` is called with the name of each effect of this process before it happens.
    Files count below `below`."""
    files = _Files(below)
    sending: dict[int, str] = {}
    unheard: list[sqlite3.Connection] = []

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        for connection in tuple(unheard):
            # Told a moment before it can be traced; and another thread may have been quicker.
            with suppress(sqlite3.ProgrammingError, ValueError):
                connection.set_trace_callback(_entries(tell))
                unheard.remove(connection)
        match event:
            case "sqlite3.connect/handle":
                unheard.append(arguments[0])
                return
            case "subprocess.Popen":
                name = _process(arguments[1])
            case "http.client.send":
                name = _request(sending, id(arguments[0]), arguments[1])
            case "os.rename" | "os.mkdir" | "os.link" | "os.symlink":
                name = files.placed(event, arguments[0 if event == "os.mkdir" else 1])
            case "open":
                name = files.opened(arguments[0], arguments[2])
            case _:
                return
        if name:
            tell(name)

    sys.addaudithook(heard)
    _tell_rows(tell)


def _process(arguments: Sequence[Any]) -> str:
    words = [os.fsdecode(word) for word in arguments]
    named = [
        Path(word).name if "/" in word and "refs/" not in word else word
        for word in words
        if not word.startswith("-")
    ]
    if "git" not in named[:2]:
        return f"process {_BY_CHANCE.sub('*', ' '.join(named[:4]))}"
    command = next((word for word in named if word in WRITING_GIT), "")
    refs = sorted(word for word in named if "refs/" in word)
    return command and f"git {_BY_CHANCE.sub('*', ' '.join((command, *refs)))}"


def _request(sending: dict[int, str], connection: int, data: object) -> str:
    """A request is told of when its body goes out: one that ends before that is not carried out."""
    if not isinstance(data, bytes):
        return ""
    line = data.split(b"\r\n", 1)[0].decode("latin-1")
    if line.endswith(" HTTP/1.1"):
        method, path = _REPOSITORY.sub("", line).split(" ")[:2]
        sending[connection] = f"forge {method} {path}" if method in ("POST", "PATCH", "PUT") else ""
        return f"forge {method} {path}" if method == "DELETE" else ""
    if asked := sending.pop(connection, ""):
        return f"{asked} {hashlib.sha256(data).hexdigest()[:8]}"
    return ""


def _entries(tell: Tell) -> Callable[[str], None]:
    """The ledger speaks to SQLite itself: what one connection adds to it is told before it is
    committed."""
    added: list[str] = []

    def traced(statement: str) -> None:
        if entry := _ENTRY.match(statement):
            added.append(f"entries {entry[1]} {_BY_CHANCE.sub('*', entry[2])}")
        elif statement in ("COMMIT", "ROLLBACK"):
            rows = sorted(set(added))
            added.clear()
            if rows and statement == "COMMIT":
                tell(f"rows {', '.join(rows)}")

    return traced


def _tell_rows(tell: Tell) -> None:
    written: dict[int, list[str]] = {}

    def executing(
        connection: sa.Connection,
        _cursor: object,
        statement: str,
        _raw: object,
        context: Any,
        _many: bool,
    ) -> None:
        if found := _WRITES.match(statement):
            named = (
                context.compiled_parameters[0] if context and context.compiled_parameters else {}
            )
            told = " ".join(filter(None, (found[2], _key(named))))
            written.setdefault(id(connection.connection.dbapi_connection), []).append(told)

    def committing(connection: sa.Connection) -> None:
        rows = written.pop(id(connection.connection.dbapi_connection), [])
        if rows:
            tell(f"rows {', '.join(sorted(set(rows)))}")

    def rolled_back(connection: sa.Connection) -> None:
        written.pop(id(connection.connection.dbapi_connection), None)

    sa.event.listen(sa.Engine, "before_cursor_execute", executing)
    sa.event.listen(sa.Engine, "commit", committing)
    sa.event.listen(sa.Engine, "rollback", rolled_back)


def _key(named: Mapping[str, Any]) -> str:
    found = next(
        (str(value) for name in _KEYS for told, value in named.items() if told == name and value),
        "",
    )
    return _BY_CHANCE.sub("*", found)


class _Files:
    """Names of files below a folder, without what chance gave them. What SQLite does is told as
    rows."""

    def __init__(self, below: Path) -> None:
        self._below = os.fspath(below) + os.sep

    def placed(self, event: str, path: object) -> str:
        """A file or folder that gets its name."""
        name = "/".join(Path(self._name(path)).parts[:DEEP])
        return name and f"{event.removeprefix('os.')} {name}"

    def opened(self, path: object, flags: object) -> str:
        """A file that is opened to be written. A draft counts when it gets its name; a log may say
        anything at any time."""
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
            return ""
        place = Path(self._name(path))
        is_told = (
            place.suffix not in (".log", ".lock", ".db", ".new")
            and not place.name.startswith(".")
            and place.name != "lock"
        )
        return f"write {Path(*place.parts[:DEEP])}" if place.name and is_told else ""

    def _name(self, path: object) -> str:
        if not isinstance(path, (str, bytes)):
            return ""
        text = os.path.abspath(os.fsdecode(path))
        return (
            _BY_CHANCE.sub("*", text.removeprefix(self._below))
            if text.startswith(self._below)
            else ""
        )
