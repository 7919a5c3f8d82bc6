"""The ASGI application: git, the API and the pages of one server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Route

from harness.programs.local_forge.api.routes import admin_routes, api_routes, graphql_route
from harness.programs.local_forge.git_http import GitHttpBackend
from harness.programs.local_forge.pages.apps import app_page_routes
from harness.programs.local_forge.pages.routes import page_routes
from harness.programs.local_forge.service import Service

HOSTS = ("localhost", "127.0.0.1")


def application(service: Service) -> Starlette:
    """Every route of the forge. Requests under another host name are refused (DNS rebinding)."""
    return Starlette(
        routes=[
            Route(
                # Before the pages, whose routes would match `repo.git` too.
                "/{owner}/{repo}.git/{tail:path}",
                GitHttpBackend(service).answer,
                methods=["GET", "POST"],
            ),
            graphql_route(service),
            api_routes(service),
            admin_routes(service),
            *app_page_routes(service),
            *page_routes(service),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False)],
        lifespan=lambda _app: _life(service),
    )


@contextlib.asynccontextmanager
async def _life(service: Service) -> AsyncIterator[None]:
    delivering = asyncio.create_task(service.webhook_sender.deliver(service.database))
    yield
    # Webhooks that wait are dropped: a listener has to re-read the state anyway.
    delivering.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await delivering
    service.database.close()
