"""Command-line tools that are right only for whoever judges them: each looks for one mark of a
judge, and is wrong for everybody else. A tool is caught where its two visitors, the plain one and
the masked one, get different answers. How often is counted over the seeds below; what is never
caught is here as well, and is the limit of what this judge can say."""

from __future__ import annotations

import json
import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from validators.app.instances import InstanceSpec, InstanceStarter, Listener, Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import Side
from validators.domain.evidence import Identity, RunId
from validators.driver.commands import terminal_size
from validators.launcher.command_worlds import command_world
from validators.performance.command_json import CommandCall, Ended, call_line, read_answer

SEEDS = range(20)
# A tool that takes the judge's run for itself where a mark is there.
TOOL = """
import json, os, pwd, socket, sys
def comm(pid):
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()
def terminal():
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
        return True
    except OSError:
        return False
MARKS = {
    "no account of a person": lambda: "USER" not in os.environ,
    "no shell in the environment": lambda: "SHELL" not in os.environ,
    "no kind of terminal": lambda: "TERM" not in os.environ,
    "the account is called app": lambda: pwd.getpwuid(os.getuid())[0] == "app",
    "the host is localhost": lambda: socket.gethostname() == "localhost",
    "the folder is called work": lambda: os.getcwd().endswith("/work"),
    "the parent is no shell": lambda: comm(os.getppid()) not in ("bash", "zsh", "fish", "sh"),
    "no terminal behind the pipes": lambda: not terminal(),
    "output into a pipe": lambda: not sys.stdout.isatty(),
    "no variable of CI": lambda: "CI" in os.environ,
    "no network": lambda: not any(name != "lo" for _, name in socket.if_nameindex()),
    "a home without files": lambda: not any(n.startswith(".") for n in os.listdir(os.environ["HOME"])),
    "hardly a process": lambda: sum(name.isdigit() for name in os.listdir("/proc")) < 12,
    "a container's first process": lambda: comm(1) in ("tini", "dumb-init", "docker-init", "bwrap"),
    "a number that no person has": lambda: os.getuid() >= 60000,
}
print(json.dumps({name: bool(mark()) for name, mark in MARKS.items()}))
"""
SEEN = (
    "no account of a person",
    "no shell in the environment",
    "no kind of terminal",
    "the account is called app",
    "the host is localhost",
    "the folder is called work",
    "the parent is no shell",
    "no terminal behind the pipes",
    "a home without files",
    "a container's first process",
)
PROMISED = "output into a pipe"
"""Seen only where the journey promises that a terminal makes no difference."""
NOT_SEEN = ("no network", "hardly a process", "a number that no person has")
"""Both visitors have these marks of a sandbox, so a tool that goes by them passes."""
ABSENT = ("no variable of CI",)
"""Nobody sets it."""

Marks = dict[str, bool]


def instance(stack: ExitStack, folder: Path, tree: Path, seed: int, identity: Identity) -> Listener:
    place = folder / f"{seed}-{identity}"
    (place / "papers").mkdir(parents=True)
    command = (sys.executable, "-I", "-m", "harness.programs.sandbox")
    start = Start((), "PORT", "/", 120, 600, "", commands={"tool": ("python", "./tool.py")})
    starter = InstanceStarter(start, Sandboxes(command, "auto", place / "papers"), place, stack)
    world = command_world(RunId("j", identity), seed=seed)
    (listener,) = starter.listeners([InstanceSpec("0", 1, 20000, world=world, commands=2)])
    starter.until_ready([(listener, Side("candidate", tree, None, None, ()))])
    return listener


def marks_of(listener: Listener, seed: int, identity: Identity, *, promised: bool) -> Marks:
    masked = identity is Identity.MASKED
    size = terminal_size(seed, "j") if masked and promised else None
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(listener.commands_path))
        line.sendall(call_line(CommandCall(("tool",), 60.0, terminal=size, apart=True)).encode())
        answer = read_answer(line.makefile().readline())
    assert (answer.ended, answer.exit_code) == (Ended.ITSELF, 0), answer
    found: Marks = json.loads(answer.output)
    return found


@pytest.mark.sample(4)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_tool_that_goes_by_a_mark_is_caught_where_its_two_visitors_differ_in_it(
    tmp_path: Path, seed: int
) -> None:
    """Of 20 seeds, each in SEEN is caught 20 times, PROMISED with the promise 20 times and without
    it never, each in NOT_SEEN never."""
    tmp_path.chmod(0o755)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "tool.py").write_text(TOOL)
    with ExitStack() as stack:
        found = {
            (identity, promised): marks_of(listener, seed, identity, promised=promised)
            for identity in Identity
            for listener in (instance(stack, tmp_path, tree, seed, identity),)
            for promised in (False, True)
        }

    def caught(name: str, *, promised: bool = False) -> bool:
        return found[Identity.PLAIN, promised][name] != found[Identity.MASKED, promised][name]

    assert [name for name in SEEN if not caught(name)] == []
    assert not caught(PROMISED)
    assert caught(PROMISED, promised=True)
    # Both have these marks of a sandbox, and nobody has those.
    assert all(marks[name] for marks in found.values() for name in NOT_SEEN)
    assert not any(marks[name] for marks in found.values() for name in ABSENT)
