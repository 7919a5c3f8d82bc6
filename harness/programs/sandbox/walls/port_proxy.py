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

What it must keep:

- A connection leads to a socket that the sandbox itself bound and that listens now. A port that it
  has closed may be another program's by then.
- No call holds this process up for longer than CONNECT_SECONDS, whatever the sandbox does to its
  sockets: it has to see its own end come.

So two sandboxes may use the same port at once, as with a network of their own, and every other
address is unreachable.
"""

import array
import contextlib
import ctypes
import errno
import fcntl
import ipaddress
import itertools
import os
import platform
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Never

from harness.domain.errors import SandboxError
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
# Over loopback only a full backlog takes time. The kernel asks it again after one second.
CONNECT_SECONDS = 1.5
# TCP_LISTEN in /proc/net/tcp.
LISTENING = "0A"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Question:
    """One call that waits for its answer. `thread` is the caller, `arguments` are those of the
    call."""

    id: int
    thread: int
    number: int
    arguments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A socket of the sandbox by its inode, and the port of 127.0.0.1 that it was bound to.

    Every copy of it, in whichever process, has the same inode, and no other socket has.
    """

    port: int
    inode: int


class OwnPair(Pair):
    """A connection from outside to what the sandbox has `bound`. No byte moves before it is sure
    that it leads there."""

    def __init__(self, near: socket.socket, bound: BoundSocket) -> None:
        self.bound, self.is_sure = bound, False
        super().__init__(near, nonblocking(socket.AF_INET), (HERE, bound.port))

    def advance(self, hung_up: int | None) -> bool:
        self.is_sure = self.is_sure or _leads_to(self.bound, self.far)
        return self.is_sure and super().advance(hung_up)


@dataclass(slots=True)
class PortProxy:
    """What a sandbox may bind and reach.

    `dial_sockets` maps a port to a unix socket. `bound_ports` maps a port, as the sandbox knows it,
    to the socket that was bound last as that port. It may be closed since: nobody reports that.
    """

    relays: Relays
    questions: int
    dial_sockets: dict[int, str] = field(default_factory=dict)
    bound_ports: dict[int, BoundSocket] = field(default_factory=dict)

    def serve(self, port: int, descriptor: int) -> None:
        """Accept on an inherited listening socket. Each connection goes to what the sandbox has
        bound as `port`."""
        self.relays.listen(
            socket.socket(fileno=descriptor), lambda near: OwnPair(near, self._listening(port))
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
        if port in self.dial_sockets or self._is_in_use(port):
            raise OSError(errno.EADDRINUSE, str(port))
        taken.bind((HERE, 0))
        bound = _bound(taken)
        self.bound_ports[port or bound.port] = bound

    def _is_in_use(self, port: int) -> bool:
        """Whether the sandbox holds this port. Where somebody else listens by now, it does not."""
        bound = self.bound_ports.get(port)
        return bound is not None and _listeners(bound.port) <= {bound.inode} and _is_held(bound)

    def _connect(self, taken: socket.socket, port: int) -> None:
        if path := self.dial_sockets.get(port):
            self._dial(taken, path)
            return
        bound = self._listening(port)
        with _in_time(taken):
            code = taken.connect_ex((HERE, bound.port))
            if code == errno.EINPROGRESS:
                # Its caller would learn later whether it is connected, and nobody would ask to
                # what.
                waiting = select.poll()
                waiting.register(taken, select.POLLOUT)
                waiting.poll()
        if code in (0, errno.EINPROGRESS) and not _leads_to(bound, taken):
            _disconnect(taken)
            _refuse(port)
        if code:
            raise OSError(code, os.strerror(code))

    def _listen(self, taken: socket.socket, backlog: int) -> None:
        if _bound(taken) not in self.bound_ports.values():
            # The kernel would have bound a port of all addresses.
            self._bind(taken, 0)
        taken.listen(min(backlog & 0x7FFFFFFF, 4096))

    def _dial(self, taken: socket.socket, path: str) -> None:
        """Connect the sandbox's socket to the relay, over a listener that is closed once they are
        connected."""
        if len(self.relays.pairs) >= 2 * MOST_CONNECTIONS:
            raise OSError(errno.ECONNREFUSED, "more connections at once than one sandbox may have")
        with socket.create_server((HERE, 0), backlog=16) as listener, _in_time(taken):
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

    def _listening(self, port: int) -> BoundSocket:
        """The sandbox's own socket that listens as `port`. Raises ConnectionRefusedError where none
        does. One that is bound may listen later, so it is not forgotten."""
        bound = self.bound_ports.get(port)
        if bound is None or _listeners(bound.port) != {bound.inode}:
            _refuse(port)
        return bound

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


def _refuse(port: int) -> Never:
    raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody listens on {port}")


def _bound(taken: socket.socket) -> BoundSocket:
    return BoundSocket(taken.getsockname()[1], os.fstat(taken.fileno()).st_ino)


def _leads_to(bound: BoundSocket, connection: socket.socket) -> bool:
    """Whether a connection, just made after this socket was seen to listen, leads to it."""
    listeners = _listeners(bound.port)
    # It listens again only through this process, so it has listened in between. A server that ends
    # after one answer listens no more. Then what counts is that there was no time for another: the
    # kernel asks a full backlog again after a second.
    return listeners == {bound.inode} or (not listeners and not _retries(connection))


def _retries(connection: socket.socket) -> int:
    """How often the kernel has sent something again (`tcpi_total_retrans`)."""
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return int.from_bytes(facts[100:], sys.byteorder)


def _listeners(port: int) -> set[int]:
    """The inodes of the sockets that listen on this port of 127.0.0.1."""
    address = int.from_bytes(socket.inet_aton(HERE), sys.byteorder)
    place = f"{address:08X}:{port:04X}"
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        # The listening ones come first. All the others can be a hundred thousand.
        rows = itertools.takewhile(lambda row: row[3] == LISTENING, map(str.split, table))
        return {int(row[9]) for row in rows if row[1] == place}


def _is_held(bound: BoundSocket) -> bool:
    """Whether somebody holds this port now. Two sockets with SO_REUSEADDR may share it until one
    listens."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind((HERE, bound.port))
        except OSError:
            return True
    return False


@contextlib.contextmanager
def _in_time(taken: socket.socket) -> Iterator[None]:
    """Connect the sandbox's socket in the block. After CONNECT_SECONDS it is disconnected, and
    TimeoutError is raised, also out of a call of the kernel.

    By a signal: a flag or an option of the socket that bounds the call could be changed at that
    moment by whoever shares it.
    """

    def interrupt(*_: object) -> Never:
        raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    before = signal.signal(signal.SIGALRM, interrupt)
    # Again and again: the first may come just before the call.
    signal.setitimer(signal.ITIMER_REAL, CONNECT_SECONDS, CONNECT_SECONDS)
    try:
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except TimeoutError:
        # It may have come just before the line above.
        signal.setitimer(signal.ITIMER_REAL, 0)
        _disconnect(taken)
        raise
    finally:
        signal.signal(signal.SIGALRM, before)


def _disconnect(taken: socket.socket) -> None:
    """End its connection, or its attempt at one, and what has come over it. Raises SandboxError
    where the kernel does not: then the sandbox may not go on."""
    if _libc.connect(taken.fileno(), struct.pack("=H14x", socket.AF_UNSPEC), 16):
        # Some kernels (6.4 to 6.6) refuse while a thread waits for the socket.
        raise SandboxError(
            f"a connection cannot be taken back: {os.strerror(ctypes.get_errno())}; a newer kernel"
            " takes it back"
        )
