"""The recipe for a hosted runner: its own commands, on three machines that have nothing of each
other, the first two of which vanish in the middle. All that lasts is on a branch, or in a
PostgreSQL; the journeys in it can be read by nobody who has only that."""

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

from harness.domain.errors import ForgeError
from harness.governance import governance_in
from harness.governance.export import rulesets
from harness.onboarding.hosted_runner import runner_of
from harness.operations.setup.issue_files import issues_in
from harness.operations.setup.pin_key import pinned
from harness.programs.local_forge.seed import Account, Administrator, push_folder
from harness.programs.local_forge.start import start
from harness.repository.state_branch import BRANCH
from harness.store.clock import SystemClock
from harness.store.database import postgres_address
from harness.store.ledger.postgres import PostgresLedger
from harness.store.state_key import made_key
from tests import warm
from tests.fakes.endpoint import Endpoint, serving
from tests.scenarios.conftest import FACTORY, SECONDS, as_said
from tests.scenarios.waiting import LONG, is_at_rest, wait_until

pytestmark = pytest.mark.soak("a run over three machines; engine/ shows leases, state and takeover")

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
HOME_KEY = "c4" * 32
MOST_STATES = 40


def step():
    """The one step of the recipe that has secrets: what it runs, and its environment."""
    recipe = yaml.safe_load(runner_of(f"acme/factory@{0:040x}").text)
    (job,) = recipe["jobs"].values()
    (found,) = [one for one in job["steps"] if "env" in one]
    return found


