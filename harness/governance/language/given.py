"""The `given:` of a case: facts in shorthand, so that an example is one line. What is not given
stays UNKNOWN."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.domain.facts import (
    GITLINK,
    NO_FILE,
    REGULAR,
    UNKNOWN,
    AddedContent,
    AddedTest,
    ApiFacts,
    ApiLoss,
    AreaTrust,
    ChangeFacts,
    ChangeKind,
    CheckFact,
    DependencyChange,
    DependencyMove,
    FileChange,
    JourneyFacts,
    OnBase,
    Origin,
    ScriptFact,
    SecretFound,
    TestFacts,
)
from harness.domain.trust import Basis, Level
from harness.governance.language.yamlblock import Value

MOST_FILES = 10_000
"""Files of one example: a change of more is not read at all."""
_FILE_KEYS = (
    "changed_lines",
    "added_lines",
    "deleted_lines",
    "files",
    "modified",
    "file_bytes",
    "modes",
    "deleted",
    "binary",
    "added_text",
)


def facts_given(value: Value, *, below: str = "") -> ChangeFacts:
    """The facts that a case states. What it does not name stands below the folder `below`, where
    the rule looks.

    Raises GovernanceError on a key or value that is no fact."""
    given = value.fields((*_FILE_KEYS, "dependencies", *_READERS))
    facts = {name: read(given[name]) for name, read in _READERS.items() if name in given}
    if any(name in given for name in _FILE_KEYS):
        facts["files"] = _files({name: given[name] for name in _FILE_KEYS if name in given}, below)
    if "added_text" in given:
        facts["added"] = tuple(
            AddedContent(path.encode(), text.text().encode())
            for path, text in given["added_text"].mapping().items()
        )
    if "dependencies" in given:
        facts["dependencies"] = _dependencies(given["dependencies"], f"{below}requirements.txt")
    return ChangeFacts(**facts)


def _files(given: dict[str, Value], below: str) -> tuple[FileChange, ...]:
    """Files by what is said of them: `files:` (paths, or how many), `modified:` and so on; the
    first has all the lines."""
    changes = [_file(path) for path in _paths(given.get("files"), below)]
    changes += [
        replace(_file(path), kind=ChangeKind.MODIFIED, old_mode=REGULAR, old_oid="1" * 40)
        for path in _texts(given, "modified")
    ]
    changes += [
        replace(_file(path), new_mode=mode.text(), binary=mode.text() == GITLINK)
        for path, mode in (given["modes"].mapping() if "modes" in given else {}).items()
    ]
    changes += [
        replace(
            _file(path), kind=ChangeKind.DELETED, old_mode=REGULAR, new_mode=NO_FILE, new_oid=None
        )
        for path in _texts(given, "deleted")
    ]
    changes += [
        replace(_file(path), added=None, deleted=None, binary=True)
        for path in _texts(given, "binary")
    ]
    changes += [
        _file(path) for path in (given["added_text"].mapping() if "added_text" in given else ())
    ]
    measured = {"changed_lines", "added_lines", "deleted_lines", "file_bytes"} & set(given)
    # `modified: []` and the like: a change of no files, not an unknown one.
    if not (changes or measured):
        return ()
    return (_measured(changes[0] if changes else _file(f"{below}file"), given), *changes[1:])


def _measured(first: FileChange, given: dict[str, Value]) -> FileChange:
    if "changed_lines" in given:
        first = replace(first, added=given["changed_lines"].whole(), deleted=0)
    if "added_lines" in given:
        first = replace(first, added=given["added_lines"].whole())
    if "deleted_lines" in given:
        first = replace(first, deleted=given["deleted_lines"].whole())
    return replace(first, size=given["file_bytes"].whole()) if "file_bytes" in given else first


def _texts(given: dict[str, Value], key: str) -> tuple[str, ...]:
    return given[key].texts() if key in given else ()


def _paths(value: Value | None, below: str) -> tuple[str, ...]:
    if value is None:
        return ()
    # `files: 3` counts, `files: [a, b]` names them
    if not value.is_whole:
        return value.texts()
    if value.whole() > MOST_FILES:
        value.expected(f"at most {MOST_FILES:,} files")
    return tuple(f"{below}file-{number}" for number in range(value.whole()))


def _file(path: str) -> FileChange:
    return FileChange(
        path=path.encode(),
        kind=ChangeKind.ADDED,
        old_mode=NO_FILE,
        new_mode=REGULAR,
        old_oid=None,
        new_oid="0" * 40,
        added=0,
        deleted=0,
    )


def _dependencies(value: Value, manifest: str) -> tuple[DependencyChange, ...]:
    """`{flask: added, left-pad: git}`: a move, or the origin of something added."""
    found = []
    for name, word in value.mapping().items():
        said = word.word(
            [*DependencyMove, *(origin for origin in Origin if origin is not Origin.REGISTRY)]
        )
        move = DependencyMove(said) if said in list(DependencyMove) else DependencyMove.ADDED
        origin = Origin.REGISTRY if said in list(DependencyMove) else Origin(said)
        found.append(DependencyChange(manifest.encode(), "python", name, move, "", "", origin))
    return tuple(found)


def _tests(value: Value) -> TestFacts:
    stated = value.fields(("base", "candidate", "skipped", "weakened", "added"))
    given = {name: ids.texts() for name, ids in stated.items() if name != "added"}
    return TestFacts(
        base=frozenset(given.get("base", ())),
        candidate=frozenset(given.get("candidate", ())),
        candidate_skipped=frozenset(given.get("skipped", ())),
        weakened=given.get("weakened", UNKNOWN),
        added=_added_tests(stated["added"]) if "added" in stated else UNKNOWN,
    )


def _added_tests(value: Value) -> tuple[AddedTest, ...]:
    """`{test_a: failed, test_b: passed}`: what became of each added test on the base."""
    return tuple(
        AddedTest(name, OnBase(outcome.word(tuple(OnBase))))
        for name, outcome in value.mapping().items()
    )


def _journeys(value: Value) -> JourneyFacts:
    names = ("sealed", "executed", "passed")
    given = value.fields(names, required=names)
    return JourneyFacts(*(given[name].whole() for name in names))


def _checks(value: Value) -> tuple[CheckFact, ...]:
    return tuple(CheckFact(name, conclusion.text()) for name, conclusion in value.mapping().items())


def _secrets(value: Value) -> tuple[SecretFound, ...]:
    return tuple(SecretFound(path.encode(), 1, "given", "…") for path in value.texts())


def _api(value: Value) -> ApiFacts:
    """`{lib/a.py: [open, close]}`: the names that a module loses; `unread` where nobody could
    compare it."""
    modules = value.mapping()
    unread = [path for path, names in modules.items() if names.is_text and names.word(("unread",))]
    lost = [
        ApiLoss(path.encode(), name, "is gone")
        for path, names in modules.items()
        if path not in unread
        for name in names.texts()
    ]
    return ApiFacts(tuple(lost), tuple(path.encode() for path in unread))


def _trust(value: Value) -> tuple[AreaTrust, ...]:
    """`{confidence: 0.96}`: of whatever rule is asked, on enough outcomes unless `basis` is
    given, and at the level that the rule grants unless `level` is."""
    given = value.fields(("confidence", "level", "basis", "returned"), required=("confidence",))
    level = given["level"].word([one.word for one in Level]) if "level" in given else ""
    return (
        AreaTrust(
            (),
            level,
            "",
            given["confidence"].money(),
            given["basis"].word(tuple(Basis)) if "basis" in given else Basis.COUNTS,
            returned=given["returned"].whole() if "returned" in given else 0,
        ),
    )


def _scripts(value: Value) -> tuple[ScriptFact, ...]:
    """`{"tools/check.py --strict": 1}`: a command line and its exit code; `stopped` where it came
    to no end."""
    return tuple(_script(line, code) for line, code in value.mapping().items())


def _script(line: str, code: Value) -> ScriptFact:
    try:
        script, *arguments = shlex.split(line)
    except ValueError:
        code.fault("a command line is a script and its arguments, quoted as in a shell")
    # `stopped` is a script that did not end: no exit code, so nothing is proved.
    stopped = code.is_text and code.word(("stopped",))
    return ScriptFact(script, tuple(arguments), None if stopped else code.whole())


_READERS: dict[str, Callable[[Value], Any]] = {
    "api": _api,
    "attempts": Value.whole,
    "author": Value.text,
    "author_ages": lambda value: value.listed(Value.whole),
    "issue_ages": lambda value: value.listed(Value.whole),
    "checks": _checks,
    "journeys": _journeys,
    "kind": Value.text,
    "labels": lambda value: frozenset(value.texts()),
    "neighbours": lambda value: tuple(path.encode() for path in value.texts()),
    "pictures": Value.whole,
    "scripts": _scripts,
    "secrets": _secrets,
    "spend_usd": Value.money,
    "tests": _tests,
    "trust": _trust,
}
