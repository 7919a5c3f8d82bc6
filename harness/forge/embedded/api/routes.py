"""Every address of the API, and the view that answers there."""

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Mount, Route

from harness.forge.embedded.api import admin, checks, git, issues, people, pulls, talk
from harness.forge.embedded.api.calls import Answer, Call, administrator, endpoint, signed_in
from harness.forge.embedded.faults import Faults
from harness.forge.embedded.refused import not_found
from harness.forge.embedded.service import Service

# A ref may hold slashes, so what follows a ref (checks, statuses) is tried before the ref alone.
_BOUND = Middleware(RequestBodyLimitMiddleware, max_body_size=2 * 2**20)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
VIEWS = (*people.ROUTES, *issues.ROUTES, *talk.ROUTES, *pulls.ROUTES, *checks.ROUTES, *git.ROUTES)


def api_routes(service: Service) -> Mount:
    """What GitHub's clients talk to."""
    known = [Route(path, endpoint(service, view, identify=signed_in), methods=[method]) for method, path, view in VIEWS]
    unknown = Route("/{path:path}", endpoint(service, _nothing, identify=signed_in), methods=METHODS)
    return Mount("/api/v3", routes=[*known, unknown], middleware=[_BOUND])


def admin_routes(service: Service, faults: Faults | None) -> Mount:
    """What the one who started the forge talks to."""
    only = administrator(service.admin_token)
    known = admin.routes(faults)
    return Mount("/admin", routes=[
        Route(path, endpoint(service, view, identify=only), methods=[method]) for method, path, view in known
    ], middleware=[_BOUND])


def _nothing(_call: Call) -> Answer:
    raise not_found()
