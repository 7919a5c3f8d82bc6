"""Further commands in a running sandbox, asked for over a socket of whoever started it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.sandbox.sandboxes import Sandboxes
from tests.scenarios.waiting import LONG, printed_on, wait_until


def words(*given: str) -> int:
    return readable(b"".join(os.fsencode(word) + b"\0" for word in given))


def readable(content: bytes) -> int:
    descriptor = os.memfd_create("words")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


SIZE = "tty; stty size; id -un"


class Line:
    """Our end of the line to a sandbox's first program."""

    def __init__(self, ours: socket.socket) -> None:
        self.ours = ours
        ours.settimeout(LONG)

    def ask(self, verb: str, *descriptors: int) -> None:
        socket.send_fds(self.ours, [verb.encode()], list(descriptors))
        for one in descriptors:
            os.close(one)

    def answer(self) -> tuple[str, list[int]]:
        packet, descriptors, _, _ = socket.recv_fds(self.ours, 4096, 4)
        return packet.decode(), descriptors

    def run(self, *argv: str, cwd: str = "/") -> tuple[str, bytes]:
        """How the command ended, and what it printed."""
        reading, writing = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        head = words(cwd, "", "ioe", "0", "0", "1", "PATH=/usr/bin:/bin", *argv)
        self.ask("run", head, nothing, os.dup(writing), writing)
        with open(reading, "rb") as printed:
            text = printed.read()
        return self.answer()[0], text


@contextmanager
def running(
    sandboxes: Sandboxes, *argv: str, **more: Any
) -> Iterator[tuple[Line, subprocess.Popen[bytes]]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours:
        with theirs:
            number = theirs.fileno()
            process, _ = sandboxes.start(*argv, fds=(number,), commands=number, **more)
        try:
            yield Line(ours), process
        finally:
            ours.close()
            process.wait(LONG)


def test_commands_run_one_after_another_until_the_line_ends(views) -> None:
    with running(views) as (line, process):
        assert line.run("sh", "-c", "echo $$; exit 3")[0] == "exit 3"
        assert line.run("sh", "-c", "kill -15 $$")[0] == "signal 15"
        ended, printed = line.run("no-such-thing")
        assert (ended, b"no-such-thing" in printed) == ("exit 127", True)
        assert process.poll() is None
        line.ours.close()
        assert process.wait(LONG) == 0


def test_a_command_beside_the_first_sees_what_it_has_left_and_both_end_together(views) -> None:
    first = ("sh", "-c", "echo left > /tmp/left; exec sleep 6000")
    with running(views, *first, limits={"wall_seconds": 6000}) as (line, process):
        wait_until(lambda: line.run("cat", "/tmp/left") == ("exit 0", b"left\n"))
        # The end of the line is no reason to end the first command.
        line.ours.close()
        assert process.poll() is None
        process.terminate()
        process.wait(LONG)


def test_what_is_no_request_is_refused_and_the_next_one_is_heard(views) -> None:
    with running(views) as (line, _):
        for verb, descriptors in (
            ("dance", [words()]),
            ("run", [words("/")]),
            ("run", []),
            ("get", [words("/tmp")]),
            ("put", [words("/usr/bin/env"), readable(b"")]),
        ):
            line.ask(verb, *descriptors)
            assert line.answer()[0].startswith("failed ")
        line.ask("get", words("/nothing/there"))
        assert line.answer() == ("absent", [])
        assert line.run("true")[0] == "exit 0"


def test_a_terminal_of_the_sandbox_is_handed_out_and_killing_ends_a_whole_session(views) -> None:
    with running(views, user="ada", home="/home/ada") as (line, _):
        head = words("/", "", "", "90", "20", "1", "PATH=/usr/bin:/bin", "sh", "-c", SIZE)
        line.ask("run", head)
        word, (terminal,) = line.answer()
        assert word == "terminal"
        assert line.answer()[0] == "exit 0"
        assert printed_on(terminal) == b"/dev/pts/0\r\n20 90\r\nada\r\n"
        os.close(terminal)
        nothing = os.open(os.devnull, os.O_RDWR)
        head = words(
            "/", "", "ioe", "0", "0", "1", "PATH=/usr/bin:/bin", "sh", "-c", "sleep 6000 & wait"
        )
        line.ask("run", head, os.dup(nothing), os.dup(nothing), nothing)
        line.ask("kill")
        assert line.answer()[0] == "signal 9"
        names = ("sh", "-c", "cat /proc/[0-9]*/comm")
        # One that was killed has its name until it is reaped.
        wait_until(lambda: b"sleep" not in line.run(*names)[1].split())


def test_a_form_without_namespaces_runs_none_and_says_so(shared) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        number = theirs.fileno()
        ended = shared.run("true", fds=(number,), commands=number)
    assert (ended.code, ended.result) == (125, None)
    assert b"runs no further commands" in ended.err
