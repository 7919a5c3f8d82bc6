"""An app fails, with Sentry's own SDK in it, while `factory up` works: one issue on the forge, also
when everything is killed in between."""

import os
import signal
import subprocess
import sys

import httpx
import pytest

from harness.factory.reporting.comments.error_issue import MARKER
from harness.programs.local_forge.seed import Administrator
from harness.programs.local_forge.start import running
from tests.fakes.ports import free_port
from tests.scenarios.conftest import factory
from tests.scenarios.daemons import daemons, ends_of, example
from tests.scenarios.waiting import LONG, wait_until

APP = """
import sys
import sentry_sdk

sentry_sdk.init(dsn=sys.argv[1], release="1.0", shutdown_timeout=30)
for number in range(50):
    try:
        sum([]) / len([])
    except ZeroDivisionError:
        sentry_sdk.capture_exception()
sentry_sdk.flush(30)
"""


def app_fails(dsn):
    subprocess.run([sys.executable, "-c", APP, dsn], check=True, timeout=LONG, env={})


def filed(home):
    forge = running(home / "forge")
    token = Administrator(forge).create_user("nia", role="read").token
    answer = httpx.get(
        f"{forge.api}/repos/tidehouse/tidebook/issues?state=all&per_page=100",
        headers={"Authorization": f"Bearer {token}"},
        trust_env=False,
        timeout=LONG,
    )
    answer.raise_for_status()
    return [one for one in answer.json() if (one["body"] or "").startswith(MARKER)]


def groups(home):
    return factory(home, "errors", "--json").json["groups"]


@pytest.mark.soak(
    "a whole home at work; test_error_issues and operations see its faults one by one"
)
def test_fifty_errors_of_an_app_are_one_issue_through_kills(tmp_path) -> None:
    home = example(tmp_path / "home", "3-card-payments.md")
    dsn = factory(home, "errors", "dsn", "--listen", str(free_port())).out.strip()
    with daemons(home) as start:
        up = start()
        up.heard("errors")
        app_fails(dsn)
        number = up.heard("error-issue")["issue"]
        (group,) = groups(home)
        assert (group["count"], group["issue"]) == (50, number)
        # The intake alone is killed, and comes back with what it had.
        ends_of(home, "harness.programs.error_intake")
        wait_until(lambda: up.count("errors") == 2)
        app_fails(dsn)
        assert groups(home)[0]["count"] == 100
        os.killpg(up.process.pid, signal.SIGKILL)
        up.process.wait(LONG)
        again = start()
        again.heard("errors")
        app_fails(dsn)
        again.heard("up")
        assert "errors" in factory(home, "doctor", "--json").out
        assert [one["number"] for one in filed(home)] == [number]
        assert again.stopped_by(signal.SIGTERM) == 0
    assert groups(home)[0]["count"] == 150
    assert "Filed for errors of the running app" in factory(home, "why", str(number)).out
