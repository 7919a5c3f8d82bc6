"""The command line in odd surroundings: no home, odd homes, odd terminals, encodings without our
letters."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.cli.output.terminal import wants_colour
from tests import warm
from tests.scenarios import daemons
from tests.scenarios.conftest import FACTORY, Said, as_said
from tests.scenarios.waiting import LONG


def factory(*arguments, folder, **env) -> Said:
    """Run `factory` in a folder, with this environment and nothing else. What is None is absent."""
    return as_said(warm.run(arguments, env=surrounded(folder, env), cwd=folder, timeout=LONG))


def surrounded(folder, env) -> dict[str, str]:
    whole = {"PATH": os.defpath, "HOME": str(folder / "account"), **env}
    return {name: value for name, value in whole.items() if value is not None}


def started(*command, folder, **env) -> Said:
    """The same by a program that is started by itself, where an interpreter's beginning or a pipe
    is what is asked about."""
    return as_said(
        subprocess.run(
            command,
            cwd=folder,
            env=surrounded(folder, env),
            capture_output=True,
            text=True,
            timeout=LONG,
            stdin=subprocess.DEVNULL,
        )
    )


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A home with one issue: who looks at a terminal needs no more to be told of."""
    return daemons.example(tmp_path_factory.mktemp("made") / "home", "1-cancelled-places.md")


@pytest.mark.parametrize(
    ("env", "where"),
    [
        ({}, "account/.local/state/lights-out-factory"),
        ({"XDG_STATE_HOME": "{here}/state"}, "state/lights-out-factory"),
        ({"XDG_STATE_HOME": "relative"}, "account/.local/state/lights-out-factory"),
        ({"XDG_STATE_HOME": "{here}/state", "FACTORY_HOME": "{here}/named"}, "named"),
        ({"FACTORY_HOME": "beside/../named"}, "named"),
        ({"FACTORY_HOME": "~/named"}, "account/named"),
        ({"FACTORY_HOME": ""}, "account/.local/state/lights-out-factory"),
    ],
    ids=["account", "xdg", "relative-xdg", "named-before-xdg", "relative", "tilde", "empty"],
)
def test_where_the_home_is_looked_for(tmp_path, env, where) -> None:
    said = factory(
        "status",
        folder=tmp_path,
        **{name: value.format(here=tmp_path) for name, value in env.items()},
    )
    assert said.code == 2
    assert f"there is no factory at {tmp_path / where}:" in said.err
    assert list(tmp_path.iterdir()) == []


def test_without_home_the_account_names_the_place(tmp_path) -> None:
    said = factory("status", folder=tmp_path, HOME=None)
    assert said.code == 2
    assert (
        f"there is no factory at {Path('~').expanduser()}" in said.err
        or "there is no factory at /" in said.err
    )
    assert list(tmp_path.iterdir()) == []


def test_an_account_that_does_not_exist(tmp_path) -> None:
    said = factory("status", folder=tmp_path, FACTORY_HOME="~nobody-of-that-name/x")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "~nobody-of-that-name" in said.err


@pytest.mark.parametrize(
    ("home", "message"),
    [("/proc/factory", "No such file or directory"), ("/dev/null/x", "Not a directory")],
)
def test_a_home_that_cannot_be_written_is_one_clear_line(tmp_path, home, message) -> None:
    said = factory("demo", "--json", "--home", home, folder=tmp_path)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert message in said.err
    assert home.rpartition("/")[0] in said.err
    assert said.json["ok"] is False


