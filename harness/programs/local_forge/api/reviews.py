"""Reviews of pull requests."""

from collections.abc import Mapping

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import page, page_of, window
from harness.programs.local_forge.content import pulls, reviews
from harness.programs.local_forge.content.reviews import STATES, Remark
from harness.programs.local_forge.refused import invalid, not_found
from harness.programs.local_forge.shapes import reviews as shapes
from harness.programs.local_forge.storage.records import Pull, Repo, Review

MOST_REMARKS = 100
_SIDES = frozenset({"LEFT", "RIGHT"})
_MOST_LINES = range(1, 10**6)


def review_list(call: ApiCall) -> ApiResponse:
    """The reviews of a pull request, oldest first."""
    repo, pull = _pull(call)
    size, skip = window(call)
    found = reviews.of_pull(call.tx, pull, repo, limit=size, skip=skip)
    return page(
        call,
        found,
        reviews.count(call.tx, pull),
        shape=lambda item: shapes.review(call.tx.links, repo, item),
    )


def create(call: ApiCall) -> ApiResponse:
    """Approve, ask for changes, or comment; any signed-in account may. Drafts are not kept, so the
    event is needed."""
    repo, pull = _pull(call)
    author = call.person
    event = fields.choice(call.body, "event", "PullRequestReview", among=frozenset(STATES))
    if event is None:
        raise invalid(
            "PullRequestReview", "event", f"event must be one of {', '.join(sorted(STATES))}"
        )
    made = reviews.create(
        call.tx,
        repo,
        pull,
        event=event,
        body=fields.text(call.body, "body", "PullRequestReview") or "",
        author=author,
        commit=fields.text(call.body, "commit_id", "PullRequestReview", limit=40),
        remarks=_remarks(call.body.get("comments")),
    )
    return ApiResponse(shapes.review(call.tx.links, repo, made))


def one(call: ApiCall) -> ApiResponse:
    """One review."""
    repo, pull = _pull(call)
    return ApiResponse(shapes.review(call.tx.links, repo, _review(call, repo, pull)))


def comments_of_review(call: ApiCall) -> ApiResponse:
    """The comments of one review on lines."""
    repo, pull = _pull(call)
    return _comments(call, repo, pull, review=_review(call, repo, pull))


def comments_of_pull(call: ApiCall) -> ApiResponse:
    """What all reviews of a pull request say about lines."""
    repo, pull = _pull(call)
    return _comments(call, repo, pull)


def _pull(call: ApiCall) -> tuple[Repo, Pull]:
    repo = call.repo
    return repo, pulls.numbered(call.tx, repo, call.number)


def _review(call: ApiCall, repo: Repo, pull: Pull) -> Review:
    number = int(call.path["review"])
    if number > 2**31:
        raise not_found()
    return reviews.one(call.tx, pull, repo, number)


def _comments(
    call: ApiCall, repo: Repo, pull: Pull, *, review: Review | None = None
) -> ApiResponse:
    found = reviews.comments_of(call.tx, pull, repo, review=review)
    return page_of(
        call,
        found,
        shape=lambda item: shapes.review_comment(call.tx.links, repo, item, head=pull.head_sha),
    )


def _remarks(given: object) -> tuple[Remark, ...]:
    if given is None:
        return ()
    if (
        not isinstance(given, list)
        or len(given) > MOST_REMARKS
        or not all(isinstance(item, Mapping) for item in given)
    ):
        raise invalid(
            "PullRequestReview", "comments", f"comments must be at most {MOST_REMARKS} objects"
        )
    return tuple(_remark(item) for item in given)


def _remark(item: Mapping[str, object]) -> Remark:
    kind = "PullRequestReviewComment"
    by = "position" if item.get("position") is not None else "line"
    number = fields.number(item, by, kind, among=_MOST_LINES)
    return Remark(
        fields.needed_text(item, "path", kind, limit=4_096),
        fields.needed_text(item, "body", kind),
        line=None if by == "position" else number,
        side=fields.choice(item, "side", kind, among=_SIDES) or "RIGHT",
        position=number if by == "position" else None,
    )


_HERE = "/repos/{owner}/{repo}/pulls/{number:int}"
ROUTES = (
    ("GET", f"{_HERE}/reviews", review_list),
    ("POST", f"{_HERE}/reviews", create),
    ("GET", f"{_HERE}/reviews/{{review:int}}", one),
    ("GET", f"{_HERE}/reviews/{{review:int}}/comments", comments_of_review),
    ("GET", f"{_HERE}/comments", comments_of_pull),
)
