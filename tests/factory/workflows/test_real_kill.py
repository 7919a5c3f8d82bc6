"""Workflows of your own in real processes on the real engine and ledger, killed by SIGKILL in a command, in
a wait, while its parts run, and while a person is asked on a real forge."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from harness.programs.local_forge.seed import Administrator
from harness.programs.local_forge.start import start

ROOT = Path(__file__).parents[3]
SECONDS = 120


def life(home: Path, workflow: str, scene: str, *forge: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.factory.workflows.life", str(home), workflow, scene, *forge],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "TZ": "UTC"},
    )


def killed_at(mark: str, home: Path, *scene: str) -> None:
    process = life(home, *scene)
    deadline = time.monotonic() + SECONDS
    while not (home / mark).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert (home / mark).exists(), errors


def to_the_end(home: Path, *scene: str) -> list[str]:
    out, errors = (process := life(home, *scene)).communicate(timeout=SECONDS)
    assert process.returncode == 0, errors
    return out.splitlines()


def test_killed_in_a_command_and_in_a_wait_it_comes_to_its_end_once(tmp_path) -> None:
    killed_at("stuck", tmp_path, "slow", "sticks")
    killed_at("lingering", tmp_path, "slow", "lingers")
    assert (tmp_path / "ran").read_text().split() == ["before"]
    assert to_the_end(tmp_path, "slow", "later")[0] == (
        "succeeded before:produced rest:produced after:produced"
    )
    # Each command ran to its end once; the one that was killed in had not.
    assert (tmp_path / "ran").read_text().split() == ["before", "after"]


@pytest.mark.soak("a forge and six processes; `test_killed` kills the same acts on fakes")
def test_killed_in_its_parts_and_in_a_question_it_asks_one_person_once(tmp_path) -> None:
    forge = start(tmp_path / "forge")
    try:
        admin = Administrator(forge)
        owner = admin.create_user("owner", role="admin")
        bot = admin.create_user("factory", role="write", kind="Bot")
        guest = admin.create_user("guest", role="read")
        name = admin.create_repository(owner.login, "shop").full_name
        at = (forge.api, name, bot.token)

        def request(method: str, path: str, *, by: str, **more):
            headers = {"Authorization": f"Bearer {by}"}
            address = f"{forge.api}/repos/{name}{path}"
            given = httpx.request(
                method, address, headers=headers, trust_env=False, verify=False, **more
            )
            return given.raise_for_status().json()

        home = tmp_path / "home"
        home.mkdir()
        killed_at("stuck", home, "train", "sticks", *at)
        killed_at("lingering", home, "train", "lingers", *at)
        asked = "open list:produced all:produced"
        assert to_the_end(home, "train", "works", *at) == [asked, "4 5 1"]
        (question,) = request("GET", "/issues", by=owner.token)
        comments = f"/issues/{question['number']}/comments"
        request("POST", comments, by=guest.token, json={"body": "/factory approve"})
        assert to_the_end(home, "train", "works", *at)[0] == asked
        request("POST", comments, by=owner.token, json={"body": "/factory approve"})
        (home / "lingering").unlink()
        killed_at("lingering", home, "train", "lingers", *at)
        end = f"succeeded {asked.removeprefix('open ')} ask:produced after:produced"
        assert to_the_end(home, "train", "works", *at) == [end, "4 7 1"]
        assert request("GET", "/issues", by=owner.token) == []
    finally:
        forge.stop()
    ran = (home / "ran").read_text().split()
    assert (set(ran), ran.count("workc"), ran.count("after")) == (
        {"list", "worka", "workb", "workc", "after"},
        1,
        1,
    )