@pytest.mark.parametrize("asked", [("status",), ("audit",), ("stop",), ("tick",)], ids=" ".join)
def test_a_home_on_a_read_only_medium_is_one_clear_line(demo, tmp_path, asked) -> None:
    frozen = [
        "bwrap",
        "--dev-bind",
        "/",
        "/",
        "--ro-bind",
        demo.home,
        demo.home,
        FACTORY,
        *asked,
        "--json",
    ]
    done = subprocess.run(
        frozen,
        env={"PATH": os.defpath, "FACTORY_HOME": str(demo.home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert (done.returncode in (2, 5), done.stderr.count("\n")) == (True, 1)
    assert "Read-only file system" in done.stderr
    assert json.loads(done.stdout)["ok"] is False


@pytest.mark.sample(1)
@pytest.mark.parametrize("name", ["with spaces", "Gezeiten-Häuschen", "潮汐", "quo'te\"d"])
def test_a_home_with_an_odd_name(example, tmp_path, name) -> None:
    home = tmp_path / name
    shutil.copytree(example, home, symlinks=True)
    (tmp_path / "elsewhere").mkdir()
    said = factory("triage", "--json", folder=tmp_path / "elsewhere", FACTORY_HOME=str(home))
    assert said.code in (0, 3), said.err
    assert [line["number"] for line in said.json["moved"]] == [1]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.sample(2)
@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["ascii", "c-locale", "latin-1"],
)
def test_letters_that_the_encoding_lacks_end_no_command(demo, tmp_path, env) -> None:
    result = started(FACTORY, "why", "3", folder=tmp_path, FACTORY_HOME=str(demo.home), **env)
    assert (result.code, result.err) == (0, "")
    assert "add card payments" in result.out
    found = started(
        FACTORY, "why", "3", "--json", folder=tmp_path, FACTORY_HOME=str(demo.home), **env
    )
    assert (
        found.json
        == factory(
            "why", "3", "--json", folder=tmp_path, FACTORY_HOME=str(demo.home), LC_ALL="C.UTF-8"
        ).json
    )


def test_a_reader_that_goes_away_is_no_accident(demo, tmp_path) -> None:
    shell = f"'{FACTORY}' why 1 | head -n 1"
    done = subprocess.run(
        ["/bin/sh", "-c", shell],
        env={"PATH": os.defpath, "FACTORY_HOME": str(demo.home)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LONG,
    )
    assert done.stdout.startswith("#1 ")
    assert done.stderr == ""


@pytest.mark.parametrize("asked", [("stauts",), ("why", "two"), ("tick", "--jsn")], ids=" ".join)
def test_a_slip_of_the_pen_is_answered_for_people_and_for_programs(tmp_path, asked) -> None:
    said = factory(*asked, "--json", folder=tmp_path)
    assert said.code == 2
    assert said.json["ok"] is False
    assert said.json["message"] in said.err
    assert "Traceback" not in said.err


# --- terminals ---

PROGRESS = (
    sys.executable,
    "-c",
    """
from harness.cli.output.progress import Progress
from harness.log import NODE_ENDED, NODE_STARTED, Log
with Progress() as progress:
    log = Log(progress)
    log.write(NODE_STARTED, run="triage-1-1", issue=1, node="classify")
    log.write(NODE_ENDED, "in", run="triage-1-1", issue=1, node="classify", outcome="produced")
""",
)
"""What each command writes to its log, by itself."""


def on_terminal(*command, folder, **env) -> str:
    """What a program writes when standard output and standard error are one terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=folder,
        env={"PATH": os.defpath, "HOME": str(folder), **env},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    said: list[bytes] = []
    reader = threading.Thread(target=lambda: said.extend(iter(lambda: _read(ours), b"")))
    reader.start()
    process.wait(timeout=LONG)
    reader.join(timeout=LONG)
    os.close(ours)
    return b"".join(said).decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how a terminal says that nobody writes any more
        return b""


@pytest.fixture
def fresh(example, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(example, home, symlinks=True)
    return home


def test_on_a_terminal_progress_moves_and_has_colours(tmp_path) -> None:
    said = on_terminal(*PROGRESS, folder=tmp_path, TERM="xterm")
    assert "\x1b[32m" in said
    assert "\x1b[?25l" in said, "the cursor is hidden while a line moves"


def test_on_a_dumb_terminal_progress_is_plain_lines(tmp_path) -> None:
    said = on_terminal(*PROGRESS, folder=tmp_path, TERM="dumb")
    assert "\x1b" not in said
    assert re.search(r"^ +\d+\.\ds +triage-1-1 +classify +in", said, re.MULTILINE)


def test_in_a_pipe_progress_is_plain_lines_on_standard_error(fresh, tmp_path) -> None:
    said = started(FACTORY, "triage", folder=tmp_path, FACTORY_HOME=str(fresh), TERM="xterm")
    assert "\x1b" not in said.err + said.out
    assert re.search(r"^ +\d+\.\ds +triage-1-1 +classify +in", said.err, re.MULTILINE)
    assert said.out.startswith("#1 ")


def test_colours_asked_for_in_a_pipe_do_not_bring_moving_lines(tmp_path) -> None:
    said = started(*PROGRESS, folder=tmp_path, TERM="xterm", FORCE_COLOR="1")
    assert "\x1b[32m" in said.err
    assert not re.search(r"\x1b\[(\?25|2K|\d+A)", said.err)
    assert said.out == ""


@pytest.mark.parametrize(
    ("env", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR": "1"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"TERM": "dumb", "FORCE_COLOR": "3"}, True, True),
    ],
    ids=lambda value: (
        " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else ""
    ),
)
def test_who_gets_colours(monkeypatch, env, terminal, pipe) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    ours, theirs = pty.openpty()
    reading, writing = os.pipe()
    with open(theirs, "w") as screen, open(writing, "w") as tube:
        assert (wants_colour(screen), wants_colour(tube)) == (terminal, pipe)
    os.close(ours)
    os.close(reading)
