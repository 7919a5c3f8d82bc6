"""Reads a reviewer's answer, and decides which of its findings count. Pure.

Properties: a finding counts only with words that the change shows, in the file that it names; its
line is where those words really stand. One without is dropped and counted. Two reviewers who find
one thing make one finding. Nothing that a reviewer writes approves anything: findings ask for
changes, and their absence asks for nothing."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from harness.domain.governance import Sight
from harness.domain.plain import JsonDict, JsonObject, plain, stored_as
from harness.domain.schema import closed_object
from harness.governance.votes.judged import LONGEST_PATH, LONGEST_QUOTE, NEAR
from harness.governance.votes.view import VoterView

MOST_FINDINGS = 12
LONGEST_WORDS = 600
SHORTEST_QUOTE = 4
"""Characters of a quote, blanks aside: a brace stands everywhere and shows nothing."""

# share of words that two findings at one place have in common, to be one
_ALIKE = 0.5
_WORD = re.compile(r"\w+")


class Severity(StrEnum):
    """How grave a finding is, the gravest first."""

    BLOCKER = "blocker"
    MAJOR = "major"
    MINOR = "minor"

    def reaches(self, least: "Severity") -> bool:
        """Whether it is `least` or graver."""
        order = tuple(Severity)
        return order.index(self) <= order.index(least)


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding as it counts: `lenses` are all that saw it, `line` (from 1) is where `quote` stands
    in the changed file, or where it stood. `companion` is a file that the change should have
    touched as well, empty where none is meant. `message` is a model's own words, and so
    perhaps a stranger's."""

    lenses: tuple[str, ...]
    severity: Severity
    file: str
    line: int
    quote: str
    message: str = field(metadata=stored_as("says"))
    companion: str = ""

    def as_json(self) -> JsonDict:
        """The finding as ledger and prompts have it."""
        document: JsonDict = plain(self)
        return document


@dataclass(frozen=True, slots=True)
class LensFindings:
    """What one lens came to: the findings that count, and why each other one does not. `abstains`
    is why it could not tell, empty where it could."""

    found: tuple[Remark, ...] = ()
    dropped: tuple[str, ...] = ()
    abstains: str = ""


Row = tuple[int | None, str, str]


_FINDING: JsonObject = {
    "severity": {
        "type": "string",
        "enum": [severity.value for severity in Severity],
        "description": (
            "blocker: it must not land so; major: it should not; minor: worth a remark."
        ),
    },
    "file": {
        "type": "string",
        "maxLength": LONGEST_PATH,
        "description": "The file's path, as it is shown.",
    },
    "line": {
        "type": "integer",
        "minimum": 1,
        "description": (
            "The line's number, as it is shown; of a line that is gone, "
            "the number of the next one that is there."
        ),
    },
    "quote": {
        "type": "string",
        "maxLength": LONGEST_QUOTE,
        "description": (
            "That line of the change, character for character, without its number and mark."
        ),
    },
    "says": {
        "type": "string",
        "maxLength": LONGEST_WORDS,
        "description": (
            "What is wrong, for which input, and what would be right, in one to three plain"
            " sentences."
        ),
    },
    "companion": {
        "type": "string",
        "maxLength": LONGEST_PATH,
        "description": (
            "A file that is there, is not in the change and must change with it; else empty."
        ),
    },
}
"""The schema of one finding. `says` is its key in the ledger and in recordings."""


def review_schema() -> JsonDict:
    """The JSON schema of a reviewer's answer."""
    properties = {
        "can_tell": {
            "type": "boolean",
            "description": "false where you would need to see more to answer at all.",
        },
        "findings": {
            "type": "array",
            "maxItems": MOST_FINDINGS,
            "items": closed_object(_FINDING),
            "description": (
                "What speaks against the change under this question; empty where nothing does."
            ),
        },
        "reason": {
            "type": "string",
            "maxLength": LONGEST_WORDS,
            "description": "What you looked at, or what you lack.",
        },
    }
    return closed_object(properties)


def rows_shown(view: VoterView) -> Mapping[str, tuple[Row, ...]]:
    """The lines of the change that a reviewer was shown, by file, each with its number, its mark
    and its text."""
    documents = [json.loads(document) for sight, document in view.material if sight is Sight.DIFF]
    return {
        document["file"]: tuple((number, mark, text) for number, mark, text in document["lines"])
        for document in documents
    }


