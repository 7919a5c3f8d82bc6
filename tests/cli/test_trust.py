"""`factory trust`: the same numbers in the terminal, as JSON and on the page."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import datetime

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.factory.reporting.trust_page import html, percent
from harness.factory.reporting.trust_report import trust_report
from harness.home.document import HomeFile, write_home
from harness.store.ledger.sqlite import SqliteLedger
from tests.factory.trust.recorded import random_ledger
from tests.fakes.clock import FakeClock


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Thirty issues that lived through random lives."""
    folder, clock = tmp_path / "home", FakeClock()
    write_home(folder, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(folder))
    with closing(SqliteLedger(folder, clock)) as ledger:
        random_ledger(ledger, clock, seed=3, issues=30)
    return folder


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(cli, ["trust", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_terminal_json_and_page_have_the_same_numbers(home, tmp_path) -> None:
    document = json.loads(shown("--json", "--page", str(tmp_path / "trust.html")))
    assert set(document) == {"at", "autonomy", "landings", "areas", "reliability"}
    assert sum(document["landings"].values()) > 5
    page, text = (tmp_path / "trust.html").read_text("utf-8"), shown()
    index = document["autonomy"]
    assert percent(index["index"]) in page
    assert percent(index["index"]) in text
    # By the clock of this machine the lives are older than the window.
    assert "No issue of these days counts yet" in page
    assert f"{index['alone']} of {index['issues']} issue" in text
    assert [one["area"] for one in document["areas"]] == ["app"] * len(document["areas"])
    for one in document["areas"]:
        assert f"{one['area']} {one['kind']}" in text
        assert percent(one["counted"]["value"]) in page


def test_the_page_runs_no_script_and_escapes_what_a_repository_names(home) -> None:
    with closing(SqliteLedger(home, FakeClock())) as ledger:
        entries = ledger.entries()
    found = trust_report(entries, now=datetime.fromisoformat(entries[-1].at))
    index = found.autonomy
    assert f"{index.alone} of {index.issues} issues went from filed to landed" in html(found)
    named = replace(found.areas[0], area="<script>alert(1)</script>")
    page = html(replace(found, areas=(named,)))
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page == html(replace(found, areas=(named,)))


def test_a_home_in_which_nothing_landed_claims_nothing(home, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "fresh"
    write_home(folder, HomeFile("tidehouse", "seaside", "embedded", 0, 1, "token"))
    monkeypatch.setenv("FACTORY_HOME", str(folder))
    SqliteLedger(folder, FakeClock()).close()
    text, document = shown(), json.loads(shown("--json"))
    assert "none yet" in text
    assert (document["autonomy"]["index"], document["areas"]) == (0.0, [])


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0.0 %"), (0.0004, "< 0.1 %"), (0.5, "50.0 %"), (0.9996, "> 99.9 %"), (1.0, "100.0 %")],
)
def test_a_share_is_never_rounded_to_all_or_nothing(share, words) -> None:
    assert percent(share) == words
