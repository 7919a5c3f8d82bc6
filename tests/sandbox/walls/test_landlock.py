"""The sandbox without namespaces: its ports, its filter, its own folder and its outer init.

The contract that it shares with the other forms is elsewhere.
"""

import errno
import json
import os
import platform
import shutil
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form
from harness.programs.sandbox import forms
from harness.programs.sandbox.walls import landlock, seccomp, system_calls
from tests.sandbox.sandboxes import (
    AS_ROOT,
    FORMS,
    LINGER,
    NEVER_ENDS,
    Sandboxes,
    a_marker,
    children,
    running_with,
    sandboxes_of,
    until,
)
from tests.sandbox.servers import Echo, serving


@pytest.fixture
def closed() -> Iterator[Sandboxes]:
    """Sandboxes of this form, of an account that is not root."""
    yield from sandboxes_of(next(form for form in FORMS if form.startswith("landlock")))


def test_a_program_may_talk_to_itself_over_loopback(closed) -> None:
    code = """
import asyncio, socket, threading
async def main():
    async def answer(reader, writer):
        writer.write(await reader.read(5)); writer.close()
    for port in (0, 8000):
        server = await asyncio.start_server(answer, "127.0.0.1", port)
        own = port or server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", own)
        writer.write(b"hello"); print((await reader.read()).decode())
        server.close()
asyncio.run(main())
def send():
    socket.create_connection(("127.0.0.1", 8000)).sendall(b"from a thread")
with socket.create_server(("127.0.0.1", 8000)) as again, socket.socket() as other:
    thread = threading.Thread(target=send)
    thread.start(); print(again.accept()[0].recv(100).decode()); thread.join()
    try: other.bind(("127.0.0.1", 8000))
    except OSError as error: print(error.errno)
"""
    ended = closed.python(code)
    assert ended.text.splitlines() == ["hello", "hello", "from a thread", str(errno.EADDRINUSE)], (
        ended
    )


def test_the_port_that_it_dials_is_that_port_of_no_other_machine(closed) -> None:
    """Landlock permits a port of every address: a sandbox that may reach 8090 could reach it
    anywhere."""
    path = closed.folder / "broker.sock"
    code = """
import socket, sys
for host in ("127.0.0.1", "127.0.0.2", "0.0.0.0", "192.0.2.1", sys.argv[1]):
    with socket.socket() as one:
        one.settimeout(3)
        print(host == sys.argv[1] or host, one.connect_ex((host, 8090)))
"""
    with serving(path, Echo):
        closed.own(path)
        own = socket.gethostbyname(socket.gethostname())
        said = closed.python(
            code,
            own if not own.startswith("127.") else "198.51.100.1",
            dial=[{"port": 8090, "socket": str(path)}],
        ).text.splitlines()
    there, elsewhere = {"0", str(errno.EINPROGRESS), str(errno.EAGAIN)}, str(errno.ENETUNREACH)
    assert [line.split()[0] for line in said if line.split()[1] in there] == [
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
    ], said
    assert [line.split()[1] for line in said[3:]] == [elsewhere, elsewhere]


def test_what_it_serves_is_open_on_loopback_alone(closed) -> None:
    """An app that listens on every address, or does not say on which, is reached from this machine
    and no other."""
    code = """
import socket, sys
for address in (("0.0.0.0", 5000), ("", 0), None):
    one = socket.socket()
    if address: one.bind(address)
    one.listen()
    print(one.getsockname()[0], flush=True)
"""
    assert closed.python(code).text.split() == ["127.0.0.1"] * 3


def test_two_sandboxes_serve_the_same_port_at_once(closed) -> None:
    code = (
        "import socket, sys\nserver = socket.create_server(('', 5000)); print('ready',"
        " flush=True)\nserver.accept()[0].sendall(sys.argv[1].encode())"
    )
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        for name, listener in (("one", one), ("other", other)):
            listener.bind(str(closed.folder / name))
            listener.listen()
            process, _ = closed.start(
                "python",
                "-I",
                "-c",
                code,
                name,
                fds=(listener.fileno(),),
                serve=[{"port": 5000, "fd": listener.fileno()}],
            )
            assert process.stdout.readline() == b"ready\n"
        for name in ("one", "other"):
            with socket.socket(socket.AF_UNIX) as link:
                link.connect(str(closed.folder / name))
                assert link.recv(10) == name.encode()


def test_files_are_where_the_arguments_and_variables_say(closed) -> None:
    place = closed.place("place")
    (place / "file").write_text("shown")
    binds = [{"source": str(place), "target": "/app", "mode": "rw"}]
    ended = closed.run(
        "sh",
        "-c",
        'cat "$1"; pwd; echo "${2#*=}" "$DATA"',
        "sh",
        "/app/file",
        "--out=/app/new",
        cwd="/app",
        env={"DATA": "/app/data:/tmp"},
        binds=binds,
    )
    first, rest = ended.text.split("/", 1)
    assert first == "shown", ended
    where, out, data = ("/" + rest).split()
    assert (where, out) == (str(place), f"{place}/new")
    assert data.startswith(f"{place}/data:/")
    assert data.endswith("/tmp")


