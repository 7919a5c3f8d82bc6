"""`factory up`: always on, whatever happens around it, until it is shut down."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress

import httpx
import pytest

from harness.programs.local_forge.seed import Administrator
from harness.programs.local_forge.start import running
from tests.scenarios.conftest import FACTORY, environment, factory
from tests.scenarios.daemons import daemons, ends_of, example, recorded
from tests.scenarios.waiting import LONG, Stopwatch, is_at_rest, processes_of, wait_until

PROMPTLY, AT_ONCE = 10, 2.5
"""Seconds of a machine that is free. The daemons here look once a second, by themselves every
thirty."""


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """A home where nothing is left to do: its one issue waits for a person, for want of a recorded
    answer."""
    home = example(tmp_path_factory.mktemp("up") / "home", "3-card-payments.md")
    assert factory(home, "tick").code == 3
    wait_until(lambda: is_at_rest(home))
    return home


@pytest.fixture
def quiet(settled, tmp_path):
    """A copy of it, for one test."""
    shutil.copytree(
        settled, tmp_path / "home", symlinks=True, ignore=shutil.ignore_patterns("*.sock")
    )
    return tmp_path / "home"


def file_issue(home):
    """File an issue, as a stranger does, on the forge that the daemon runs: its number."""
    forge = running(home / "forge")
    token = Administrator(forge).create_user("nia", role="read").token
    answer = httpx.post(
        f"{forge.api}/repos/tidehouse/tidebook/issues",
        json={"title": "Walks at night", "body": "Please."},
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        verify=False,
        timeout=LONG,
    )
    answer.raise_for_status()
    return answer.json()["number"]


def test_an_issue_that_is_opened_is_worked_on_promptly(quiet) -> None:
    with daemons(quiet) as start:
        up = start("--health", "0")
        up.heard("up")
        time.sleep(2)  # it has looked, and there was nothing
        address = up.heard("health")["message"].split()[-1]
        answer = httpx.get(address, trust_env=False, timeout=LONG)
        assert (answer.status_code, answer.json()["condition"]) == (200, "at work")
        number = file_issue(quiet)
        since = Stopwatch()
        up.heard("node-ended", run=f"triage-{number}-1", node="intake")
        assert since.seconds() < PROMPTLY
        assert factory(quiet, "status", "--json").json["condition"] == "at work"
        assert up.stopped_by(signal.SIGTERM) == 0
    assert factory(quiet, "status", "--json").json["condition"] == "left"
    with subprocess.Popen(
        [FACTORY, "status", "--watch", "--json"],
        env=environment(quiet),
        stdout=subprocess.PIPE,
        text=True,
    ) as watch:
        found = [json.loads(watch.stdout.readline())["condition"] for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=LONG)
    assert (found, watch.returncode) == (["left", "left"], 0)


def test_at_a_shutdown_running_work_may_finish_until_the_timeout_or_a_second_ctrl_c(
    tmp_path,
) -> None:
    home = example(tmp_path / "home", "1-cancelled-places.md")
    with daemons(home) as start:
        patient = start()
        patient.heard("node-ended", run="triage-1-1", node="intake")
        assert patient.stopped_by(signal.SIGINT) == 130
        assert "in good order" in patient.heard("left")["message"]

        # The author's answer does not come before the signal: nobody writes into this pipe.
        (answer,) = home.rglob("recordings/issue-1/author-1.json")
        answer.rename(kept := answer.with_suffix(".kept"))
        os.mkfifo(answer)
        hurried = start("--shutdown-seconds", "0.1")
        hurried.heard("node-ended", run="implement-1-1", node="prepare")
        assert hurried.stopped_by(signal.SIGTERM) == 0
        kept.rename(answer)
        assert "the shutdown timed out" in hurried.heard("left")["message"]
        assert recorded(home, "run = 'implement-1-1' AND key LIKE '%/author/1'") == 0, (
            "it was given up"
        )

        pressed = start()
        pressed.heard("up")
        wait_until(lambda: any("validators" in words for words in processes_of(home)))
        pressed.process.send_signal(signal.SIGINT)
        since = Stopwatch()
        while (
            pressed.process.poll() is None
        ):  # two that come before the first is heard are one: a person presses again
            time.sleep(0.3)
            pressed.process.send_signal(signal.SIGINT)
        assert since.seconds() < AT_ONCE
        assert pressed.stopped_by(signal.SIGINT) == 130
        assert pressed.count("left") == 0
    wait_until(lambda: is_at_rest(home))
    assert recorded(home, "kind = 'run'") == 2, (
        "one triage and one implement run, each taken up again"
    )
    assert factory(home, "audit").code == 0


def test_stop_pauses_it_resume_continues_it_and_systemd_learns_that_it_is_ready_alive_and_leaving(
    quiet, tmp_path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd, daemons(quiet) as start:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(LONG)
        up = start(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="400000")
        said = set()
        while not {"READY=1", "WATCHDOG=1"} <= said:
            said |= set(systemd.recv(4096).decode().split("\n"))
        systemd.settimeout(0)  # what nobody reads is not waited for
        assert factory(quiet, "stop", "too loud").code == 0
        up.heard("paused")
        assert factory(quiet, "resume").code == 0
        up.heard("resumed")
        with suppress(BlockingIOError):
            while systemd.recv(4096):
                pass
        systemd.settimeout(LONG)
        assert up.stopped_by(signal.SIGTERM) == 0
        while "STOPPING=1" not in said:
            said |= set(systemd.recv(4096).decode().split("\n"))


@pytest.mark.sample(1)
@pytest.mark.parametrize("program", ["harness.programs.local_forge", "harness.programs.broker"])
def test_what_is_down_is_said_once_started_again_and_said_to_be_back(quiet, program) -> None:
    with daemons(quiet) as start:
        up = start()
        up.heard("up")
        ends_of(quiet, program)
        assert "does not answer" in up.heard("down")["message"]
        up.heard("back")
        assert up.stopped_by(signal.SIGTERM) == 0
        assert (up.count("down"), up.count("back"), up.count("up")) == (1, 1, 1)
    found = factory(quiet, "digest", "--json").json
    assert len(found["outages"]) == 1
    assert found["outages"][0]["until"] is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--interval", "0"), "--interval"),
        (("--interval", "soon"), "--interval"),
        (("--shutdown-seconds", "-1"), "--shutdown-seconds"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(quiet, options, message) -> None:
    said = factory(quiet, "up", *options)
    assert said.code == 2
    assert message in said.err


def test_a_home_without_a_factory_is_named(tmp_path) -> None:
    said = factory(tmp_path, "up")
    assert said.code == 2
    assert "there is no factory at" in said.err
