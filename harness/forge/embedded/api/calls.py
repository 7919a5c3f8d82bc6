"""One request to the API: from bytes to a `Call`, through a view, to bytes again.

A view is a plain function from a Call to an Answer. It says no by raising Refused. Whatever it wrote is kept only if
it returns; whatever it read is one moment of the database.
"""

import base64
import binascii
import hashlib
import hmac
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from harness.forge.embedded import people, repositories
from harness.forge.embedded.limits import Allowance
from harness.forge.embedded.records import Repo, Role, User
from harness.forge.embedded.refused import Refused, forbidden, not_found, unauthenticated
from harness.forge.embedded.service import Service
from harness.forge.embedded.transaction import Transaction

DOCUMENTATION = "https://docs.github.com/rest"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a view says: a status, something to write as JSON (or nothing), and headers of its own."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A request, with everything a view may look at."""

    service: Service
    tx: Transaction
    actor: User | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, Any]
    listed: tuple[Any, ...]  # the body, where it is a list
    url: str

    @property
    def repo(self) -> Repo:
        """The repository that the path names. Raises Refused (404), also where the account may not read it."""
        return repositories.readable(self.tx, self.path["owner"], self.path["repo"], by=self.actor)

    @property
    def number(self) -> int:
        """The number that the path names. Raises Refused (404) for one that nothing can have."""
        number = int(self.path["number"])
        if number > 2**31:
            raise not_found()
        return number

    @property
    def person(self) -> User:
        """Who asks. Raises Refused (401) when nobody signed in."""
        if self.actor is None:
            raise unauthenticated()
        return self.actor

    def role(self, repo: Repo) -> Role:
        """What who asks may do."""
        return people.role_on(self.tx, self.actor, repo)

    def need(self, repo: Repo, role: Role) -> User:
        """Who asks, who has at least that role. Raises Refused (401, 403)."""
        if self.role(repo) < role:
            self.person  # noqa: B018 - raises 401 for nobody; 403 is for somebody
            raise forbidden(role.word)
        return self.person


View = Callable[[Call], Answer]
Identify = Callable[[Transaction, str | None], User | None]
"""Who sent an Authorization header; raises Refused (401) for one that must not pass."""


def endpoint(service: Service, view: View, *, identify: Identify) -> Callable[[Request], Awaitable[Response]]:
    """The view as Starlette calls it. Views run in threads: git and SQLite both block."""

    async def answer(request: Request) -> Response:
        raw = await request.body()
        return await run_in_threadpool(_answer, service, view, identify, request, raw)

    return answer


def token_of(authorization: str) -> str | None:
    """The token in an Authorization header: `token X`, `Bearer X`, or Basic with the token as the password."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in ("token", "bearer"):
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            login, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return password or login
    return None


def signed_in(tx: Transaction, authorization: str | None) -> User | None:
    """Whose token the header carries; None without a header. Raises Refused (401) for one that is not known."""
    token = token_of(authorization) if authorization else None
    if token is None:
        return None
    user = people.holder(tx, token, people.TOKEN)
    if user is None:
        raise Refused(401, "Bad credentials")
    return user


def administrator(token: str) -> Identify:
    """Lets only the administrator's token pass, compared in constant time; it stands for no account."""

    def identify(_tx: Transaction, authorization: str | None) -> User | None:
        given = token_of(authorization) if authorization else None
        if not hmac.compare_digest((given or "").encode(errors="replace"), token.encode()):
            raise Refused(401, "Requires the administrator's token")
        return None

    return identify


def _answer(service: Service, view: View, identify: Identify, request: Request, raw: bytes) -> Response:
    allowance: Allowance | None = None
    writes = request.method not in ("GET", "HEAD")
    try:
        with service.transaction(write=writes) as tx:
            actor = identify(tx, request.headers.get("authorization"))
            allowance = service.limits.spend(_account(actor), tx.now)
            _check_allowance(allowance, actor)
            answer = view(_call(service, tx, actor, request, _parsed(raw, request) if writes else None))
        response = _response(answer, request)
        if response.status_code == 304:
            allowance = service.limits.spend(_account(actor), service.clock(), requests=-1)
    except Refused as refused:
        response = _refusal(refused)
    response.headers.update({"x-github-request-id": str(uuid.uuid4()), "x-github-media-type": "github.v3; format=json"})
    response.headers.update(allowance.headers if allowance else {})
    return response


def _call(service: Service, tx: Transaction, actor: User | None, request: Request, sent: Any) -> Call:
    return Call(
        service, tx, actor, path={key: str(value) for key, value in request.path_params.items()},
        query=dict(request.query_params), body=sent if isinstance(sent, dict) else {},
        listed=tuple(sent) if isinstance(sent, list) else (), url=f"{service.links.web}{request.url.path}",
    )


def _parsed(raw: bytes, request: Request) -> Any:
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Refused(400, f"Problems parsing JSON in the body of {request.method} {request.url.path}") from None


def _account(actor: User | None) -> str:
    return "nobody" if actor is None else str(actor.id)


def _check_allowance(allowance: Allowance, actor: User | None) -> None:
    if allowance.exceeded:
        raise Refused(403, f"API rate limit exceeded for user ID {_account(actor)}.")


def _response(answer: Answer, request: Request) -> Response:
    if answer.content is None and answer.status == 204:
        return Response(status_code=204, headers=dict(answer.headers))
    content = json.dumps(answer.content, ensure_ascii=False, separators=(",", ":")).encode()
    tag = f'W/"{hashlib.sha256(content).hexdigest()}"'
    headers = {"etag": tag, "cache-control": "private, max-age=0, must-revalidate", "vary": "Accept, Authorization"}
    headers |= answer.headers
    known = request.headers.get("if-none-match")
    if request.method in ("GET", "HEAD") and answer.status == 200 and _matches(known, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, status_code=answer.status, headers=headers, media_type="application/json; charset=utf-8")


def _matches(asked: str | None, tag: str) -> bool:
    return asked is not None and tag.removeprefix("W/") in {one.strip().removeprefix("W/") for one in asked.split(",")}


def _refusal(refused: Refused) -> Response:
    told: dict[str, Any] = {"message": refused.message, "status": str(refused.status)}
    told["documentation_url"] = DOCUMENTATION
    if refused.errors:
        told["errors"] = list(refused.errors)
    return Response(
        json.dumps(told), status_code=refused.status, headers=dict(refused.headers),
        media_type="application/json; charset=utf-8",
    )
