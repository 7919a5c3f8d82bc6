"""What people write journeys with: what is shown, and what is refused before anything is started."""

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.cli.output.printable_console import PrintableConsole
from harness.cli.output.steps import UNDERWAY as SHOWN_UNDERWAY
from harness.cli.output.steps import StepLines
from harness.domain.errors import ConfigError, SandboxError
from harness.factory.settings.config import read_config
from harness.factory.stages.validator_request import app_document
from harness.validator.program import ValidatorProgram
from tests.scenarios.waiting import LONG, printed_on
from validators.authoring.trying import UNDERWAY
from validators.launcher.request import AppSpec

JOURNEY = "journey: j\n"
SERVICE = "[[services]]\nname = 'cache'\nstart = ['redis-server']\n"


def factory(*arguments):
    return CliRunner().invoke(cli, ["journeys", *map(str, arguments)], standalone_mode=False)


def test_on_a_terminal_the_step_underway_stands_below_what_is_done_and_goes_with_it() -> None:
    out = io.StringIO()
    terminal = PrintableConsole(file=out, force_terminal=True, width=60, color_system=None)
    with StepLines(out=terminal) as lines:
        assert lines.live
        lines.show("  ...   4  - open: /")
        lines.show("  ok    4  - open: /")
        lines.show("  ...   5  - click: {button: [bold]Book[/]}")
        lines.show("  NO    5  - click: {button: \x1b[2JBook}")
    said = out.getvalue()
    assert "  4  - open: / 0:00:0" in said
    assert "[bold]Book[/]" in said, "what a journey writes is no markup"
    assert "\x1b[2J" not in said
    left = said.rpartition("- click: {button: ")[2]
    assert "Book}" in left
    assert "0:00:0" not in left


def test_in_a_pipe_lines_stay_whole_and_none_moves() -> None:
    out = io.StringIO()
    with StepLines(out=PrintableConsole(file=out, width=40, soft_wrap=True)) as lines:
        assert not lines.live
        lines.show("  ok    4  " + "word " * 20)
    assert out.getvalue() == "  ok    4  " + "word " * 20 + "\n"


def test_both_programs_know_what_is_underway_by_the_same_letters() -> None:
    assert SHOWN_UNDERWAY == UNDERWAY


@pytest.mark.parametrize("also", [["--folder", "."], ["--start", "x"], ["--command", "a=b"]])
def test_an_app_that_runs_already_is_not_started_as_well(tmp_path: Path, also) -> None:
    (tmp_path / "j.yaml").write_text(JOURNEY)
    found = factory("try", tmp_path / "j.yaml", "--url", "http://127.0.0.1:1", *also)
    assert isinstance(found.exception, ConfigError)
    assert "leave out what would start one" in str(found.exception)


def test_an_app_is_tried_with_the_services_and_the_lock_file_that_stand_in_its_folder(
    tmp_path: Path,
) -> None:
    """The judge's own reader takes it."""
    config = read_config(f"schema = 1\n{SERVICE}[app]\nstart = ['python', '-m', 'shop']\n")
    from pydantic import TypeAdapter

    document = app_document(config, tmp_path, form="bwrap-root")
    app = TypeAdapter(AppSpec).validate_json(json.dumps(document))
    assert app.start[-3:] == ("python", "-m", "shop")
    assert "redis-server" in " ".join(app.start)
    assert app.lock is None
    (tmp_path / "requirements.txt").touch()
    assert app_document(config, tmp_path, form="bwrap-root")["lock"] == "requirements.txt"


def test_what_only_a_home_or_another_sandbox_has_is_refused_by_name(tmp_path: Path) -> None:
    rooted = read_config(f"schema = 1\n[sandbox]\nroot = 'sha256:{'0' * 64}'\n")
    with pytest.raises(ConfigError, match="a root file system is prepared in a home"):
        app_document(rooted, tmp_path, form="bwrap-root")
    with pytest.raises(SandboxError, match="a network of their own"):
        app_document(read_config(f"schema = 1\n{SERVICE}"), tmp_path, form="landlock")
    tool = read_config("schema = 1\n[app]\nstart = []\ncommands = { walks = 'walks' }\n")
    with pytest.raises(SandboxError, match=r"`\[app\] commands` .* of the form landlock"):
        app_document(tool, tmp_path, form="landlock")


def test_a_draft_without_a_terminal_is_written_once_with_what_is_missing_and_the_next_command(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "issue.md").write_text('# No place left\nI press "Book" and \x1b[2J nothing.\n')
    found = factory("new", "issue.md")
    assert found.output.splitlines() == [
        "no-place-left.yaml is written",
        "  line 12: still to be filled in: the label of a field",
        "complete it, then: factory journeys try no-place-left.yaml",
    ]
    draft = (tmp_path / "no-place-left.yaml").read_text()
    assert "click: {button: Book}" in draft
    again = factory("new", "issue.md")
    assert "is there already" in str(again.exception)
    assert (tmp_path / "no-place-left.yaml").read_text() == draft


def test_on_a_terminal_the_answers_are_enough(tmp_path: Path) -> None:
    """A terminal of the system's: the questions are only asked there."""
    (tmp_path / "issue.md").write_text("# Bookings are lost\n`POST /api/walks` answers 201.\n")
    main, other = os.openpty()
    command = [sys.executable, "-I", "-m", "harness", "journeys", "new", "issue.md"]
    answers = b"\n\nname, size\n{name} has {size}\n"
    with subprocess.Popen(command, stdin=other, stdout=other, stderr=other, cwd=tmp_path) as asking:
        os.close(other)
        os.write(main, answers)
        said = printed_on(main).decode()
        assert asking.wait(LONG) == 0, said
    os.close(main)
    assert "Which request is it" in said
    assert "next: factory journeys try bookings-are-lost.yaml" in said
    draft = (tmp_path / "bookings-are-lost.yaml").read_text()
    assert 'call: {POST: /api/walks, json: {name: "{{ name }}", size: "{{ size }}"}}' in draft
    assert 'text: "{{ name }} has {{ size }}"' in draft


RECORDING = """
import signal, sys
def over(*_):
    print('{"draft": "journey: j", "done": true, "problems": []}', flush=True)
    sys.exit()
signal.signal(signal.SIGINT, over)
print("  - open: /", flush=True)
signal.pause()
"""


def test_an_interrupt_ends_a_recording_and_what_was_done_is_kept() -> None:
    command = (sys.executable, "-c", RECORDING)
    program = ValidatorProgram(Path(), dict(os.environ), Path(), command)
    shown: list[str] = []

    def show(line: str) -> None:
        shown.append(line)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    assert program.recorded("http://127.0.0.1:1", "j", {}, show=show)["draft"] == "journey: j"
    assert shown == ["  - open: /"]
    assert signal.getsignal(signal.SIGINT) is before


def test_without_a_screen_nothing_is_recorded_and_what_is_lacking_is_named(
    tmp_path: Path, monkeypatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    found = factory("record", "--url", "http://127.0.0.1:1")
    assert "record needs a screen" in str(found.exception)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine.yaml").write_text("kept")
    found = factory("record", "--url", "http://127.0.0.1:1", "--out", "mine.yaml")
    assert "is there already" in str(found.exception)
    found = factory("record", "--url", "http://127.0.0.1:1", "--out", "no/mine.yaml")
    assert "no is no folder to write in" in str(found.exception)
