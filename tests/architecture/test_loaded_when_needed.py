"""What is asked all day starts without what it does not use: libraries that are slow to load, and
rooms that a question has nothing to do with."""

import subprocess
import sys

import pytest

ASKED = {
    "factory status": (
        "harness.operations.daemon.overview",
        ("sqlalchemy", "yaml", "asyncio", "harness.governance", "harness.forge"),
    ),
    "which journeys stand": (
        "validators.launcher.own_journeys, validators.launcher.regression_suite",
        ("yaml", "asyncio", "http.client", "validators.language", "validators.performance"),
    ),
    "a broker that replays, a forge that shows no page": (
        "harness.programs.broker.control, harness.programs.broker.probe,"
        " harness.programs.local_forge.serve",
        ("httpx2", "httpcore2", "jsonschema", "httpx", "jinja2", "markdown_it"),
    ),
}


@pytest.mark.parametrize("question", ASKED)
def test_a_question_loads_nothing_that_it_does_not_use(question) -> None:
    modules, unused = ASKED[question]
    program = f"import {modules}, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert [one for one in unused if one in loaded] == []
