"""`factory demo --production`: what happens after the landing, whole."""

import os
import subprocess

import pytest

from harness.operations.production_demo.story import STEPS
from tests.scenarios.conftest import FACTORY, SECONDS, as_said, factory
from tests.scenarios.waiting import is_at_rest, wait_until


@pytest.mark.soak(
    "five landings and four releases; releases/test_advance, test_error_issues, test_smoking and"
    " test_local see the faults one by one"
)
def test_each_step_is_as_promised_and_nothing_is_left_running(tmp_path) -> None:
    home = tmp_path / "home"
    done = subprocess.run(
        [FACTORY, "demo", "--production", "--json", "--home", home],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"},
    )
    found = as_said(done)
    assert found.code == 0, found.out + found.err
    steps = found.json["steps"]
    assert [(one["title"], one["holds"]) for one in steps] == [(title, True) for title, _ in STEPS]
    wait_until(lambda: is_at_rest(home))
    shown = factory(home, "releases", "--json").json["releases"]
    assert [one["state"] for one in shown] == ["done", "done", "rolled-back", "held", "done"]
    assert factory(home, "audit").code == 0
    assert found.json["ok"] is True


def test_it_has_issues_of_its_own(tmp_path) -> None:
    found = factory(tmp_path, "demo", "--production", "--issue", "3")
    assert found.code == 2
    assert "without --issue" in found.err
