"""Commands in a folder of the host: each comes to an end, and so does all that it started."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.programs.agent_loop import shell as room
from harness.programs.agent_loop.shell import Shell
from tests.agents.conftest import eventually

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "WORD": "sea"}
# Distinguished from those of any other run.
NAP = f"sleep 47{os.getpid()}"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    (tmp_path / "work").mkdir()
    return Shell(tmp_path / "work", ENVIRONMENT, outputs=tmp_path / "outputs", seconds=600)


def bash(command: str) -> list[str]:
    return ["bash", "-c", command]


def running(command: str) -> bool:
    """Whether a process has exactly these arguments; a bare machine has no pgrep."""
    wanted = command.encode().replace(b" ", b"\0") + b"\0"
    return any(_arguments(path) == wanted for path in Path("/proc").glob("[0-9]*/cmdline"))


def _arguments(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_command_runs_in_the_folder_with_its_own_environment(shell: Shell) -> None:
    ended = shell.run(bash("pwd; echo $WORD >&2; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3"))
    assert (ended.how, ended.exit_code, ended.left) == ("exit 3", 3, 0)
    pwd, word, names = ended.output.read_text().splitlines()
    assert (pwd, word) == (str(shell.folder), "sea")
    assert set(names.split()) == {"PATH", "PWD", "SHLVL", "WORD", "_", *room.ALONE}


def test_each_output_is_kept_in_a_file_of_its_own(shell: Shell) -> None:
    first, second = shell.run(bash("echo 1")), shell.run(bash("echo 2"))
    assert (first.output.read_text(), second.output.read_text()) == ("1\n", "2\n")


def test_a_command_that_does_not_end_is_stopped_with_all_it_started(shell: Shell) -> None:
    ended = shell.run(bash(f"echo begun; {NAP} & {NAP}"), seconds=4)
    assert (ended.how.partition(":")[0], ended.exit_code) == ("stopped after 4 s", None)
    assert ended.output.read_text() == "begun\n"
    assert eventually(lambda: not running(NAP))


def test_background_children_end_with_their_command_and_are_counted(shell: Shell) -> None:
    began = time.monotonic()
    ended = shell.run(bash(f"{NAP} & {NAP} & echo gone"))
    assert (ended.how, ended.left, ended.output.read_text()) == ("exit 0", 2, "gone\n")
    assert time.monotonic() - began < 300
    assert eventually(lambda: not running(NAP))


ADOPTING = """
import ctypes, sys
from pathlib import Path
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
from agent_loop.shell import Shell
shell = Shell(Path.cwd(), {"PATH": "/usr/bin:/bin"}, outputs=Path("outputs"), seconds=600)
ended = shell.run(["bash", "-c", sys.argv[1]])
print(ended.how, ended.left)
"""


def test_what_leaves_its_group_and_its_session_ends_as_well(tmp_path: Path) -> None:
    """As the agent's own process does it, which adopts orphans; here in one of ours, for it ends
    all of its new children."""
    loop = Path(room.__file__).parent
    command = f"setsid -f {NAP}; setsid -f bash -c '{NAP} & {NAP}'; echo gone"
    ended = subprocess.run(
        [sys.executable, "-S", "-c", ADOPTING, command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(loop.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    how, left = ended.stdout.rsplit(" ", 1)
    assert (how, int(left) > 0) == ("exit 0", True)
    assert not running(NAP)


def test_a_command_that_writes_without_end_is_stopped_with_a_reason(tmp_path: Path) -> None:
    shell = Shell(
        tmp_path, ENVIRONMENT, outputs=tmp_path / "outputs", seconds=600, most_output=1 << 20
    )
    began = time.monotonic()
    ended = shell.run(bash("yes"))
    assert ended.how.startswith("stopped: it has written more than 1 MB")
    assert time.monotonic() - began < 300


@pytest.mark.parametrize(
    "command",
    [
        "cat",
        "read line",
        "python3 -c 'input()'",
        "cat < /dev/tty",
        "git commit --allow-empty",
        "ssh-keygen -t ed25519 -f /nowhere/key",
    ],
)
def test_nothing_waits_for_somebody_to_type(shell: Shell, command: str) -> None:
    ended = shell.run(bash(f"git init -q . 2>&1; {command}"), seconds=300)
    assert ended.exit_code is not None


def test_what_a_program_printed_before_it_was_stopped_is_there(tmp_path: Path) -> None:
    """Python keeps what it prints until much has come together, unless a variable forbids it. It is
    stopped for having written one byte too many, however long it took to begin."""
    said = "so far\n"
    shell = Shell(
        tmp_path, ENVIRONMENT, outputs=tmp_path / "outputs", seconds=60, most_output=len(said) - 1
    )
    ended = shell.run(bash("python3 -c \"print('so far'); import time; time.sleep(600)\""))
    assert ended.how.startswith("stopped: it has written more than")
    assert ended.output.read_text() == said


def test_the_time_limit_can_be_lowered_and_not_raised(tmp_path: Path) -> None:
    hasty = Shell(tmp_path, ENVIRONMENT, outputs=tmp_path / "outputs", seconds=1)
    assert hasty.run(bash("sleep 20"), seconds=600).how.startswith("stopped after 1 s")


def test_the_oldest_outputs_make_room(tmp_path: Path) -> None:
    shell = Shell(tmp_path, ENVIRONMENT, outputs=tmp_path / "outputs", seconds=600, most_kept=2500)
    ended = [shell.run(bash("head -c 1000 /dev/zero")) for _ in range(11)]
    kept = [one.output.exists() for one in ended]
    assert kept == [False] * 8 + [True] * 3


@pytest.mark.parametrize(
    "argv", [["bash", "-c", "a\0b"], ["bash", "-c", "echo \ud800"], ["no-such-program"]]
)
def test_what_the_system_cannot_start_is_an_error(shell: Shell, argv: list[str]) -> None:
    with pytest.raises((OSError, ValueError)):
        shell.run(argv)