def test_nothing_of_a_sandbox_is_left_in_the_machines_temporary_folder(closed) -> None:
    temporary, marker = closed.place("tmp"), a_marker()
    around = {"TMPDIR": str(temporary)}
    assert closed.run("sh", "-c", 'echo x > "$TMPDIR/file"', around=around).code == 0
    process, _ = closed.start(
        "sh", "-c", f'echo x > "$TMPDIR/file"; echo ready; exec sleep {marker}', around=around
    )
    assert process.stdout.readline() == b"ready\n"
    assert list(temporary.iterdir())
    os.kill(closed.supervisor_of(process), signal.SIGKILL)
    until(lambda: not running_with(marker))
    until(lambda: not list(temporary.iterdir()))


def test_a_killed_outer_init_ends_the_sandbox(closed) -> None:
    marker = a_marker()
    process, _ = closed.start("python", "-I", "-c", LINGER, marker, "60")
    assert process.stdout.readline() == b"ready\n"
    (outer_init,) = [
        pid
        for pid in children(closed.supervisor_of(process))
        if b"outer_init" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(outer_init, signal.SIGKILL)
    assert process.wait(timeout=NEVER_ENDS) == 137
    assert running_with(marker) == []


def test_root_is_refused_with_a_reason() -> None:
    if AS_ROOT:
        assert "not root" in forms.probed(Form.LANDLOCK).why
        with pytest.raises(
            SandboxError, match="the form landlock needs an account that is not root"
        ):
            forms.chosen("landlock")
    else:
        assert landlock.missing() is None
        assert forms.probed(Form.LANDLOCK).works


def test_it_is_what_an_ordinary_account_gets_where_there_is_no_bubblewrap(closed) -> None:
    bwrap = shutil.which("bwrap")
    assert bwrap, "bubblewrap is what the factory's own sandboxes need"
    hidden = ["--ro-bind", "/dev/null", bwrap, "--"]
    before = (
        list(closed.wrapper[: closed.wrapper.index("--")])
        if closed.wrapper
        else ["bwrap", "--dev-bind", "/", "/"]
    )
    after = closed.wrapper[closed.wrapper.index("--") + 1 :] if closed.wrapper else ()
    closed.wrapper, closed.form = (*before, *hidden, *after), "auto"
    ended = closed.run("true")
    assert ended.result["form"] == "landlock", ended
    assert ended.result["unheld"][: len(forms.LANDLOCKED)] == list(forms.LANDLOCKED)


def test_a_port_that_nobody_dials_or_binds_is_refused(closed) -> None:
    code = (
        "import json, socket, sys\nprint(json.dumps([socket.socket().connect_ex(('127.0.0.1', n))"
        " for n in (9, 22, 8091)]))"
    )
    assert json.loads(closed.python(code).text) == [errno.ECONNREFUSED] * 3


# --- the filter, read as the kernel reads it
# ----------------------------------------------------------------------------

COLUMN, ARCHITECTURE = seccomp.MACHINES[platform.machine()]
EPERM, ENOSYS, NO_FAMILY = (
    0x00050000 | code for code in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT)
)
ASKED = 0x7FC00000


def answer(program: bytes, number: int, *arguments: int, architecture: int = ARCHITECTURE) -> int:
    """What the filter answers to a call."""
    data = {seccomp.NUMBER: number, seccomp.ARCHITECTURE: architecture}
    data |= {
        seccomp.FIRST_ARGUMENT + 8 * place: value & 0xFFFFFFFF
        for place, value in enumerate(arguments)
    }
    lines, at, held = list(struct.iter_unpack("=HBBI", program)), 0, 0
    while True:
        code, true, false, value = lines[at]
        at += 1
        if code == seccomp.LOAD:
            held = data.get(value, 0)
        elif code == seccomp.AND:
            held &= value
        elif code == seccomp.RETURN:
            return value
        else:
            at += true if (held == value if code == seccomp.EQUAL else held >= value) else false


def number(numbers: system_calls.Numbers) -> int:
    found = numbers[COLUMN]
    assert found is not None
    return found


SOCKET, PAIR = system_calls.SOCKET, system_calls.PAIR


@pytest.mark.parametrize("browser", [False, True])
def test_what_the_filter_of_a_sandbox_with_namespaces_answers_for_a_socket(browser) -> None:
    program = seccomp.program(system_calls.in_namespaces(user_namespaces=browser))

    def allows(numbers, *arguments: int) -> bool:
        answered = answer(program, number(numbers), *arguments)
        assert answered in (seccomp.ALLOW, NO_FAMILY)
        return answered == seccomp.ALLOW

    families, stream = range(64), socket.SOCK_STREAM
    assert [one for one in families if allows(SOCKET, one, stream, 0)] == [1, 2, 10, 16]
    assert [one for one in families if allows(PAIR, one, socket.SOCK_DGRAM, 0)] == [1]
    assert allows(SOCKET, socket.AF_INET, stream, 262)
    assert not allows(SOCKET, socket.AF_INET, socket.SOCK_SEQPACKET, 132)
    assert not allows(SOCKET, socket.AF_NETLINK, socket.SOCK_RAW, 16)
    assert not allows(SOCKET, 0xFFFFFFFF, stream, 0)


