"""`factory lessons` as it is typed."""

import json

import pytest

from harness.cli.main import run
from harness.home.document import HomeFile, write_home
from harness.store.clock import SystemClock
from harness.store.ledger.sqlite import SqliteLedger
from tests.events import event_of

SAID = {
    "says": "Times are minutes since midnight.",
    "file": "store.py",
    "quote": "minutes = 0",
    "base": "b" * 40,
    "role": "diagnoser",
}


@pytest.fixture
def typed(tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    write_home(home, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(home))
    ledger = SqliteLedger(home, SystemClock())
    for number, name in enumerate(("aaaa11112222", "aaaa33334444"), start=1):
        ledger.append(
            event_of("lesson", {"id": name, **SAID}),
            f"n{number}",
            issue=number,
            run=f"implement-{number}-1",
        )
    ledger.close()

    def type_(*words):
        capsys.readouterr()
        code = run(["lessons", *words])
        return code, *capsys.readouterr()

    return type_


def test_lessons_are_listed_with_how_they_served(typed) -> None:
    assert (
        typed("list")[1].splitlines()[0]
        == "aaaa11  active   0/0  Times are minutes since midnight."
    )
    found = json.loads(typed("list", "--json")[1])["lessons"][0]
    assert (found["standing"], found["file"], found["had"]) == (
        "active",
        "store.py",
        {"runs": 0, "sound": 0},
    )


def test_one_is_shown_with_where_it_comes_from(typed) -> None:
    said = typed("show", "aaaa11")[1]
    assert "first by the diagnoser of implement-1-1 for issue 1" in said
    assert "rests on store.py at bbbbbbb: minutes = 0" in said


def test_a_maintainer_pins_retires_and_lets_and_the_reason_is_kept(typed) -> None:
    assert (
        typed("pin", "aaaa11", "--reason", "always")[1]
        == "aaaa11 is pinned: Times are minutes since midnight.\n"
    )
    assert typed("retire", "aaaa11", "--reason", "the store moved")[0] == 0
    assert [line[:6] for line in typed("list")[1].splitlines()] == ["aaaa33"]
    assert "aaaa11  retired" in typed("list", "--all")[1]
    assert "a person said retire: the store moved" in typed("show", "aaaa11")[1]
    assert (
        json.loads(typed("restore", "aaaa11", "--reason", "back", "--json")[1])["standing"]
        == "active"
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [("aaaa", "several lessons begin"), ("bbbb", "no lesson begins"), ("a", "no lesson begins")],
)
def test_a_name_that_fits_none_or_several_is_refused(typed, name, why) -> None:
    code, _, said = typed("retire", name, "--reason", "x")
    assert code == 2
    assert f"{why} with '{name}'" in said


def test_without_lessons_it_reports_that(typed) -> None:
    for name in ("aaaa11", "aaaa33"):
        typed("retire", name, "--reason", "x")
    assert typed("list")[1] == "No lesson is shown to agents.\n"
