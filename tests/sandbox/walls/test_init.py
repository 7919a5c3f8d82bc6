"""The first program of a sandbox by itself, without walls: each of its promises alone."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from harness.programs.sandbox import launch
from harness.programs.sandbox.walls.init import Flow
from tests.sandbox.sandboxes import NEVER_ENDS, a_marker, running_with, until

INIT = Path(launch.__file__).parent / "walls" / "init.py"


class First:
    """The first program, started in a session of its own, with both ends of its two lines."""

    def __init__(self, *words: str, also: tuple[int, ...] = (), **options: Any) -> None:
        life, self.life = os.pipe()
        self.status, status = os.pipe()
        command = [
            sys.executable,
            "-I",
            "-S",
            str(INIT),
            "--status",
            str(status),
            "--life",
            str(life),
            *words,
        ]
        self.process = subprocess.Popen(
            command, pass_fds=(life, status, *also), start_new_session=True, **options
        )
        os.close(life)
        os.close(status)

    def said(self) -> list[str]:
        """All that it reported; waits for its end."""
        with open(self.status, encoding="utf-8") as report:
            return report.read().split("\n")[:-1]

    def end(self) -> int:
        """Its exit code."""
        try:
            return self.process.wait(timeout=NEVER_ENDS)
        finally:
            if self.life:
                os.close(self.life)
                self.life = 0


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 0", ["started", "exit 0"]),
        ("exit 7", ["started", "exit 7"]),
        ("kill -9 $$", ["started", "signal 9"]),
    ],
)
def test_it_tells_how_the_command_ended(script, expected) -> None:
    first = First("--", "sh", "-c", script)
    assert first.said() == expected
    assert first.end() in (0, 7, 137)


def test_it_prints_why_there_is_no_command() -> None:
    first = First("--cwd", "/nowhere", "--", "true")
    assert first.said() == ["failed [Errno 2] No such file or directory: '/nowhere'"]
    assert first.end() == 125


def test_a_taken_port_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        first = First("--dial", f"{taken.getsockname()[1]}=/nowhere.sock", "--", "true")
        assert "Address already in use" in first.said()[0]
        assert first.end() == 125


def test_it_ends_with_its_group_when_the_life_line_is_cut() -> None:
    marker = a_marker()
    first = First("--", "sh", "-c", f"sleep {marker} & wait")
    until(lambda: running_with(f"sleep\0{marker}"))
    os.close(first.life)
    first.life = 0
    assert first.end() == -9
    until(lambda: not running_with(marker))
    assert first.said() == ["started"]


def test_the_command_inherits_the_standard_streams_and_no_other_descriptor() -> None:
    first = First("--", "sh", "-c", "ls /proc/$$/fd", stdout=subprocess.PIPE)
    assert first.process.stdout.read().split() == [b"0", b"1", b"2"]
    assert first.end() == 0


def test_the_command_gets_the_given_environment_and_nothing_else() -> None:
    environ = descriptor_of(b"PATH=/usr/bin:/bin\0A=1=2\0B=\xff\0EMPTY=\0")
    first = First(
        "--environ",
        str(environ),
        "--",
        "env",
        "-0",
        stdout=subprocess.PIPE,
        env={"OTHER": "x"},
        also=(environ,),
    )
    os.close(environ)
    assert sorted(first.process.stdout.read().split(b"\0")[:-1]) == [
        b"A=1=2",
        b"B=\xff",
        b"EMPTY=",
        b"PATH=/usr/bin:/bin",
    ]
    assert first.end() == 0


def test_all_options_can_come_by_descriptors_that_the_command_does_not_see() -> None:
    """As in a sandbox: its command line shows nothing, and no file holds its text."""
    life, ours = os.pipe()
    said, status = os.pipe()
    program, environ = (
        descriptor_of(INIT.read_bytes()),
        descriptor_of(b"A=\xff \n\0PATH=/usr/bin:/bin\0"),
    )
    options = (
        "--status",
        status,
        "--life",
        life,
        "--environ",
        environ,
        "--",
        "sh",
        "-c",
        'ls /proc/$$/fd; echo "$A"',
    )
    words = descriptor_of("".join(f"{word}\0" for word in options).encode())
    command = [sys.executable, "-I", "-S", f"/proc/self/fd/{program}", str(words)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        pass_fds=(life, status, program, environ, words),
    )
    assert done.stdout == b"0\n1\n2\n\xff \n\n"
    for one in (life, ours, said, status, program, environ, words):
        os.close(one)


def test_it_sleeps_when_nothing_happens() -> None:
    """A relay that spins would use up a core: connections idle, half closed and gone, and no time
    spent."""
    with socket.socket(socket.AF_UNIX) as listener, socket.create_server(("127.0.0.1", 0)) as app:
        # an abstract name that the kernel picks
        listener.bind("")
        listener.listen()
        serve = f"{app.getsockname()[1]}={listener.fileno()}"
        first = First("--serve", serve, "--", "sleep", "60", also=(listener.fileno(),))
        kept = []
        for end in ("idle", "half closed", "gone", "gone with much unread"):
            link = socket.socket(socket.AF_UNIX)
            link.connect(listener.getsockname())
            kept += [link, app.accept()[0]]
            if end == "gone with much unread":
                link.settimeout(0.1)
                with contextlib.suppress(TimeoutError):
                    while True:
                        link.send(bytes(1 << 16))
                link.close()
            if end == "half closed":
                link.shutdown(socket.SHUT_WR)
            if end == "gone":
                link.close()
        until(lambda: slept(first.process.pid, seconds=0.4))
        os.killpg(first.process.pid, 9)
        assert first.end() == -9
        assert first.said() == ["started"]
        for one in kept:
            one.close()


def test_an_answer_is_read_though_its_sender_takes_no_more() -> None:
    """The far side has answered and hung up, both before the relay looks."""
    (client, near), (far, server) = socket.socketpair(), socket.socketpair()
    server.sendall(b"too large")
    server.close()
    client.sendall(b"x" * 100)
    there, back = Flow(near, far), Flow(far, near)
    there.pump()
    assert there.done
    back.pump()
    assert client.recv(100) == b"too large"
    for end in (client, near, far):
        end.close()


def descriptor_of(content: bytes) -> int:
    """A descriptor that reads as this."""
    made = os.memfd_create("options")
    os.write(made, content)
    os.lseek(made, 0, os.SEEK_SET)
    return made


def slept(pid: int, *, seconds: float) -> bool:
    """Whether a process did nothing at all for so long. Who wakes, or waits for a processor, is
    seen however busy those are."""
    before = rest(pid)
    time.sleep(seconds)
    return before[0] == "S" and rest(pid) == before


def rest(pid: int) -> tuple[str, str, str]:
    """The state of a process, and how often it gave up the processor by its own will and by
    another's."""
    said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return (
        said["State"].split()[0],
        said["voluntary_ctxt_switches"],
        said["nonvoluntary_ctxt_switches"],
    )
