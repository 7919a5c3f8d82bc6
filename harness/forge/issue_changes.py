"""Finds what is new in a list of issues, and where the next poll starts.

GitHub's times are whole seconds, and its lists may lag a little. So each poll goes back some
seconds further than the last one. A digest recognises what was reported before. What changed only
just before is reported once more, because a second change within the same second would look the
same. The address of the list stays the same while nothing happens, so that the forge can answer
304.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from harness.domain.plain import JsonDict, JsonObject

if TYPE_CHECKING:
    from harness.forge.transport import Wire

OVERLAP, YOUNG = timedelta(seconds=10), timedelta(seconds=3)
MOST_SEEN = 1000
Item = JsonObject


@dataclass(frozen=True, slots=True)
class Cursor:
    """The next poll starts at `since` (whole seconds, UTC). `seen` has digests of what was reported
    since then and has settled."""

    since: datetime
    seen: Mapping[int, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The cursor as text, to be stored."""
        seen = {str(number): it for number, it in self.seen.items()}
        return json.dumps({"since": moment(self.since), "seen": seen})


def cursor_in(text: str) -> Cursor | None:
    """A stored cursor; None if there is none, or if it has another format."""
    try:
        stored = json.loads(text)
        since = datetime.fromisoformat(stored["since"]).astimezone(UTC)
        return Cursor(since, {int(number): str(it) for number, it in stored["seen"].items()})
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def new_since(
    cursor: Cursor | None, items: Iterable[Item], *, at: datetime
) -> tuple[frozenset[int], Cursor]:
    """The numbers of what is new since the cursor, and the next cursor. `items` is the whole
    answer, and `at` is when the forge began to send it, by its own clock."""
    there = {int(item["number"]): (_moment_of(item), digest(item)) for item in items}
    seen = {} if cursor is None else cursor.seen
    new = frozenset(number for number, (_, it) in there.items() if seen.get(number) != it)
    since = _next_since(cursor, (when for when, _ in there.values()), at=at)
    # Items that changed only just before are left out, so the next poll reports them again.
    settled = [
        (when, number, it) for number, (when, it) in there.items() if since <= when <= at - YOUNG
    ]
    return new, Cursor(
        since, {number: it for _, number, it in sorted(settled, reverse=True)[:MOST_SEEN]}
    )


def listed(
    wire: "Wire", repository: str, **parameters: str
) -> tuple[dict[int, JsonDict], datetime]:
    """Every item of the repository's issue list by its number, as the forge sent it, and when it
    began to answer. Raises what PyGithub raises."""
    items: dict[int, JsonDict] = {}
    date = ""
    for headers, page in wire.pages(f"/repos/{repository}/issues", **parameters):
        # The first page's: what changes while the others are read is found the next time.
        date = date or str(headers.get("date", ""))
        # A change meanwhile moves others to a later page, where they come again.
        items |= {item["number"]: item for item in page if item["number"] not in items}
    return items, began(date, items.values())


def began(date: str, items: Iterable[Item]) -> datetime:
    """When an answer began: by its `Date`, else as early as its newest item allows. In that case
    the item is reported again and again."""
    try:
        return parsedate_to_datetime(date).astimezone(UTC)
    except (ValueError, TypeError):
        return max((_moment_of(item) for item in items), default=datetime.fromtimestamp(0, UTC))


def digest(item: Item) -> str:
    """A digest of an item's content, 16 characters."""
    content = json.dumps(item, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:16]


def moment(when: datetime) -> str:
    """A time in the forge's format."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _next_since(cursor: Cursor | None, moments: Iterable[datetime], *, at: datetime) -> datetime:
    """The start moves on only when an item would be left behind. Otherwise the address, and with it
    the ETag, would change for nothing."""
    behind = (at - OVERLAP).replace(microsecond=0)
    if cursor is None:
        return behind
    return max(cursor.since, behind) if any(when < behind for when in moments) else cursor.since


def _moment_of(item: Item) -> datetime:
    return datetime.fromisoformat(str(item["updated_at"])).astimezone(UTC)
