"""Every route of the API, and the view that answers it."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Mount, Route

from harness.programs.local_forge.api import (
    admin,
    apps,
    checks,
    comments,
    git,
    graphql,
    issues,
    people,
    protection,
    pulls,
    reviews,
)
from harness.programs.local_forge.api.callers import administrator, signed_in
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse, RouteAccess, View, endpoint
from harness.programs.local_forge.api.permissions import needs
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.service import Service

# A ref may hold slashes, so what follows a ref (checks, statuses) is tried before the ref alone.
_BOUND = Middleware(RequestBodyLimitMiddleware, max_body_size=2 * 2**20)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VIEWS = (
    *apps.ROUTES,
    *people.ROUTES,
    *issues.ROUTES,
    *comments.ROUTES,
    *pulls.ROUTES,
    *reviews.ROUTES,
    *checks.ROUTES,
    *protection.ROUTES,
    *git.ROUTES,
)


def api_routes(service: Service) -> Mount:
    """The REST API, which GitHub's clients use."""
    routes = [
        Route(path, endpoint(service, view, _door(method, path, view)), methods=[method])
        for method, path, view in VIEWS
    ]
    # An unknown address answers as a view does: with rate-limit headers and a JSON error.
    unknown = Route(
        "/{path:path}",
        endpoint(service, _nothing, RouteAccess(signed_in, (), to_apps=True)),
        methods=METHODS,
    )
    return Mount("/api/v3", routes=[*routes, unknown], middleware=[_BOUND])


def admin_routes(service: Service) -> Mount:
    """The administrator's API."""
    only = RouteAccess(administrator(service.admin_token))
    return Mount(
        "/admin",
        routes=[
            Route(path, endpoint(service, view, only), methods=[method])
            for method, path, view in admin.VIEWS
        ],
        middleware=[_BOUND],
    )


def graphql_route(service: Service) -> Route:
    """The GraphQL API. GitHub Enterprise Server has it at the same address."""
    view = endpoint(service, graphql.ask, RouteAccess(signed_in, (), to_apps=False))
    return Route("/api/graphql", view, methods=["POST"], middleware=[_BOUND])


def _door(method: str, path: str, view: View) -> RouteAccess:
    return RouteAccess(signed_in, needs(method, path), to_apps=view in apps.APP_ONLY)


def _nothing(_call: ApiCall) -> ApiResponse:
    raise not_found()
