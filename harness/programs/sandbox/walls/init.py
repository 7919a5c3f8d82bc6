"""The first program in a sandbox: it opens the relays, starts the command, and reports how it
ended.

It runs inside the sandbox under the same uid as the command, from one file and the standard
library. So it is trusted with nothing that the command does not already have:

- `dial`: the command could reach the bind-mounted socket without the relay. Identity is the socket,
  never the relay.
- `serve`: the command could take the listening descriptor and answer by itself. It already decides
  what it answers.
- The ending: the command could write a false status or kill this program. Its exit code is its own
  to choose. Killing this program ends the sandbox, because the process namespace ends with it.

What it must keep:

- When it ends, for whatever reason, nothing in the sandbox goes on.
- When the supervisor is gone (the lifeline reads as closed), it ends.
- Bytes, half-closes and exit codes pass through it unchanged.
- It has one epoll and no threads, so a relay never uses the command's share of the task limit.

    init.py --status FD --life FD [--cwd DIR] [--environ FD]
            [--limit NAME=N]… [--dial PORT=SOCKET]… [--serve PORT=FD]… -- COMMAND…
            [--commands FD=FD: further commands, from a socket and the text of `commands`]
    init.py FD      the same arguments, each ended by a zero byte, because everybody in the
                    sandbox can read a command line
"""

import errno
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator

TYPE_CHECKING = False
# Importing typing would cost each sandbox 3 ms.
if TYPE_CHECKING:
    from typing import Any, NoReturn

CHUNK = 256 * 1024
# Beyond this number new ones wait in the backlog.
MOST_CONNECTIONS = 256
# For what the command had sent before it ended.
DELIVERY_SECONDS = 1
# A unix socket with a full backlog gives EAGAIN, and no event reports when it has room.
RETRY_SECONDS = 0.01
FROM = "/proc/self/fd/"
Advance = Callable[[int], bool]
READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Flow:
    """Bytes one way, from `source` to `sink`. The end of the stream goes on as a half-close."""

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self.source, self.sink = source, sink
        self.waiting = b""
        # The source has no more.
        self.ended = False
        # The end was passed on to the sink.
        self.done = False

    @property
    def wants_input(self) -> bool:
        """Whether it wants to read. It never holds more than one chunk."""
        return not self.waiting and not self.ended

    def pump(self) -> None:
        """Move what can move. Raises OSError when the source broke; a lost sink ends this flow."""
        if self.wants_input:
            try:
                self.waiting = self.source.recv(CHUNK)
            except BlockingIOError:
                return
            self.ended = not self.waiting
        try:
            if self.waiting:
                self.waiting = self.waiting[self.sink.send(self.waiting) :]
            if self.ended and not self.waiting and not self.done:
                self.done = True
                self.sink.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            # The sink went away (an early answer to a long upload). What it sent before may still
            # be on its way back, so only this direction ends.
            self.waiting, self.ended, self.done = b"", True, True


class Pair:
    """One relayed connection: `near` was accepted, `far` is connecting to `address`."""

    def __init__(
        self, near: socket.socket, far: socket.socket, address: str | tuple[str, int]
    ) -> None:
        self.near, self.far, self.address = near, far, address
        self.flows = (Flow(near, far), Flow(far, near))
        self.connected = False
        # The far side's backlog is full; try again soon.
        self.blocked = False
        self.connect()

    def connect(self) -> None:
        """Begin to connect, or begin again. Raises OSError when the far side refuses."""
        code = self.far.connect_ex(self.address)
        self.blocked = code == errno.EAGAIN
        self.connected = code == 0
        if code not in (0, errno.EAGAIN, errno.EINPROGRESS):
            self.far.close()
            raise OSError(code, os.strerror(code))

    def advance(self, hung_up: int | None) -> bool:
        """Move what can move; False when the connection is over.

        `hung_up` is a descriptor whose peer is gone.
        """
        try:
            if not self.connected:
                if code := self.far.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    raise OSError(code, os.strerror(code))
                self.connected = True
            for flow in self.flows:
                flow.pump()
                if flow.done and flow.source.fileno() == hung_up:
                    return False
        except OSError:
            return False
        return not all(flow.done for flow in self.flows)

    def wants(self) -> Iterator[tuple[socket.socket, int]]:
        """The epoll events that each of the two sockets waits for now; 0 for none."""
        if not self.connected:
            yield self.near, 0
            yield self.far, 0 if self.blocked else WRITE
            return
        there, back = self.flows
        yield self.near, (READ if there.wants_input else 0) | (WRITE if back.waiting else 0)
        yield self.far, (READ if back.wants_input else 0) | (WRITE if there.waiting else 0)


