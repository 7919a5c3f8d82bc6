"""`harness.ports.repository_context.RepositoryContexts` over the trusted repository, with an index
on disk per repository."""

import sqlite3
from pathlib import Path

from pathspec import GitIgnoreSpec

from harness.context.index import LARGEST, Index, Outlines, index_of, text_of
from harness.context.ranking import ranked
from harness.context.writing import SearchResult, written
from harness.domain.errors import SandboxError
from harness.domain.repository_context import ContextRequest, RepositoryContext
from harness.ports.git import Contents

INDEX = "index.sqlite"


class IndexedContexts:
    """Contexts of one repository. `folder` has its index, a cache that may be deleted at any
    time."""

    def __init__(self, contents: Contents, folder: Path, *, outlines: Outlines) -> None:
        self._contents, self._file, self._outlines = contents, folder / INDEX, outlines

    def context(self, request: ContextRequest) -> RepositoryContext:
        """The same commit and request give the same bytes. Raises GitError when the commit
        cannot be read."""
        try:
            return self._context(request)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                return self._without(request, str(error))
            # The index is a cache, so a corrupt one is built again.
            self._file.unlink(missing_ok=True)
        except (OSError, SandboxError) as error:
            return self._without(request, str(error))
        try:
            return self._context(request)
        except (sqlite3.Error, OSError, SandboxError) as error:
            return self._without(request, str(error))

    def _context(self, request: ContextRequest) -> RepositoryContext:
        tests = GitIgnoreSpec.from_lines(request.tests)
        with index_of(self._file, self._contents, request.base, outlines=self._outlines) as index:
            order = ranked(index, request.heading, request.question, is_test=tests.match_file)
            found = SearchResult(self._contents.tree_of(request.base), order, index.size())
            return written(
                request, found, read=lambda path: self._read(index, path), defines=index.definitions
            )

    def _read(self, index: Index, path: str) -> str | None:
        content = next(iter(self._contents.blobs([index.oid(path)])))
        return text_of(content) if len(content) <= LARGEST else None

    def _without(self, request: ContextRequest, why: str) -> RepositoryContext:
        found = SearchResult(
            self._contents.tree_of(request.base),
            fault=f"the repository could not be read for it: {why}",
        )
        return written(request, found, read=lambda path: None, defines=lambda path: ())