@dataclass
class Hosted:
    """A repository on a forge, its factory's state on a branch or in a database, and the secrets of
    the runner's environment. `token` is the job's own, which may read."""

    folder: Path
    forge: object
    owner: Account
    token: str
    secrets: dict[str, str]

    def environment(self, machine):
        """What a runner gives the step, and nothing of ours but where programs and caches are."""
        names = {
            "runner.temp": str(self.folder / machine),
            "github.server_url": self.forge.url,
            "github.repository": "tidehouse/tidebook",
            "github.token": self.token,
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
            self.folder / "looks",
            SystemClock(),
            postgres_address(self.secrets["FACTORY_DATABASE"]),
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

    def asked(self, path):
        """An answer of the forge to its owner."""
        answer = httpx.get(
            f"{self.forge.api}/repos/tidehouse/tidebook{path}",
            headers={"authorization": f"Bearer {self.owner.token}"},
            trust_env=False,
            verify=False,
            timeout=LONG,
        )
        return answer.raise_for_status().json()

    def issue(self):
        return self.asked("/issues/1")

    def pulls(self):
        return self.asked("/pulls?state=all")

    def ends_on(self, machine):
        """Run a machine to its end; what it said, and whose turn it was to be asked."""
        with serving(Endpoint(EXAMPLES / "recordings", issue=1)) as endpoint:
            process = self.started(machine, endpoint)
            out, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, out
            return out, endpoint.answered()

    def looked_at(self):
        """The home as another machine fetches it, and what an audit says of it."""
        look = self.folder / "look"
        there = {name: text for name, text in self.secrets.items() if name != "ANTHROPIC_API_KEY"}
        if not there["FACTORY_DATABASE"]:
            del there["FACTORY_DATABASE"]
            there["FACTORY_STATE"] = f"{self.forge.url}/tidehouse/tidebook"
        fetched = factory(look, "home", "fetch", **there)
        assert fetched.code == 0, fetched.err
        del there["FACTORY_HOME_KEY"]
        return look, factory(look, "audit", **there)


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


@pytest.fixture
def connected(tmp_path_factory):
    """Set up as docs/operator.md says: connect, and pin. What follows is where the state goes."""
    folder = tmp_path_factory.mktemp("hosted")
    app, home = folder / "app", folder / "home"
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    forge = start(folder / "forge", open_door=True, seconds=LONG, popen=warm.Server)
    admin = Administrator(forge)
    owner = admin.create_user("tidehouse", role="admin")
    ours = admin.create_user("lights-out", role="write", kind="Bot")
    job = admin.create_user("the-job", role="read", kind="Bot")
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
    secrets = {"FACTORY_DATABASE": "", "FACTORY_HOME_KEY": "", "ANTHROPIC_API_KEY": "sk-runner"}
    yield Hosted(folder, forge, owner, job.token, secrets), home, ours
    forge.stop()


def stored(hosted, home, *commands, **secrets):
    """Store the state elsewhere. Then the maintainer's machine has nothing to do any more."""
    hosted.secrets.update(secrets)
    for arguments in commands:
        said = factory(home, *arguments, **secrets)
        assert said.code == 0, said.err
    shutil.rmtree(home)


def test_an_issue_lands_over_three_machines_two_of_which_vanish(connected, postgres) -> None:
    hosted, home, _ = connected
    stored(
        hosted,
        home,
        ("home", "move", "postgresql"),
        ("home", "backup"),
        FACTORY_DATABASE=postgres.database(),
        FACTORY_HOME_KEY=HOME_KEY,
    )

    def is_accepted():
        return any(entry.data["to"] == "accepted" for entry in hosted.entries("transition"))

    def has_journeys():
        return any(entry.data["node"] == "author" for entry in hosted.entries("node"))

    hosted.vanishes_once("first", is_accepted)
    hosted.vanishes_once("second", has_journeys)
    out, asked = hosted.ends_on("third")
    assert hosted.issue()["state"] == "closed", out
    assert "factory:merged" in [label["name"] for label in hosted.issue()["labels"]]
    assert "author" not in asked, "the journeys came with the home"
    assert "triage" not in asked
    look, audited = hosted.looked_at()
    assert audited.code == 0, audited.out + audited.err
    assert list((look / "sealed").rglob("*.yaml")), (
        "sealed on a machine that is gone, and read by the key alone"
    )
    dump = str(
        postgres.sql(
            hosted.secrets["FACTORY_DATABASE"],
            "SELECT string_agg(encode(sealed, 'escape'), '') FROM carried_parts",
        )[0][0]
    )
    assert "journey:" not in dump
    assert "PRIVATE KEY" not in dump
    assert len(hosted.pulls()) == 1


def test_without_a_database_it_lands_as_well_and_each_effect_is_there_once(connected) -> None:
    """Each machine vanishes right after something that everybody sees, and before it could store
    that it had done it."""
    hosted, home, ours = connected
    stored(hosted, home, ("home", "move", "branch"), FACTORY_HOME_KEY=made_key())
    exported = rulesets(governance_in(ROOT), lander=f"user:{ours.id}").files
    (ruleset,) = [file.text for file in exported if file.path.endswith("state.json")]
    httpx.post(
        f"{hosted.forge.api}/repos/tidehouse/tidebook/rulesets",
        content=ruleset,
        trust_env=False,
        verify=False,
        timeout=LONG,
        headers={"authorization": f"Bearer {hosted.owner.token}"},
    ).raise_for_status()
    hosted.vanishes_once("first", lambda: len(hosted.asked("/issues/1/comments")) == 1)
    hosted.vanishes_once("second", lambda: len(hosted.pulls()) == 1)
    out, asked = hosted.ends_on("third")
    assert hosted.issue()["state"] == "closed", out
    assert "factory:merged" in [label["name"] for label in hosted.issue()["labels"]]
    assert not {"triage", "implementer"} & set(asked), "what was paid for is not paid for again"
    assert len(hosted.pulls()) == 1
    assert len(hosted.asked("/issues/1/comments")) == 1
    merges = [one["commit"]["message"] for one in hosted.asked("/commits?per_page=100")]
    assert sum(message.startswith("Merge the change for #1") for message in merges) == 1
    look, audited = hosted.looked_at()
    assert audited.code == 0, audited.out + audited.err
    assert list((look / "sealed").rglob("*.yaml"))
    stored_commit = hosted.asked(f"/git/ref/heads/{BRANCH}")["object"]["sha"]
    state = hosted.asked(f"/git/commits/{stored_commit}")
    assert state["parents"] == []
    number = int(state["message"].split()[1])
    assert number < MOST_STATES, "a state for each effect, and not for each step"
    with pytest.raises(ForgeError, match="GH013"):
        push_folder(
            hosted.folder / "app",
            f"{hosted.forge.url}/tidehouse/tidebook.git",
            token=hosted.owner.token,
            branch=BRANCH,
            message="Not by the factory",
        )
    out, asked = hosted.ends_on("fourth")
    assert asked == [], "there is nothing left to do"
