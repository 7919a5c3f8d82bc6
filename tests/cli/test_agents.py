"""`factory agents` as people and programs meet it; what it does to a home,
tests/agents/test_cli_install.py shows."""

import json

import pytest
from click.testing import CliRunner

from harness.cli.main import run


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path))  # there is no npm
    return tmp_path / "home"


def said(*words: str, capsys) -> tuple[int, str, str]:
    code = run(["agents", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_home_without_any_says_how_to_come_to_one(home, capsys) -> None:
    code, out, _ = said("list", capsys=capsys)
    assert code == 0
    assert out.splitlines()[0] == "built-in      part of the factory"
    assert "claude-code   not installed; `factory agents install claude-code` installs " in out
    assert not home.exists()


def test_programs_are_told_the_same(home, capsys) -> None:
    code, out, _ = said("list", "--json", capsys=capsys)
    found = json.loads(out)["agents"]
    assert (code, [one["kind"] for one in found], found[0]["installed"]) == (
        0,
        ["claude-code", "codex", "opencode"],
        [],
    )


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("install", "codex"), 2, "npm is not on PATH"),
        (
            ("install", "codecs"),
            2,
            "there is no agent CLI 'codecs'; there are claude-code, codex, opencode",
        ),
        (("install", "codex@0.0.1"), 2, "is not the version that is pinned here"),
        (
            ("install", "codex", "--integrity", "sha512-x"),
            2,
            "a digest belongs to one version: name codex@VERSION",
        ),
        (
            ("install", "codex@1.0.0", "opencode@1.0.0", "--integrity", "sha512-x"),
            2,
            "install one at a time",
        ),
        (("remove", "codex"), 2, "codex is not installed in"),
    ],
)
def test_what_cannot_be_done_says_why_and_leaves_nothing(home, capsys, words, code, says) -> None:
    ended, _, err = said(*words, capsys=capsys)
    assert (ended, says in err) == (code, True), err
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_the_command_is_in_the_overview() -> None:
    from harness.cli.main import cli

    assert "agents" in CliRunner().invoke(cli, ["--help"]).output
