"""Governance from the files' bytes: literate markdown in, values out, or an error with its place.

Always read at the base commit, where a change cannot write.

A nested file adds rules for what is below its folder. It may state an id again that a file above it
states, and then holds there in its stead, unless that rule is locked or built in; nothing else in
it has any say over what is above."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
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
from harness.governance.built_in import BUILT_IN
from harness.governance.documents import digest_of, documents_in, governing_files
from harness.governance.language.entries import rule_in, scope_entry_in
from harness.governance.language.markdown import Page, page_of
from harness.governance.language.yamlblock import Value, read_block
from harness.governance.paths import text_of

SCHEMA = 1


def read_governance(files: Mapping[str, bytes]) -> Governance:
    """The policy that these files state: the names found at the root, in any case, with their
    bytes.

    Raises GovernanceError naming file, line and key, what was expected, and the nearest known name.
    """
    documents = documents_in(files)
    pages = tuple(page_of(document) for document in documents)
    fronts = {page.document.name: _front(page) for page in pages}
    rules = _composed(
        rule_in(section, read_block(section.block, page.document.file), below=page.document.folder)
        for page in pages
        if page.document.kind == RULES
        for section in page.sections
        if section.block
    )
    scope = tuple(
        scope_entry_in(section, read_block(section.block, page.document.file))
        for page in pages
        if page.document.kind == MISSION
        for section in page.sections
        if section.block
    )
    entries = {entry.id for entry in scope}
    # A rule that a nested file states again keeps its id, so only an entry's id may clash with it.
    _unique((*scope, *(rule for rule in rules if not rule.below or rule.id in entries)))
    change, asked = fronts[RULES].get("default"), fronts[MISSION].get("default")
    owners = fronts[RULES].get("owners")
    return Governance(
        documents=documents,
        rules=(*BUILT_IN, *rules),
        scope=scope,
        digest=digest_of(documents),
        change_default=change.choice(ChangeDefault) if change else ChangeDefault.ALLOW,
        scope_default=asked.choice(ScopeDefault) if asked else ScopeDefault.NEEDS_HUMAN,
        owners=owners.texts() if owners else (),
    )


def governance_in(folder: Path, *, paths: Iterable[bytes] | None = None) -> Governance:
    """The policy as a working copy has it, for a person who is editing it. The factory itself reads
    the base commit.

    `paths` are the files that are the repository's, below `folder`; None means all that lie
    there."""
    there = (
        _files_in(folder)
        if paths is None
        else (*folder.iterdir(), *(folder / text_of(path) for path in paths))
    )
    modes = {
        str(path.relative_to(folder)).encode("utf-8", "surrogateescape"): _mode(path)
        # Symbolic links are listed too: a governing file that is one has to be refused, not
        # skipped.
        for path in there
        if path.is_symlink() or path.is_file()
    }
    return read_governance(
        {name: (folder / name).read_bytes() for name in governing_files(modes).values()}
    )


def _mode(path: Path) -> str:
    return REGULAR if S_ISREG(path.lstat().st_mode) else SYMLINK


def _files_in(folder: Path) -> Iterator[Path]:
    """Every file below, but for git's own, environments and installed packages: nobody commits
    those."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in (".git", "node_modules") and not (path / "pyvenv.cfg").exists():
                yield from _files_in(path)
        else:
            yield path


def _front(page: Page) -> Mapping[str, Value]:
    """The front matter's keys. A document that binds anything must state which schema it is written
    in."""
    file = page.document.file
    if page.front is None:
        bound = next((section for section in page.sections if section.block), None)
        if bound is not None:
            raise GovernanceError(
                f"a document with blocks begins with `---`, `schema: {SCHEMA}`, `---`",
                file=file,
                line=1,
            )
        return {}
    # a nested document has no default of its own
    known = {RULES: ("schema", "default", "owners"), MISSION: ("schema", "default")}.get(
        page.document.name, ("schema",)
    )
    given = read_block(page.front, file).fields(known, required=("schema",))
    if not given["schema"].is_whole or given["schema"].whole() != SCHEMA:
        given["schema"].expected(f"schema {SCHEMA}")
    return given


def _composed(found: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules of all files, each knowing where it holds. Files come from the root downwards.

    Raises GovernanceError where a nested file states again what stands beside it, or loosens what
    is locked."""
    rules: list[Rule] = []
    for rule in found:
        same = [at for at, other in enumerate(rules) if other.id == rule.id] if rule.below else []
        # The nearest file above decides: files come from the root downwards, so it is the last one.
        above = [at for at in same if rule.below.startswith(rules[at].below)]
        if above:
            rules[above[-1]] = _restated(rules[above[-1]], rule)
        elif same:
            other = rules[same[0]]
            raise GovernanceError(
                f"{rule.id} is already stated at {other.source.file}:{other.source.line}; only a"
                " file above this one may state it too",
                file=rule.source.file,
                line=rule.source.line,
                key="id",
            )
        rules.append(rule)
    return tuple(rules)


def _restated(above: Rule, rule: Rule) -> Rule:
    """The rule above, without the folder for which it is stated again."""
    where = f"{above.source.file}:{above.source.line}"
    if above.below == rule.below:
        message = f"{rule.id} is already stated at {where}"
    elif above.locked:
        message = (
            f"{rule.id} is locked at {where}, and no file below may state it again; give a rule of"
            " yours another id"
        )
    elif above.applies is not rule.applies:
        message = (
            f"{rule.id} is asked at `applies: {above.applies}` at {where}; a rule that is stated"
            " again is asked there too"
        )
    else:
        # The rule above no longer holds there, the one below does: nothing is asked twice.
        return replace(above, outside=(*above.outside, rule.below))
    raise GovernanceError(message, file=rule.source.file, line=rule.source.line, key="id")


def _unique(found: Iterable[Rule | ScopeEntry]) -> None:
    seen: dict[str, Rule | ScopeEntry] = {}
    for entry in found:
        if entry.id in seen:
            first = seen[entry.id].source
            raise GovernanceError(
                f"{entry.id} is already stated at {first.file}:{first.line}",
                file=entry.source.file,
                line=entry.source.line,
                key="id",
            )
        seen[entry.id] = entry
