"""Bad input at the command line: a clear error, the right exit code, nothing lost."""

import os
import shutil
import signal
import subprocess
from collections.abc import Callable

import pytest

from harness.store.lock import sole_factory
from tests.scenarios.conftest import FACTORY, environment, factory
from tests.scenarios.daemons import EXAMPLES, example
from tests.scenarios.waiting import LONG, is_at_rest, wait_until


def broken_app(tmp_path, name, change):
    """Tidebook with one of its files changed by `change`, or taken away where it gives None."""
    app = tmp_path / "app"
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    text = change((app / name).read_text("utf-8"))
    (app / name).unlink() if text is None else (app / name).write_text(text, "utf-8")
    return app


def test_a_home_without_a_factory(tmp_path) -> None:
    said = factory(tmp_path, "status")
    assert said.code == 2
    assert "there is no factory at" in said.err
    assert "factory demo" in said.err


def test_an_unknown_issue_number(copy) -> None:
    assert factory(copy, "why", "99").code == 2
    said = factory(copy, "run", "99")
    assert said.code == 2
    assert "#99" in said.err


def test_an_unknown_run(copy) -> None:
    said = factory(copy, "logs", "implement-9-9")
    assert said.code == 2
    assert "implement-9-9" in said.err


def test_a_pull_request_that_is_not_the_factorys(copy) -> None:
    assert factory(copy, "validate", "1").code == 2


def test_the_demo_wants_a_folder_of_its_own(tmp_path) -> None:
    (tmp_path / "mine").write_text("do not touch")
    said = factory(tmp_path, "demo", "--home", str(tmp_path))
    assert said.code == 2
    assert "is not empty" in said.err


def test_a_second_factory_on_the_same_home(copy) -> None:
    with sole_factory(copy, command="a test"):
        said = factory(copy, "tick", "--json")
    assert said.code == 5
    assert str(os.getpid()) in said.err
    assert said.json["ok"] is False


def test_a_stop_is_honoured_and_lifted(copy) -> None:
    assert factory(copy, "stop", "too loud").code == 0
    assert factory(copy, "status", "--json").json["stopped"] is True
    assert factory(copy, "resume", "--json").json["was_stopped"] is True
    assert factory(copy, "status", "--json").json["stopped"] is False


def test_a_tick_on_a_tampered_ledger_does_nothing(copy) -> None:
    import sqlite3

    with sqlite3.connect(copy / "ledger.db") as db:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("UPDATE entries SET kind = 'note' WHERE seq = 3")
    said = factory(copy, "tick")
    assert said.code == 5
    assert "entry 3 was changed after it was written" in said.err


@pytest.mark.sample(1)
@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("factory_rules.md", lambda text: None, "factory_rules.md"),
        (
            "factory_rules.md",
            lambda text: text.replace("on_fail: split", "on_fall: split"),
            "on_fail",
        ),
        (
            "factory_rules.md",
            lambda text: text.replace("{changed_lines: {max: 300", "{changed_linez: {max: 300"),
            "changed_lines",
        ),
        ("factory.toml", lambda text: text.replace("[limits]", "[limitz]"), "limits"),
        (
            "factory.toml",
            lambda text: text.replace("attempts = 3", 'attempts = "three"'),
            "attempts",
        ),
    ],
    ids=["no-rules", "unknown-key", "unknown-check", "unknown-table", "wrong-type"],
)
def test_the_factory_does_not_start_on_governance_it_cannot_obey(
    tmp_path, name, change, message
) -> None:
    home = example(tmp_path / "home", "3-card-payments.md", app=broken_app(tmp_path, name, change))
    said = factory(home, "tick")
    assert said.code == 2
    assert name in said.err
    assert message in said.err


def test_ctrl_c_or_a_service_manager_ends_everything_and_the_next_tick_goes_on(tmp_path) -> None:
    home = example(tmp_path / "home", "1-cancelled-places.md", "3-card-payments.md")

    def interrupted(by: signal.Signals, under_way: Callable[[], bool]) -> None:
        started = subprocess.Popen(
            [FACTORY, "tick"],
            env=environment(home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        wait_until(under_way)
        started.send_signal(by)
        _, said = started.communicate(timeout=LONG)
        assert started.returncode == 130, said
        assert "the same command can be given again" in said
        assert "it was interrupted" in factory(home, "status").out

    signs = home / "presence.json"
    interrupted(signal.SIGTERM, lambda: signs.exists() and '"left": null' in signs.read_text())
    interrupted(signal.SIGINT, lambda: any(home.glob("runs/implement-*")))
    wait_until(lambda: is_at_rest(home))  # what was just starting ends as soon as it looks
    assert factory(home, "audit").code == 0
    issues = factory(home, "triage", "--json")
    assert issues.code in (0, 3)
