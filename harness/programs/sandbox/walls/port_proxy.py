"""The ports of a sandbox without a network namespace: each `bind`, `connect`, `listen` happens out
here.

The kernel stops the caller and asks. The answer is never "go on": the caller's arguments could have
changed meanwhile, and Landlock knows ports, not addresses (a permitted port would be that port of
any machine). Instead this process takes the caller's socket (`pidfd_getfd`) and binds or connects
it where it may go:

- A port that it dials becomes one connection to this process, which nobody else can make, and from
  here to the unix socket.
- A port that it binds becomes a free one of 127.0.0.1, and only connections to ports that it bound
  lead there.

So two sandboxes may use the same port at once, as with a network of their own, and every other
address is unreachable.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import os
import platform
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.programs.sandbox.walls.init import MOST_CONNECTIONS, Pair, Relays, nonblocking
from harness.programs.sandbox.walls.seccomp import MACHINES
from harness.programs.sandbox.walls.system_calls import BIND, CONNECT, LISTEN

# The ioctls of linux/seccomp.h.
RECEIVE, SEND, STILL_ASKING = 0xC0502100, 0xC0182101, 0x40082102
# struct seccomp_notif: id, thread, flags; the call's number, architecture, place, six arguments.
QUESTION = struct.Struct("QIIiIQ6Q")
TAKE_DESCRIPTOR = 438
# PIDFD_THREAD: the caller need not be the first thread of its process.
A_THREAD = os.O_EXCL
LONGEST_ADDRESS = 128
HERE = "127.0.0.1"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Question:
    """One call that waits for its answer. `thread` is the caller, `arguments` are those of the
    call."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


