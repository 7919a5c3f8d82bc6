"""Reads the reviews of a pull request that ask for changes, and what they say about lines.

Anybody may review, and the list begins with the oldest: so its last pages are read, and no more
than a bound of them. Whoever writes many reviews cannot push a newer one out of sight."""

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from requests.utils import parse_header_links

from harness.domain.issue import CommitSha, LineComment, Review
from harness.domain.plain import JsonDict, JsonObject
from harness.forge.projection import actor_from, moment_of, text_of

if TYPE_CHECKING:
    from github.PullRequestComment import PullRequestComment as RawComment
    from github.PullRequestReview import PullRequestReview as RawReview

    from harness.forge.transport import Wire

PER_PAGE = "100"
MOST_PAGES = 3
MOST_READ = 16_000
"""Characters that are kept of one text; a forge allows 65,536."""
ASKS_FOR_CHANGES = "CHANGES_REQUESTED"


def change_requests(wire: "Wire", repository: str, number: int) -> tuple[Review, ...]:
    """The newest reviews that ask for changes and that nobody dismissed, oldest first."""
    from github.PullRequestReview import PullRequestReview

    path = f"/repos/{repository}/pulls/{number}/reviews"
    headers, first = _page(wire, path, 1)
    last = _last_page(headers)
    begin = max(2, last - MOST_PAGES + 1)
    pages = [_page(wire, path, page)[1] for page in range(begin, last + 1)]
    # The first page is the oldest: with more pages than the bound, it is out of sight.
    if last <= MOST_PAGES:
        pages.insert(0, first)
    # A review that comes meanwhile moves none to another page, but a deleted one does.
    found = {int(item["id"]): item for page in pages for item in page}
    reviews = (PullRequestReview(wire, {}, found[one]) for one in sorted(found))
    return tuple(_review(raw) for raw in reviews if raw.state == ASKS_FOR_CHANGES)


def line_comments(
    wire: "Wire", repository: str, number: int, review: int
) -> tuple[LineComment, ...]:
    """The first comments of one review on lines."""
    from github.PullRequestComment import PullRequestComment

    path = f"/repos/{repository}/pulls/{number}/reviews/{review}/comments"
    _, page = _page(wire, path, 1)
    return tuple(_line_comment(PullRequestComment(wire, {}, item, completed=True)) for item in page)


def _page(wire: "Wire", path: str, page: int) -> tuple[JsonObject, list[JsonDict]]:
    query = {"per_page": PER_PAGE, "page": str(page)}
    headers, items = wire.requestJsonAndCheck("GET", path, parameters=query)
    if not isinstance(items, list):
        raise TypeError(f"expected a list, got {items!r:.60}")
    return headers, items


def _last_page(headers: JsonObject) -> int:
    """The number of the last page; 1 where the answer links to none."""
    links = parse_header_links(str(headers.get("link", "")))
    last = next((link["url"] for link in links if link.get("rel") == "last"), "")
    return int(parse_qs(urlsplit(last).query).get("page", ["1"])[0])


def _review(raw: "RawReview") -> Review:
    return Review(
        int(raw.id),
        actor_from(raw.user),
        text_of(raw.body)[:MOST_READ],
        CommitSha(text_of(raw.commit_id)),
        moment_of(raw.submitted_at),
    )


def _line_comment(raw: "RawComment") -> LineComment:
    # On a newer head the line may be gone; the forge still knows which one it was.
    line = raw.line if raw.line is not None else raw.original_line
    return LineComment(text_of(raw.path), line, text_of(raw.body)[:MOST_READ])