class Relays:
    """All connections of a sandbox, over one epoll that the caller also uses for other
    descriptors."""

    def __init__(self) -> None:
        self.poll = select.epoll()
        self.watched: dict[int, int] = {}
        self.listeners: dict[int, tuple[socket.socket, Callable[[socket.socket], Pair]]] = {}
        self.pairs: dict[int, Pair] = {}
        self.blocked: set[Pair] = set()

    def dial(self, port: int, path: str) -> None:
        """Relay 127.0.0.1:`port` to the unix socket at `path`. Raises OSError."""
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.listen(listener, lambda near: Pair(near, nonblocking(socket.AF_UNIX), path))

    def serve(self, port: int, descriptor: int) -> None:
        """Relay an inherited listening socket to 127.0.0.1:`port`. Raises OSError."""
        listener = socket.socket(fileno=descriptor)
        os.set_inheritable(descriptor, False)
        self.listen(
            listener, lambda near: Pair(near, nonblocking(socket.AF_INET), ("127.0.0.1", port))
        )

    def step(self, timeout: float | None) -> list[int]:
        """Handle what happens next. Returns the ready descriptors that are not ours."""
        others = []
        for descriptor, events in self.poll.poll(RETRY_SECONDS if self.blocked else timeout):
            if descriptor in self.listeners:
                self._accept(descriptor)
            elif (pair := self.pairs.get(descriptor)) and not pair.blocked:
                self._advance(
                    pair, descriptor if events & (select.EPOLLHUP | select.EPOLLERR) else None
                )
            elif descriptor in self.watched:
                others.append(descriptor)
        for pair in tuple(self.blocked):
            self._retry(pair)
        return others

    def undelivered(self) -> bool:
        """Whether something that the sandbox has sent may still be on its way out."""
        return any(
            pair.far.family == socket.AF_INET and not pair.flows[1].done
            for pair in self.pairs.values()
        )

    def deliver_rest(self) -> None:
        """Deliver what the sandbox had sent before it ended, to clients that still read it."""
        give_up = time.monotonic() + DELIVERY_SECONDS
        while self.undelivered() and time.monotonic() < give_up:
            self.step(RETRY_SECONDS)

    def watch(self, descriptor: int, events: int = READ) -> None:
        """Watch a descriptor for exactly these events; without any, also not for a hang-up."""
        before = self.watched.get(descriptor, 0)
        if events == before:
            return
        if not events:
            self.poll.unregister(descriptor)
            del self.watched[descriptor]
            return
        (self.poll.modify if before else self.poll.register)(descriptor, events)
        self.watched[descriptor] = events

    def listen(self, listener: socket.socket, pair: Callable[[socket.socket], Pair]) -> None:
        """Accept on it. `pair` begins the other half of a connection, or raises OSError."""
        listener.setblocking(False)
        self.listeners[listener.fileno()] = (listener, pair)
        self.watch(listener.fileno())

    def _accept(self, descriptor: int) -> None:
        listener, make = self.listeners[descriptor]
        try:
            near, _ = listener.accept()
        except OSError:
            return
        self.join(near, make)

    def join(self, near: socket.socket, make: Callable[[socket.socket], Pair]) -> None:
        """Relay between the connected `near` and the other half that `make` begins."""
        near.setblocking(False)
        try:
            pair = make(near)
        except OSError:
            # Nobody answers there. The client sees the connection end, as without a relay.
            near.close()
            return
        for side in (pair.near, pair.far):
            if side.family == socket.AF_INET:
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[side.fileno()] = pair
        self._watch_pair(pair)
        self._open_for_more()

    def _advance(self, pair: Pair, hung_up: int | None) -> None:
        if pair.advance(hung_up):
            self._watch_pair(pair)
        else:
            self._close(pair)

    def _retry(self, pair: Pair) -> None:
        try:
            pair.connect()
        except OSError:
            self._close(pair)
        else:
            self._watch_pair(pair)

    def _watch_pair(self, pair: Pair) -> None:
        (self.blocked.add if pair.blocked else self.blocked.discard)(pair)
        for side, events in pair.wants():
            self.watch(side.fileno(), events)

    def _close(self, pair: Pair) -> None:
        self.blocked.discard(pair)
        for side in (pair.near, pair.far):
            self.watch(side.fileno(), 0)
            del self.pairs[side.fileno()]
            side.close()
        self._open_for_more()

    def _open_for_more(self) -> None:
        room = len(self.pairs) < 2 * MOST_CONNECTIONS
        for descriptor in self.listeners:
            self.watch(descriptor, READ if room else 0)


