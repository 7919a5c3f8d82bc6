"""The recipe for a hosted runner: its own commands, on three machines that have nothing of each
other, the first two of which vanish in the middle. All that lasts is in a PostgreSQL; the journeys
in it can be read by nobody who has only that."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from harness.onboarding.hosted_runner import runner_of
from harness.operations.setup.issue_files import issues_in
from harness.operations.setup.pin_key import pinned
from harness.programs.local_forge.seed import Administrator, push_folder
from harness.programs.local_forge.start import start
from harness.store.clock import SystemClock
from harness.store.database import postgres_address
from harness.store.ledger.postgres import PostgresLedger
from tests import warm
from tests.fakes.endpoint import Endpoint, serving
from tests.scenarios.conftest import FACTORY, SECONDS, as_said
from tests.scenarios.waiting import LONG, is_at_rest, wait_until

pytestmark = pytest.mark.soak("a run over three machines; engine/ shows leases, state and takeover")

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
HOME_KEY = "c4" * 32


def step():
    """The one step of the recipe that has secrets: what it runs, and its environment."""
    recipe = yaml.safe_load(runner_of(f"acme/factory@{0:040x}").text)
    (job,) = recipe["jobs"].values()
    (found,) = [one for one in job["steps"] if "env" in one]
    return found


@dataclass
class Hosted:
    """A repository on a forge, its factory's state in a database, and the secrets of the runner's
    environment."""

    folder: Path
    forge: object
    address: str
    secrets: dict[str, str]

    def environment(self, machine):
        """What a runner gives the step, and nothing of ours but where programs and caches are."""
        names = {
            "runner.temp": str(self.folder / machine),
            **{f"secrets.{name}": text for name, text in self.secrets.items()},
        }
        given = {}
        for name, text in step()["env"].items():
            for expression, value in names.items():
                text = text.replace(f"${{{{ {expression} }}}}", value)
            assert "${{" not in text, text
            given[name] = text
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/root"),
            **given,
            **{
                name: value
                for name, value in os.environ.items()
                if name.startswith(("XDG_", "PIP_"))
            },
        }

    def started(self, machine, endpoint):
        """The step on a machine that was not there before."""
        (self.folder / machine).mkdir()
        command = step()["run"].replace(".venv/bin/factory", str(FACTORY))
        return subprocess.Popen(
            ["bash", "-e", "-c", command],
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**self.environment(machine), "ANTHROPIC_BASE_URL": endpoint.url},
        )

    def entries(self, kind):
        ledger = PostgresLedger(
            self.folder / "looks", SystemClock(), postgres_address(self.address)
        )
        try:
            return ledger.entries(kind=kind)
        finally:
            ledger.close()

    def vanishes_once(self, machine, happened) -> None:
        """Run until `happened`, then take the machine away: every process of it and its disk."""
        with serving(Endpoint(EXAMPLES / "recordings", issue=1)) as endpoint:
            process = self.started(machine, endpoint)
            deadline = time.monotonic() + SECONDS
            while not happened() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            os.killpg(process.pid, signal.SIGKILL)
            out, _ = process.communicate()
        assert happened(), out
        assert process.returncode == -signal.SIGKILL, out
        wait_until(
            lambda: is_at_rest(self.folder / machine)
        )  # what it started ends with it, and writes until then
        shutil.rmtree(self.folder / machine)

    def issue(self):
        return httpx.get(
            f"{self.forge.api}/repos/tidehouse/tidebook/issues/1",
            trust_env=False,
            verify=False,
            timeout=LONG,
        ).json()


def factory(home, *arguments, **more):
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "FACTORY_"))
    }
    return as_said(
        warm.run(
            arguments,
            env={**clean, "FACTORY_HOME": str(home), "NO_COLOR": "1", **more},
            timeout=SECONDS,
        )
    )


@pytest.fixture(scope="module")
def hosted(tmp_path_factory, postgres):
    """Set up as docs/operator.md says: connect, pin, move, keep. Then the maintainer's machine
    has nothing to do any more."""
    folder = tmp_path_factory.mktemp("hosted")
    app, home = folder / "app", folder / "home"
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    forge = start(folder / "forge", open_door=True, seconds=LONG)
    admin = Administrator(forge)
    owner = admin.create_user("tidehouse", role="admin")
    ours = admin.create_user("lights-out", role="write", kind="Bot")
    repository = admin.create_repository("tidehouse", "tidebook")
    push_folder(app, repository.clone_url, token=owner.token, message="Tidebook")
    connected = factory(
        home,
        "connect",
        "tidehouse/tidebook",
        "--api",
        forge.api,
        "--token-env",
        "T",
        "--json",
        T=ours.token,
    )
    toml = app / "factory.toml"
    toml.write_text(pinned(toml.read_text("utf-8"), connected.json["key_id"]), "utf-8")
    push_folder(app, repository.clone_url, token=owner.token, message="Trust the factory")
    (issue,) = issues_in(EXAMPLES / "issues" / "1-cancelled-places.md")
    httpx.post(
        f"{forge.api}/repos/tidehouse/tidebook/issues",
        trust_env=False,
        verify=False,
        timeout=LONG,
        headers={"authorization": f"Bearer {owner.token}"},
        json={"title": issue.title, "body": issue.body},
    ).raise_for_status()
    address = postgres.database()
    secrets = {
        "FACTORY_DATABASE": address,
        "FACTORY_HOME_KEY": HOME_KEY,
        "ANTHROPIC_API_KEY": "sk-runner",
    }
    there = {"FACTORY_DATABASE": address, "FACTORY_HOME_KEY": HOME_KEY}
    for arguments in (("home", "move", "postgresql"), ("home", "keep")):
        said = factory(home, *arguments, **there)
        assert said.code == 0, said.err
    shutil.rmtree(home)
    yield Hosted(folder, forge, address, secrets)
    forge.stop()


def test_an_issue_lands_over_three_machines_two_of_which_vanish(hosted, postgres) -> None:
    def is_accepted():
        return any(entry.data["to"] == "accepted" for entry in hosted.entries("transition"))

    def has_journeys():
        return any(entry.data["node"] == "author" for entry in hosted.entries("node"))

    hosted.vanishes_once("first", is_accepted)
    hosted.vanishes_once("second", has_journeys)
    with serving(Endpoint(EXAMPLES / "recordings", issue=1)) as endpoint:
        process = hosted.started("third", endpoint)
        out, _ = process.communicate(timeout=SECONDS)
        asked = endpoint.answered()
    assert process.returncode == 0, out
    assert hosted.issue()["state"] == "closed", out
    assert "factory:merged" in [label["name"] for label in hosted.issue()["labels"]]
    assert "author" not in asked, "the journeys came with the home"
    assert "triage" not in asked
    look = hosted.folder / "look"
    there = {name: hosted.secrets[name] for name in ("FACTORY_DATABASE", "FACTORY_HOME_KEY")}
    assert factory(look, "home", "fetch", **there).code == 0
    audited = factory(look, "audit", **there)
    assert audited.code == 0, audited.out + audited.err
    assert list((look / "sealed").rglob("*.yaml")), (
        "sealed on a machine that is gone, and read by the key alone"
    )
    dump = str(
        postgres.sql(
            hosted.address, "SELECT string_agg(encode(sealed, 'escape'), '') FROM carried_parts"
        )[0][0]
    )
    assert "journey:" not in dump
    assert "PRIVATE KEY" not in dump
    pulls = httpx.get(
        f"{hosted.forge.api}/repos/tidehouse/tidebook/pulls?state=all",
        trust_env=False,
        verify=False,
        timeout=LONG,
    ).json()
    assert len(pulls) == 1
