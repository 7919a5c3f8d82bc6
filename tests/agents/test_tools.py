"""The agent's tools in a folder of the host: what they do, and what they say when they cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.programs.agent_loop.shell import Shell
from harness.programs.agent_loop.tools import TOOLS, Tools

NAMES = ["run", "read", "search", "edit", "finish", "give_up"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def tools(folder: Path) -> Tools:
    shell = Shell(
        folder, {"PATH": "/usr/bin:/bin"}, outputs=folder.with_name("outputs"), seconds=300
    )
    return Tools(shell, output=1000, given_text="The specification: a walk ends after two hours.")


def used(tools: Tools, name: str, **given: Any) -> tuple[str, bool]:
    result = tools.use(name, given)
    return result.text, result.failed


def test_a_commands_result_is_its_output_and_how_it_ended(tools: Tools) -> None:
    assert used(tools, "run", command="echo one; echo two >&2; exit 3") == (
        "one\ntwo\n[exit 3]",
        False,
    )
    assert used(tools, "run", command="true") == ("[exit 0]", False)
    assert used(tools, "run", command="kill -9 $$") == ("[exit -9]", False)


def test_long_output_names_the_file_with_all_of_it(tools: Tools) -> None:
    text, _ = used(tools, "run", command="seq 100000")
    assert text.startswith("1\n2\n3\n")
    assert text.endswith("99999\n100000\n[exit 0]")
    place = Path(text.partition("all of it is in ")[2].partition(" ")[0])
    assert place.read_text().count("\n") == 100_000
    assert len(text) < 1200


def test_processes_left_running_are_reported(tools: Tools) -> None:
    assert (
        used(tools, "run", command="sleep 60 & echo up")[0]
        == "up\n[exit 0; 1 left running in the background, and ended]"
    )


def test_a_brief_names_the_call_its_end_and_the_place_of_the_whole(tools: Tools) -> None:
    result = tools.use("run", {"command": "seq 5; exit 4"})
    assert result.brief == f"run 'seq 5; exit 4': exit 4; what it printed is in {result.place}"
    assert Path(result.place).read_text() == "1\n2\n3\n4\n5\n"


def test_reading_numbers_the_lines(tools: Tools, folder: Path) -> None:
    (folder / "a.txt").write_text("one\ntwo\nthree\n")

    def read(**given: int) -> str:
        return used(tools, "read", path="a.txt", **given)[0]

    assert read() == "1\tone\n2\ttwo\n3\tthree"
    assert read(first=2) == "2\ttwo\n3\tthree"
    assert read(first=2, last=2) == "2\ttwo"
    assert read(first=-3, last=1) == "1\tone"
    assert read(first=3, last=99) == "3\tthree"
    assert read(first=9) == read(first=3, last=2) == "[no such lines: a.txt has 3]"


def test_a_long_file_keeps_its_beginning_and_its_end(tools: Tools, folder: Path) -> None:
    (folder / "a.txt").write_text("".join(f"line {number}\n" for number in range(1, 1001)))
    lines = used(tools, "read", path="a.txt")[0].split("\n")
    assert (lines[0], lines[-1]) == ("1\tline 1", "1000\tline 1000")
    assert (
        f"[… {1000 - (len(lines) - 1)} lines left out here; all of it is in a.txt: read on by first"
        " and last …]" in lines
    )


def test_what_cannot_be_read_is_an_error_that_names_what_it_is(tools: Tools, folder: Path) -> None:
    (folder / "folder").mkdir()
    (folder / "a.txt").write_text("")
    (folder / "picture.png").write_bytes(b"\x89PNG\0\0")
    os.mkfifo(folder / "pipe")
    for path, words in {
        "nothing.txt": "No such file",
        "folder": "a folder; run `ls`",
        "a.txt/b": "Not a directory",
        "picture.png": "is binary: 6 bytes",
        "pipe": "a pipe",
        "/dev/zero": "a device",
        "a\0b": "null",
    }.items():
        text, failed = used(tools, "read", path=path)
        assert failed
        assert words in text


def test_search_finds_lines_in_the_order_of_the_files(tools: Tools, folder: Path) -> None:
    for name, text in {
        "b.py": "def walk(): pass\n",
        "a.py": "x = 1\ndef walk(): pass\n",
        "sub/c.py": "walk\n",
        ".git/config": "walk\n",
        "node_modules/m.js": "walk\n",
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "data.bin").write_bytes(b"walk\0")
    assert used(tools, "search", pattern=r"\bwalk\b") == (
        "a.py:2: def walk(): pass\nb.py:1: def walk(): pass\nsub/c.py:1: walk\n"
        "[3 lines found in 3 files; 1 without looking: no text, or over 2 MB]",
        False,
    )
    assert (
        used(tools, "search", pattern="walk", path="b.py")[0]
        == "b.py:1: def walk(): pass\n[1 lines found in 1 files]"
    )
    assert used(tools, "search", pattern="walk", path="node_modules")[0].startswith(
        "node_modules/m.js:1: walk"
    )
    assert used(tools, "search", pattern="nowhere")[0].startswith("[0 lines found in 3 files")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pattern": "("}, "is no regular expression"),
        ({"pattern": "x", "path": "gone"}, "there is no gone"),
        ({"pattern": "a\0"}, "null"),
    ],
)
def test_a_search_that_cannot_be_made_is_an_error(
    tools: Tools, given: dict[str, str], words: str
) -> None:
    text, failed = used(tools, "search", **given)
    assert failed
    assert words in text


def test_a_pattern_that_never_ends_is_ended(folder: Path) -> None:
    (folder / "a.txt").write_text("a" * 60 + "\n")
    shell = Shell(folder, {"PATH": "/usr/bin:/bin"}, outputs=folder.with_name("outputs"), seconds=1)
    text, failed = used(Tools(shell, output=1000), "search", pattern="(a+)+$b")
    assert failed
    assert "stopped after 1 s" in text


def test_an_edit_replaces_the_one_place_and_no_other_byte(tools: Tools, folder: Path) -> None:
    (folder / "a.txt").write_bytes(b"\xff one\r\ntwo\r\n")
    assert used(tools, "edit", path="a.txt", old="two", new="zwei\n\u00e9") == (
        "changed a.txt at line 2: 1 line became 2 lines",
        False,
    )
    assert (folder / "a.txt").read_bytes() == b"\xff one\r\nzwei\n\xc3\xa9\r\n"


def test_an_edit_keeps_the_ends_of_lines_that_a_file_has(tools: Tools, folder: Path) -> None:
    """A model reads lines, and never sees how they end."""
    (folder / "a.txt").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    assert used(tools, "read", path="a.txt")[0] == "1\tone\n2\ttwo\n3\tthree"
    assert not used(tools, "edit", path="a.txt", old="one\ntwo", new="1\n2")[1]
    assert (folder / "a.txt").read_bytes() == b"1\r\n2\r\nthree\r\n"


def test_lines_are_counted_as_other_programs_count_them(tools: Tools, folder: Path) -> None:
    (folder / "a.txt").write_text("form\x0cfeed\nnext\u2028line\nlast\n")
    assert used(tools, "read", path="a.txt", first=3)[0] == "3\tlast"
    assert used(tools, "search", pattern="last")[0].startswith("a.txt:3: last")
    assert used(tools, "run", command="grep -n last a.txt")[0].startswith("3:last")


BEFORE = "def a():\n    return 1\n\ndef b():\n    return 1\n"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("return 2", "x", "old occurs 0 times in a.py: read the file again"),
        ("return 1", "x", "old occurs 2 times in a.py, at lines 2, 5"),
        ("def a():\n  return 1", "x", "but for its spaces it is at line 1"),
        ("1\tdef a():\n2\t    return 1", "x", "it begins with the line numbers of `read`"),
        ("def a", "def a", "nothing would change"),
    ],
)
def test_an_edit_of_no_place_or_of_several_changes_nothing_and_explains_why(
    tools: Tools, folder: Path, old: str, new: str, words: str
) -> None:
    (folder / "a.py").write_text(BEFORE)
    text, failed = used(tools, "edit", path="a.py", old=old, new=new)
    assert failed
    assert words in text
    assert (folder / "a.py").read_text() == BEFORE


def test_an_edit_without_old_creates_and_never_overwrites(tools: Tools, folder: Path) -> None:
    assert used(tools, "edit", path="new/b.txt", new="x\n") == ("created new/b.txt, 1 line", False)
    text, failed = used(tools, "edit", path="new/b.txt", new="y")
    assert failed
    assert "new/b.txt exists; give `old`" in text
    assert (folder / "new" / "b.txt").read_text() == "x\n"


INVALID: list[tuple[str, Any, str]] = [
    ("grep", {}, "there is no tool grep; there are run, read, search, edit, finish, give_up"),
    ("use", {}, "there is no tool use"),
    ("__init__", {}, "there is no tool __init__"),
    ("run", "ls", "run takes command, seconds (optional), as an object; it was given 'ls'"),
    ("run", None, "as an object; it was given None"),
    ("run", {}, "command is missing"),
    ("give_up", {"reason": "blocked"}, "explanation and evidence are missing"),
    ("run", {"command": 5}, "run: command is 5; expected a text"),
    ("run", {"command": "ls", "seconds": "9"}, "run: seconds is '9'; expected a whole number"),
    ("run", {"command": "ls", "seconds": True}, "run: seconds is True; expected a whole number"),
    ("run", {"command": "ls", "cwd": "/"}, "it has no cwd"),
    ("run", {"command": ["ls"]}, "expected a text"),
    (
        "give_up",
        {"reason": "bored", "explanation": "", "evidence": ["x"]},
        "reason is 'bored'; expected cannot-reproduce or spec-conflict or blocked",
    ),
    (
        "give_up",
        {"reason": ["blocked"], "explanation": "", "evidence": ["x"]},
        "reason is ['blocked']",
    ),
    (
        "give_up",
        {"reason": "blocked", "explanation": "", "evidence": []},
        "evidence is []; expected a list of one text or more",
    ),
    (
        "give_up",
        {"reason": "blocked", "explanation": "", "evidence": [1]},
        "expected a list of one text or more",
    ),
    ("finish", {"summary": None}, "summary is None; expected a text"),
]


@pytest.mark.parametrize(("name", "given", "named"), INVALID)
def test_a_call_that_is_not_as_declared_is_an_error_with_the_declaration(
    tools: Tools, name: str, given: Any, named: str
) -> None:
    result = tools.use(name, given)
    assert result.failed
    assert named in result.text


@pytest.mark.parametrize("given", [{"command": "a\0b"}, {"command": "echo \ud800"}])
def test_what_the_system_cannot_take_is_an_error(tools: Tools, given: dict[str, str]) -> None:
    assert tools.use("run", given).failed


def test_giving_up_is_taken_when_what_shows_it_is_there(tools: Tools) -> None:
    asked = {"reason": "cannot-reproduce", "explanation": "It works.", "evidence": ["echo fine"]}
    assert "names no command that was run here" in tools.use("give_up", asked).text
    tools.use("run", {"command": "echo fine"})
    result = tools.use("give_up", asked)
    assert (result.text, result.failed) == ("It works.", False)


def test_the_declared_tools_are_what_the_model_reads() -> None:
    declared = {tool["name"]: tool for tool in TOOLS}
    assert list(declared) == NAMES
    assert declared["edit"]["input_schema"] == {
        "type": "object",
        "additionalProperties": False,
        "required": ["path", "new"],
        "properties": {name: {"type": "string"} for name in ("path", "new", "old")},
    }
    assert declared["give_up"]["input_schema"]["properties"]["evidence"] == {
        "type": "array",
        "items": {"type": "string"},
    }
    assert all(len(tool["description"]) > 40 and "\n" not in tool["description"] for tool in TOOLS)


def test_the_loop_needs_nothing_of_the_harness() -> None:
    """In the sandbox there is this one folder and the SDK."""
    folder = Path(sys.modules["harness.programs.agent_loop"].__file__ or "").parent
    code = (
        "import sys, json; from agent_loop import agent, tools, __main__; "
        "print(json.dumps(sorted(name.split('.')[0] for name in sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(folder.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"harness", "anthropic"} & set(json.loads(ended.stdout))
