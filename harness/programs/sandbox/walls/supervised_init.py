"""The first program of a box without namespaces. It stays outside of the walls: what it starts
shuts itself in.

What a process namespace and a network namespace would do, it does by hand, where nothing in the box
can reach it:

- Whoever loses its parent in the box becomes a child of this process, so a daemon in a session of
  its own is found; the end of this process, whatever the reason, begins with the end of all of
  them.
- When the supervisor is gone (the life line reads as closed) it ends everything, and removes the
  box's own folder.
- The ports that the box dials and serves lead through it (`doors`).

    python -m harness.programs.sandbox.walls.supervised_init --status FD --life FD --rules FD --home
    DIR [--cwd DIR] [--limit NAME=N]…
                                     [--dial PORT=SOCKET]… [--serve PORT=FD]… -- COMMAND…
"""

import array
import contextlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

from harness.programs.sandbox.child_processes import adopt_orphans, end_children, reaped
from harness.programs.sandbox.walls import init
from harness.programs.sandbox.walls.landlock import enclosed
from harness.programs.sandbox.walls.port_proxy import Doors

WALLS_SECONDS = 20


def main(argv: list[str]) -> NoReturn:
    """Never returns: the process ends as the command ended, after everything in the box."""
    split = argv.index("--")
    options = list(zip(argv[:split:2], argv[1:split:2], strict=True))
    one = dict(options)
    status, life = int(one["--status"]), int(one["--life"])
    for descriptor in (
        status,
        life,
        *(int(value.partition("=")[2]) for name, value in options if name == "--serve"),
    ):
        os.set_inheritable(descriptor, False)
    adopt_orphans()
    ended = None
    try:
        ended = _run(options, argv[split + 1 :], status=status, life=life)
    except OSError as error:
        # nobody is left to be told
        with contextlib.suppress(BrokenPipeError):
            os.write(status, f"failed {error}\n".encode())
    finally:
        end_children()
        shutil.rmtree(one["--home"], ignore_errors=True)
    if ended is None:
        os._exit(125)
    init.end(status, ended)


def _run(options: list[tuple[str, str]], command: list[str], *, status: int, life: int) -> int:
    one = dict(options)
    os.chdir(one.get("--cwd", "/"))
    with _told() as told:
        child, questions = _enclosed(int(one["--rules"]), command, init.limits(options))
        doors = Doors(init.Relays(), questions)
        for name, value in options:
            port, _, target = value.partition("=")
            if name == "--dial":
                doors.dialled[int(port)] = target
            elif name == "--serve":
                doors.serve(int(port), int(target))
        os.write(status, b"started\n")
        return _watched(doors, child, life=life, told=told)


def _enclosed(rules: int, command: list[str], limits: list[tuple[int, int]]) -> tuple[int, int]:
    """The child and the descriptor of its questions. Raises OSError when its walls do not stand."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.set_inheritable(theirs.fileno(), True)
        words = [
            *enclosed(),
            "--rules",
            str(rules),
            "--warden",
            str(theirs.fileno()),
            "--",
            *command,
        ]
        child = init.start(words, {}, limits)
        theirs.close()
        os.close(rules)
        ours.settimeout(WALLS_SECONDS)
        said, sent, _, _ = ours.recvmsg(4096, socket.CMSG_LEN(4))
        if said != b"closed" or not sent:
            raise OSError(
                f"the walls do not stand: {said.decode(errors='replace') or 'their program ended'}"
            )
        return child, array.array("i", sent[0][2])[0]


def _watched(doors: Doors, child: int, *, life: int, told: int) -> int:
    """Answer and relay until the command has ended; its wait status. Raises OSError when all is to
    end before."""
    for descriptor in (told, life, doors.questions):
        doors.relays.watch(descriptor)
    while True:
        ready = doors.relays.turn(None)
        if doors.questions in ready:
            doors.answer()
        if life in ready:
            raise OSError("the supervisor is gone")
        if told in ready:
            if signal.SIGTERM in os.read(told, 512):
                raise OSError("told to end")
            if (ended := dict(reaped()).get(child)) is not None:
                doors.relays.watch(doors.questions, 0)
                doors.relays.last_words()
                return ended


@contextlib.contextmanager
def _told() -> Iterator[int]:
    """A descriptor that can be read once a child has died, or this process was told to end: the
    signals' numbers."""
    read, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        yield read
    finally:
        signal.set_wakeup_fd(-1)
        os.close(read)
        os.close(write)


if __name__ == "__main__":
    main(sys.argv[1:])
