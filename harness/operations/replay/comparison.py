"""Two laps of one run held against each other: what may differ between them, by name, and what
does.

Properties kept:
- what may differ is in `VOLATILE`, `MASKS` and nowhere else: times, and names that are drawn anew;
- everything else is compared as its bytes are: the same decision in other words is a difference;
- an entry that one side lacks is a difference as well, and so is what a model was told and nobody
  recorded."""

import difflib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.domain.events import UsageRecorded
from harness.domain.ledger import Entry

VOLATILE: Mapping[str, Mapping[str, str]] = {
    "triage": {"closes": "time"},
    "node": {
        "result.output.worktree": "place",
        "result.output.page": "place",
        "result.output.journeys": "canary",
        "result.output.envelope": "place",
    },
    "verdict": {
        "page": "place",
        "envelope_sha256": "signature",
        "key_id": "signature",
        "signer": "signature",
        "binds.journeys": "canary",
    },
    "vote": {"seed": "drawn", "nonce": "drawn"},
}
"""By the kind of entry: which of its data differs from lap to lap, and as what. A canary is the
random token of a sealed journey, which is in the digest of every set that the journey is in."""

MASKS: Mapping[str, re.Pattern[str]] = {
    "<time>": re.compile(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
        r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d\d:\d\d|[ ]\d{4})\b"
    ),
    "<duration>": re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|µs|seconds?|sec)\b"),
    "<address>": re.compile(r"\b0x[0-9a-f]{6,16}\b"),
    "<drawn>": re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b"),
    "<place>": re.compile(r"/tmp/[\w./-]+"),  # noqa: S108 - what programs print, and no place of ours
}
"""What programs print differently each time, and what stands for it."""

SHAS = re.compile(r"\b[0-9a-f]{7,64}\b")
"""Names of commits, trees and texts of law: on another base each of them is another."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was recorded. `where` names it; either side may be without it."""

    where: str
    recorded: str | None
    came: str | None

    @property
    def says(self) -> str:
        """One line."""
        if self.recorded is None:
            return f"{self.where}: was not recorded"
        return (
            f"{self.where}: was recorded, and did not come"
            if self.came is None
            else f"{self.where}: is another"
        )

    def lines(self) -> tuple[str, ...]:
        """As a unified diff, without ends of lines."""
        return tuple(
            difflib.unified_diff(
                (self.recorded or "").splitlines(),
                (self.came or "").splitlines(),
                "recorded",
                "came",
                lineterm="",
                n=1,
            )
        )


def differences(
    recorded: Iterable[Entry],
    came: Iterable[Entry],
    *,
    places: Sequence[str],
    other_base: bool = False,
) -> tuple[Difference, ...]:
    """What one run's entries of two laps differ in, in the order of the recorded one; empty where
    every decision is the same.

    `places` are the two homes' own paths, which stand for one another. With `other_base` the names
    of commits do, too."""
    before, after = (_told(entries, places, other_base=other_base) for entries in (recorded, came))
    return tuple(
        Difference(key, before.get(key), after.get(key))
        for key in (*before, *(after.keys() - before.keys()))
        if before.get(key) != after.get(key)
    )


def _told(entries: Iterable[Entry], places: Sequence[str], *, other_base: bool) -> dict[str, str]:
    """Each entry as text, under its key; a session's cost under its role and its turn, since its
    own name is drawn."""
    turns: Counter[str] = Counter()
    told = dict[str, str]()
    for entry in entries:
        key = entry.key
        if isinstance(entry.event, UsageRecorded):
            role = entry.event.role
            turns[role] += 1
            key = f"usage/{role}/{turns[role]}"
        told[key] = _text(entry, places, other_base=other_base)
    return told


def _text(entry: Entry, places: Sequence[str], *, other_base: bool) -> str:
    # decoded and written again: what an older version left out, or had as well, is no difference
    data = json.loads(json.dumps(entry.event.document()))
    for path, kind in VOLATILE.get(entry.kind, {}).items():
        _mask(data, path.split("."), f"<{kind}>")
    text = json.dumps(
        {"kind": entry.kind, "issue": entry.issue, "data": data},
        indent=1,
        sort_keys=True,
        ensure_ascii=False,
    )
    for place in places:
        text = text.replace(place, "<home>")
    return SHAS.sub("<sha>", text) if other_base else text


def _mask(data: Any, path: Sequence[str], mask: str) -> None:
    *outer, last = path
    for key in outer:
        data = data.get(key) if isinstance(data, dict) else None
    if isinstance(data, dict) and data.get(last) is not None:
        data[last] = mask


def settled(text: str) -> str:
    """A program's output without what differs each time it runs."""
    for mask, pattern in MASKS.items():
        text = pattern.sub(mask, text)
    return text


def unrecorded(
    recorded: Sequence[Mapping[str, Any]], came: Sequence[Mapping[str, Any]], *, session: str
) -> Difference | None:
    """The first call of a session in which the model was told something that was not recorded, or
    not told what was: its answer may depend on that. Both are lines of a wire log; the order of
    lines within one call is not looked at."""
    for number, (old, new) in enumerate(zip(recorded, came, strict=False), start=1):
        was, now = (Counter(settled(line) for line in _lines(one["request"])) for one in (old, new))
        if was != now:
            return Difference(
                f"{session}, call {number}: the model was told what was not recorded",
                "\n".join((was - now).elements()),
                "\n".join((now - was).elements()),
            )
    return None


def _lines(value: Any) -> Iterator[str]:
    """Every line of every text in a document, whatever the wire it is of."""
    match value:
        case str():
            yield from value.splitlines()
        case Mapping():
            for key, part in value.items():
                if key not in ("id", "tool_use_id", "call_id"):
                    yield from _lines(part)
        case Sequence():
            for part in value:
                yield from _lines(part)
