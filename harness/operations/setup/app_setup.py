"""`factory init --github`: a person creates the app on the forge's own page, and its key comes back
here.

Properties:
- Nothing is created for a home that serves something else.
- The key is stored before anything else is awaited, so no app is lost: a second run of the command
  continues with it.
- Every wait has an end."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import quote

from harness.domain.errors import ConfigError, ForgeError
from harness.home.credentials import APP_KEY, app_at
from harness.home.programs import api_of, keep_token
from harness.home.webhooks import keep_webhook_secret
from harness.operations.setup.app_callback import callback_server
from harness.operations.setup.app_manifest import AppRequest, thanks
from harness.operations.setup.connect import (
    AppConnection,
    AppCredentials,
    connect_as_app,
    document_for,
    repository_parts,
    web_of,
)

APP_FILE = "app.json"
PATIENCE_SECONDS, LOOK_SECONDS = 900.0, 2.0


@dataclass(frozen=True, slots=True)
class CreatedApp:
    """An app that a forge created for us: its id, its name in addresses, its page, and the forge's
    web address."""

    id: int
    slug: str
    page: str
    web: str


def create_app(
    home: Path,
    request: AppRequest,
    *,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    patience: float = PATIENCE_SECONDS,
) -> AppConnection:
    """Have a person create an app, wait until it is installed on the repository, and make the home
    serve the repository. `show` is called with the address of the page. Raises ConfigError if
    nobody came within `patience` seconds or the app lacks a permission; ForgeError if the forge
    does not answer."""
    owner, name = repository_parts(request.repository)
    request = AppRequest(f"{owner}/{name}", web_of(request.web), request.org, request.hook)
    # Raises if the home serves something else, before anything is created.
    document_for(home, owner, name, request.web)
    app = _stored_app(home, request)
    if app is None:
        app = _request_app(home, request, tell=tell, show=show, patience=patience)
    install = f"{app.page}/installations/new"
    tell(f"the app {app.slug} exists; install it on {request.repository} at {install}")
    _wait_until_installed(home, request, app, patience=patience)
    return connect_as_app(
        home,
        request.repository,
        AppCredentials(app.id, (home / APP_KEY).read_text("ascii")),
        api=api_of(request.web),
    )


def _request_app(
    home: Path,
    request: AppRequest,
    *,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    patience: float,
) -> CreatedApp:
    """Ask a person to create the app, exchange the code that comes back, and store the app and its
    key."""
    with callback_server(request) as server:
        tell(f"create the app at {server.address}")
        show(server.address)
        if (code := server.code(patience)) is None:
            raise ConfigError(
                f"nobody created the app within {patience / 60:.0f} minutes; run the command again"
                " when somebody can"
            )
        try:
            app, key, secret = _exchange_code(request, code)
            # The key first: the forge shows it only this once.
            keep_token(home / APP_KEY, key.strip())
            if secret:
                keep_webhook_secret(home, secret)
            # Last, because a second run continues with the app that this file names.
            _store_app(home, app)
            server.answer(thanks(app.slug, f"{app.page}/installations/new"))
        finally:
            # After a failure; a page that was set before stays.
            server.answer("The app was not set up; the terminal shows why.")
    return app


def _exchange_code(request: AppRequest, code: str) -> tuple[CreatedApp, str, str]:
    """Exchange the code for the app, its key, and its webhook secret, which may be empty. The
    client secret in the answer is for signing people in, so it is dropped."""
    from harness.forge.errors import forge_errors
    from harness.forge.http_cache import HttpCache
    from harness.forge.rate_limiter import RateLimiter
    from harness.forge.transport import Wire

    # Without a credential: the code itself is one.
    wire = Wire(
        None, api_of(request.web), account="", rate_limiter=RateLimiter(), cache=HttpCache()
    )
    with forge_errors("exchanging the code for the app's key"):
        _, answer = wire.requestJsonAndCheck(
            "POST", f"/app-manifests/{quote(code, safe='')}/conversions"
        )
        page = str(answer["html_url"])
        app = CreatedApp(int(answer["id"]), str(answer["slug"]), page, request.web)
        return app, str(answer["pem"]), str(answer.get("webhook_secret") or "")


def _wait_until_installed(
    home: Path, request: AppRequest, app: CreatedApp, *, patience: float
) -> None:
    owner, name = repository_parts(request.repository)
    document = replace(document_for(home, owner, name, request.web), app=app.id)
    app_client = app_at(document, api_of(request.web), key_file=home / APP_KEY)
    end = time.monotonic() + patience
    while True:
        try:
            app_client.installation()
            return
        except ForgeError as error:
            if error.status == 401:
                raise ConfigError(
                    f"the forge does not know the app {app.slug} any more, or not with this key;"
                    f" remove {home / APP_FILE} to create another"
                ) from error
            # 404: not installed yet.
            if error.status != 404:
                raise
        if time.monotonic() >= end:
            raise ConfigError(
                f"the app {app.slug} was not installed on {request.repository} within"
                f" {patience / 60:.0f} minutes; install it at {app.page}/installations/new and run"
                " the command again: it continues with this app"
            )
        time.sleep(LOOK_SECONDS)


def _store_app(home: Path, app: CreatedApp) -> None:
    """Record which app the key belongs to, for a second run of the command."""
    partial = home / f".{APP_FILE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(app), indent=1) + "\n", "utf-8")
    os.replace(partial, home / APP_FILE)


def _stored_app(home: Path, request: AppRequest) -> CreatedApp | None:
    """The app that was created before for this home and this forge, if its key is there."""
    try:
        stored = json.loads((home / APP_FILE).read_text("utf-8"))
        names = (str(stored[key]) for key in ("slug", "page", "web"))
        app = CreatedApp(int(stored["id"]), *names)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return app if app.web == request.web and (home / APP_KEY).exists() else None