@dataclass(slots=True)
class PortProxy:
    """What a sandbox may bind and reach.

    `dial_sockets` maps a port to a unix socket. `bound_ports` maps a port, as the sandbox knows it,
    to the one of 127.0.0.1 that stands for it.
    """

    relays: Relays
    questions: int
    dial_sockets: dict[int, str] = field(default_factory=dict)
    bound_ports: dict[int, int] = field(default_factory=dict)

    def serve(self, port: int, descriptor: int) -> None:
        """Accept on an inherited listening socket. Each connection goes to what the sandbox has
        bound as `port`."""
        listener = socket.socket(fileno=descriptor)
        self.relays.listen(
            listener, lambda near: Pair(near, nonblocking(socket.AF_INET), (HERE, self._real(port)))
        )

    def answer(self) -> None:
        """Answer one question. A caller that has died meanwhile needs no answer."""
        with contextlib.suppress(FileNotFoundError):
            question = self._asked()
            code = _code(lambda: self._performed(question))
            fcntl.ioctl(self.questions, SEND, struct.pack("QqiI", question.id, 0, -code, 0))

    def _asked(self) -> Question:
        text = bytearray(QUESTION.size)
        fcntl.ioctl(self.questions, RECEIVE, text)
        number, thread, _, call, _, _, *arguments = QUESTION.unpack(text)
        return Question(number, thread, call, tuple(arguments))

    def _performed(self, question: Question) -> None:
        """Perform the call. Raises OSError with the errno for the caller."""
        column, _ = MACHINES[platform.machine()]
        with self._socket_of(question) as taken:
            if (taken.family, taken.type) != (socket.AF_INET, socket.SOCK_STREAM):
                raise OSError(errno.EOPNOTSUPP, "not a socket of a kind that has ports")
            if question.number == LISTEN[column]:
                self._listen(taken, question.arguments[1])
                return
            host, port = _address(self._memory(question))
            if not (host.is_loopback or host.is_unspecified):
                raise OSError(
                    errno.ENETUNREACH
                    if question.number == CONNECT[column]
                    else errno.EADDRNOTAVAIL,
                    str(host),
                )
            if question.number == BIND[column]:
                self._bind(taken, port)
            else:
                self._connect(taken, port)

    def _bind(self, taken: socket.socket, port: int) -> None:
        if port and port in self.bound_ports and _listens(self.bound_ports[port]):
            raise OSError(errno.EADDRINUSE, str(port))
        if port in self.dial_sockets:
            raise OSError(errno.EADDRINUSE, str(port))
        taken.bind((HERE, 0))
        real = taken.getsockname()[1]
        self.bound_ports[port or real] = real

    def _connect(self, taken: socket.socket, port: int) -> None:
        if path := self.dial_sockets.get(port):
            self._dial(taken, path)
        elif code := taken.connect_ex((HERE, self._real(port))):
            raise OSError(code, os.strerror(code))

    def _listen(self, taken: socket.socket, backlog: int) -> None:
        if taken.getsockname()[1] not in self.bound_ports.values():
            # The kernel would have bound a port of all addresses.
            self._bind(taken, 0)
        taken.listen(min(backlog & 0x7FFFFFFF, 4096))

    def _dial(self, taken: socket.socket, path: str) -> None:
        """Connect the sandbox's socket to the relay, over a listener that is closed once they are
        connected."""
        if len(self.relays.pairs) >= 2 * MOST_CONNECTIONS:
            raise OSError(errno.ECONNREFUSED, "more connections at once than one sandbox may have")
        with socket.create_server((HERE, 0), backlog=16) as listener:
            listener.settimeout(1)
            code = taken.connect_ex(listener.getsockname())
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            near, peer = listener.accept()
            # Another program of this machine may connect first.
            while peer != taken.getsockname():
                near.close()
                near, peer = listener.accept()
        self.relays.join(near, lambda near: Pair(near, nonblocking(socket.AF_UNIX), path))
        if code:
            # The socket does not block, so its caller expects EINPROGRESS.
            raise OSError(code, os.strerror(code))

    def _real(self, port: int) -> int:
        if port not in self.bound_ports:
            raise OSError(errno.ECONNREFUSED, f"nobody listens on {port}")
        return self.bound_ports[port]

    def _socket_of(self, question: Question) -> socket.socket:
        pidfd = os.pidfd_open(question.thread, A_THREAD)
        try:
            self._still_asking(question)
            taken = _libc.syscall(
                TAKE_DESCRIPTOR, pidfd, ctypes.c_int(question.arguments[0] & 0xFFFFFFFF), 0
            )
        finally:
            os.close(pidfd)
        if taken < 0:
            raise OSError(ctypes.get_errno(), "the socket cannot be taken")
        try:
            return socket.socket(fileno=taken)
        except OSError:
            os.close(taken)
            raise

    def _memory(self, question: Question) -> bytes:
        """The address that the caller passes, as it is now."""
        _, place, size = question.arguments[:3]
        with open(f"/proc/{question.thread}/mem", "rb", buffering=0) as memory:
            self._still_asking(question)
            return os.pread(memory.fileno(), min(size & 0xFFFFFFFF, LONGEST_ADDRESS), place)

    def _still_asking(self, question: Question) -> None:
        """Raises FileNotFoundError when the caller's thread id may by now belong to another
        process."""
        fcntl.ioctl(self.questions, STILL_ASKING, array.array("Q", [question.id]))


def _code(act: Callable[[], None]) -> int:
    try:
        act()
    except OSError as error:
        return error.errno or errno.EACCES
    return 0


def _address(text: bytes) -> tuple[ipaddress.IPv4Address, int]:
    """From a sockaddr_in. Raises OSError for every other kind, which no sandbox of this form can
    use."""
    if len(text) < 16 or struct.unpack_from("=H", text)[0] != socket.AF_INET:
        raise OSError(errno.EAFNOSUPPORT, "not an address of IPv4")
    (port,) = struct.unpack_from("!H", text, 2)
    return ipaddress.IPv4Address(text[4:8]), port


def _listens(port: int) -> bool:
    """Whether somebody listens on this port now. Two sockets with SO_REUSEADDR may share it only if
    not."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind((HERE, port))
        except OSError:
            return True
    return False
