"""`factory releases`: what is released where, and a person's hold."""

import json
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.domain.deployment import DeployKind, Environment
from harness.domain.errors import ConfigError
from harness.domain.events import CommandGiven, IssueSeen, Landed, ReleaseBegan, ReleaseMoved
from harness.domain.release import ReleaseEvent
from harness.factory.records.brakes import STOP
from harness.factory.records.releases import ReleaseIndex
from harness.home.document import HomeFile, write_home
from harness.home.state import open_ledger
from harness.operations.daemon.health import health

COMMIT = "c" * 40
PLACE = Environment("production", DeployKind.LOCAL, "http://localhost:8100")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """One release, which turned red and was taken back."""
    folder = tmp_path / "home"
    write_home(folder, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(folder))
    red = ReleaseMoved(1, ReleaseEvent.TURNED_RED, "production", "it was \x1b[31mnot healthy")
    with open_ledger(folder) as ledger:
        ledger.append(ReleaseBegan(1, COMMIT, "t" * 40, (PLACE,), (7,)), "release/1")
        ledger.append(ReleaseMoved(1, ReleaseEvent.PROMOTED, "production"), "release/1/move-1")
        ledger.append(red, "release/1/move-2")
        taken = ReleaseMoved(1, ReleaseEvent.TAKEN_BACK, "production")
        ledger.append(taken, "release/1/move-3")
    return folder


def run(*arguments: str):
    done = CliRunner().invoke(cli, ["releases", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def frozen(home) -> str:
    with open_ledger(home) as ledger:
        return ReleaseIndex(ledger).why_frozen()


def test_a_release_is_listed_with_its_issue_where_it_was_and_why_it_turned_red(home) -> None:
    shown = run()
    for words in (COMMIT[:12], "#7", "rolled back in production", "not healthy", "resume"):
        assert words in shown
    assert "\x1b" not in shown, "what a place answered moves no terminal"
    (one,) = json.loads(run("--json"))["releases"]
    assert (one["state"], one["issues"], one["environment"]) == ("rolled-back", [7], "production")


def test_a_person_holds_releases_with_a_reason_and_lifts_it(home) -> None:
    assert "release 1 is rolled back" in frozen(home)
    assert json.loads(run("resume", "--json"))["was_held"]
    assert not frozen(home), "who resumed knows of the red one"
    run("hold", "the database is being moved")
    assert "the database is being moved" in frozen(home)
    assert "the database is being moved" in json.loads(run("--json"))["held"]
    run("resume")
    assert not frozen(home)
    assert "Nothing was held" in run("resume")


def test_a_monitor_sees_a_held_release_and_of_a_rollback_that_failed(home) -> None:
    now = datetime.now(UTC)
    code, found = health(home, now)
    assert (found["releases_held"], found["rollback_failed"]) == (True, False)
    run("resume")
    with open_ledger(home) as ledger:
        ledger.append(ReleaseBegan(2, "d" * 40, "t" * 40, (PLACE,), (8,)), "release/2")
        events = (ReleaseEvent.PROMOTED, ReleaseEvent.TURNED_RED, ReleaseEvent.GAVE_UP)
        for number, event in enumerate(events):
            ledger.append(ReleaseMoved(2, event, "production"), f"release/2/move-{number}")
    after, found = health(home, now)
    assert (found["releases_held"], found["rollback_failed"]) == (True, True)
    assert after == code, "it is about the factory, not about what it released"


def test_an_environment_is_not_stopped_under_a_release_unless_all_is_stopped(home) -> None:
    assert "No environment was deployed" in run("environments")
    assert json.loads(run("environments", "--json")) == {"environments": []}

    def refused() -> str:
        done = CliRunner().invoke(cli, ["releases", "stop", "staging"])
        assert isinstance(done.exception, ConfigError)
        return str(done.exception)

    assert "no environment on this machine" in refused()
    with open_ledger(home) as ledger:
        ledger.append(ReleaseBegan(2, "d" * 40, "t" * 40, (PLACE,), (8,)), "release/2")
    assert "release 2 is under way" in refused()
    with open_ledger(home) as ledger:
        ledger.append(CommandGiven(STOP), "command/9/stop")
    assert "no environment on this machine" in refused()


def test_why_takes_an_issue_or_a_commit_and_names_what_it_expects(home) -> None:
    def why(what: str):
        return CliRunner().invoke(cli, ["why", what])

    unknown = why("abcdef1")
    assert "no landing of the factory begins with abcdef1" in str(unknown.exception)
    assert "issue #123456 is not in the ledger" in str(why("123456").exception)
    for wrong in ("abc", "release-1", "-1"):
        assert why(wrong).exit_code == 2
    with open_ledger(home) as ledger:
        ledger.append(IssueSeen("Pay by card"), "issue/7", issue=7)
        ledger.append(Landed(COMMIT, "t" * 40, "main"), "land/7", issue=7)
    shown = why(COMMIT[:7]).output
    assert shown.startswith("#7 Pay by card\n")
    assert f"no environment serves {COMMIT[:12]} now" in shown
    assert f"Why {COMMIT[:12]} is there" in shown