@pytest.mark.parametrize(
    ("numbers", "arguments", "expected"),
    [
        (SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 0), seccomp.ALLOW),
        (
            SOCKET,
            (socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 6),
            seccomp.ALLOW,
        ),
        (SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 262), NO_FAMILY),
        (SOCKET, (socket.AF_INET, socket.SOCK_STREAM, 132), NO_FAMILY),
        (SOCKET, (socket.AF_INET, socket.SOCK_DGRAM, 0), NO_FAMILY),
        (SOCKET, (socket.AF_INET, socket.SOCK_RAW, 1), NO_FAMILY),
        (SOCKET, (socket.AF_INET6, socket.SOCK_STREAM, 0), NO_FAMILY),
        (SOCKET, (socket.AF_UNIX, socket.SOCK_STREAM, 0), NO_FAMILY),
        (SOCKET, (socket.AF_NETLINK, socket.SOCK_RAW, 0), NO_FAMILY),
        (SOCKET, (socket.AF_VSOCK, socket.SOCK_STREAM, 0), NO_FAMILY),
        (PAIR, (socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, 0), seccomp.ALLOW),
        (PAIR, (socket.AF_UNIX, socket.SOCK_SEQPACKET, 0), seccomp.ALLOW),
        (PAIR, (socket.AF_UNIX, socket.SOCK_DGRAM, 0), EPERM),
        (PAIR, (socket.AF_UNIX, socket.SOCK_RAW, 0), EPERM),
        (system_calls.BIND, (3, 0, 16), ASKED),
        (system_calls.CONNECT, (3, 0, 16), ASKED),
        (system_calls.LISTEN, (3, 5), ASKED),
        ((44, 206), (3, 0, 5, 0), seccomp.ALLOW),
        ((44, 206), (3, 0, 5, 0x20004000), EPERM),
        ((302, 261), (0, 7), seccomp.ALLOW),
        ((302, 261), (77, 7), EPERM),
        ((141, 140), (0, 0, 5), seccomp.ALLOW),
        ((141, 140), (2, 0, 5), EPERM),
        ((56, 220), (0x00010F00,), seccomp.ALLOW),
        ((56, 220), (0x10000000,), EPERM),
        ((272, 97), (0x00020000,), EPERM),
        (system_calls.CLONE3, (), ENOSYS),
        (system_calls.KERNEL["io_uring_setup"], (), EPERM),
        (system_calls.OTHER_PROCESSES["ptrace"], (16,), EPERM),
        (system_calls.MOUNTS["mount"], (), EPERM),
        ((39, 172), (), seccomp.ALLOW),
    ],
)
def test_what_the_filter_answers(numbers, arguments, expected) -> None:
    program = seccomp.program(system_calls.without_namespaces(browser=False))
    assert answer(program, number(numbers), *arguments) == expected


def test_calls_by_another_convention_do_not_exist() -> None:
    """The same calls have other numbers as 32-bit and as x32 programs make them."""
    for program in (
        seccomp.program(system_calls.without_namespaces(browser=True)),
        seccomp.program(system_calls.in_namespaces(user_namespaces=True)),
    ):
        assert answer(program, 20, architecture=0x40000003) == ENOSYS
        assert answer(program, seccomp.X32 + 1) == ENOSYS


def test_each_call_has_one_rule_and_its_numbers_are_its_own() -> None:
    for rules in (
        system_calls.without_namespaces(browser=False),
        system_calls.in_namespaces(user_namespaces=False),
    ):
        for column in (0, 1):
            numbers = [rule.numbers[column] for rule in rules if rule.numbers[column] is not None]
            assert len(numbers) == len(set(numbers))


def test_a_connection_that_hangs_keeps_no_sandbox_alive(closed) -> None:
    """The proxy hung in the kernel with it, and saw neither another call nor the end of its
    supervisor."""
    marker = a_marker()
    code = """
import socket, threading
full = socket.create_server(("127.0.0.1", 5000), backlog=0)
first = socket.create_connection(("127.0.0.1", 5000))
def hang():
    while True:
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 127)
        print(one.connect_ex(("127.0.0.1", 5000)), flush=True)
threading.Thread(target=hang).start()
"""
    process, _ = closed.start("python", "-I", "-c", code, marker)
    for _ in range(2):
        assert process.stdout.readline() == b"%d\n" % errno.ETIMEDOUT
    os.kill(closed.supervisor_of(process), signal.SIGKILL)
    until(lambda: not running_with(marker))
