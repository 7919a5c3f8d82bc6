"""Every address of the API, and the view that answers there."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Mount, Route

from harness.programs.local_forge.api import (
    admin,
    apps,
    checks,
    git,
    graphql,
    issues,
    people,
    protection,
    pulls,
    talk,
)
from harness.programs.local_forge.api.callers import administrator, signed_in
from harness.programs.local_forge.api.calls import Answer, Call, Door, View, endpoint
from harness.programs.local_forge.api.permissions import needs
from harness.programs.local_forge.faults import Faults
from harness.programs.local_forge.refused import not_found
from harness.programs.local_forge.service import Service

# A ref may hold slashes, so what follows a ref (checks, statuses) is tried before the ref alone.
_BOUND = Middleware(RequestBodyLimitMiddleware, max_body_size=2 * 2**20)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VIEWS = (
    *apps.ROUTES,
    *people.ROUTES,
    *issues.ROUTES,
    *talk.ROUTES,
    *pulls.ROUTES,
    *checks.ROUTES,
    *protection.ROUTES,
    *git.ROUTES,
)


def api_routes(service: Service) -> Mount:
    """What GitHub's clients talk to."""
    known = [
        Route(path, endpoint(service, view, _door(method, path, view)), methods=[method])
        for method, path, view in VIEWS
    ]
    unknown = Route(
        "/{path:path}",
        endpoint(service, _nothing, Door(signed_in, (), to_apps=True)),
        methods=METHODS,
    )
    return Mount("/api/v3", routes=[*known, unknown], middleware=[_BOUND])


def admin_routes(service: Service, faults: Faults | None) -> Mount:
    """What the one who started the forge talks to."""
    only = Door(administrator(service.admin_token))
    known = admin.routes(faults)
    return Mount(
        "/admin",
        routes=[
            Route(path, endpoint(service, view, only), methods=[method])
            for method, path, view in known
        ],
        middleware=[_BOUND],
    )


def graphql_route(service: Service) -> Route:
    """What REST has no word for. github.com has it beside the REST API; so have servers of one's
    own, and so has this."""
    view = endpoint(service, graphql.ask, Door(signed_in, (), to_apps=False))
    return Route("/api/graphql", view, methods=["POST"], middleware=[_BOUND])


def _door(method: str, path: str, view: View) -> Door:
    return Door(signed_in, needs(method, path), to_apps=view in apps.APP_ONLY)


def _nothing(_call: Call) -> Answer:
    raise not_found()
