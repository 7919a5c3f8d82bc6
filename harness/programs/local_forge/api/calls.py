"""One API request: from bytes to an `ApiCall`, through a view, to a response.

A view is a plain function from an ApiCall to an ApiResponse. It refuses by raising Refused. Its
writes are committed only if it returns, and all its reads see one state of the database.
"""

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.local_forge.api.callers import Identify, branch_policy_of, role_of
from harness.programs.local_forge.api.permissions import Need, accepted, may
from harness.programs.local_forge.content import issues, repositories
from harness.programs.local_forge.etags import RequestKey, matches, tag_of
from harness.programs.local_forge.git.protection import BranchPolicy
from harness.programs.local_forge.rate_limits import RequestAllowance
from harness.programs.local_forge.refused import (
    Refused,
    forbidden,
    not_for_apps,
    not_found,
    unauthenticated,
)
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.storage.records import Caller, Repo, Role, User
from harness.programs.local_forge.transaction import Transaction

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """What a view returns: a status, content to write as JSON (or None), and extra headers.

    `lasting`: the response depends on the database only, so its ETag is valid until the next write.
    """

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class ApiCall:
    """A request, with everything a view may use."""

    service: Service
    tx: Transaction
    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: JsonObject
    # The body when it is a JSON list, as GitHub allows for labels.
    listed: tuple[Any, ...]
    url: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def actor(self) -> User | None:
        """The calling account, if any: a person, or an App's bot."""
        return self.caller.user

    @property
    def repo(self) -> Repo:
        """The repository in the path. Raises Refused (404), also where the caller may not
        read it."""
        repo = repositories.named(self.tx, self.path["owner"], self.path["repo"])
        if self.role(repo) < Role.READ:
            raise not_found()
        return repo

    @property
    def number(self) -> int:
        """The number in the path. Raises Refused (404) for one that nothing can have."""
        number = int(self.path["number"])
        # No id here is larger, and SQLite raises an error beyond 64 bits.
        if number > 2**31:
            raise not_found()
        return number

    @property
    def person(self) -> User:
        """The calling account. Raises Refused (401) when nobody is signed in."""
        if self.actor is None:
            raise unauthenticated()
        return self.actor

    def role(self, repo: Repo) -> Role:
        """The caller's role on a repository."""
        return role_of(self.tx, self.caller, repo)

    def branch_policy(self, repo: Repo) -> BranchPolicy:
        """The branch rules that bind the caller."""
        return branch_policy_of(self.tx, self.caller, repo)

    def need(self, repo: Repo, role: Role) -> User:
        """The calling account, which has at least that role. Raises Refused (401, 403)."""
        if self.role(repo) < role:
            self.person  # noqa: B018 - raises 401 for nobody; 403 is for somebody
            raise not_for_apps() if self.caller.grant else forbidden(role.word)
        return self.person


View = Callable[[ApiCall], ApiResponse]


@dataclass(frozen=True, slots=True)
class RouteAccess:
    """Who may call a view: how the caller is authenticated, and what an installation's token needs.

    `needs`: one of these permissions, nothing (empty), or None: no App may call it. `to_apps`:
    whether an App's own token may call it.
    """

    identify: Identify
    needs: tuple[Need, ...] | None = None
    to_apps: bool = False


def endpoint(
    service: Service, view: View, door: RouteAccess
) -> Callable[[Request], Awaitable[Response]]:
    """The view as Starlette calls it. Views run in threads, because git and SQLite block."""

    async def answer(request: Request) -> Response:
        raw = await request.body()
        return await run_in_threadpool(_answer, service, view, door, request, raw)

    return answer


