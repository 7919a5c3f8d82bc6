"""`factory init --github`: a person makes the app on the forge's own page, and its key comes back
here.

Properties kept: nothing is made for a home that serves something else; the key is written before
anything is waited for, so that no app is made in vain: said again, the command goes on with the one
that is there; all waiting ends."""

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
from harness.operations.setup.app_callback import asking
from harness.operations.setup.app_manifest import Wish, thanks
from harness.operations.setup.connect import (
    AppGiven,
    Connected,
    connected_as_app,
    document_for,
    repository_parts,
    web_of,
)

APP_FILE = "app.json"
PATIENCE_SECONDS, LOOK_SECONDS = 900.0, 2.0


@dataclass(frozen=True, slots=True)
class Made:
    """An app that a forge made for us: its number, its name in addresses, its page, and on which
    forge."""

    id: int
    slug: str
    page: str
    web: str


def founded(
    home: Path,
    wish: Wish,
    *,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    patience: float = PATIENCE_SECONDS,
) -> Connected:
    """Have an app made, wait until it is installed on the repository, and make the home serve it.
    `show` is given the address of the page. Raises ConfigError when nobody came within `patience`
    seconds, or the app lacks something; ForgeError when the forge does not answer."""
    owner, name = repository_parts(wish.repository)
    wish = Wish(f"{owner}/{name}", web_of(wish.web), wish.org, wish.hook)
    document_for(home, owner, name, wish.web)
    made = _kept(home, wish) or _made(home, wish, tell=tell, show=show, patience=patience)
    install = f"{made.page}/installations/new"
    tell(f"the app {made.slug} is there; install it on {wish.repository} at {install}")
    _wait_until_installed(home, wish, made, patience=patience)
    return connected_as_app(
        home,
        wish.repository,
        AppGiven(made.id, (home / APP_KEY).read_text("ascii")),
        api=api_of(wish.web),
    )


def _made(
    home: Path,
    wish: Wish,
    *,
    tell: Callable[[str], None],
    show: Callable[[str], None],
    patience: float,
) -> Made:
    """Ask a person for it, exchange the code that comes back, and keep what it is exchanged for."""
    with asking(wish) as door:
        tell(f"make the app at {door.address}")
        show(door.address)
        if (code := door.code(patience)) is None:
            raise ConfigError(
                f"nobody made the app within {patience / 60:.0f} minutes; say it again when"
                " somebody can"
            )
        try:
            made, key, secret = _converted(wish, code)
            keep_token(home / APP_KEY, key.strip())
            if secret:
                keep_webhook_secret(home, secret)
            _keep(home, made)
            door.answer(thanks(made.slug, f"{made.page}/installations/new"))
        finally:
            door.answer("The app was not made; the terminal says why.")
    return made


def _converted(wish: Wish, code: str) -> tuple[Made, str, str]:
    """What the code is exchanged for: the app, its key, and its webhooks' secret, which may be
    empty. The client's secret among it is for signing people in, which nobody here does."""
    from harness.forge.errors import forge_errors
    from harness.forge.http_cache import HttpCache
    from harness.forge.rate_limiter import RateLimiter
    from harness.forge.transport import Wire

    wire = Wire(None, api_of(wish.web), account="", rate_limiter=RateLimiter(), cache=HttpCache())
    with forge_errors("exchanging the code for the app's key"):
        _, told = wire.requestJsonAndCheck(
            "POST", f"/app-manifests/{quote(code, safe='')}/conversions"
        )
        made = Made(int(told["id"]), str(told["slug"]), str(told["html_url"]), wish.web)
        return made, str(told["pem"]), str(told.get("webhook_secret") or "")


def _wait_until_installed(home: Path, wish: Wish, made: Made, *, patience: float) -> None:
    owner, name = repository_parts(wish.repository)
    document = replace(document_for(home, owner, name, wish.web), app=made.id)
    app, end = (
        app_at(document, api_of(wish.web), key_file=home / APP_KEY),
        time.monotonic() + patience,
    )
    while True:
        try:
            app.installation()
            return
        except ForgeError as error:
            if error.status == 401:
                raise ConfigError(
                    f"the forge knows the app {made.slug} no more, or not with this key; remove"
                    f" {home / APP_FILE} to have another made"
                ) from error
            if error.status != 404:
                raise
        if time.monotonic() >= end:
            raise ConfigError(
                f"the app {made.slug} was not installed on {wish.repository} within"
                f" {patience / 60:.0f} minutes; install it at {made.page}/installations/new and say"
                " it again: the app is kept"
            )
        time.sleep(LOOK_SECONDS)


def _keep(home: Path, made: Made) -> None:
    """Which app the key is of: said again, the command goes on with it."""
    partial = home / f".{APP_FILE}.{os.getpid()}"
    partial.write_text(json.dumps(asdict(made), indent=1) + "\n", "utf-8")
    os.replace(partial, home / APP_FILE)


def _kept(home: Path, wish: Wish) -> Made | None:
    """The app that was made before for this home and this forge, if its key is there."""
    try:
        told = json.loads((home / APP_FILE).read_text("utf-8"))
        made = Made(int(told["id"]), str(told["slug"]), str(told["page"]), str(told["web"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return made if made.web == wish.web and (home / APP_KEY).exists() else None
