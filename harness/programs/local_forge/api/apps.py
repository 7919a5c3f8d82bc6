"""What an App asks about itself, and what its installations' tokens ask about themselves."""

from harness.programs.local_forge import fields
from harness.programs.local_forge.api.callers import token_of
from harness.programs.local_forge.api.calls import ApiCall, ApiResponse
from harness.programs.local_forge.api.paging import links, page_of, window
from harness.programs.local_forge.content import apps, manifests, people, repositories
from harness.programs.local_forge.refused import Refused, invalid, not_found
from harness.programs.local_forge.shapes import apps as shapes
from harness.programs.local_forge.shapes import people as people_shapes
from harness.programs.local_forge.storage.records import App, Grant, Installation, Repo


def convert(call: ApiCall) -> ApiResponse:
    """Convert a manifest's code to the App's key and secrets, once. The code is the
    proof; no sign-in is needed."""
    converted = apps.convert(call.tx, call.path["code"])
    call.service.webhook_sender.reload(call.tx.db)
    return ApiResponse(shapes.conversion(call.tx.links, converted), 201)


def myself(call: ApiCall) -> ApiResponse:
    """The App that calls."""
    app = _app(call)
    return ApiResponse(
        shapes.app(call.tx.links, app, installations=len(apps.installations_of(call.tx, app)))
    )


def by_slug(call: ApiCall) -> ApiResponse:
    """Any App by its slug."""
    return ApiResponse(shapes.app(call.tx.links, apps.named(call.tx, call.path["slug"])))


def installation_list(call: ApiCall) -> ApiResponse:
    """The installations of the App that calls."""
    found = apps.installations_of(call.tx, _app(call))
    return page_of(call, found, shape=lambda one: shapes.installation(call.tx.links, one))


def installation(call: ApiCall) -> ApiResponse:
    """One installation of the App that calls."""
    return ApiResponse(shapes.installation(call.tx.links, _installation(call)))


def uninstall(call: ApiCall) -> ApiResponse:
    """Remove the calling App from an account."""
    apps.uninstall(call.tx, _installation(call))
    return ApiResponse(status=204)


def on_repository(call: ApiCall) -> ApiResponse:
    """The calling App's installation that reaches a repository. Raises Refused (404)
    where none does."""
    found = apps.installation_on(
        call.tx, _app(call), repositories.named(call.tx, call.path["owner"], call.path["repo"])
    )
    if found is None:
        raise not_found()
    return ApiResponse(shapes.installation(call.tx.links, found))


def on_account(call: ApiCall) -> ApiResponse:
    """The calling App's installation on an account."""
    account = people.user_named(call.tx, call.path["login"])
    found = [
        one for one in apps.installations_of(call.tx, _app(call)) if one.account.id == account.id
    ]
    if not found:
        raise not_found()
    return ApiResponse(shapes.installation(call.tx.links, found[0]))


def create_token(call: ApiCall) -> ApiResponse:
    """Create an installation token, valid for an hour, with all or fewer of its
    repositories and permissions."""
    found = _installation(call)
    chosen = _chosen(call, found)
    wanted = (
        manifests.permissions(call.body["permissions"])
        if call.body.get("permissions") is not None
        else None
    )
    only = None if chosen is None else frozenset(repo.id for repo in chosen)
    token, grant = apps.issue_token(call.tx, found, permissions=wanted, repositories=only)
    return ApiResponse(shapes.token(call.tx.links, token, grant, repositories=chosen), 201)


def revoke_token(call: ApiCall) -> ApiResponse:
    """Revoke the calling token."""
    _grant(call)
    apps.revoke_token(call.tx, token_of(call.authorization or "") or "")
    return ApiResponse(status=204)


def reached(call: ApiCall) -> ApiResponse:
    """The repositories that the calling token is valid for."""
    grant = _grant(call)
    found = [repo for repo in _owned(call, grant.installation) if grant.reaches(repo)]
    size, skip = window(call)
    shown = [people_shapes.repository(call.tx.links, repo) for repo in found[skip : skip + size]]
    chosen = grant.installation.everywhere and grant.only is None
    content = {
        "total_count": len(found),
        "repository_selection": "all" if chosen else "selected",
        "repositories": shown,
    }
    return ApiResponse(content, headers=links(call, len(found)))


def _app(call: ApiCall) -> App:
    if call.caller.app is None:
        raise Refused(401, "A JSON web token could not be decoded")
    return call.caller.app


def _grant(call: ApiCall) -> Grant:
    if call.caller.grant is None:
        raise Refused(
            403,
            "You must authenticate with an installation access token in order to list repositories"
            " for an installation.",
        )
    return call.caller.grant


def _installation(call: ApiCall) -> Installation:
    app, found = _app(call), apps.installation(call.tx, call.number)
    # 404, not 403: an App must not learn which installations other Apps have.
    if found.app.id != app.id:
        raise not_found()
    return found


def _owned(call: ApiCall, found: Installation) -> tuple[Repo, ...]:
    return tuple(
        repo for repo in repositories.all_of(call.tx, found.account.login) if found.reaches(repo)
    )


def _chosen(call: ApiCall, found: Installation) -> tuple[Repo, ...] | None:
    """The repositories that a token is wanted for, by name or number; None: all."""
    names, numbers = call.body.get("repositories"), call.body.get("repository_ids")
    if names is None and numbers is None:
        return None
    wanted = {
        name.lower()
        for name in fields.names(names or [], "Installation", "repositories", limit=100)
    }
    ids = fields.numbers(numbers or [], "Installation", "repository_ids")
    chosen = tuple(
        repo for repo in _owned(call, found) if repo.name.lower() in wanted or repo.id in ids
    )
    # Some name or number matched nothing.
    if len(chosen) < len(wanted | ids):
        raise invalid(
            "Installation",
            "repositories",
            "There is at least one repository that does not exist or is not "
            "accessible to the parent installation.",
        )
    return chosen


_REPO = "/repos/{owner}/{repo}"
ROUTES = (
    ("POST", "/app-manifests/{code}/conversions", convert),
    ("GET", "/app", myself),
    ("GET", "/apps/{slug}", by_slug),
    ("GET", "/app/installations", installation_list),
    ("GET", "/app/installations/{number:int}", installation),
    ("DELETE", "/app/installations/{number:int}", uninstall),
    ("POST", "/app/installations/{number:int}/access_tokens", create_token),
    ("GET", f"{_REPO}/installation", on_repository),
    ("GET", "/users/{login}/installation", on_account),
    ("GET", "/installation/repositories", reached),
    ("DELETE", "/installation/token", revoke_token),
)
APP_ONLY = frozenset(
    {
        convert,
        myself,
        by_slug,
        installation_list,
        installation,
        uninstall,
        on_repository,
        on_account,
        create_token,
    }
)
"""The views that an App's own JSON web token may call; it may call nothing else."""
