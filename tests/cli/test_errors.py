"""What an error says at the command line, and what of all that is printed reaches a terminal."""

import io
import json
from contextlib import redirect_stdout

import click
import pytest
from click.testing import CliRunner

from harness.cli.main import run
from harness.cli.options import emit
from harness.cli.output.terminal import ask, console, echo, echo_file

HOSTILE = "\x1b[2J\x07\x9b2J\u202eli\u2066st"
"""What clears a terminal, rings its bell, and turns the order of what follows."""
SHOWN = "\ufffd[2J\ufffd\ufffd2J\ufffdli\ufffdst"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_what_an_error_quotes_cannot_control_the_terminal(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("FACTORY_HOME", f"{tmp_path}/\x1b[2J\x07home")
    assert run(["status"]) == 2
    said = capsys.readouterr().err
    assert "�[2J�home" in said
    assert all(letter.isprintable() for line in said.splitlines() for letter in line)


@pytest.mark.parametrize(
    "printed", [echo, lambda text: console().print(text), lambda text: console().out(text)]
)
def test_row_4_no_character_that_is_printed_controls_a_terminal(printed, capsys) -> None:
    printed(f"{HOSTILE}\r\nthe name 名")
    shown = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in shown)
    assert shown[1] == "the name 名"


def test_row_4_json_holds_the_same_data_and_controls_no_terminal(capsys) -> None:
    emit({"title": HOSTILE, "why": "não\x7f\U000e0041"})
    printed = capsys.readouterr().out.removesuffix("\n")
    assert printed.isprintable()
    assert json.loads(printed) == {"title": HOSTILE, "why": "não\x7f\U000e0041"}


def test_row_4_a_question_shows_its_default_as_text_and_answers_with_it_whole() -> None:
    """The default may be drawn from a stranger's issue."""
    answers = []
    command = click.Command("asks", callback=lambda: answers.append(ask("Which?", default=HOSTILE)))
    shown = CliRunner().invoke(command, input="\n").output
    assert shown == f"Which? [{SHOWN}]: \n"
    assert answers == [HOSTILE]


def test_a_file_goes_into_a_pipe_byte_for_byte(capsys) -> None:
    echo_file(HOSTILE)
    assert capsys.readouterr().out == HOSTILE


def test_a_file_that_is_shown_on_a_terminal_controls_it_not() -> None:
    with redirect_stdout(Terminal()) as terminal:
        echo_file(HOSTILE)
    assert terminal.getvalue() == SHOWN
