"""Every page's route and its view."""

from pathlib import Path

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.programs.local_forge.pages import (
    browsing,
    comment_forms,
    files,
    filing,
    issue_edits,
    sign_in,
)
from harness.programs.local_forge.pages.live import stream
from harness.programs.local_forge.pages.page_views import GUARDS, endpoint
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.service import Service

_HERE = "/{owner}/{repo}"
VIEWS = (
    ("GET", "/", browsing.front),
    ("GET", "/sign-in", sign_in.sign_in_form),
    ("POST", "/sign-in", sign_in.sign_in),
    ("POST", "/sign-out", sign_in.sign_out),
    ("GET", "/{owner}", browsing.person),
    ("GET", _HERE, files.home),
    ("GET", f"{_HERE}/issues", browsing.issue_list),
    ("POST", f"{_HERE}/issues", filing.file_issue),
    ("GET", f"{_HERE}/issues/new", filing.new_issue),
    ("GET", f"{_HERE}/issues/{{number:int}}", browsing.issue),
    ("POST", f"{_HERE}/issues/{{number:int}}", comment_forms.add_comment),
    *(
        (method, f"{_HERE}/{kind}/{{number:int}}{path}", view)
        for kind in ("issues", "pull")
        for method, path, view in (
            ("GET", "/edit", comment_forms.edit_issue),
            ("POST", "/edit", comment_forms.change_issue),
            ("GET", "/comments/{comment:int}", comment_forms.edit_comment),
            ("POST", "/comments/{comment:int}", comment_forms.change_comment),
            ("POST", "/labels", issue_edits.put_labels),
            ("POST", "/assignees", issue_edits.put_assignees),
        )
    ),
    ("GET", f"{_HERE}/pulls", browsing.pull_list),
    ("GET", f"{_HERE}/pull/{{number:int}}.diff", browsing.pull_diff),
    ("GET", f"{_HERE}/pull/{{number:int}}", browsing.pull),
    ("POST", f"{_HERE}/pull/{{number:int}}", comment_forms.add_comment),
    ("GET", f"{_HERE}/commits/{{ref:path}}", files.commit_list),
    ("GET", f"{_HERE}/commit/{{ref}}", files.commit),
    ("GET", f"{_HERE}/tree/{{rest:path}}", files.tree),
    ("GET", f"{_HERE}/blob/{{rest:path}}", files.blob),
    ("GET", f"{_HERE}/raw/{{rest:path}}", files.raw),
    ("GET", "/{path:path}", lambda _visit: _nothing()),
)
EVIDENCE_POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self'"
    " 'unsafe-inline'; sandbox allow-scripts; frame-ancestors 'none'; base-uri 'none'; form-action"
    " 'none'"
)
_BOUND = Middleware(RequestBodyLimitMiddleware, max_body_size=1_000_000)
_STATIC = Path(__file__).parent / "static"
_FILES = frozenset(file.name for file in _STATIC.iterdir())


def page_routes(service: Service) -> list[BaseRoute]:
    """The pages, the static files and, where a folder is configured, the evidence of verdicts."""
    found: list[BaseRoute] = [
        Route("/-/health", _health),
        Route("/-/live", stream(service)),
        Route("/-/{name}", _static),
    ]
    if service.settings.evidence is not None:
        kept = StaticFiles(directory=service.settings.evidence, html=True, check_dir=False)
        # First, because the routes after it would match this address too.
        found.insert(0, Mount("/-/evidence", kept, middleware=[Middleware(_Sandboxed)]))
    pages = [
        Route(path, endpoint(service, view), methods=[method], middleware=[_BOUND])
        for method, path, view in VIEWS
    ]
    return [*found, *pages]


class _Sandboxed:
    """Sandbox the evidence pages, which show an untrusted app: no origin, no cookies, no
    connections."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the policy to the response."""

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", EVIDENCE_POLICY.encode())
                message["headers"] = [
                    *message["headers"],
                    policy,
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self._app(scope, receive, with_policy)


async def _health(_request: Request) -> Response:
    return JSONResponse({"ok": True})


async def _static(request: Request) -> Response:
    """The stylesheets, scripts and icon."""
    name = request.path_params["name"]
    if name not in _FILES:
        return Response("Not found\n", 404, media_type="text/plain")
    return FileResponse(_STATIC / name, headers={**GUARDS, "cache-control": "public, max-age=60"})


def _nothing() -> Response:
    raise not_found()
