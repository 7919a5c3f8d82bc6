"""One visit to a page: the viewer, the form, and the response with its security headers."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from harness.programs.local_forge.content import issues, people, repositories
from harness.programs.local_forge.content.issues import Search
from harness.programs.local_forge.pages import words
from harness.programs.local_forge.pages.strangers_text import is_safe_link, revealed
from harness.programs.local_forge.refused import Refused, not_found
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.shapes.common import moment
from harness.programs.local_forge.storage.records import Issue, Repo, Role, User
from harness.programs.local_forge.transaction import Transaction

if TYPE_CHECKING:
    from jinja2 import Environment

GUARDS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    # not `no-referrer`: with it browsers send `Origin: null` with our own forms
    "referrer-policy": "same-origin",
    "cache-control": "private, no-cache",
}
# Browsers drop tabs and turn \ into /, so `/\t/evil` leads away.
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


Fields = tuple[tuple[str, str], ...]
MOST_FIELDS = 1_000


def values_of(fields: Fields, name: str) -> tuple[str, ...]:
    """Every value sent under a name, in order."""
    return tuple(value for one, value in fields if one == name)


@dataclass(frozen=True, slots=True)
class PageVisit:
    """A request for a page, with everything a view may use."""

    service: Service
    tx: Transaction
    viewer: User | None
    path: Mapping[str, str]
    query: Mapping[str, str]
    # every value of the query, and below of the form, since a name may come more than once
    asked: Fields
    posted: Fields
    address: str
    # The session key from the cookie.
    key: str = ""
    # The version of the diff that a live page has already.
    seen: str = ""
    # Cookies to set, or (None) to delete.
    cookies: dict[str, str | None] = field(default_factory=dict)

    @property
    def form(self) -> Mapping[str, str]:
        """The posted form, with the last value of each name."""
        return dict(self.posted)

    @property
    def repo(self) -> Repo:
        """The repository in the path. Raises Refused (404)."""
        return repositories.readable(self.tx, self.path["owner"], self.path["repo"], by=self.viewer)

    @property
    def number(self) -> int:
        """The number in the path. Raises Refused (404) for one that nothing can have."""
        return self.number_of("number")

    def number_of(self, name: str) -> int:
        """As `number`, for another part of the path."""
        if len(self.path[name]) > 9:
            raise not_found()
        return int(self.path[name])

    def role(self, repo: Repo) -> Role:
        """The viewer's role; none for a visitor who is not signed in."""
        return self.role_of(self.viewer, repo)

    def role_of(self, user: User | None, repo: Repo) -> Role:
        """An account's role."""
        return people.role_on(self.tx, user, repo) if user else Role.NONE

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A rendered template."""
        shared = {
            "viewer": self.viewer,
            "now": self.tx.now,
            "address": self.address,
            "open_door": self.open_door,
            "can_pick": self.service.settings.pick,
        }
        return HTMLResponse(_templates().get_template(template).render(shared | values), status)

    def repo_page(
        self, template: str, repo: Repo, *, tab: str, status: int = 200, **values: Any
    ) -> Response:
        """A rendered page inside a repository, with its header and tabs."""
        counts = {
            kind: issues.count(self.tx, repo, Search(pulls=kind == "pulls"))
            for kind in ("issues", "pulls")
        }
        return self.page(
            template,
            status=status,
            repo=repo,
            tab=tab,
            counts=counts,
            base=f"/{quote(repo.full_name)}",
            clone=self.tx.links.clone(repo),
            **values,
        )

    @property
    def open_door(self) -> bool:
        """Whether a visitor may file issues under a name of their own."""
        return self.service.settings.open_door

    def with_viewer(self, user: User) -> "PageVisit":
        """The same visit with this account signed in; sets the session cookie."""
        self.cookies[_cookie(self.service)] = people.issue_key(self.tx, user, people.SESSION)
        return replace(self, viewer=user)

    def without_viewer(self) -> None:
        """Sign the viewer out and delete the session."""
        people.revoke_key(self.tx, self.key)
        self.cookies[_cookie(self.service)] = None


View = Callable[[PageVisit], Response]


def endpoint(
    service: Service, view: View, *, from_elsewhere: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """The view as Starlette calls it. `from_elsewhere`: it writes nothing, so a form on
    any page may call it."""

    async def answer(request: Request) -> Response:
        if request.method == "POST" and not from_elsewhere and not _is_ours(request, service):
            return _guarded(
                PlainTextResponse("This form was not sent from the forge's own pages.\n", 403)
            )
        raw = b"" if request.method != "POST" else await request.body()
        return _guarded(await run_in_threadpool(_answer, service, view, request, raw))

    return answer


def seen_other(address: str) -> Response:
    """Redirect after a form (303)."""
    return RedirectResponse(address, 303)


def place_of(repo: Repo, issue: Issue) -> str:
    """The address of an issue's or pull request's page."""
    return f"/{repo.full_name}/{'pull' if issue.is_pull else 'issues'}/{issue.number}"


def local_address(text: str | None) -> str:
    """Where a form may redirect to: a path of this forge, or else its front page."""
    return text if text and _LOCAL.fullmatch(text) else "/"


def _answer(service: Service, view: View, request: Request, raw: bytes) -> Response:
    posted = _form(raw)
    # A preview writes nothing, so it needs no write lock.
    writes = request.method == "POST" and ("act", "preview") not in posted
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    with service.transaction(write=writes) as tx:
        key = request.cookies.get(_cookie(service), "")
        visit = PageVisit(
            service,
            tx,
            people.holder(tx, key, people.SESSION),
            path={name: str(value) for name, value in request.path_params.items()},
            query=dict(request.query_params),
            asked=tuple(request.query_params.multi_items()),
            posted=posted,
            address=address,
            key=key,
            seen=request.headers.get("x-seen", ""),
        )
        try:
            response = view(visit)
        except Refused as refused:
            # A view may have written before it was refused; the error page still needs the
            # transaction.
            tx.db.rollback()
            tx.notices.clear()
            return visit.page("problem.html", status=refused.status, problem=refused)
    for name, value in visit.cookies.items():
        if value is None:
            response.delete_cookie(name, path="/", httponly=True, samesite="strict")
        else:
            # SameSite=strict: no request from another site carries the session.
            response.set_cookie(
                name,
                value,
                max_age=people.SESSION_SECONDS,
                path="/",
                httponly=True,
                samesite="strict",
            )
    return response


def _form(raw: bytes) -> Fields:
    """The fields of a form, with CR LF as LF. A form with too many fields counts as empty."""
    try:
        fields = parse_qsl(
            raw.decode("utf-8", errors="replace"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:
        return ()
    return tuple((name, value.replace("\r\n", "\n")) for name, value in fields)


def _is_ours(request: Request, service: Service) -> bool:
    """Whether the form came from these pages, by the Origin header, which no other page
    can forge."""
    port = urlsplit(service.links.web).port
    origin = request.headers.get("origin")
    return origin in (f"http://localhost:{port}", f"http://127.0.0.1:{port}")


def _cookie(service: Service) -> str:
    """The cookie's name holds the port, because browsers share cookies between the ports
    of a host."""
    return f"forge_{urlsplit(service.links.web).port}"


def _guarded(response: Response) -> Response:
    for name, value in GUARDS.items():
        response.headers.setdefault(name, value)
    return response


@cache
def _templates() -> "Environment":
    """The template environment, built for the first page: compiling takes a sixth of the
    start time, and Jinja itself a sixteenth."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from harness.programs.local_forge.pages.markdown import rendered, rendered_line

    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "progress": words.progress,
        "check_words": words.CHECK_WORDS,
        "markdown": rendered,
        "inline": rendered_line,
        "Role": Role,
        "lasted": words.lasted,
        "state_of": words.state_of,
        "commands": words.COMMANDS,
    }
    made.filters |= {
        "ago": words.ago,
        "many": words.many,
        "initials": words.initials,
        "hue": words.hue,
        "moment": moment,
        "shown": revealed,
        "quoted": quote,
        "size": words.size,
        "mark": words.mark,
    }
    made.tests |= {
        "web_link": lambda url: bool(url) and is_safe_link(str(url)) and str(url).startswith("http")
    }
    parts = made.get_template("layout/parts.html").module
    made.globals |= {
        name: part
        for name, part in vars(parts).items()
        if callable(part) and not name.startswith("_")
    }
    return made
