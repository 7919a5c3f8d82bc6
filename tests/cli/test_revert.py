"""`factory revert` on a home: what it refuses before it does anything."""

from click.testing import CliRunner

from harness.cli.control.revert import revert


def test_landing_a_revert_is_for_a_terminal_alone(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path))
    result = CliRunner().invoke(revert, ["7", "--land"])
    assert "--land is for a maintainer at a terminal" in str(result.exception)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_no_factory_nothing_is_taken_back(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path))
    result = CliRunner().invoke(revert, ["7"])
    assert getattr(result.exception, "exit_code", None) == 2
    assert list(tmp_path.iterdir()) == []
