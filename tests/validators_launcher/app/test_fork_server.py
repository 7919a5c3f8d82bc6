"""Supervisors out of one process: each has its own streams and nothing of another, reports how it
ended, and dies with who asked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.programs.sandbox.fork_server import STOP_SECONDS
from harness.programs.sandbox.launch import DEATH_SECONDS
from tests.validators_launcher.processes import alive, descendants, until
from validators.app.fork_server import CLOSE_SECONDS, ENV, ForkServer, Supervisor
from validators.domain.stops import Inconclusive

PROGRAM = """
import os, signal, socket, sys, time
from harness.programs.sandbox.fork_server import serve

def answer(argv):
    match argv:
        case ["exit", code]:
            return int(code)
        case ["raise", words]:
            raise ValueError(words)
        case ["usage"]:
            sys.exit(2)
        case ["copy"]:
            os.write(1, os.read(0, 100))
        case ["write", number, words]:
            os.write(int(number), words.encode())
        case ["open"]:
            here = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
            print(*(os.readlink(path) for path in here if os.path.lexists(path)), sep="\\n")
        case ["wait"]:
            time.sleep(600)
        case ["wait", "slow"]:
            signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), os._exit(7)))
            print("ready", flush=True)
            time.sleep(600)
        case ["wait", "deaf"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("ready", flush=True)
            time.sleep(600)
    return 0

serve(socket.socket(fileno=int(sys.argv[-1])), answer, stop_seconds=8)
"""
COMMAND = (sys.executable, "-c", PROGRAM)
ASKER = f"""
import sys, time
from validators.app.fork_server import ForkServer

server = ForkServer((sys.executable, "-c", {PROGRAM!r}))
for _ in range(3):
    server.supervisor("wait", output=1, errors=2, descriptors={{}})
print("asked", flush=True)
time.sleep(600)
"""
SECONDS = 60


@pytest.fixture
def fork_server() -> Iterator[ForkServer]:
    made = ForkServer(COMMAND)
    yield made
    made.close()


class Supervised:
    """What a supervisor writes to its output and its errors."""

    def __init__(self, fork_server: ForkServer, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.fork_server, self.file = fork_server, folder / "output"

    def by(self, *arguments: str, **descriptors: int) -> Supervisor:
        numbered = {
            int(name.removeprefix("_")): descriptor for name, descriptor in descriptors.items()
        }
        with self.file.open("wb") as supervised:
            return self.fork_server.supervisor(
                *arguments,
                output=supervised.fileno(),
                errors=supervised.fileno(),
                descriptors=numbered,
            )

    def after(self, *arguments: str, **descriptors: int) -> str:
        assert self.by(*arguments, **descriptors).waited(SECONDS)
        return self.file.read_text()


@pytest.fixture
def supervised(fork_server: ForkServer, tmp_path: Path) -> Supervised:
    return Supervised(fork_server, tmp_path)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("exit", "0"), 0),
        (("exit", "42"), 42),
        (("exit", "125"), 125),
        (("usage",), 2),
        (("raise", "x"), 1),
    ],
)
def test_each_reports_how_it_ended(
    supervised: Supervised, asked: tuple[str, ...], code: int
) -> None:
    supervisor = supervised.by(*asked)
    assert supervisor.waited(SECONDS)
    assert supervisor.code == code


def test_what_goes_wrong_is_in_its_log(supervised: Supervised) -> None:
    assert "ValueError: no such harbour" in supervised.after("raise", "no such harbour")


def test_what_is_sent_is_its_input(supervised: Supervised) -> None:
    supervisor = supervised.by("copy")
    assert not supervisor.waited(0)
    supervisor.stdin.write(b"high tide")
    supervisor.stdin.close()
    assert supervisor.waited(SECONDS)
    assert supervised.file.read_text() == "high tide"


def test_descriptors_are_under_their_numbers_even_when_these_cross(
    supervised: Supervised, tmp_path: Path
) -> None:
    """A number over there may be that of another descriptor over here, and of one that came
    along."""
    with (tmp_path / "one").open("wb") as one, (tmp_path / "two").open("wb") as two:
        crossed = {f"_{one.fileno()}": two.fileno(), f"_{two.fileno()}": one.fileno()}
        for number, words in ((one.fileno(), "for two"), (two.fileno(), "for one")):
            supervised.after("write", str(number), words, **crossed)
    assert ((tmp_path / "one").read_text(), (tmp_path / "two").read_text()) == (
        "for one",
        "for two",
    )


def test_one_has_nothing_of_another(
    fork_server: ForkServer, supervised: Supervised, tmp_path: Path
) -> None:
    with (tmp_path / "secret").open("wb") as secret:
        beside = supervised.by("wait", _77=secret.fileno())
        there = supervised.after("open").splitlines()
    assert not beside.waited(0)
    assert [path for path in there if "secret" in path or path.startswith("socket:")] == []
    assert len(there) == 4  # input, output, errors and the report


@pytest.mark.parametrize("deaf", [False, True], ids=["asked", "killed"])
def test_one_that_is_ended_by_a_signal_has_no_code_and_the_others_go_on(
    fork_server: ForkServer, supervised: Supervised, deaf: bool
) -> None:
    one = supervised.by("wait", *(["deaf"] if deaf else []))
    until(lambda: not deaf or supervised.file.read_text() == "ready\n", seconds=SECONDS)
    other = supervised.by("wait")
    one.signalled(signal.SIGKILL if deaf else signal.SIGTERM)
    assert one.waited(SECONDS)
    assert one.code is None
    assert not other.waited(0)
    one.signalled(signal.SIGKILL)  # too late for anybody
    assert not other.waited(0)


@pytest.mark.parametrize("how", ["slow", "deaf"])
def test_the_end_of_the_line_is_the_end_of_all(tmp_path: Path, how: str) -> None:
    """When the line is closed and the fork server has ended, so have those that take their time,
    and those that ignore signals."""
    fork_server = ForkServer(COMMAND, close_seconds=SECONDS)  # it is not killed for being slow
    supervised = [Supervised(fork_server, tmp_path / str(number)) for number in range(2)]
    supervisors = [one.by("wait", how) for one in supervised]
    until(lambda: all(one.file.read_text() == "ready\n" for one in supervised), seconds=SECONDS)
    fork_server.close()
    assert all(one.waited(0) for one in supervisors)


def test_whoever_ends_another_leaves_it_the_time_to_end_its_own() -> None:
    """A supervisor that was killed while its sandbox still died left it behind."""
    assert DEATH_SECONDS < STOP_SECONDS < CLOSE_SECONDS


def test_kill_9_of_the_fork_server_ends_all(fork_server: ForkServer, tmp_path: Path) -> None:
    supervisors = [
        Supervised(fork_server, tmp_path / str(number)).by("wait") for number in range(2)
    ]
    assert all(one.pid for one in supervisors)
    os.kill(fork_server.pid, signal.SIGKILL)
    assert all(one.waited(SECONDS) for one in supervisors)


def test_asking_a_fork_server_that_has_ended_is_inconclusive(
    fork_server: ForkServer, supervised: Supervised
) -> None:
    fork_server.close()
    with pytest.raises(Inconclusive, match="the fork server of sandbox supervisors has ended"):
        supervised.by("exit", "0")


def test_a_command_that_is_no_supervisor_ends_without_a_code(tmp_path: Path) -> None:
    hangs_up = "import socket, sys; socket.socket(fileno=int(sys.argv[-1])).recv(1)"
    fork_server = ForkServer((sys.executable, "-c", hangs_up))
    supervisor = Supervised(fork_server, tmp_path).by("exit", "0")
    assert supervisor.waited(SECONDS)
    assert supervisor.code is None
    fork_server.close()


def test_kill_9_of_who_asked_leaves_nothing() -> None:
    asker = subprocess.Popen(
        (sys.executable, "-c", ASKER),
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert asker.stdout is not None
    assert asker.stdout.readline() == "asked\n"
    below = until(
        lambda: found if len(found := descendants(asker.pid)) == 4 else None, seconds=SECONDS
    )  # the fork server, and three
    asker.send_signal(signal.SIGKILL)
    asker.wait()
    asker.stdout.close()
    until(lambda: not alive(below), seconds=SECONDS)
