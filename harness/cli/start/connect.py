"""`factory connect` to a repository on a forge. `factory init --github` creates an app first."""

import os
import sys
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.errors import ConfigError

if TYPE_CHECKING:
    from harness.operations.setup.connect import AppConnection


@click.command()
@click.argument("repository", metavar="OWNER/NAME")
@click.option(
    "--api",
    default="https://api.github.com",
    show_default=True,
    metavar="URL",
    help="The forge's REST API: an Enterprise server's, or a running local forge's.",
)
@click.option(
    "--token-env", default="", metavar="NAME", help="Read the token from this environment variable."
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read the token from this file.",
)
@click.option(
    "--app",
    type=click.IntRange(min=1),
    metavar="ID",
    help="Connect as this GitHub App instead of with a token.",
)
@click.option(
    "--app-key-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The app's private key, in PEM.",
)
@click.option(
    "--webhook-secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The secret that signs webhooks; the previous secret stays valid until the next change.",
)
@as_json
def connect(
    repository: str,
    api: str,
    token_env: str,
    token_file: Path | None,
    app: int | None,
    app_key_file: Path | None,
    webhook_secret_file: Path | None,
    as_json: bool,
) -> None:
    """Make $FACTORY_HOME serve OWNER/NAME on a forge.

    The forge is GitHub, an Enterprise server, or a running local forge. The factory works there as
    a GitHub App, which `factory init --github` creates. For a trial, a token will do. The command
    reads the key or the token from a file or an environment variable, never from the command line.
    It checks them against the forge and names each missing permission. It stores them in the home,
    where only this account can read them. To replace them, connect to the same repository again.

    \b
    Exit codes:
      0  connected
      2  the name, the address, the app or the token cannot be used, or the home serves
         another repository; nothing was changed
      5  the forge did not answer

    \b
    Examples:
      factory connect tidehouse/tidebook --app 12345 --app-key-file app.pem
      factory connect tidehouse/tidebook --token-env GITHUB_TOKEN
      factory connect tidehouse/tidebook --api https://git.example.org/api/v3 --token-file token.txt
    """
    from harness.operations.setup.connect import (
        AppCredentials,
        connect_as_app,
        connect_by_token,
        secret_in,
    )

    secret = secret_in(webhook_secret_file, "the webhooks' secret") if webhook_secret_file else ""
    if app is None:
        if app_key_file:
            raise ConfigError("--app-key-file belongs to an app: name the app by --app ID")
        found = connect_by_token(
            home(), repository, api=api, token_env=token_env, token_file=token_file
        )
    else:
        if token_env or token_file or app_key_file is None:
            raise ConfigError(
                "an app connects by --app ID with --app-key-file FILE, and without a token"
            )
        given = AppCredentials(app, secret_in(app_key_file, "the app's private key"))
        found = connect_as_app(home(), repository, given, api=api)
    # Only after the connection succeeded: a refusal must leave the home as it was.
    if secret:
        from harness.home.webhooks import keep_webhook_secret

        keep_webhook_secret(home(), secret)
    show_connection(found, as_json=as_json)


def show_connection(found: "AppConnection", *, as_json: bool) -> None:
    """Print what the home serves now, and the next step."""
    if as_json:
        emit(
            {
                "ok": True,
                "home": str(home()),
                "repository": found.repository,
                "forge": found.forge,
                "branch": found.branch,
                "key_id": found.key_id,
                "account": found.account,
                "trusts_us": found.trusts_us,
                "note": found.note,
            }
        )
        return
    echo(
        f"{home()} serves {found.repository} on {found.forge}, branch {found.branch}, as"
        f" {found.account}."
    )
    if found.note:
        echo(f"Note: {found.note}.")
    if not found.trusts_us:
        echo(
            "Next: `factory init` in a clone drafts what governs it; in factory.toml a maintainer"
            " pins this home's key:\n"
            f'  [seal]\n  trusted_keys = ["{found.key_id}"]'
        )
    echo("Then `factory tick`.")


def with_a_new_app(repository: str, *, org: str, host: str, webhooks: str, as_json: bool) -> None:
    """Let a person create an app for the repository, wait for its installation, and connect as
    it."""
    from harness.operations.setup.app_manifest import AppRequest
    from harness.operations.setup.app_setup import create_app

    found = create_app(
        home(),
        AppRequest(repository, host, org, webhooks),
        # With --json standard output carries one document only.
        tell=lambda words: echo(words, err=as_json),
        show=_show,
    )
    show_connection(found, as_json=as_json)


def _show(address: str) -> None:
    """Open the address if somebody can see a browser window. It was printed already."""
    has_a_screen = sys.platform == "darwin" or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if has_a_screen and sys.stdout.isatty():
        with suppress(webbrowser.Error):
            webbrowser.open(address)
