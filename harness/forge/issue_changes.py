"""What is new in a list of issues, and where to look from the next time.

GitHub's moments are whole seconds and its lists may lag a little behind. So each look goes back
some seconds further than the last one saw, what was told before is known again by a digest, and
what had only just happened is told once more: a second change within its second would look the
same. The list's address stays as it was for as long as nothing happens, so that the forge can
answer that nothing did."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.forge.transport import Wire

OVERLAP, YOUNG = timedelta(seconds=10), timedelta(seconds=3)
MOST_SEEN = 1000
Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Look from `since` (whole seconds, UTC) on. `seen`: digests of what was told from there on and
    has settled."""

    since: datetime
    seen: Mapping[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """As somebody keeps it."""
        return json.dumps(
            {
                "since": moment(self.since),
                "seen": {str(number): it for number, it in self.seen.items()},
            }
        )


def cursor_in(text: str) -> Cursor | None:
    """A cursor that was kept; None for none, and for one of another making."""
    try:
        told = json.loads(text)
        since = datetime.fromisoformat(told["since"]).astimezone(UTC)
        return Cursor(since, {int(number): str(it) for number, it in told["seen"].items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def new_since(
    cursor: Cursor | None, items: Iterable[Item], *, at: datetime
) -> tuple[frozenset[int], Cursor]:
    """The numbers of what is new to whoever holds the cursor, and the cursor to go on with. `items`
    is the whole answer, and `at` is when the forge began to give it, by its own clock."""
    there = {int(item["number"]): (_moment_of(item), digest(item)) for item in items}
    seen = {} if cursor is None else cursor.seen
    new = frozenset(number for number, (_, it) in there.items() if seen.get(number) != it)
    since = _next_since(cursor, (when for when, _ in there.values()), at=at)
    settled = [
        (when, number, it) for number, (when, it) in there.items() if since <= when <= at - YOUNG
    ]
    return new, Cursor(
        since, {number: it for _, number, it in sorted(settled, reverse=True)[:MOST_SEEN]}
    )


def listed(
    wire: "Wire", repository: str, **asked: str
) -> tuple[dict[int, dict[str, Any]], datetime]:
    """Every item of the repository's issue list by its number, as the forge wrote it, and when it
    began to answer. Raises what PyGithub raises."""
    items: dict[int, dict[str, Any]] = {}
    date = ""
    for headers, page in wire.pages(f"/repos/{repository}/issues", **asked):
        date = date or str(headers.get("date", ""))
        items |= {item["number"]: item for item in page if item["number"] not in items}
    return items, began(date, items.values())


def began(date: str, items: Iterable[Item]) -> datetime:
    """When an answer was begun: by its `Date`, else as early as its newest item allows, which then
    is told again and again."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, TypeError):
        return max((_moment_of(item) for item in items), default=datetime.fromtimestamp(0, UTC))


def digest(item: Item) -> str:
    """What an item says, in 16 characters."""
    return hashlib.sha256(
        json.dumps(item, sort_keys=True).encode("utf-8", "surrogatepass")
    ).hexdigest()[:16]


def moment(when: datetime) -> str:
    """A moment as the forge takes it."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_since(cursor: Cursor | None, moments: Iterable[datetime], *, at: datetime) -> datetime:
    """It moves on only when something would be left behind: else the address, and with it the ETag,
    would be another."""
    behind = (at - OVERLAP).replace(microsecond=0)
    if cursor is None:
        return behind
    return max(cursor.since, behind) if any(when < behind for when in moments) else cursor.since


def _moment_of(item: Item) -> datetime:
    return datetime.fromisoformat(str(item["updated_at"])).astimezone(UTC)
