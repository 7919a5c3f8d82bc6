"""The `given:` of a case: facts in shorthand, so that an example is one line. What is not given stays UNKNOWN."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.domain.facts import (
    GITLINK,
    NO_FILE,
    REGULAR,
    ChangeFacts,
    ChangeKind,
    CheckFact,
    DependencyChange,
    DependencyMove,
    FileChange,
    JourneyFacts,
    Origin,
    SecretFound,
    TestFacts,
)
from harness.governance.yamlblock import Value

_FILE_KEYS = ("changed_lines", "files", "file_bytes", "modes", "deleted", "binary")


def facts_given(value: Value) -> ChangeFacts:
    """The facts that a case states. Raises GovernanceError on a key or value that is no fact."""
    given = value.fields((*_FILE_KEYS, *_READERS))
    facts = {name: read(given[name]) for name, read in _READERS.items() if name in given}
    if any(name in given for name in _FILE_KEYS):
        facts["files"] = _files({name: given[name] for name in _FILE_KEYS if name in given})
    return ChangeFacts(**facts)


def _files(given: dict[str, Value]) -> tuple[FileChange, ...]:
    """Files from `files:` (paths, or how many), `modes:`, `deleted:` and `binary:`; the first carries all lines."""
    changes = [_file(path) for path in _paths(given.get("files"))]
    changes += [replace(_file(path), new_mode=mode.text(), binary=mode.text() == GITLINK)
                for path, mode in (given["modes"].mapping() if "modes" in given else {}).items()]
    changes += [replace(_file(path), kind=ChangeKind.DELETED, old_mode=REGULAR, new_mode=NO_FILE, new_oid=None)
                for path in (given["deleted"].texts() if "deleted" in given else ())]
    changes += [replace(_file(path), added=None, deleted=None, binary=True)
                for path in (given["binary"].texts() if "binary" in given else ())]
    first = changes[0] if changes else _file("file")
    if "changed_lines" in given:
        first = replace(first, added=given["changed_lines"].whole(), deleted=0)
    if "file_bytes" in given:
        first = replace(first, size=given["file_bytes"].whole())
    touched = changes or {"changed_lines", "file_bytes"} & set(given)
    return (first, *changes[1:]) if touched else ()


def _paths(value: Value | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(f"file-{number}" for number in range(value.whole())) if value.is_whole else value.texts()


def _file(path: str) -> FileChange:
    return FileChange(path=path.encode(), kind=ChangeKind.ADDED, old_mode=NO_FILE, new_mode=REGULAR, old_oid=None,
                      new_oid="0" * 40, added=0, deleted=0)


def _dependencies(value: Value) -> tuple[DependencyChange, ...]:
    """`{flask: added, left-pad: git}`: a move, or the origin of something added."""
    found = []
    for name, word in value.mapping().items():
        said = word.word([*DependencyMove, *(origin for origin in Origin if origin is not Origin.REGISTRY)])
        move = DependencyMove(said) if said in list(DependencyMove) else DependencyMove.ADDED
        origin = Origin.REGISTRY if said in list(DependencyMove) else Origin(said)
        found.append(DependencyChange(b"requirements.txt", "python", name, move, "", "", origin))
    return tuple(found)


def _tests(value: Value) -> TestFacts:
    given = {name: frozenset(ids.texts()) for name, ids in value.fields(("base", "candidate", "skipped")).items()}
    nothing: frozenset[str] = frozenset()
    return TestFacts(base=given.get("base", nothing), candidate=given.get("candidate", nothing),
                     candidate_skipped=given.get("skipped", nothing))


def _journeys(value: Value) -> JourneyFacts:
    names = ("sealed", "executed", "passed")
    given = value.fields(names, required=names)
    return JourneyFacts(*(given[name].whole() for name in names))


def _checks(value: Value) -> tuple[CheckFact, ...]:
    return tuple(CheckFact(name, conclusion.text()) for name, conclusion in value.mapping().items())


def _secrets(value: Value) -> tuple[SecretFound, ...]:
    return tuple(SecretFound(path.encode(), 1, "given", "…") for path in value.texts())


_READERS: dict[str, Callable[[Value], Any]] = {
    "attempts": Value.whole,
    "author": Value.text,
    "author_ages": lambda value: value.listed(Value.whole),
    "checks": _checks,
    "dependencies": _dependencies,
    "journeys": _journeys,
    "kind": Value.text,
    "labels": lambda value: frozenset(value.texts()),
    "secrets": _secrets,
    "spend_usd": Value.money,
    "tests": _tests,
}
