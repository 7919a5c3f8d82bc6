"""Where the ports of a sandbox without a network namespace lead: to what the sandbox itself
listens on, and nowhere else."""

import errno
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.programs.sandbox.walls.init import Relays
from harness.programs.sandbox.walls.port_proxy import HERE, PortProxy

PORT = 5000


@pytest.fixture
def proxy() -> PortProxy:
    return PortProxy(Relays(), -1)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def bound(proxy: PortProxy, ends: ExitStack, backlog: int | None = None) -> socket.socket:
    """A socket of the sandbox at PORT; it listens where there is a backlog."""
    made = ends.enter_context(socket.socket())
    proxy._bind(made, PORT)
    if backlog is not None:
        proxy._listen(made, backlog)
    return made


def stranger_at(address: tuple[str, int], ends: ExitStack) -> socket.socket:
    """Another program's listener, which looks at once whether somebody came."""
    made = ends.enter_context(socket.create_server(address))
    made.setblocking(False)
    return made


@pytest.fixture(params=[True, False], ids=["blocking", "nonblocking"])
def client(request: pytest.FixtureRequest, ends: ExitStack) -> socket.socket:
    made = ends.enter_context(socket.socket())
    made.setblocking(request.param)
    return made


def code_of(proxy: PortProxy, client: socket.socket) -> int | None:
    try:
        proxy._connect(client, PORT)
    except OSError as error:
        return error.errno
    return 0


def test_what_it_listens_on_is_reached_by_every_copy_of_the_socket(proxy, ends, client) -> None:
    own = bound(proxy, ends)
    assert code_of(proxy, client) == errno.ECONNREFUSED, "it does not listen yet"
    proxy._listen(own, 5)
    copy = ends.enter_context(own.dup())
    own.close()
    assert code_of(proxy, client) == (0 if client.getblocking() else errno.EINPROGRESS)
    assert copy.accept()[1] == client.getsockname()
    with socket.socket() as second, pytest.raises(OSError, match=str(PORT)):
        proxy._bind(second, PORT)


def test_a_port_that_it_closed_leads_to_nobody_who_took_it(proxy, ends, client) -> None:
    """A sandbox bound and closed every port of the machine, and then reached whoever came."""
    own = bound(proxy, ends, 5)
    place = own.getsockname()
    own.close()
    stranger = stranger_at(place, ends)
    assert code_of(proxy, client) == errno.ECONNREFUSED
    with pytest.raises(BlockingIOError):
        stranger.accept()
    assert bound(proxy, ends, 5).getsockname() != place, "the port is the sandbox's again"


@pytest.mark.parametrize("is_gone", [False, True], ids=["who stays", "who listens no more"])
def test_what_it_serves_leads_to_nobody_who_took_its_port_while_it_waited(
    proxy, ends, is_gone
) -> None:
    own = bound(proxy, ends, 0)
    place = own.getsockname()
    filling = ends.enter_context(socket.create_connection(place))
    door = ends.enter_context(socket.create_server((HERE, 0)))
    proxy.serve(PORT, door.detach())
    judge = ends.enter_context(socket.create_connection(proxy_address(proxy)))
    judge.sendall(b"for the app alone")
    proxy.relays.step(None)
    own.close()
    filling.close()
    stranger = ends.enter_context(socket.create_server(place))
    came, _ = stranger.accept()
    if is_gone:
        stranger.close()
    proxy.relays.step(None)
    assert proxy.relays.pairs == {}
    assert came.recv(100) == b""


def test_a_port_that_it_closes_while_it_connects_leads_to_nobody_who_took_it(
    proxy, ends, client
) -> None:
    own = bound(proxy, ends, 0)
    place = own.getsockname()
    filling = ends.enter_context(socket.create_connection(place))

    def exchange() -> None:
        while f"{place[1]:04X} 02" not in Path("/proc/net/tcp").read_text():
            pass
        own.close()
        filling.close()
        stranger_at(place, ends)

    thread = threading.Thread(target=exchange)
    thread.start()
    # The clock of a busy machine may end it before the kernel's second try.
    assert code_of(proxy, client) in (errno.ECONNREFUSED, errno.ETIMEDOUT)
    thread.join()
    with pytest.raises(OSError, match="not connected"):
        client.getpeername()


def proxy_address(proxy: PortProxy) -> tuple[str, int]:
    ((listener, _),) = proxy.relays.listeners.values()
    address: tuple[str, int] = listener.getsockname()
    return address


def test_a_connection_that_hangs_holds_nobody_up_and_is_taken_back(proxy, ends, client) -> None:
    """With 127 tries and nobody who accepts, it hung in the kernel for hours, and the proxy with
    it."""
    own = bound(proxy, ends, 0)
    ends.enter_context(socket.create_connection(own.getsockname()))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 127)
    assert code_of(proxy, client) == errno.ETIMEDOUT
    own.accept()
    assert code_of(proxy, client) in (0, errno.EINPROGRESS), "the socket is as before the call"