def lens_findings(
    lens: str, answer: JsonObject, *, rows: Mapping[str, Sequence[Row]], there: Iterable[str]
) -> LensFindings:
    """What a lens's answer, valid against the schema, comes to. `there` are the paths of the
    candidate."""
    # A reviewer that could not see enough proves nothing, so its findings are not read.
    if answer["can_tell"] is not True:
        return LensFindings(abstains=str(answer["reason"]) or "it gave no reason")
    paths, found, dropped = frozenset(there), list[Remark](), list[str]()
    for finding in answer["findings"]:
        remark = _remark(lens, finding, rows)
        if fault := _fault(remark, finding, rows, paths):
            dropped.append(fault)
        elif remark is not None:
            found.append(remark)
    return LensFindings(tuple(found), tuple(dropped))


def _remark(lens: str, finding: JsonObject, rows: Mapping[str, Sequence[Row]]) -> Remark | None:
    line = _place(str(finding["quote"]), rows.get(finding["file"], ()), near=int(finding["line"]))
    if line is None:
        return None
    return Remark(
        (lens,),
        Severity(finding["severity"]),
        str(finding["file"]),
        line,
        str(finding["quote"]).strip("\r\n"),
        " ".join(str(finding["says"]).split()),
        str(finding["companion"]),
    )


def _fault(
    remark: Remark | None,
    finding: JsonObject,
    rows: Mapping[str, Sequence[Row]],
    paths: frozenset[str],
) -> str:
    """Why a finding does not count; empty where it does."""
    quote = "".join(str(finding["quote"]).split())
    if finding["file"] not in rows:
        return f"{finding['file'][:80]!r} is not in the change"
    # A model's line numbers are often wrong; only the quoted words decide.
    if len(quote) < SHORTEST_QUOTE or remark is None:
        return (
            f"its quote is not in the change to {finding['file'][:80]!r}"
            if len(quote) >= SHORTEST_QUOTE
            else "its quote is too short to show anything"
        )
    if not remark.message:
        return "it has no words"
    if remark.companion and (remark.companion not in paths or remark.companion in rows):
        return f"{remark.companion[:80]!r} is no file that was left out of the change"
    return ""


def _place(quote: str, rows: Sequence[Row], *, near: int) -> int | None:
    """The number of the line at which a quote begins, in the file as it is now or as it was, blanks
    at the ends of lines aside; of several the one nearest to `near`. A line that is gone has the
    number of the next one that is there."""
    wanted = [line.strip() for line in quote.strip("\r\n").splitlines()]
    # A quote may be of a line that the change removed, so both sides are searched.
    numbered = list(zip(_numbers(rows), rows, strict=True))
    now, before = (
        [(number, text.strip()) for number, (_, mark, text) in numbered if mark != gone]
        for gone in "-+"
    )
    places = (
        [
            side[at][0]
            for side in (now, before)
            for at in range(len(side) - len(wanted) + 1)
            if [text for _, text in side[at : at + len(wanted)]] == wanted
        ]
        if any(wanted)
        else []
    )
    return min(places, key=lambda place: abs(place - near), default=None)


def _numbers(rows: Sequence[Row]) -> list[int]:
    """Each row's number, a row that is gone having that of the next one that is there, or of the
    last."""
    numbers: list[int] = []
    following = max((number for number, _, _ in rows if number is not None), default=1)
    for number, _, _ in reversed(rows):
        following = number if number is not None else following
        numbers.append(following)
    return numbers[::-1]


def together(found: Iterable[Remark]) -> tuple[Remark, ...]:
    """The findings without those that repeat another one at the same place; the gravest first.
    What several lenses saw is as grave as the gravest of them holds it to be."""
    kept: list[Remark] = []
    for remark in sorted(
        found, key=lambda one: (tuple(Severity).index(one.severity), one.file, one.line)
    ):
        at = next((at for at, other in enumerate(kept) if _is_same(other, remark)), None)
        if at is None:
            kept.append(remark)
        else:
            kept[at] = replace(
                kept[at],
                lenses=tuple(dict.fromkeys((*kept[at].lenses, *remark.lenses))),
                companion=kept[at].companion or remark.companion,
            )
    return tuple(kept)


def _is_same(one: Remark, other: Remark) -> bool:
    if (
        one.file != other.file
        or abs(one.line - other.line) > NEAR
        or (one.companion and other.companion and one.companion != other.companion)
    ):
        return False
    # Two lenses word one fault differently; half of the shorter one's words decides.
    mine, theirs = (frozenset(_WORD.findall(remark.message.casefold())) for remark in (one, other))
    return len(mine & theirs) >= _ALIKE * min(len(mine), len(theirs))
