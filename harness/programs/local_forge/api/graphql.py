"""The GraphQL API, for the few things that REST lacks: pinned issues, whether a comment was edited,
the reviews of a state, and what a node id names.

As on GitHub, the status is 200 also for a refusal: `data` is null there, and `errors` has the type
and the path.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import select

from harness.domain.plain import JsonDict
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.graphql_text import GraphqlField, Unreadable, operation_in
from harness.programs.local_forge.content import (
    comments,
    issues,
    pins,
    pulls,
    repositories,
    reviews,
)
from harness.programs.local_forge.refused import Refused, not_found
from harness.programs.local_forge.shapes.common import (
    moment,
    moment_or_none,
    node_id,
    number_in,
)
from harness.programs.local_forge.storage.records import Issue, Pull, Repo, Review, Role, User
from harness.programs.local_forge.storage.tables import issues as issue_table

Resolve = Callable[[GraphqlField], Any]
_LARGEST_PAGE = 100
_TYPES = {401: "FORBIDDEN", 403: "FORBIDDEN", 404: "NOT_FOUND", 422: "UNPROCESSABLE"}


def ask(call: ApiCall) -> ApiResponse:
    """`{query, variables}` → `{data, errors}`."""
    if call.actor is None:
        raise Refused(401, "This endpoint requires you to be authenticated.")
    text, variables = call.body.get("query"), call.body.get("variables") or {}
    if not isinstance(text, str) or not isinstance(variables, dict):
        return ApiResponse(
            {"errors": [{"message": "A query attribute must be specified and must be a string."}]}
        )
    try:
        asked = operation_in(text, variables)
    except Unreadable as error:
        return ApiResponse({"errors": [{"message": str(error)}]})
    resolvers = _Mutations(call).resolvers if asked.kind == "mutation" else _Queries(call).resolvers
    data: JsonDict = {}
    errors: list[JsonDict] = []
    for field in asked.fields:
        try:
            data[field.key] = _resolver(resolvers, field, asked.kind.title())(field)
        # One refused field does not spoil the others.
        except Refused as refused:
            data[field.key] = None
            errors.append(
                {
                    "type": _TYPES.get(refused.status, "INTERNAL"),
                    "path": [field.key],
                    "message": refused.summary,
                }
            )
        except Unreadable as error:
            return ApiResponse(
                {"errors": [{"message": str(error), "path": [asked.kind, field.key]}]}
            )
    return ApiResponse({"data": data, **({"errors": errors} if errors else {})})


class _Queries:
    """`repository(owner:, name:)` and `node(id:)`."""

    def __init__(self, call: ApiCall) -> None:
        self._call = call
        self.resolvers: Mapping[str, Resolve] = {
            "repository": self._repository,
            "node": self._node,
            "viewer": self._viewer,
        }

    def _repository(self, field: GraphqlField) -> Any:
        owner, name = (str(field.arguments.get(key, "")) for key in ("owner", "name"))
        repo = repositories.find(self._call.tx, owner, name)
        if repo is None:
            raise Refused(404, f"Could not resolve to a Repository with the name '{owner}/{name}'.")
        return _repository(self._call, repo, field)

    def _node(self, field: GraphqlField) -> Any:
        node = field.arguments.get("id")
        if isinstance(node, str) and (number := number_in(node, "IssueComment")) is not None:
            return _comment(self._call, number, field)
        repo, issue = _issue_of(self._call, node)
        return _issue(self._call, repo, issue, field)

    def _viewer(self, field: GraphqlField) -> Any:
        actor = self._call.person
        return _shaped(
            field,
            "User",
            {
                "login": lambda _: actor.login,
                "id": lambda _: node_id("User", actor.id),
                "databaseId": lambda _: actor.id,
            },
        )


class _Mutations:
    """`pinIssue` and `unpinIssue`, each with `input: {issueId}`."""

    def __init__(self, call: ApiCall) -> None:
        self._call = call
        self.resolvers: Mapping[str, Resolve] = {"pinIssue": self._pin, "unpinIssue": self._unpin}

    def _pin(self, field: GraphqlField) -> Any:
        repo, issue, actor = self._writable(field)
        pins.pin(self._call.tx, repo, issue, actor=actor)
        return self._payload(field, repo, issue)

    def _unpin(self, field: GraphqlField) -> Any:
        repo, issue, actor = self._writable(field)
        pins.unpin(self._call.tx, issue, actor=actor)
        return self._payload(field, repo, issue)

    def _writable(self, field: GraphqlField) -> tuple[Repo, Issue, User]:
        given = field.arguments.get("input")
        repo, issue = _issue_of(
            self._call, given.get("issueId") if isinstance(given, dict) else None
        )
        grant = self._call.caller.grant
        if self._call.role(repo) < Role.WRITE or (
            grant is not None and not grant.allows("issues", "write")
        ):
            who = "integration" if grant is not None else "personal access token"
            raise Refused(403, f"Resource not accessible by {who}")
        return repo, issue, self._call.person

    def _payload(self, field: GraphqlField, repo: Repo, issue: Issue) -> Any:
        given = field.arguments["input"]
        return _shaped(
            field,
            "Payload",
            {
                "issue": lambda inner: _issue(self._call, repo, issue, inner),
                "clientMutationId": lambda _: given.get("clientMutationId"),
            },
        )


def _repository(call: ApiCall, repo: Repo, field: GraphqlField) -> Any:
    def issue(inner: GraphqlField) -> Any:
        return _issue(call, repo, _plain(call, repo, inner.arguments.get("number")), inner)

    def pull(inner: GraphqlField) -> Any:
        return _pull(call, repo, inner)

    def pinned(inner: GraphqlField) -> Any:
        found = pins.pinned(call.tx, repo)

        def nodes(node: GraphqlField) -> Any:
            return [
                _shaped(node, "PinnedIssue", {"issue": partial(_issue, call, repo, one)})
                for one in found
            ]

        return _shaped(
            inner, "PinnedIssueConnection", {"totalCount": lambda _: len(found), "nodes": nodes}
        )

    return _shaped(
        field,
        "Repository",
        {
            "id": lambda _: node_id("Repository", repo.id),
            "databaseId": lambda _: repo.id,
            "name": lambda _: repo.name,
            "nameWithOwner": lambda _: repo.full_name,
            "issue": issue,
            "pullRequest": pull,
            "pinnedIssues": pinned,
        },
    )


def _issue(call: ApiCall, repo: Repo, issue: Issue, field: GraphqlField) -> Any:
    return _shaped(
        field,
        "Issue",
        {
            "id": lambda _: node_id("Issue", issue.id),
            "databaseId": lambda _: issue.id,
            "number": lambda _: issue.number,
            "title": lambda _: issue.title,
            "state": lambda _: issue.state.upper(),
            "url": lambda _: call.tx.links.issue_page(repo, issue),
            "isPinned": lambda _: pins.is_pinned(call.tx, issue),
        },
    )


def _pull(call: ApiCall, repo: Repo, field: GraphqlField) -> Any:
    number = field.arguments.get("number")
    if call.role(repo) < Role.READ:
        raise not_found()
    if not isinstance(number, int) or not 0 < number < 2**31:
        raise Refused(404, f"Could not resolve to a PullRequest with the number of {number}.")
    found = pulls.numbered(call.tx, repo, number)
    return _shaped(
        field,
        "PullRequest",
        {
            "number": lambda _: found.number,
            "reviews": lambda inner: _reviews(call, repo, found, inner),
        },
    )


def _reviews(call: ApiCall, repo: Repo, pull: Pull, field: GraphqlField) -> Any:
    """A page of a `PullRequestReviewConnection`. A cursor is the number of reviews up to it."""
    asked = field.arguments
    states = asked.get("states") or ()
    every = reviews.of_pull(call.tx, pull, repo, limit=-1, skip=0, states=states)
    after, before = (_cursor(asked.get(name)) for name in ("after", "before"))
    first, last = asked.get("first"), asked.get("last")
    if not any(isinstance(size, int) and 0 < size <= _LARGEST_PAGE for size in (first, last)):
        raise Unreadable(
            "You must provide a `first` or `last` value to properly paginate the `reviews`"
            f" connection, of at most {_LARGEST_PAGE}."
        )
    begin, end = after or 0, len(every) if before is None else max(before - 1, 0)
    end = min(end, begin + first) if first is not None else end
    begin = max(begin, end - last) if last is not None else begin
    return _shaped(
        field,
        "PullRequestReviewConnection",
        {
            "totalCount": lambda _: len(every),
            "nodes": lambda inner: [_review(one, inner) for one in every[begin:end]],
            "pageInfo": lambda inner: _shaped(
                inner,
                "PageInfo",
                {
                    "hasPreviousPage": lambda _: begin > 0,
                    "hasNextPage": lambda _: end < len(every),
                    "startCursor": lambda _: str(begin + 1) if begin < end else None,
                    "endCursor": lambda _: str(end) if begin < end else None,
                },
            ),
        },
    )


def _cursor(given: object) -> int | None:
    if given is None:
        return None
    if not isinstance(given, str) or not given.isascii() or not given.isdigit() or len(given) > 9:
        raise Unreadable(f"`{given}` does not appear to be a valid cursor.")
    return int(given)


def _review(review: Review, field: GraphqlField) -> Any:
    author = review.author

    def oid(inner: GraphqlField) -> Any:
        return _shaped(inner, "Commit", {"oid": lambda _: review.commit})

    return _shaped(
        field,
        "PullRequestReview",
        {
            "id": lambda _: node_id("PullRequestReview", review.id),
            # A `BigInt` is sent as text.
            "fullDatabaseId": lambda _: str(review.id),
            "state": lambda _: review.state,
            "body": lambda _: review.body,
            "submittedAt": lambda _: moment(review.created_at),
            "authorAssociation": lambda _: review.association,
            "commit": oid,
            "author": lambda inner: _shaped(
                inner,
                "Bot" if author.kind == "Bot" else "User",
                {"login": lambda _: author.login, "databaseId": lambda _: author.id},
            ),
        },
    )


def _comment(call: ApiCall, number: int, field: GraphqlField) -> Any:
    repository = comments.repository_of(call.tx, number)
    repo = repositories.by_id(call.tx, [repository]).get(repository) if repository else None
    if repo is None or call.role(repo) < Role.READ:
        raise not_found()
    found = comments.numbered_comment(call.tx, repo, number)
    return _shaped(
        field,
        "IssueComment",
        {
            "id": lambda _: node_id("IssueComment", found.id),
            "databaseId": lambda _: found.id,
            "body": lambda _: found.body,
            "createdAt": lambda _: moment(found.created_at),
            "lastEditedAt": lambda _: moment_or_none(found.edited_at),
        },
    )


def _shaped(field: GraphqlField, kind: str, resolvers: Mapping[str, Resolve]) -> JsonDict:
    """The requested fields of a value of that type. Raises Unreadable for an unknown field."""
    # Fields of an inline fragment on another type do not apply here.
    asked = [inner for inner in field.fields if inner.on in (None, kind)]
    if not field.fields:
        raise Unreadable(
            f"Field must have selections (field '{field.name}' returns {kind} but has no"
            " selections)"
        )
    return {
        inner.key: _resolver({**resolvers, "__typename": lambda _: kind}, inner, kind)(inner)
        for inner in asked
    }


def _resolver(resolvers: Mapping[str, Resolve], field: GraphqlField, kind: str) -> Resolve:
    if field.name not in resolvers:
        raise Unreadable(f"Field '{field.name}' doesn't exist on type '{kind}'")
    return resolvers[field.name]


def _plain(call: ApiCall, repo: Repo, number: object) -> Issue:
    found = (
        issues.numbered(call.tx, repo, number)
        if isinstance(number, int) and 0 < number < 2**31
        else None
    )
    if found is None or found.is_pull:
        raise Refused(404, f"Could not resolve to an Issue with the number of {number}.")
    return found


def _issue_of(call: ApiCall, node: object) -> tuple[Repo, Issue]:
    """The issue that a node id names, with its repository."""
    number = number_in(node, "Issue") if isinstance(node, str) else None
    row = (
        None
        if number is None
        else call.tx.db.execute(select(issue_table).where(issue_table.c.id == number)).one_or_none()
    )
    # A node id of a pull request or another type names no issue here.
    if row is None:
        raise Refused(404, f"Could not resolve to a node with the global id of '{node}'")
    repo = repositories.by_id(call.tx, [row.repository_id]).get(row.repository_id)
    if repo is None or call.role(repo) < Role.READ:
        raise not_found()
    return repo, issues.numbered(call.tx, repo, row.number)
