"""The index of the files of one tree, on disk: words for BM25 (SQLite's FTS5), definitions,
imports.

Properties:

- The index of a tree is the same whichever tree it held before.
- A second question on a tree reads no file of it.
- From one tree to the next only the differences are read.
- Memory is bounded by one batch.
- It is a cache: when it cannot be read, it is built again.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.context.imports import named_files, stem_of, stems_in
from harness.context.words import counted
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.plain import JsonObject
from harness.ports.git import Contents, TreeFile
from harness.programs.context_indexer.grammars import language_of

SCHEMA = 1
BATCH_BYTES, BATCH_FILES = 3 * 1024 * 1024, 500
# Bytes of a file that is read. Of a larger one only the name counts.
LARGEST = 256 * 1024
# Bytes. People write no longer lines.
LONGEST_LINE = 5_000
WORDS_A_FILE = 6_000
# How long to wait for another run that indexes the same repository.
WAIT_SECONDS = 900
# The weight of a word in the path, in a definition, in the text.
WEIGHTS = (6.0, 4.0, 1.0)
_HITS = (
    f"SELECT files.path, ROUND(-BM25(texts, {', '.join(map(str, WEIGHTS))}), 6) AS score"  # noqa: S608
    " FROM texts JOIN files ON files.id = texts.rowid WHERE texts MATCH ?"
    " ORDER BY score DESC, files.path LIMIT ?"
)

Outlines = Callable[[Sequence[tuple[str, str]]], Sequence[JsonObject]]
"""From (path, text) of several files to {definitions, imports} of each."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition in a file; lines count from 1."""

    kind: str
    name: str
    line: int
    end: int
    signature: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A file and its score for the question; larger is better."""

    path: str
    score: float


class Index:
    """An index that holds exactly one tree, for as long as its transaction lasts."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        self._rows = rows

    def hits(self, query: str, *, most: int) -> tuple[Hit, ...]:
        """The files that share words with the query, best first; with the same score, by path."""
        if not query:
            return ()
        found = self._rows.execute(
            _HITS,
            (query, most),
        )
        return tuple(Hit(path, score) for path, score in found)

    def named(self, name: str) -> tuple[str, ...]:
        """The paths of the files with this name, sorted."""
        return tuple(
            path
            for (path,) in self._rows.execute(
                "SELECT path FROM files WHERE name = ? ORDER BY path", (name,)
            )
        )

    def at_stem(self, stem: str) -> tuple[str, ...]:
        """The paths of the files with a grammar and this stem: the file's own, or its folder's."""
        return tuple(
            path
            for (path,) in self._rows.execute(
                "SELECT path FROM files WHERE stem = ? ORDER BY path", (stem,)
            )
        )

    def importers(self, stem: str, *, most: int) -> tuple[tuple[str, str], ...]:
        """The files that may import this stem, each with the import as it is written."""
        found = self._rows.execute(
            "SELECT path, written FROM imports JOIN files ON files.id = imports.file WHERE "
            "imports.stem = ? ORDER BY path, written LIMIT ?",
            (stem, most),
        )
        return tuple(found)

    def imports(self, path: str) -> tuple[str, ...]:
        """The imports of a file, as they are written."""
        return tuple(self._outline(path).get("imports", ()))

    def definitions(self, path: str) -> tuple[Definition, ...]:
        """The definitions of a file, in its order."""
        return tuple(
            Definition(*one) for one in _in_fields(self._outline(path).get("definitions", ()))
        )

    def oid(self, path: str) -> str:
        """The git object of a file's content."""
        return str(
            self._rows.execute("SELECT oid FROM files WHERE path = ?", (path,)).fetchone()[0]
        )

    def size(self) -> int:
        """How many files there are."""
        return int(self._rows.execute("SELECT COUNT(*) FROM files").fetchone()[0])

    def _outline(self, path: str) -> JsonObject:
        found = self._rows.execute("SELECT outline FROM files WHERE path = ?", (path,)).fetchone()
        return dict(json.loads(found[0])) if found else {}


def _in_fields(outline: Iterable[Any]) -> Iterator[tuple[str, str, int, int, str]]:
    """The valid definitions of a parser's output. The parser has read untrusted files."""
    for one in outline:
        match one:
            case [str(kind), str(name), int(line), int(end), str(signature)] if 0 < line <= end:
                yield kind, name, line, end, signature


@contextmanager
def index_of(
    file: Path, contents: Contents, commit: CommitSha, *, outlines: Outlines
) -> Iterator[Index]:
    """The index at `file`, updated to the commit's tree. Others who want it wait until the block
    ends.

    Raises GitError when the commit cannot be read, sqlite3.Error and OSError when the disk fails.
    """
    tree = contents.tree_of(commit)
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(_opened(file)) as rows:
        rows.execute("BEGIN IMMEDIATE")
        if rows.execute("SELECT value FROM about WHERE name = 'tree'").fetchone() != (tree,):
            _update_to(rows, contents, tree, outlines)
        yield Index(rows)
        rows.execute("COMMIT")


