"""Reads the reviews of a pull request that ask for changes, and what they say about lines.

Anybody may review, and each comment on a line is a review of its own: three hundred of them once
pushed a maintainer's word out of sight. So only reviews that ask for changes are listed, which REST
cannot and GraphQL can, the newest first, up to a bound; the count tells whether that was all."""

from typing import TYPE_CHECKING, Any

from harness.domain.issue import MOST_REVIEWS, Actor, CommitSha, LineComment, Review
from harness.domain.plain import JsonDict
from harness.forge.projection import GHOST, text_of

if TYPE_CHECKING:
    from github.PullRequestComment import PullRequestComment as RawComment

    from harness.forge.transport import Wire

PER_PAGE = 100
MOST_READ = 16_000
"""Characters that are kept of one text; a forge allows 65,536."""
_REVIEWS = """query($owner: String!, $name: String!, $number: Int!, $last: Int!, $before: String,
    $states: [PullRequestReviewState!]) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) {
    reviews(states: $states, last: $last, before: $before) {
      totalCount pageInfo { hasPreviousPage startCursor } nodes {
        fullDatabaseId body submittedAt commit { oid }
        author { __typename login ... on User { databaseId } ... on Bot { databaseId } }
} } } } }"""


def change_requests(wire: "Wire", repository: str, number: int) -> tuple[Review, ...]:
    """The newest reviews that ask for changes and that nobody dismissed, oldest first."""
    found: dict[int, Review] = {}
    before: str | None = None
    for _ in range(MOST_REVIEWS // PER_PAGE):
        page = _page(wire, repository, number, last=PER_PAGE, before=before)
        # A review that is dismissed meanwhile moves none to another page, but one that comes does.
        found |= {review.id: review for review in map(_review, page["nodes"])}
        if not page["pageInfo"]["hasPreviousPage"]:
            break
        before = text_of(page["pageInfo"]["startCursor"])
    return tuple(found[one] for one in sorted(found))


def change_request_count(wire: "Wire", repository: str, number: int) -> int:
    """How many reviews ask for changes, those that are not read among them."""
    count = _page(wire, repository, number, last=1, before=None)["totalCount"]
    if not isinstance(count, int):
        raise TypeError(f"expected a number, got {count!r:.60}")
    return count


def line_comments(
    wire: "Wire", repository: str, number: int, review: int
) -> tuple[LineComment, ...]:
    """The first comments of one review on lines."""
    from github.PullRequestComment import PullRequestComment

    path = f"/repos/{repository}/pulls/{number}/reviews/{review}/comments"
    _, page = wire.requestJsonAndCheck("GET", path, parameters={"per_page": str(PER_PAGE)})
    if not isinstance(page, list):
        raise TypeError(f"expected a list, got {page!r:.60}")
    return tuple(_line_comment(PullRequestComment(wire, {}, item, completed=True)) for item in page)


def _page(wire: "Wire", repository: str, number: int, *, last: int, before: str | None) -> JsonDict:
    owner, _, name = repository.partition("/")
    where = {"owner": owner, "name": name, "number": number}
    asked = {**where, "states": ["CHANGES_REQUESTED"], "last": last, "before": before}
    _, answer = wire.graphql_query(_REVIEWS, asked)
    page: JsonDict = answer["data"]["repository"]["pullRequest"]["reviews"]
    return page


def _review(raw: JsonDict) -> Review:
    return Review(
        int(raw["fullDatabaseId"]),
        _author(raw["author"]),
        text_of(raw["body"])[:MOST_READ],
        CommitSha(text_of((raw["commit"] or {}).get("oid"))),
        text_of(raw["submittedAt"]),
    )


def _author(raw: Any) -> Actor:
    """Who reviewed. An account of another kind than these has no number here, and no right."""
    if raw is None:
        return GHOST
    bot = raw["__typename"] == "Bot"
    return Actor(int(raw.get("databaseId") or 0), text_of(raw["login"]), bot=bot)


def _line_comment(raw: "RawComment") -> LineComment:
    # On a newer head the line may be gone; the forge still knows which one it was.
    line = raw.line if raw.line is not None else raw.original_line
    return LineComment(text_of(raw.path), line, text_of(raw.body)[:MOST_READ])
