"""A home moves to a branch and back by the command line itself, and its owner stops it from another
machine. Real git over HTTP."""

import json
import os
import shutil

import pytest

from harness.home.document import read_home
from harness.programs.local_forge.seed import Administrator, push_folder
from harness.programs.local_forge.start import start
from harness.repository.state_branch import BRANCH
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from harness.store.state_key import made_key
from tests import warm
from tests.repository.naive import git
from tests.scenarios.conftest import as_said
from tests.scenarios.waiting import LONG


@pytest.fixture(scope="module")
def forge(tmp_path_factory):
    forge = start(tmp_path_factory.mktemp("forge"), open_door=True, seconds=LONG, popen=warm.Server)
    yield forge
    forge.stop()


@pytest.fixture
def connected(forge, tmp_path):
    """A home that is connected to a repository with one file."""
    admin = Administrator(forge)
    owner = admin.create_user("ada", role="admin")
    ours = admin.create_user("lights-out", role="write", kind="Bot")
    repository = admin.create_repository("ada", "shop")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("print(1)\n")
    push_folder(tmp_path / "code", repository.clone_url, token=owner.token)
    said = factory(
        tmp_path / "home",
        "connect",
        "ada/shop",
        "--api",
        forge.api,
        "--token-env",
        "T",
        T=ours.token,
    )
    assert said.code == 0, said.err
    return tmp_path / "home", {
        "FACTORY_STATE": f"{forge.url}/ada/shop",
        "FACTORY_STATE_TOKEN": ours.token,
        "FACTORY_HOME_KEY": made_key(),
    }


def factory(home, *arguments, **more):
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "FACTORY_"))
    }
    environment = {**clean, "FACTORY_HOME": str(home), "NO_COLOR": "1", **more}
    return as_said(warm.run(arguments, env=environment, timeout=LONG))


def on_branch(forge) -> bool:
    folder = next((forge.home / "repositories").glob("*.git"))
    return bool(git(folder, "for-each-ref", f"refs/heads/{BRANCH}"))


def commands(home):
    ledger = SqliteLedger(home, SystemClock())
    found = [entry.data["command"] for entry in ledger.entries(kind="command")]
    ledger.close()
    return found


def test_a_home_moves_to_a_branch_is_stopped_from_elsewhere_and_comes_back(
    connected, forge, tmp_path
) -> None:
    home, there = connected
    assert factory(home, "home", "move", "branch").code == 2, "without a key"
    assert (read_home(home).database, on_branch(forge)) == ("sqlite", False)
    moved = factory(home, "home", "move", "branch", "--json", **there)
    assert (moved.code, json.loads(moved.out)["where"]) == (0, f"{BRANCH} on the forge"), moved.err
    assert on_branch(forge)

    for refused in ("tick", "up"):
        said = factory(home, refused)
        assert (said.code, "on a branch" in said.err) == (2, True), said.err
    assert factory(home, "status").code == 0, "looking needs no key"

    look = tmp_path / "look"
    assert factory(look, "home", "fetch", **there).code == 0
    stopped = factory(look, "stop", "wait", **there)
    assert stopped.code == 0, stopped.err
    assert factory(home, "home", "fetch", **there).code == 0
    assert commands(home) == ["stop"], "the stop holds on the other machine"
    assert factory(look, "resume", **there).code == 0

    rekeyed = factory(look, "home", "rekey", **there)
    assert rekeyed.code == 0, rekeyed.err
    old = factory(home, "home", "fetch", **there)
    assert (old.code, "this home's key" in old.err) == (5, True), old.err
    there["FACTORY_HOME_KEY"] = rekeyed.out.strip()
    back = factory(home, "home", "move", "sqlite", **there)
    assert back.code == 0, back.err
    assert (read_home(home).database, on_branch(forge)) == ("sqlite", False)
    assert commands(home) == ["stop", "resume"]
    shutil.rmtree(look)
    assert factory(look, "home", "fetch", **there).code == 1, "there is nothing any more"
