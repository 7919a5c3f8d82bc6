"""The first program of a sandbox without namespaces. It stays outside of the walls, and starts
`enclose`.

By hand, and out of the sandbox's reach, it does what namespaces would do:

- A process in the sandbox that loses its parent becomes a child of this process, so even a daemon
  in a session of its own is found. This process ends all of them before it ends itself, whatever
  the reason.
- When the supervisor is gone (the lifeline reads as closed), it ends everything and removes the
  sandbox's own folder.
- The ports that the sandbox dials and serves lead through it (`port_proxy`).

    python -m harness.programs.sandbox.walls.outer_init
        --status FD --life FD --rules FD --home DIR [--cwd DIR]
        [--limit NAME=N]… [--dial PORT=SOCKET]… [--serve PORT=FD]… -- COMMAND…
"""

import array
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import NoReturn

from harness.domain.errors import SandboxError
from harness.folder_walk import delete
from harness.programs.sandbox.child_processes import adopt_orphans, kill_descendants, reaped
from harness.programs.sandbox.walls import init
from harness.programs.sandbox.walls.landlock import enclose_command
from harness.programs.sandbox.walls.port_proxy import PortProxy

WALLS_SECONDS = 20


def main(argv: list[str]) -> NoReturn:
    """Never returns: the process ends as the command ended, after everything in the sandbox."""
    split = argv.index("--")
    options = list(zip(argv[:split:2], argv[1:split:2], strict=True))
    option = dict(options)
    status, life = int(option["--status"]), int(option["--life"])
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
    except (OSError, SandboxError) as error:
        # The supervisor may be gone.
        with contextlib.suppress(BrokenPipeError):
            os.write(status, f"failed {error}\n".encode())
    finally:
        kill_descendants()
        delete(option["--home"])
    if ended is None:
        os._exit(125)
    init.exit_as(status, ended)


def _run(options: list[tuple[str, str]], command: list[str], *, status: int, life: int) -> int:
    option = dict(options)
    os.chdir(option.get("--cwd", "/"))
    with _signals() as signals:
        child, questions = _start_enclosed(int(option["--rules"]), command, init.limits(options))
        proxy = PortProxy(init.Relays(), questions)
        for name, value in options:
            port, _, target = value.partition("=")
            if name == "--dial":
                proxy.dial_sockets[int(port)] = target
            elif name == "--serve":
                proxy.serve(int(port), int(target))
        os.write(status, b"started\n")
        return _relay_until_end(proxy, child, life=life, signals=signals)


def _start_enclosed(
    rules: int, command: list[str], limits: list[tuple[int, int]]
) -> tuple[int, int]:
    """The child and the descriptor of its questions. Raises OSError when its walls do not stand."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        os.set_inheritable(theirs.fileno(), True)
        words = [
            *enclose_command(),
            "--rules",
            str(rules),
            "--init",
            str(theirs.fileno()),
            "--",
            *command,
        ]
        child = init.start(words, {}, limits)
        theirs.close()
        os.close(rules)
        ours.settimeout(WALLS_SECONDS)
        message, ancillary, _, _ = ours.recvmsg(4096, socket.CMSG_LEN(4))
        if message != b"closed" or not ancillary:
            reason = message.decode(errors="replace") or "their program ended"
            raise OSError(f"the walls do not stand: {reason}")
        return child, array.array("i", ancillary[0][2])[0]


def _relay_until_end(proxy: PortProxy, child: int, *, life: int, signals: int) -> int:
    """Answer and relay until the command has ended; its wait status. Raises OSError when everything
    has to end before."""
    for descriptor in (signals, life, proxy.questions):
        proxy.relays.watch(descriptor)
    while True:
        ready = proxy.relays.step(None)
        if proxy.questions in ready:
            proxy.answer()
        if life in ready:
            raise OSError("the supervisor is gone")
        if signals in ready:
            if signal.SIGTERM in os.read(signals, 512):
                raise OSError("stopped by a signal")
            if (ended := dict(reaped()).get(child)) is not None:
                proxy.relays.watch(proxy.questions, 0)
                proxy.relays.deliver_rest()
                return ended


@contextlib.contextmanager
def _signals() -> Iterator[int]:
    """A descriptor that reads as the numbers of the signals that come: a child died, or stop."""
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
