"""Builds what a vote on a judged rule is shown: whole, or not at all.

Properties: nothing is in it but what `sees` names, and no content of a file that `never_sees`
names, under any look-alike of its name; every word of it that was not the factory's is inside a
JSON string, and what cannot be seen is written as an escape; it is never cut: what does not fit, or
is no text, is a fault, and a fault is an abstention."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.domain.facts import UNKNOWN, ChangeFacts, ChangeKind, FileChange
from harness.domain.governance import Question, Sight
from harness.domain.plain import JsonObject
from harness.governance.paths import matches, resembles, text_of
from harness.governance.text.invisible import visible
from harness.governance.votes.hunks import hunks, lines_of

LARGEST_VIEW = 100_000
"""Characters of one view, all of it together: about 25,000 tokens, a vote."""

LARGEST_FILE = 1_000_000
"""Bytes of one file that is read at all to be shown."""

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class VoterView:
    """`material` are JSON documents by what they show, `lines` each shown file as the candidate has
    it, `left_out` the changed files whose content `never_sees` withheld. With a `fault` there is
    nothing to see, and no vote is asked."""

    material: tuple[tuple[Sight, str], ...] = ()
    lines: Mapping[str, tuple[str, ...]] | None = None
    left_out: tuple[str, ...] = ()
    fault: str = ""

    def digest(self, *under: str) -> str:
        """Names this view, shown under `under`, whatever order it is shown in: the same to the
        byte, or another digest."""
        whole = json.dumps(
            [list(under), sorted(self.material), sorted(self.left_out)], ensure_ascii=True
        )
        return hashlib.sha256(whole.encode("ascii")).hexdigest()


def view_of(
    question: Question,
    facts: ChangeFacts,
    *,
    base: Read,
    head: Read,
    issue: str,
    tests: tuple[str, ...],
    governance: str,
) -> VoterView:
    """What a vote on `question` is shown of a change, whose files `base` and `head` read before and
    after it.

    `issue` and `governance` are texts that are shown where the question sees them; `tests` are
    globs."""
    # Part of a change would be judged as if it were all of it.
    if facts.files is UNKNOWN:
        return VoterView(fault="the change is too large to be shown")
    touched = [change for change in facts.files if _is_seen(question, change.path, tests)]
    # By look-alikes as well: a renamed copy must not be shown either.
    shown = [change for change in touched if not resembles(question.never_sees, change.path)]
    withheld = tuple(change.name for change in touched if change not in shown)
    try:
        files = [_file(change, base=base, head=head) for change in shown]
        material = tuple(_material(question, files, issue=issue, tests=tests))
        _require_whole(
            files, material, governance=governance if Sight.GOVERNANCE in question.sees else ""
        )
    except _Unshowable as fault:
        return VoterView(left_out=withheld, fault=str(fault))
    return VoterView(material, {file.change.name: file.after for file in files}, withheld)


class _Unshowable(Exception):
    """Something that a vote would have to see, and cannot."""


@dataclass(frozen=True, slots=True)
class _File:
    change: FileChange
    before: tuple[str, ...]
    after: tuple[str, ...]


def _is_seen(question: Question, path: bytes, tests: tuple[str, ...]) -> bool:
    return bool({Sight.DIFF, Sight.FILES} & set(question.sees)) or matches(tests, path)


def _file(change: FileChange, *, base: Read, head: Read) -> _File:
    if change.lines is UNKNOWN or change.size is UNKNOWN or change.size > LARGEST_FILE:
        raise _Unshowable(f"{change.name} is no text that can be shown; {_LEAVE_OUT}")
    before, after = base(text_of(change.path)), head(text_of(change.path))
    if after is None and change.kind is not ChangeKind.DELETED:
        raise _Unshowable(f"{change.name} cannot be read as the change has it")
    try:
        return _File(change, lines_of(before or b""), lines_of(after or b""))
    except UnicodeDecodeError as error:
        raise _Unshowable(f"{change.name} is not UTF-8; {_LEAVE_OUT}") from error


_LEAVE_OUT = "`never_sees` may leave it out"


def _require_whole(
    files: Sequence[_File], material: Sequence[tuple[Sight, str]], *, governance: str
) -> None:
    if not files:
        raise _Unshowable("the change touches nothing that this rule may see")
    size = len(governance) + sum(len(document) for _, document in material)
    # Never cut: what a vote did not see, it must not have approved.
    if size > LARGEST_VIEW:
        raise _Unshowable(
            f"it would have to see {size} characters, and at most {LARGEST_VIEW} are shown: nobody"
            " votes on a view that is cut"
        )


def _material(
    question: Question, files: Sequence[_File], *, issue: str, tests: tuple[str, ...]
) -> Iterable[tuple[Sight, str]]:
    for sight in question.sees:
        match sight:
            case Sight.ISSUE:
                yield sight, visible(issue)
            case Sight.DIFF:
                yield from ((sight, _changed(file)) for file in files)
            case Sight.FILES:
                yield from (
                    (sight, _whole(file))
                    for file in files
                    if file.change.kind is not ChangeKind.DELETED
                )
            case Sight.TESTS:
                yield from (
                    (sight, _whole(file)) for file in files if matches(tests, file.change.path)
                )
            case Sight.GOVERNANCE:
                # the three files stand before everything else, byte-identical, as in every prompt
                pass


def _changed(file: _File) -> str:
    rows = [row for hunk in hunks(file.before, file.after) for row in hunk]
    return _document({"file": file.change.name, "change": str(file.change.kind)}, rows)


def _whole(file: _File) -> str:
    return _document({"file": file.change.name}, list(enumerate(file.after, 1)))


def _document(head: JsonObject, rows: Sequence[Any]) -> str:
    """One JSON object, a row of it a line of the file, so that a model reads it as a person
    would."""
    listed = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    return visible(f'{json.dumps(head, ensure_ascii=False)[:-1]}, "lines": [\n{listed}\n]}}')
