"""What a program may rely on: each command that inspects prints the keys that its page names."""

import re
from pathlib import Path

import pytest

from tests.scenarios.conftest import factory

PAGE = Path(__file__).parents[3] / "docs" / "operator.md"
ROW = re.compile(r"^\| `(\w+)(?: ISSUE)?` \| `([\w ]+)` \|$", re.MULTILINE)
DOCUMENTED = dict(ROW.findall(PAGE.read_text("utf-8")))


def test_every_command_that_inspects_is_on_the_page() -> None:
    assert set(DOCUMENTED) == {
        "status",
        "why",
        "logs",
        "digest",
        "cost",
        "audit",
        "errors",
        "trust",
        "releases",
    }


@pytest.mark.parametrize("command", DOCUMENTED)
def test_it_prints_the_keys_that_the_page_names(copy, command) -> None:
    given = (command, "1") if command == "why" else (command,)
    assert set(factory(copy, *given, "--json").json) == set(DOCUMENTED[command].split())
