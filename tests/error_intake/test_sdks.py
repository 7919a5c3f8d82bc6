"""Sentry's own SDKs report to the intake, over HTTP, as an app would have them do."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

NODE = Path(__file__).with_name("node")
APP = """
import sys
import sentry_sdk

def total(cart):
    secret = "a-password-in-a-variable"
    return sum(cart) / len(cart)


dsn, *releases = sys.argv[1:]
for named in releases:
    release, how, times = named.split()
    sentry_sdk.init(
        dsn=dsn, release=release, environment="production", shutdown_timeout=20,
        _experiments={"transport_compression_algo": how}, default_integrations=False,
    )
    for number in range(int(times)):
        try:
            total([])
        except ZeroDivisionError:
            sentry_sdk.capture_exception()
    sentry_sdk.capture_message("all is well")
    sentry_sdk.flush(20)
"""


def run_app(place, *releases):
    subprocess.run(
        [sys.executable, "-c", APP, place.dsn, *releases], check=True, timeout=60, env={}
    )


def test_fifty_errors_of_the_python_sdk_are_one_group_in_either_encoding(place) -> None:
    run_app(place, f"{'a' * 40} gzip 50", f"{'b' * 40} br 1")
    first, second = place.spool.groups()
    assert (first.release, first.count) == ("a" * 40, 50)
    assert (second.release, second.count) == ("b" * 40, 1)
    assert first.group == second.group
    sample = place.spool.sample(first.group)
    assert (sample.type, sample.message) == ("ZeroDivisionError", "division by zero")
    assert (sample.environment, sample.source) == ("production", "dsn 1")
    assert sample.frames[-1].function == "total"
    assert "a-password" not in repr(sample)


@pytest.mark.soak("npm installs 67 MB; what this SDK sends otherwise is in test_bounds by its form")
def test_fifty_errors_of_the_node_sdk_are_one_group(place, tmp_path) -> None:
    app = tmp_path / "node"
    shutil.copytree(NODE, app)
    for command in (
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        ["node", "app.mjs", place.dsn, "c" * 40],
    ):
        subprocess.run(command, cwd=app, check=True, timeout=150)
    by_type = {place.spool.sample(one.group).type: one for one in place.spool.groups()}
    assert {name: one.count for name, one in by_type.items()} == {"TypeError": 50, "SyntaxError": 1}
    sample = place.spool.sample(by_type["TypeError"].group)
    assert by_type["TypeError"].release == "c" * 40
    assert (sample.environment, sample.platform) == ("production", "node")
    assert "total" in {frame.function for frame in sample.frames}
