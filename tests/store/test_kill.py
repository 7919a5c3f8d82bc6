"""Real processes, really killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.store.worker import MOMENTS, ORDERS, POINTS

ROOT = Path(__file__).parents[2]
SECONDS = 300
"""Longer than any worker takes, however busy the machine is."""


def worker(home: Path, scene: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.worker", str(home), scene],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ["PATH"]},
    )


def killed_once_stuck(home: Path, scene: str) -> None:
    process = worker(home, scene)
    deadline = time.monotonic() + SECONDS
    while not (home / "stuck").exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    _, errors = process.communicate()
    assert (home / "stuck").exists(), errors
    assert process.returncode == -signal.SIGKILL


def to_the_end(home: Path, scene: str) -> dict:
    process = worker(home, scene)
    try:
        out, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()  # one that waits for what nobody does would outlive the test
    assert process.returncode == 0, errors
    assert errors == "", "the engine is quiet"
    return json.loads(out)


def effects(home: Path) -> Counter[str]:
    return Counter((home / "effects").read_text().split())


def recorded(home: Path) -> set[str]:
    import sqlite3

    with sqlite3.connect(home / "ledger.db") as ledger:
        return {
            key.rsplit("/", 1)[0]
            for (key,) in ledger.execute("SELECT key FROM entries WHERE kind = 'node'")
        }


def test_killed_at_every_point_of_a_run_each_node_has_one_result_and_it_is_its_own(
    tmp_path,
) -> None:
    """Sixteen runs, each stopped at another point of a diamond, ended by one blow."""
    killed_once_stuck(tmp_path, "points")
    known, before = recorded(tmp_path), effects(tmp_path)
    found = to_the_end(tmp_path, "to-the-end")
    after = effects(tmp_path)
    assert set(found) == set(POINTS)
    for name, run in found.items():
        assert run["status"] == "succeeded"
        outputs = {node: result["output"] for node, result in run["results"].items()}
        assert {node: output["by"] for node, output in outputs.items()} == {
            node: f"{name}/{node}" for node in "abcd"
        }
        assert outputs["d"]["saw"] == {node: f"{name}/{node}" for node in "abc"}
    assert {key: after[key] for key in known} == {key: before[key] for key in known}, (
        "recorded work was done again"
    )
    for name, (node, moment) in POINTS.items():
        times = after[f"{name}/{node}"]
        assert times == (2 if moment == "after the effect" else 1), (node, moment)


def test_recovered_in_every_order_no_node_is_given_the_result_of_another(tmp_path) -> None:
    """Six runs of a fan, killed while b, c and d were under way; then each ends them in another
    order."""
    killed_once_stuck(tmp_path, "fan")
    found = to_the_end(tmp_path, "every-order")
    log = (tmp_path / "effects").read_text().split()
    for name, order in ORDERS.items():
        assert (
            tuple(
                line.split("/")[1]
                for line in log
                if line.startswith(f"{name}/") and line[-1] in "bcd"
            )
            == order
        )
        saw = found[name]["results"]["e"]["output"]["saw"]
        assert saw == {node: f"{name}/{node}" for node in "abcd"}


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_moment_is_tried_at_every_node(moment) -> None:
    assert {node for node, at in POINTS.values() if at == moment} == set("abcd")