def _answer(
    service: Service, view: View, door: RouteAccess, request: Request, raw: bytes
) -> Response:
    allowance: RequestAllowance | None = None
    writes = request.method not in ("GET", "HEAD")
    # Read before anything else: a write during the view must make the cached ETag stale.
    generation, asked = service.database.generation, RequestKey.by_request(request)
    try:
        with service.transaction(write=writes) as tx:
            caller = door.identify(tx, request.headers.get("authorization"))
            allowance = service.limits.spend(_account(caller), tx.now)
            _check_allowance(allowance, caller)
            call = _call(service, tx, caller, request, _parsed(raw, request) if writes else None)
            _check_permission(call, door)
            asked_with = None if writes else request.headers.get("if-none-match")
            unchanged = service.tags.unchanged(asked, asked_with, generation=generation)
            answer = view(call) if unchanged is None else ApiResponse(status=304, headers=unchanged)
        response = _response(answer, request)
        # A 304 is free, as on GitHub: give the request back.
        if response.status_code == 304:
            allowance = service.limits.spend(_account(caller), service.clock(), requests=-1)
        elif answer.lasting and not writes and "etag" in response.headers:
            service.tags.remember(asked, response.headers, generation=generation)
    # It left the transaction above by an exception, so nothing was committed.
    except Refused as refused:
        response = _refusal(refused)
    response.headers.update(
        {"x-github-request-id": str(uuid.uuid4()), "x-github-media-type": "github.v3; format=json"}
    )
    response.headers.update(allowance.headers if allowance else {})
    if door.needs:
        response.headers["x-accepted-github-permissions"] = accepted(door.needs)
    return response


def _check_permission(call: ApiCall, door: RouteAccess) -> None:
    """Check an App's token against the route."""
    grant = call.caller.grant
    if call.caller.app is not None and not door.to_apps:
        raise not_for_apps()
    if grant is None:
        return
    if door.needs is None:
        raise not_for_apps()
    if (
        # Repositories outside of the installation are public here, so reading them needs no
        # permission.
        "owner" in call.path
        and grant.reaches(call.repo)
        and not may(grant, door.needs, about_pull=_about_pull(call, door))
    ):
        raise not_for_apps()


def _about_pull(call: ApiCall, door: RouteAccess) -> bool | None:
    if (
        len(door.needs or ()) < 2
        or "number" not in call.path
        or "/issues/" not in call.url
        or "/comments/" in call.url
    ):
        return None
    return issues.numbered(call.tx, call.repo, call.number).is_pull


def _call(
    service: Service, tx: Transaction, caller: Caller, request: Request, sent: Any
) -> ApiCall:
    return ApiCall(
        service,
        tx,
        caller,
        path={key: str(value) for key, value in request.path_params.items()},
        query=dict(request.query_params),
        body=sent if isinstance(sent, dict) else {},
        listed=tuple(sent) if isinstance(sent, list) else (),
        url=f"{service.links.web}{request.url.path}",
        authorization=request.headers.get("authorization"),
    )


def _parsed(raw: bytes, request: Request) -> Any:
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    # Deeply nested JSON raises RecursionError.
    except (ValueError, RecursionError):
        raise Refused(
            400, f"Problems parsing JSON in the body of {request.method} {request.url.path}"
        ) from None


def _account(caller: Caller) -> str:
    """The rate limit's key; an App counts apart from its installations' tokens."""
    if caller.app is not None:
        return f"app {caller.app.id}"
    return "nobody" if caller.user is None else str(caller.user.id)


def _check_allowance(allowance: RequestAllowance, caller: Caller) -> None:
    if allowance.exceeded:
        raise Refused(403, f"API rate limit exceeded for user ID {_account(caller)}.")


def _response(answer: ApiResponse, request: Request) -> Response:
    headers = {
        # Clients ask again each time; the ETag makes that cheap.
        "cache-control": "private, max-age=0, must-revalidate",
        "vary": "Accept, Authorization",
        **answer.headers,
    }
    if answer.status == 304 or (answer.content is None and answer.status == 204):
        return Response(status_code=answer.status, headers=headers)
    content = json.dumps(answer.content, ensure_ascii=False, separators=(",", ":")).encode()
    headers["etag"] = tag_of(content)
    asked_with = request.headers.get("if-none-match")
    if (
        request.method in ("GET", "HEAD")
        and answer.status == 200
        and matches(asked_with, headers["etag"])
    ):
        return Response(status_code=304, headers=headers)
    return Response(
        content,
        status_code=answer.status,
        headers=headers,
        media_type="application/json; charset=utf-8",
    )


def _refusal(refused: Refused) -> Response:
    content: JsonDict = {"message": refused.message, "status": str(refused.status)}
    content["documentation_url"] = DOCUMENTATION
    if refused.errors:
        content["errors"] = list(refused.errors)
    return Response(
        json.dumps(content),
        status_code=refused.status,
        headers=dict(refused.headers),
        media_type="application/json; charset=utf-8",
    )
