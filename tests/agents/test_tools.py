"""The agent's tools in a folder of the host: what they do, and what they say when they cannot."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.agents.loop.tools import TOOLS, Tools
from tests.agents.conftest import eventually

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "WORD": "sea"}


@pytest.fixture
def tools(tmp_path: Path) -> Tools:
    return Tools(tmp_path, ENVIRONMENT, seconds=5, output=1000)


NAP = f"sleep 47{os.getpid()}"      # told apart from those of any other run


def running(command: str) -> bool:
    """Whether a process has exactly these arguments; a bare machine has no pgrep."""
    wanted = command.encode().replace(b" ", b"\0") + b"\0"
    return any(_arguments(path) == wanted for path in Path("/proc").glob("[0-9]*/cmdline"))


def _arguments(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_command_runs_in_the_folder_with_its_own_environment(tools: Tools, tmp_path: Path) -> None:
    said, wrong = tools.use("run", {"command": "pwd; echo $WORD >&2; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3"})
    assert not wrong
    assert said == f"{tmp_path}\nsea\nPATH PWD SHLVL WORD _ \n[exit 3]"


def test_a_command_without_output_says_how_it_ended(tools: Tools) -> None:
    assert tools.use("run", {"command": "true"}) == ("[exit 0]", False)
    assert tools.use("run", {"command": "kill -9 $$"}) == ("[exit -9]", False)


def test_a_command_that_does_not_end_is_stopped_with_all_it_started(tools: Tools) -> None:
    began = time.monotonic()
    said, _ = tools.use("run", {"command": f"echo begun; {NAP} & {NAP}", "seconds": 1})
    assert said == "begun\n\n[stopped after 1 s]"
    assert time.monotonic() - began < 20
    assert eventually(lambda: not running(NAP))


def test_nothing_that_was_started_outlives_the_command(tools: Tools) -> None:
    began = time.monotonic()
    assert tools.use("run", {"command": f"{NAP} & echo gone"})[0] == "gone\n\n[exit 0]"
    assert time.monotonic() - began < 20
    assert eventually(lambda: not running(NAP))


def test_the_time_limit_can_be_lowered_and_not_raised(tmp_path: Path) -> None:
    hasty = Tools(tmp_path, ENVIRONMENT, seconds=1, output=1000)
    assert "stopped after 1 s" in hasty.use("run", {"command": "sleep 20", "seconds": 600})[0]


def test_long_output_keeps_its_beginning_and_its_end(tools: Tools) -> None:
    said, _ = tools.use("run", {"command": "seq 100000"})
    assert said.startswith("1\n2\n3\n")
    assert said.endswith("99999\n100000\n\n[exit 0]")
    assert "\n[… 587895 bytes left out …]\n" in said
    assert len(said) < 1100


def test_output_that_is_no_text_is_shown_as_far_as_it_goes(tools: Tools) -> None:
    assert tools.use("run", {"command": "printf 'a\\377b'"})[0] == "a\ufffdb\n[exit 0]"


def test_nothing_waits_for_input(tools: Tools) -> None:
    assert tools.use("run", {"command": "cat; read line"})[0] == "[exit 1]"


def test_reading_numbers_the_lines(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\nthree\n")
    read = tools.read
    assert read("a.txt") == "1\tone\n2\ttwo\n3\tthree"
    assert read("a.txt", first=2) == "2\ttwo\n3\tthree"
    assert read("a.txt", first=2, last=2) == "2\ttwo"
    assert read("a.txt", first=-3, last=1) == "1\tone"
    assert read("a.txt", first=3, last=99) == "3\tthree"
    assert read("a.txt", first=9) == read("a.txt", first=3, last=2) == "[no such lines: a.txt has 3]"


def test_a_long_file_keeps_its_beginning_and_its_end(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 5000)
    assert "bytes left out" in tools.read("a.txt")


@pytest.mark.parametrize("path", ["nothing.txt", "folder", "a.txt/b"])
def test_what_cannot_be_read_is_an_error(tools: Tools, tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("")
    said, wrong = tools.use("read", {"path": path})
    assert wrong
    assert path in said


def test_an_edit_replaces_the_one_place_and_no_other_byte(tools: Tools, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff one\r\ntwo\r\n")
    assert tools.use("edit", {"path": "a.txt", "old": "one", "new": "ein\u00e9"}) == ("changed a.txt", False)
    assert (tmp_path / "a.txt").read_bytes() == b"\xff ein\xc3\xa9\r\ntwo\r\n"


@pytest.mark.parametrize(("old", "count"), [("three", 0), ("o", 2)])
def test_an_edit_of_no_place_or_of_several_changes_nothing(tools: Tools, tmp_path: Path, old: str, count: int) -> None:
    (tmp_path / "a.txt").write_text("one two")
    said, wrong = tools.use("edit", {"path": "a.txt", "old": old, "new": ""})
    assert wrong
    assert f"old occurs {count} times" in said
    assert (tmp_path / "a.txt").read_text() == "one two"


def test_an_edit_without_old_creates_and_never_overwrites(tools: Tools, tmp_path: Path) -> None:
    assert tools.use("edit", {"path": "new/b.txt", "new": "x\n"}) == ("created new/b.txt", False)
    said, wrong = tools.use("edit", {"path": "new/b.txt", "new": "y"})
    assert wrong
    assert "exists" in said
    assert (tmp_path / "new" / "b.txt").read_text() == "x\n"


INVALID: list[tuple[str, Any, str]] = [
    ("grep", {}, "there is no tool grep; there are run, read, edit, finish, give_up"),
    ("use", {}, "there is no tool use"),
    ("__init__", {}, "there is no tool __init__"),
    ("run", "ls", "run takes an object"),
    ("run", None, "run takes an object"),
    ("run", {}, "needs command"),
    ("run", {"command": 5}, "{'command': {'type': 'string'}"),
    ("run", {"command": "ls", "seconds": "9"}, "'seconds': {'type': 'integer'}"),
    ("run", {"command": "ls", "seconds": True}, "'seconds': {'type': 'integer'}"),
    ("run", {"command": "ls", "cwd": "/"}, "run takes an object"),
    ("run", {"command": ["ls"]}, "run takes an object"),
    ("give_up", {"reason": "bored", "explanation": ""}, "'enum': ['cannot-reproduce', 'spec-conflict', 'blocked']"),
    ("give_up", {"reason": ["blocked"], "explanation": ""}, "give_up takes an object"),
    ("finish", {"summary": None}, "finish takes an object"),
]


@pytest.mark.parametrize(("name", "given", "named"), INVALID)
def test_a_call_that_is_not_as_declared_is_an_error_that_says_what_is(tools: Tools, name: str, given: Any, named: str) -> None:
    said, wrong = tools.use(name, given)
    assert wrong
    assert named in said


@pytest.mark.parametrize("given", [{"command": "a\0b"}, {"command": "echo \ud800"}])
def test_what_the_system_cannot_take_is_an_error(tools: Tools, given: dict[str, str]) -> None:
    assert tools.use("run", given)[1]


def test_the_declared_tools_are_what_the_model_reads() -> None:
    declared = {tool["name"]: tool for tool in TOOLS}
    assert list(declared) == ["run", "read", "edit", "finish", "give_up"]
    assert declared["edit"]["input_schema"] == {
        "type": "object", "additionalProperties": False, "required": ["path", "new"],
        "properties": {name: {"type": "string"} for name in ("path", "new", "old")}}
    assert all(len(tool["description"]) > 40 for tool in TOOLS)


def test_the_loop_needs_nothing_of_the_harness() -> None:
    """In the box there is this one folder and the SDK."""
    folder = Path(sys.modules["harness.agents.loop"].__file__ or "").parent
    code = ("import sys, json; from loop import agent, tools, __main__; "
            "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))")
    ended = subprocess.run([sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(folder.parent)}, capture_output=True,
                           text=True, check=True)
    assert not {"harness", "anthropic"} & set(json.loads(ended.stdout))
