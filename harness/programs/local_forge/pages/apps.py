"""The pages of GitHub Apps: approving a manifest, an App's permissions, and its installation.

As on GitHub, a form on another site's page brings the manifest. The App is created only when the
signed-in person approves it on a form of our own.
"""

from urllib.parse import urlencode, urlsplit

from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from harness.programs.local_forge.content import apps, manifests, people, repositories
from harness.programs.local_forge.pages.page_views import (
    GUARDS,
    PageVisit,
    endpoint,
    seen_other,
    values_of,
)
from harness.programs.local_forge.refused import Refused, invalid
from harness.programs.local_forge.service import Service
from harness.programs.local_forge.storage.records import App, Repo, Role, User

STATE_LETTERS = 200
_BOUND = Middleware(RequestBodyLimitMiddleware, max_body_size=100_000)


def app_page_routes(service: Service) -> list[BaseRoute]:
    """These routes go before those of repositories, because `apps` and `settings` are
    reserved logins."""
    routes = (
        ("GET", "/settings/apps/new", new_app, False),
        ("POST", "/settings/apps/new", new_app, True),
        ("POST", "/settings/apps", create_app, False),
        ("GET", "/apps/{slug}", app_page, False),
        ("GET", "/apps/{slug}/installations/new", install_form, False),
        ("POST", "/apps/{slug}/installations", install, False),
    )
    return [
        Route(
            path,
            endpoint(service, view, from_elsewhere=anywhere),
            methods=[method],
            middleware=[_BOUND],
        )
        for method, path, view, anywhere in routes
    ]


def new_app(visit: PageVisit) -> Response:
    """Show what a manifest asks for, or a form to paste one. Creates nothing."""
    text = visit.form.get("manifest", "")
    state = visit.query.get("state", visit.form.get("state", ""))[:STATE_LETTERS]
    if not text:
        return visit.page("apps/new_app.html", manifest=None, text="", state=state, problem="")
    try:
        manifest = manifests.manifest_in(text)
    except Refused as refused:
        return visit.page(
            "apps/new_app.html",
            status=refused.status,
            manifest=None,
            text=text,
            state=state,
            problem=refused.summary,
        )
    shown = visit.page("apps/new_app.html", manifest=manifest, text=text, state=state, problem="")
    return _that_leads_to(shown, manifest.redirect_url)


def create_app(visit: PageVisit) -> Response:
    """Create the App and send the code for its key to the manifest's `redirect_url`."""
    owner, state = _person(visit), visit.form.get("state", "")[:STATE_LETTERS]
    manifest = manifests.manifest_in(visit.form.get("manifest", ""))
    app, code = apps.create(visit.tx, manifest, owner=owner)
    if manifest.redirect_url is None:
        return visit.page("apps/app.html", app=app, code=code, installed=())
    return RedirectResponse(_with(manifest.redirect_url, code=code, state=state), 303)


def app_page(visit: PageVisit) -> Response:
    """An App's permissions and installations."""
    app = apps.named(visit.tx, visit.path["slug"])
    return visit.page("apps/app.html", app=app, code="", installed=_installed(visit, app))


def install_form(visit: PageVisit) -> Response:
    """The repositories on which the viewer may install the App."""
    app = apps.named(visit.tx, visit.path["slug"])
    return _form(visit, app, status=200, problem="")


def install(visit: PageVisit) -> Response:
    """Install the App on the ticked repositories; replaces the earlier choice for each account.
    Repositories that somebody else administers keep their state."""
    app, person = apps.named(visit.tx, visit.path["slug"]), _person(visit)
    own = {repo.full_name: repo for repo in _own(visit, person)}
    names = values_of(visit.posted, "repository")
    # A forged form could name repositories that the person does not administer.
    if not names or not own.keys() >= set(names):
        return _form(visit, app, status=422, problem="Tick at least one of the repositories below.")
    last = 0
    for account in {own[name].owner.id: own[name].owner for name in names}.values():
        others = [
            repo
            for repo in _installed(visit, app)
            if repo.owner.id == account.id and repo.full_name not in own
        ]
        chosen = [
            *others,
            *(own[name] for name in dict.fromkeys(names) if own[name].owner.id == account.id),
        ]
        last = apps.install(visit.tx, app, account, repositories=chosen).id
    if app.setup_url is not None:
        return RedirectResponse(
            _with(app.setup_url, installation_id=str(last), setup_action="install"), 303
        )
    return seen_other(f"/apps/{app.slug}")


def _form(visit: PageVisit, app: App, *, status: int, problem: str) -> Response:
    own = _own(visit, visit.viewer) if visit.viewer else ()
    shown = visit.page(
        "apps/install_app.html",
        status=status,
        app=app,
        repositories=own,
        problem=problem,
        ticked={repo.full_name for repo in _installed(visit, app)},
    )
    return _that_leads_to(shown, app.setup_url)


def _installed(visit: PageVisit, app: App) -> tuple[Repo, ...]:
    found = apps.installations_of(visit.tx, app)
    return tuple(
        repo for repo in repositories.all_of(visit.tx) if any(one.reaches(repo) for one in found)
    )


def _own(visit: PageVisit, person: User) -> tuple[Repo, ...]:
    """The repositories that a person administers."""
    return tuple(
        repo
        for repo in repositories.all_of(visit.tx)
        if people.role_on(visit.tx, person, repo) >= Role.ADMIN
    )


def _person(visit: PageVisit) -> User:
    if visit.viewer is None or visit.viewer.kind != "User":
        raise Refused(401, "Sign in first: an App belongs to a person with an account here.")
    return visit.viewer


def _with(address: str, **parameters: str) -> str:
    """An address with more query parameters. Raises Refused (422) unless it is an http
    or https address."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise invalid(
            "Integration", "redirect_url", "redirect_url must be an http or https address"
        )
    more = urlencode({name: value for name, value in parameters.items() if value})
    return parts._replace(
        query="&".join(part for part in (parts.query, more) if part), fragment=""
    ).geturl()


def _that_leads_to(response: Response, address: str | None) -> Response:
    """Allow the form's redirect in the content security policy: `form-action` also
    covers redirects."""
    if address is not None:
        parts = urlsplit(address)
        policy = GUARDS["content-security-policy"]
        host = f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
        response.headers["content-security-policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {host}"
        )
    return response