def nonblocking(family: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setblocking(False)
    return made


def main(argv: list[str]) -> "NoReturn":
    if len(argv) == 1:
        argv = [os.fsdecode(word) for word in _items(int(argv[0]))]
    split = argv.index("--")
    options = list(zip(argv[:split:2], argv[1:split:2], strict=True))
    option = dict(options)
    status, life = int(option["--status"]), int(option["--life"])
    for descriptor in (status, life):
        os.set_inheritable(descriptor, False)
    relays, bounds = Relays(), limits(options)
    try:
        _open_relays(relays, options)
        environ = _environ(option.get("--environ"))
        os.chdir(option.get("--cwd", "/"))
        further = _commands(relays, option.get("--commands"), bounds)
    except OSError as error:
        os.write(status, f"failed {error}\n".encode())
        os._exit(125)
    os.write(status, b"started\n")
    command = argv[split + 1 :]
    child = start(command, environ, bounds) if command else 0
    exit_as(status, _ending(relays, child, life, further))


def _open_relays(relays: Relays, options: list[tuple[str, str]]) -> None:
    for name, value in options:
        port, _, target = value.partition("=")
        if name == "--dial":
            relays.dial(int(port), target)
        elif name == "--serve":
            relays.serve(int(port), int(target))


def _commands(relays: Relays, given: str | None, limits: list[tuple[int, int]]) -> Advance | None:
    """What handles the descriptors of further commands, where they are asked for."""
    if given is None:
        return None
    line, text = map(int, given.split("="))
    own: dict[str, Any] = {"__name__": "commands"}
    # It comes as text, like this program: no package of ours can be imported in here.
    with open(text, "rb") as program:
        exec(compile(program.read(), "commands", "exec"), own)  # noqa: S102
    handles: Advance = own["Commands"](line, limits, relays.watch).advance
    return handles


def limits(options: list[tuple[str, str]]) -> list[tuple[int, int]]:
    """The resource limits among the options, each with its number."""
    pairs = (value.partition("=") for name, value in options if name == "--limit")
    return [(getattr(resource, f"RLIMIT_{name}"), int(value)) for name, _, value in pairs]


def _environ(descriptor: str | None) -> dict[bytes, bytes]:
    """The command's whole environment. Without a descriptor it is this program's own."""
    if descriptor is None:
        return dict(os.environb)
    pairs = (item.partition(b"=") for item in _items(int(descriptor)))
    return {name: value for name, _, value in pairs}


def _items(descriptor: int) -> list[bytes]:
    """The items that can be read from the descriptor, each ended by a zero byte. Closes it."""
    with open(descriptor, "rb") as text:
        return text.read().split(b"\0")[:-1]


def start(command: list[str], environ: dict[bytes, bytes], limits: list[tuple[int, int]]) -> int:
    """The pid of the command. One that cannot start prints why and exits 127 or 126, as in sh."""
    child = os.fork()
    if child:
        return child
    try:
        for which, value in limits:
            hard = resource.getrlimit(which)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))
        # Python ignores both signals, and the command must not inherit that.
        for inherited in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(inherited, signal.SIG_DFL)
        os.execvpe(command[0], command, environ)  # noqa: S606 - there is no shell, on purpose
    except (OSError, ValueError) as error:
        os.write(2, f"{command[0]}: {error}\n".encode(errors="backslashreplace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _ending(relays: Relays, child: int, life: int, further: Advance | None) -> int:
    status, over = 0, os.pidfd_open(child) if child else -1
    for descriptor in (over, life) if child else (life,):
        relays.watch(descriptor)
    while True:
        ready = relays.step(None)
        if life in ready:
            # The supervisor is gone, so nobody else would end the command.
            os.killpg(0, signal.SIGKILL)
        if over in ready:
            _, status = os.waitpid(child, 0)
            break
        # Each is asked: a descriptor that is not of a further command changes nothing.
        if further and False in [further(one) for one in ready]:
            if not child:
                break
            further = None
    for descriptor in (over, life):
        relays.watch(descriptor, 0)
    relays.deliver_rest()
    return status


def exit_as(report: int, status: int) -> "NoReturn":
    """Report how the command ended, and end the same way."""
    if os.WIFSIGNALED(status):
        os.write(report, f"signal {os.WTERMSIG(status)}\n".encode())
        os._exit(128 + os.WTERMSIG(status))
    os.write(report, f"exit {os.WEXITSTATUS(status)}\n".encode())
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    if sys.argv[0].startswith(FROM):
        # The descriptor of this program's own text.
        os.close(int(sys.argv[0].removeprefix(FROM)))
    main(sys.argv[1:])
