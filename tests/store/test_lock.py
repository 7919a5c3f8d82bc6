from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.domain.errors import Busy, Interrupted
from harness.store.clock import SystemClock
from harness.store.lock import POLL_SECONDS, sole_factory

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from harness.store.lock import sole_factory
with sole_factory(Path(sys.argv[1]), command="factory tick"):
    print("mine", flush=True)
    time.sleep(3600)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "home")],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"]},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "mine\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_factory_on_one_home_learns_the_holder(tmp_path, holder) -> None:
    with pytest.raises(Busy) as caught, sole_factory(tmp_path / "home", command="factory run 3"):
        pytest.fail("there were two")
    assert f"pid {holder.pid}, `factory tick`" in str(caught.value)
    assert str(tmp_path / "home") in str(caught.value)
    assert caught.value.exit_code == 5


def test_a_dead_factory_holds_nothing(tmp_path, holder) -> None:
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with sole_factory(tmp_path / "home", command="factory tick"):
        assert str(os.getpid()) in (tmp_path / "home" / "lock").read_text()


def test_a_home_is_free_again_afterwards_and_its_file_is_empty(tmp_path) -> None:
    for _ in range(2):
        with (
            sole_factory(tmp_path, command="factory tick"),
            pytest.raises(Busy),
            sole_factory(tmp_path, command="factory tick"),
        ):
            pytest.fail("there were two")
        assert (tmp_path / "lock").read_text() == ""


def test_a_home_is_free_again_after_an_error(tmp_path) -> None:
    with pytest.raises(ZeroDivisionError), sole_factory(tmp_path, command="factory tick"):
        raise ZeroDivisionError
    with sole_factory(tmp_path, command="factory tick"):
        assert (tmp_path / "lock").exists()


def test_another_home_is_another_factory(tmp_path, holder) -> None:
    with sole_factory(tmp_path / "other", command="factory tick"):
        assert holder.poll() is None


def test_the_clock_returns_utc() -> None:
    before, found, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)
    assert found.tzinfo is UTC
    assert before <= found <= after


def test_who_only_looks_does_not_load_the_engine() -> None:
    looks = (
        "import sys, harness.store.ledger.sqlite, harness.store.lock, harness.store.clock,"
        " harness.workflow\nimport harness.cli.output.chain_lines, harness.factory.run.pause,"
        " harness.factory.reporting.report, harness.factory.run.disk_space\nimport"
        " harness.operations.daemon.digest, harness.home.state\nheavy = 'dbos', 'sqlalchemy',"
        " 'jsonschema', 'jinja2', 'cryptography', 'packaging', 'tomlkit', 'asyncio'\nprint([name"
        " for name in (*heavy, 'harness.governance') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", looks],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.stdout == "[]\n"


def test_a_waiting_factory_learns_the_holder_and_takes_over_right_after_its_death(
    tmp_path, holder
) -> None:
    """Counted in polls, ten a second: a busy machine stretches the seconds."""
    holders: list[str] = []

    def waiting(said: str) -> None:
        holders.append(said)
        if len(holders) == 2:
            holder.send_signal(signal.SIGKILL)
            holder.wait()

    with sole_factory(tmp_path / "home", command="factory up", patience=3600, waiting=waiting):
        assert len(holders) == 2
    assert POLL_SECONDS <= 0.1
    assert f"pid {holder.pid}, `factory tick`" in holders[0]


def test_patience_ends(tmp_path, holder) -> None:
    with pytest.raises(Busy), sole_factory(tmp_path / "home", command="factory up", patience=0.3):
        pytest.fail("there were two")


def test_who_waits_may_give_up(tmp_path, holder) -> None:
    def waiting(said: str) -> None:
        raise Interrupted("asked to stop")

    with (
        pytest.raises(Interrupted),
        sole_factory(tmp_path / "home", command="factory up", patience=3600, waiting=waiting),
    ):
        pytest.fail("there were two")


def test_nothing_is_taken_from_a_holder_that_is_only_stopped(tmp_path, holder) -> None:
    """It may wake up: a stopped process holds what it held, and whoever supervises it has to end
    it."""
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(Busy), sole_factory(tmp_path / "home", command="factory up", patience=0.3):
        pytest.fail("there were two")
