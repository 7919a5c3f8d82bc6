"""`factory connect` and `factory init --github`: what is asked for, and what they refuse before
they ask anybody."""

import stat

import pytest
from click.testing import CliRunner

from harness.cli.start.connect import connect
from harness.cli.start.setup import init
from harness.home.document import read_home
from tests.forge.apps import an_app
from tests.forge.conftest import client, forge, place, template

__all__ = ("client", "forge", "place", "template")
NAME = "tidehouse/tidebook"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        (connect, [NAME], "either --token-env NAME or --token-file FILE"),
        (connect, [NAME, "--app", "7"], "--app ID with --app-key-file FILE"),
        (
            connect,
            [NAME, "--app", "7", "--app-key-file", "/dev/null", "--token-env", "X"],
            "and without a token",
        ),
        (connect, [NAME, "--app-key-file", "/dev/null"], "name the app by --app ID"),
        (
            connect,
            [NAME, "--app", "7", "--app-key-file", "/nowhere/app.pem"],
            "cannot be read from /nowhere/app.pem",
        ),
        (
            connect,
            [NAME, "--app", "7", "--app-key-file", "/dev/null"],
            "expected the app's private key in it",
        ),
        (
            connect,
            [NAME, "--token-env", "X", "--webhook-secret-file", "/nowhere/secret"],
            "the webhooks' secret cannot be read",
        ),
        (init, ["--github", NAME, "--keep", "3"], "--github drafts nothing"),
        (init, ["--github", "tidebook"], "expected OWNER/NAME"),
        (init, ["--github", NAME, "--host", "http://git.example.org"], "https address"),
        (init, ["--org", "tidehouse"], "belong to --github"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(home, command, arguments, says) -> None:
    told = CliRunner().invoke(command, arguments)
    assert says in str(told.exception)
    assert getattr(told.exception, "exit_code", None) == 2
    assert not home.exists()


def test_a_home_is_connected_as_an_app_with_its_webhooks_secret(place, home, tmp_path) -> None:
    made, key = an_app(place, tmp_path)
    (tmp_path / "secret").write_text("a-secret-of-some-length\n")
    told = CliRunner().invoke(
        connect,
        [
            place.name,
            "--api",
            place.forge.api,
            "--app",
            str(made["id"]),
            "--app-key-file",
            str(key.key_file),
            "--webhook-secret-file",
            str(tmp_path / "secret"),
        ],
    )
    assert told.exit_code == 0, told.exception
    assert f"as {made['slug']}[bot]" in told.output
    assert "PRIVATE" not in told.output
    assert read_home(home).app == made["id"]
    secret = home / "keys" / "webhook.secret"
    assert (secret.read_text().split(), stat.S_IMODE(secret.stat().st_mode)) == (
        ["a-secret-of-some-length"],
        0o600,
    )
