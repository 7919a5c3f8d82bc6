"""What an error says at the command line."""

from harness.cli.main import run


def test_what_an_error_quotes_cannot_control_the_terminal(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FACTORY_HOME", f"{tmp_path}/\x1b[2J\x07home")
    assert run(["status"]) == 2
    said = capsys.readouterr().err
    assert "�[2J�home" in said
    assert all(letter.isprintable() for line in said.splitlines() for letter in line)
