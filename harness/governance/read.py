"""Governance from the three files' bytes: literate markdown in, values out, or an error with its place.

Always read at the base commit, where a change cannot write.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from stat import S_ISREG

from harness.domain.errors import GovernanceError
from harness.domain.facts import REGULAR, SYMLINK
from harness.domain.governance import (
    MISSION,
    RULES,
    ChangeDefault,
    Governance,
    Rule,
    ScopeDefault,
    ScopeEntry,
)
from harness.governance.documents import digest_of, documents_in, governing_files
from harness.governance.entries import rule_in, scope_entry_in
from harness.governance.law import BUILT_IN
from harness.governance.markdown import Page, page_of
from harness.governance.yamlblock import Value, read_block

SCHEMA = 1


def read_governance(files: Mapping[str, bytes]) -> Governance:
    """The law that these files state: the names found at the root, in any case, with their bytes.

    Raises GovernanceError naming file, line and key, what was expected, and the nearest known name.
    """
    documents = documents_in(files)
    pages = {document.name: page_of(document) for document in documents}
    fronts = {name: _front(page) for name, page in pages.items()}
    rules = tuple(rule_in(section, read_block(section.block, pages[RULES].document.file))
                  for section in pages[RULES].sections if section.block)
    scope = tuple(scope_entry_in(section, read_block(section.block, pages[MISSION].document.file))
                  for section in pages[MISSION].sections if section.block)
    _unique((*rules, *scope))
    change, asked = fronts[RULES].get("default"), fronts[MISSION].get("default")
    return Governance(
        documents=documents, rules=(*BUILT_IN, *rules), scope=scope, digest=digest_of(documents),
        change_default=change.choice(ChangeDefault) if change else ChangeDefault.ALLOW,
        scope_default=asked.choice(ScopeDefault) if asked else ScopeDefault.NEEDS_HUMAN,
    )


def governance_in(folder: Path) -> Governance:
    """The law as a working copy has it, for a person who is editing it. The factory itself reads the base commit."""
    modes = {path.name.encode("utf-8", "surrogateescape"): REGULAR if S_ISREG(path.lstat().st_mode) else SYMLINK
             for path in folder.iterdir() if not path.is_dir() or path.is_symlink()}
    return read_governance({name: (folder / name).read_bytes() for name in governing_files(modes).values()})


def _front(page: Page) -> Mapping[str, Value]:
    """The front matter's keys. A document that binds anything must state which schema it is written in."""
    file = page.document.file
    if page.front is None:
        bound = next((section for section in page.sections if section.block), None)
        if bound is not None:
            raise GovernanceError(f"a document with blocks begins with `---`, `schema: {SCHEMA}`, `---`",
                                  file=file, line=1)
        return {}
    known = ("schema", "default") if page.document.name in (RULES, MISSION) else ("schema",)
    given = read_block(page.front, file).fields(known, required=("schema",))
    if not given["schema"].is_whole or given["schema"].whole() != SCHEMA:
        given["schema"].expected(f"schema {SCHEMA}")
    return given


def _unique(found: Iterable[Rule | ScopeEntry]) -> None:
    seen: dict[str, Rule | ScopeEntry] = {}
    for entry in found:
        if entry.id in seen:
            first = seen[entry.id].source
            raise GovernanceError(f"{entry.id} is already stated at {first.file}:{first.line}", file=entry.source.file,
                                  line=entry.source.line, key="id")
        seen[entry.id] = entry