def _opened(file: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None)
    # It is a cache: what a power cut destroys is built again.
    rows.execute("PRAGMA synchronous = OFF")
    rows.execute("BEGIN IMMEDIATE")
    if rows.execute("PRAGMA user_version").fetchone() != (SCHEMA,):
        for table in ("about", "files", "texts", "imports"):
            rows.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in _TABLES:
            rows.execute(statement)
        rows.execute(f"PRAGMA user_version = {SCHEMA}")
    rows.execute("COMMIT")
    return rows


_TABLES = (
    "CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT)",
    (
        "CREATE TABLE files (id INTEGER PRIMARY KEY, path TEXT UNIQUE, oid TEXT, name TEXT, stem"
        " TEXT, outline TEXT)"
    ),
    "CREATE INDEX files_by_name ON files (name)",
    "CREATE INDEX files_by_stem ON files (stem)",
    "CREATE TABLE imports (file INTEGER, stem TEXT, written TEXT)",
    "CREATE INDEX imports_by_stem ON imports (stem)",
    "CREATE INDEX imports_by_file ON imports (file)",
    "CREATE VIRTUAL TABLE texts USING fts5 (path, defines, body, tokenize = 'porter unicode61')",
)


def _update_to(
    rows: sqlite3.Connection, contents: Contents, tree: TreeSha, outlines: Outlines
) -> None:
    """Delete what differs from the tree, and read what the index lacks."""
    wanted = {
        path: entry for entry in contents.entries(tree) if (path := _readable(entry)) is not None
    }
    existing: dict[str, tuple[int, str]] = {
        path: (file, oid) for file, path, oid in rows.execute("SELECT id, path, oid FROM files")
    }
    gone = [
        (file,)
        for path, (file, oid) in existing.items()
        if path not in wanted or wanted[path].oid != oid
    ]
    for table, column in (("texts", "rowid"), ("imports", "file"), ("files", "id")):
        rows.executemany(f"DELETE FROM {table} WHERE {column} = ?", gone)  # noqa: S608
    fresh = [
        (path, entry)
        for path, entry in wanted.items()
        if path not in existing or existing[path][1] != entry.oid
    ]
    for batch in _batches(fresh):
        _index_batch(rows, contents, batch, outlines)
    rows.execute("INSERT OR REPLACE INTO about VALUES ('tree', ?)", (tree,))


def _readable(entry: TreeFile) -> str | None:
    """The path of a regular file with a readable name; None for anything else."""
    try:
        return entry.path.decode("utf-8") if entry.mode.startswith("100") else None
    except UnicodeDecodeError:
        return None


def _batches(files: Iterable[tuple[str, TreeFile]]) -> Iterator[list[tuple[str, TreeFile]]]:
    batch: list[tuple[str, TreeFile]] = []
    size = 0
    for path, entry in files:
        if batch and (size + _read_size(entry) > BATCH_BYTES or len(batch) >= BATCH_FILES):
            yield batch
            batch, size = [], 0
        batch.append((path, entry))
        size += _read_size(entry)
    if batch:
        yield batch


def _read_size(entry: TreeFile) -> int:
    return entry.size if entry.size <= LARGEST else 0


def _index_batch(
    rows: sqlite3.Connection,
    contents: Contents,
    batch: Sequence[tuple[str, TreeFile]],
    outlines: Outlines,
) -> None:
    """Read the files of one batch, have them outlined, and store the results."""
    small = [entry.oid for _, entry in batch if entry.size <= LARGEST]
    found = dict(zip(small, contents.blobs(small), strict=True))
    texts = {
        path: text
        for path, entry in batch
        if (text := text_of(found.get(entry.oid, b""))) is not None
    }
    parsed = [(path, text) for path, text in texts.items() if language_of(path)]
    outlined = (
        dict(zip((path for path, _ in parsed), outlines(parsed), strict=True)) if parsed else {}
    )
    for path, entry in batch:
        outline = _with_named_files(outlined.get(path, {}), texts.get(path, ""))
        file = rows.execute(
            "INSERT INTO files (path, oid, name, stem, outline) VALUES (?, ?, ?, ?, ?)",
            (path, entry.oid, path.rpartition("/")[2], stem_of(path), json.dumps(outline)),
        ).lastrowid
        names = " ".join(name for _, name, *_ in _in_fields(outline.get("definitions", ())))
        rows.execute(
            "INSERT INTO texts (rowid, path, defines, body) VALUES (?, ?, ?, ?)",
            (
                file,
                counted(path, most=WORDS_A_FILE),
                counted(names, most=WORDS_A_FILE),
                counted(texts.get(path, ""), most=WORDS_A_FILE),
            ),
        )
        rows.executemany(
            "INSERT INTO imports VALUES (?, ?, ?)",
            (
                (file, stem, written)
                for written in outline.get("imports", ())
                for stem in stems_in(written)
            ),
        )


def _with_named_files(outline: JsonObject, text: str) -> JsonObject:
    """An outline with the files that the text names among its imports."""
    return {**outline, "imports": [*outline.get("imports", ()), *named_files(text)]}


def text_of(content: bytes) -> str | None:
    """A file as text; None when no person wrote it: binary, or with endless lines."""
    if b"\0" in content[:8192] or max(map(len, content.split(b"\n"))) > LONGEST_LINE:
        return None
    return content.decode("utf-8", "replace")
