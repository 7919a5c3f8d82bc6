"""Compares a replay with its recording.

Properties:
- `VOLATILE` and `MASKS` name all that may differ: times, and names that are drawn at random.
- Everything else is compared byte by byte: the same decision in other words is a difference.
- An entry that one side lacks is a difference. So is text in a request to a model that was not
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
from harness.domain.plain import JsonObject

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
"""Which data of an entry of each kind differ between replays, and why. A canary is the random token
of a sealed journey; it is in the digest of every set that contains the journey."""

MASKS: Mapping[str, re.Pattern[str]] = {
    "<time>": re.compile(
        r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
        r"|\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d\d:\d\d|[ ]\d{4})\b"
    ),
    "<duration>": re.compile(r"\b\d+(?:\.\d+)? ?(?:s|ms|µs|seconds?|sec)\b"),
    "<address>": re.compile(r"\b0x[0-9a-f]{6,16}\b"),
    "<drawn>": re.compile(r"\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b"),
    # In the output of programs; nothing is written there.
    "<place>": re.compile(r"/tmp/[\w./-]+"),  # noqa: S108
}
"""What programs print differently each time, by its replacement."""

SHAS = re.compile(r"\b[0-9a-f]{7,64}\b")
"""Ids of commits, trees and policies: on another base each of them differs."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it was recorded. `where` names it; one side may lack it."""

    where: str
    recorded: str | None
    replayed: str | None

    @property
    def summary(self) -> str:
        """One line."""
        if self.recorded is None:
            return f"{self.where}: was not recorded"
        if self.replayed is None:
            return f"{self.where}: was recorded, but is missing in the replay"
        return f"{self.where}: differs"

    def lines(self) -> tuple[str, ...]:
        """A unified diff, without line ends."""
        return tuple(
            difflib.unified_diff(
                (self.recorded or "").splitlines(),
                (self.replayed or "").splitlines(),
                "recorded",
                "replayed",
                lineterm="",
                n=1,
            )
        )


def differences(
    recorded: Iterable[Entry],
    replayed: Iterable[Entry],
    *,
    places: Sequence[str],
    other_base: bool = False,
) -> tuple[Difference, ...]:
    """The differences between the entries of a recorded run and of its replay, in the recorded
    order; empty if every decision is the same.

    `places` are the paths of the two homes, which count as equal. With `other_base`, so do the ids
    of commits."""
    before, after = (
        _texts(entries, places, other_base=other_base) for entries in (recorded, replayed)
    )
    return tuple(
        Difference(key, before.get(key), after.get(key))
        for key in (*before, *(after.keys() - before.keys()))
        if before.get(key) != after.get(key)
    )


def _texts(entries: Iterable[Entry], places: Sequence[str], *, other_base: bool) -> dict[str, str]:
    """The text of each entry, by its key."""
    turns: Counter[str] = Counter()
    texts = dict[str, str]()
    for entry in entries:
        key = entry.key
        # The name of a session is drawn at random, so its cost is found by its role and number.
        if isinstance(entry.event, UsageRecorded):
            role = entry.event.role
            turns[role] += 1
            key = f"usage/{role}/{turns[role]}"
        texts[key] = _text(entry, places, other_base=other_base)
    return texts


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
    """A program's output, with everything masked that differs each time it runs."""
    for mask, pattern in MASKS.items():
        text = pattern.sub(mask, text)
    return text


def unrecorded(
    recorded: Sequence[JsonObject], replayed: Sequence[JsonObject], *, session: str
) -> Difference | None:
    """The first call of a session whose request to the model has lines that were not recorded, or
    lacks recorded ones: the answer may depend on them. Both arguments are lines of a wire log. The
    order of lines within one call does not count."""
    # A call that one side lacks shows in the number of calls that the ledger has of the session.
    for number, (old, new) in enumerate(zip(recorded, replayed, strict=False), start=1):
        was, now = (Counter(settled(line) for line in _lines(one["request"])) for one in (old, new))
        if was != now:
            return Difference(
                f"{session}, call {number}: the request to the model is not the recorded one",
                "\n".join((was - now).elements()),
                "\n".join((now - was).elements()),
            )
    return None


def _lines(value: Any) -> Iterator[str]:
    """Every line of every text in a document, whatever its protocol."""
    match value:
        case str():
            yield from value.splitlines()
        case Mapping():
            for key, part in value.items():
                # These ids are drawn anew for each call.
                if key not in ("id", "tool_use_id", "call_id"):
                    yield from _lines(part)
        case Sequence():
            for part in value:
                yield from _lines(part)
