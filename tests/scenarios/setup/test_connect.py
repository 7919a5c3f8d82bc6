"""`factory connect` to a forge that runs elsewhere, as an Enterprise server does, and a run there
with a live endpoint."""

import json
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from harness.home.document import read_home
from harness.operations.setup.pin_key import pinned
from harness.programs.local_forge.seed import Administrator, push_folder
from harness.programs.local_forge.start import RunningForge, start
from tests import warm
from tests.fakes.endpoint import Endpoint, serving
from tests.scenarios.conftest import SECONDS, as_said
from tests.scenarios.waiting import LONG

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@dataclass
class Elsewhere:
    """A forge with Tidebook on it, and tokens: the factory's own, and one of somebody who may only
    read."""

    forge: RunningForge
    app: Path
    maintainer: str
    factory: str
    reader: str
    clone_url: str

    def push(self, message: str) -> None:
        push_folder(self.app, self.clone_url, token=self.maintainer, message=message)

    def issue(self, number: int) -> dict:
        return httpx.get(
            f"{self.forge.api}/repos/tidehouse/tidebook/issues/{number}",
            trust_env=False,
            verify=False,
            timeout=LONG,
        ).json()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    app = folder / "app"
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    forge = start(folder / "forge", open_door=True, seconds=LONG, popen=warm.Server)
    admin = Administrator(forge)
    owner = admin.create_user("tidehouse", role="admin")
    repository = admin.create_repository("tidehouse", "tidebook")
    there = Elsewhere(
        forge,
        app,
        owner.token,
        admin.create_user("lights-out", role="write", kind="Bot").token,
        admin.create_user("passer-by", role="read").token,
        repository.clone_url,
    )
    there.push("Tidebook")
    for number in (1, 2, 3):
        httpx.post(
            f"{forge.api}/repos/tidehouse/tidebook/issues",
            trust_env=False,
            verify=False,
            timeout=LONG,
            headers={"authorization": f"Bearer {there.reader}"},
            json={
                "title": "Pay by card when booking" if number == 3 else f"Filler {number}",
                "body": "My group always asks: could you add card payments to the booking page?",
            },
        ).raise_for_status()
    yield there
    forge.stop()


def factory(home, *arguments, **more):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    return as_said(
        warm.run(
            arguments,
            env={**clean, "FACTORY_HOME": str(home), "NO_COLOR": "1", **more},
            timeout=SECONDS,
        )
    )


def connect(elsewhere, home, *arguments, token=None, repository="tidehouse/tidebook"):
    return factory(
        home,
        "connect",
        repository,
        "--api",
        elsewhere.forge.api,
        "--token-env",
        "FORGE_TOKEN",
        "--json",
        *arguments,
        FORGE_TOKEN=token or elsewhere.factory,
    )


def test_a_home_serves_a_repository_elsewhere_once_its_key_is_pinned_there(
    elsewhere, tmp_path
) -> None:
    home = tmp_path / "home"
    first = connect(elsewhere, home)
    assert first.code == 0, first.err
    assert (first.json["account"], first.json["branch"], first.json["trusts_us"]) == (
        "lights-out",
        "main",
        False,
    )
    document = read_home(home)
    assert (document.forge, document.owner, document.name, document.models) == (
        elsewhere.forge.url,
        "tidehouse",
        "tidebook",
        "live",
    )
    assert stat.S_IMODE((home / "keys" / "forge.token").stat().st_mode) == 0o600
    assert elsewhere.factory not in (home / "home.json").read_text()
    toml = elsewhere.app / "factory.toml"
    toml.write_text(pinned(toml.read_text("utf-8"), first.json["key_id"]), "utf-8")
    elsewhere.push("Trust the factory")
    assert connect(elsewhere, home).json["trusts_us"] is True
    with serving(Endpoint(EXAMPLES / "recordings", issue=3)) as endpoint:
        said = factory(
            home,
            "run",
            "3",
            "--json",
            ANTHROPIC_API_KEY="sk-canary",
            ANTHROPIC_BASE_URL=endpoint.url,
        )
    assert said.code == 0, said.err
    assert [issue["outcome"] for issue in said.json["moved"]] == ["rejected"]
    assert "factory:rejected" in [label["name"] for label in elsewhere.issue(3)["labels"]]
    assert not (home / "forge").exists()
    assert factory(home, "audit").code == 0


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"token": "lof_wrong"}, 2, "does not know the token"),
        ({"token": "reader"}, 2, "may not push to tidehouse/tidebook"),
        ({"repository": "tidehouse/other"}, 2, "shows the token no repository tidehouse/other"),
        ({"repository": "tidehouse"}, 2, "expected OWNER/NAME"),
        ({"repository": "../.."}, 2, "expected OWNER/NAME"),
    ],
    ids=["wrong", "reader", "no-such", "no-name", "dots"],
)
def test_what_cannot_be_connected_changes_nothing(
    elsewhere, tmp_path, change, code, message
) -> None:
    if change.get("token") == "reader":
        change = {"token": elsewhere.reader}
    said = connect(elsewhere, tmp_path / "home", **change)
    assert said.code == code
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert json.loads(said.out)["ok"] is False
    assert not (tmp_path / "home" / "home.json").exists()
    assert not (tmp_path / "home" / "keys").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--token-env", "NOT_SET_ANYWHERE"), 2, "NOT_SET_ANYWHERE contains no token"),
        (("--token-file", "/nowhere/token"), 2, "cannot be read from /nowhere/token"),
        ((), 2, "give the token by either --token-env NAME or --token-file FILE"),
        (("--token-env", "A", "--token-file", "b"), 2, "by either"),
        (
            ("--api", "http://git.example.org", "--token-env", "A"),
            2,
            "an https address, or http on this machine",
        ),
        (
            ("--api", "https://x:sk-secret@git.example.org", "--token-env", "A"),
            2,
            "without a name, secret or query",
        ),
        (("--api", "http://127.0.0.1:9", "--token-env", "PATH_TOKEN"), 5, "was not reached"),
    ],
)
def test_options_that_cannot_be_used_are_named(tmp_path, arguments, code, message) -> None:
    said = factory(tmp_path / "home", "connect", "o/n", *arguments, PATH_TOKEN="x")
    assert (said.code, message in said.err) == (code, True), said.err
    assert "sk-secret" not in said.err
    assert not (tmp_path / "home" / "home.json").exists()


def test_a_home_that_serves_something_else_is_not_taken_over(elsewhere, tmp_path) -> None:
    home = tmp_path / "home"
    assert connect(elsewhere, home).code == 0
    before = (home / "home.json").read_bytes()
    said = factory(home, "connect", "o/n", "--token-env", "A", A="x")
    assert said.code == 2
    assert "serves tidehouse/tidebook on" in said.err
    assert (home / "home.json").read_bytes() == before


def test_a_token_from_a_file_takes_the_place_of_the_old_one(elsewhere, tmp_path) -> None:
    home, file = tmp_path / "home", tmp_path / "token"
    file.write_text(f"{elsewhere.maintainer}\n")
    assert connect(elsewhere, home).code == 0
    said = factory(
        home,
        "connect",
        "Tidehouse/Tidebook",
        "--api",
        elsewhere.forge.url,
        "--token-file",
        str(file),
    )
    assert said.code == 0, said.err
    assert (home / "keys" / "forge.token").read_text().strip() == elsewhere.maintainer
    assert 'trusted_keys = ["' in said.out or "Then `factory tick`" in said.out
