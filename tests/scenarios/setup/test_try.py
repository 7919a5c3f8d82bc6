"""`factory try` at the command line: bad input ends in one line, and a run that no judge can end is
a person's."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests import warm
from tests.fakes.endpoint import Endpoint, recordings_for, serving
from tests.fakes.original import everything, repository_of
from tests.scenarios.conftest import SECONDS, as_said, factory

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ISSUES = EXAMPLES / "issues" / "1-cancelled-places.md"


def attempt(tmp_path, *arguments, **more):
    """`factory try` in a folder of its own; what it leaves in the temporary folder can be looked
    at."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    for name in ("tmp", "empty"):
        (tmp_path / name).mkdir(exist_ok=True)
    environment = {**clean, "NO_COLOR": "1", "TMPDIR": str(tmp_path / "tmp"), **more}
    return as_said(warm.run(("try", *arguments), env=environment, cwd=tmp_path, timeout=SECONDS))


@pytest.fixture
def words(tmp_path):
    """A repository with nothing to start in it."""
    folder = tmp_path / "words"
    folder.mkdir()
    (folder / "README.md").write_text("# Words\n\nA collection of words about the tides.\n")
    repository_of(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("words", "--issues", ISSUES),
            2,
            "no model to ask: set ANTHROPIC_API_KEY, or give --endpoint URL",
        ),
        (("words", "--replay", "."), 2, "no issues to try: give --issues FILE"),
        (("empty", "--replay", ".", "--issues", ISSUES), 2, "is not a git repository"),
        (("nowhere", "--replay", ".", "--issues", ISSUES), 2, "is not a folder"),
        (("words", "--replay", ".", "--issues", "empty"), 2, "no issue is there"),
        (("words", "--replay", ".", "--issues", ISSUES, "--home", "words"), 2, "is not empty"),
        (
            ("words", "--endpoint", "http://models.example.org", "--issues", ISSUES),
            2,
            "would show the key",
        ),
        (
            ("https://kim:sk-secret@127.0.0.1:9/o/n", "--replay", ".", "--issues", ISSUES),
            5,
            "127.0.0.1/o/n could not be taken",
        ),
    ],
)
def test_bad_input_ends_in_one_line_and_leaves_nothing(
    tmp_path, words, arguments, code, message
) -> None:
    before = everything(words)
    said = attempt(tmp_path, *arguments, "--json")
    assert (said.code, message in said.err) == (code, True), said.err
    assert len(said.err.strip().splitlines()) == 1
    assert "secret" not in said.err + said.out
    assert json.loads(said.out)["ok"] is False
    assert list((tmp_path / "tmp").iterdir()) == []
    assert everything(words) == before


def test_without_a_start_command_the_run_ends_with_a_person_who_learns_why(tmp_path, words) -> None:
    before = everything(words)
    recordings = recordings_for(
        EXAMPLES / "recordings", tmp_path / "recordings", {"M-BOOK": "M-WORKS"}
    )
    with serving(Endpoint(recordings, issue=1)) as endpoint:
        said = attempt(
            tmp_path,
            words,
            "--issues",
            ISSUES,
            "--endpoint",
            endpoint.url,
            "--home",
            tmp_path / "home",
        )
    assert said.code == 3, said.err
    assert "#1 needs-human: factory.toml names no start command" in said.out
    assert f"{words} was not touched" in said.out
    assert endpoint.answered() == ["triage"]
    assert everything(words) == before
    assert factory(tmp_path / "home", "audit").code == 0


def test_one_issue_of_many_is_worked_on_alone(tmp_path) -> None:
    app = tmp_path / "app"
    shutil.copytree(
        EXAMPLES / "tidebook", app, ignore=shutil.ignore_patterns("__pycache__", "data")
    )
    repository_of(app)
    said = attempt(
        tmp_path,
        "app",
        "--issues",
        EXAMPLES / "issues",
        "--issue",
        "3",
        "--replay",
        EXAMPLES / "recordings",
        "--json",
    )
    assert said.code == 0, said.err
    assert [(issue["number"], issue["outcome"]) for issue in said.json["issues"]] == [
        (3, "rejected")
    ]
    home = Path(said.json["home"])
    assert factory(home, "status", "--json").json["issues"][0]["state"] == "untriaged"
    assert said.json["drafted"] == [] or all(
        draft["path"].startswith(".github/") for draft in said.json["drafted"]
    )


def test_help_explains_how_issues_are_written_and_where_answers_come_from(tmp_path) -> None:
    said = attempt(tmp_path, "--help")
    assert said.code == 0
    assert all(
        word in " ".join(said.out.split())
        for word in ("front matter", "`# ` heading", "ANTHROPIC_API_KEY", "--replay")
    )
