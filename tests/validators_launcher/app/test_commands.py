"""Commands in a real sandbox: what they find there, what comes out, and what cannot."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from harness.domain.sandbox import Service
from harness.programs.services import with_services
from tests.scenarios.waiting import wait_until
from tests.validators_launcher.git_repository import Source
from validators.app.commands import MOST_OUTPUT, CommandRunner, NotRun
from validators.app.instances import InstanceSpec, InstanceStarter, Listener, Start
from validators.app.sandboxes import Sandboxes
from validators.app.side import Side
from validators.domain.evidence import Identity, RunId
from validators.domain.journeys.files import File
from validators.domain.stops import Inconclusive
from validators.launcher.command_worlds import command_world
from validators.performance.command_json import (
    Answer,
    CommandAnswer,
    CommandCall,
    Ended,
    call_line,
    read_answer,
)

START = Start((), "PORT", "/", 120, 600, "app.test", commands={"tool": ("python", "./tool.py")})
TOOL = "import sys; print(sys.argv[1:], sys.stdin.read())\n"
LOOK = """
import json, os, pwd, socket, sys
parent = open(f"/proc/{os.getppid()}/cmdline").read().rstrip(chr(0))
def terminal():
    try:
        with open("/dev/tty") as opened:
            return os.ttyname(opened.fileno())
    except OSError as error:
        return str(error.errno)
print(json.dumps({
    "user": pwd.getpwuid(os.getuid())[0], "home": pwd.getpwuid(os.getuid())[5],
    "cwd": os.getcwd(), "host": socket.gethostname(), "env": dict(os.environ), "parent": parent,
    "tty": terminal(), "isatty": [os.isatty(number) for number in (0, 1, 2)],
    "open": sorted(map(int, os.listdir("/proc/self/fd"))),
}))
"""
ODD = 'a\'b "c" $(id) \\ *'
Ask = Callable[..., CommandAnswer]


def instance(
    stack: ExitStack, folder: Path, identity: Identity, *, seed: int = 1, start: Start = START
) -> Listener:
    tree = folder / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "tool.py").write_text(TOOL)
    folder.chmod(0o755)
    sandboxes = Sandboxes(
        (sys.executable, "-I", "-m", "harness.programs.sandbox"), "auto", folder / "papers"
    )
    sandboxes.folder.mkdir(exist_ok=True)
    place = folder / str(identity)
    place.mkdir()
    starter = InstanceStarter(start, sandboxes, place, stack)
    world = command_world(RunId("j", identity), seed=seed)
    (listener,) = starter.listeners([InstanceSpec("0", 1, 20000, world=world, commands=2)])
    starter.until_ready([(listener, Side("candidate", tree, None, None, ()))])
    return listener


def asked(listener: Listener, argv: tuple[str, ...], **more: object) -> CommandAnswer:
    call = CommandCall(argv, **{"seconds": 60.0, **more})  # type: ignore[arg-type]
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(listener.commands_path))
        line.sendall(call_line(call).encode())
        return read_answer(line.makefile().readline())


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with ExitStack() as stack:
        listener = instance(stack, tmp_path_factory.mktemp("plain"), Identity.PLAIN)
        yield lambda *argv, **more: asked(listener, argv, **more)


def test_a_named_command_is_found_in_the_tree_and_gets_its_input_and_nothing_else(ask: Ask) -> None:
    found = ask("tool", "a b", "$HOME", ";id", input=b"Ada\n")
    assert (found.ended, found.exit_code) == (Ended.ITSELF, 0)
    assert found.output == b"['a b', '$HOME', ';id'] Ada\n\n"
    assert ask("tool").output == b"[] \n"


def test_exit_codes_signals_and_what_is_not_there(ask: Ask) -> None:
    assert ask("sh", "-c", "exit 3").exit_code == 3
    assert ask("sh", "-c", "kill -9 $$").exit_code == 137
    missing = ask("no-such-tool")
    assert missing.exit_code == 127
    assert b"no-such-tool" in missing.errors


def test_output_and_errors_are_apart_and_files_are_put_and_left(ask: Ask) -> None:
    found = ask(
        "sh", "-c", "cat in/a.csv; echo bad >&2; mkdir -p out; cp in/a.csv out/b.csv; rm in/a.csv",
        files=(File("in/a.csv", b"Name\n"),), collect=("out/b.csv", "in/a.csv"),
    )  # fmt: skip
    assert (found.output, found.errors) == (b"Name\n", b"bad\n")
    assert dict(found.left) == {"out/b.csv": b"Name\n", "in/a.csv": None}


def test_what_one_command_leaves_the_next_one_finds(ask: Ask) -> None:
    ask("sh", "-c", "echo kept > kept; echo home > ~/home")
    assert ask("sh", "-c", "cat kept ~/home").output == b"kept\nhome\n"


def test_a_command_that_does_not_end_is_killed_with_all_that_it_started(ask: Ask) -> None:
    found = ask("sh", "-c", "sleep 6000 & sleep 6000", seconds=0.5)
    assert (found.ended, found.exit_code) == (Ended.TIME, None)
    names = ("sh", "-c", "cat /proc/[0-9]*/comm")
    # One that was killed has its name until it is reaped.
    wait_until(lambda: b"sleep" not in ask(*names).output.split())


def test_one_that_prints_without_end_is_cut_off(ask: Ask) -> None:
    found = ask("sh", "-c", "yes")
    assert found.ended is Ended.TOO_MUCH
    assert len(found.output) <= MOST_OUTPUT


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("mkfifo f", "not a plain file"),
        ("ln -s /dev/zero f", "not a plain file"),
        ("mkdir f", "not a plain file"),
        ("truncate -s 9M f", "more than 4 MiB"),
        ("ln -s f f", "Too many levels"),
    ],
)
def test_a_file_that_is_none_or_too_large_is_not_read(ask: Ask, made: str, reason: str) -> None:
    found = ask("sh", "-c", f"rm -rf f; {made}", collect=("f",))
    ask("rm", "-rf", "f")
    assert found.ended is Ended.NOT_RUN
    assert reason in found.reason


def test_a_link_leads_where_it_leads_in_the_sandbox(ask: Ask) -> None:
    found = ask("ln", "-sf", "/etc/passwd", "link", collect=("link",))
    assert b"app:x:" in (dict(found.left)["link"] or b"")


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b"])
def test_no_file_is_put_or_read_elsewhere(ask: Ask, name: str) -> None:
    assert ask("true", collect=(name,)).ended is Ended.NOT_RUN
    assert ask("true", files=(File(name, b""),)).ended is Ended.NOT_RUN


def test_a_terminal_has_its_size_and_what_is_typed_is_read_after_what_was_printed(ask: Ask) -> None:
    script = (
        "import os, getpass; print(os.get_terminal_size().columns, os.isatty(0), os.isatty(1));"
        "name = input('Name? '); word = getpass.getpass('Word? '); print('Hello', name, word)"
    )
    typed = (Answer("Ada", "Name?"), Answer("secret", "Word?"))
    found = ask("python", "-c", script, terminal=(100, 30), typed=typed)
    assert (found.ended, found.exit_code, found.typed) == (Ended.ITSELF, 0, 2)
    shown = found.output.decode()
    assert shown.startswith("100 True True")
    assert "Hello Ada secret" in shown
    # It is not echoed where a tool asks the terminal not to.
    assert shown.count("secret") == 1


def test_at_a_terminal_a_tool_that_reads_on_is_told_that_nothing_more_comes(ask: Ask) -> None:
    assert ask("cat", terminal=(80, 24)).ended is Ended.ITSELF
    assert ask("tool", terminal=(80, 24), apart=True).exit_code == 0


def facts(found: CommandAnswer) -> dict[str, object]:
    assert found.exit_code == 0, found.errors
    document: dict[str, object] = json.loads(found.output)
    return document


def test_a_plain_world_is_a_container_and_shows_no_process_of_the_judge(ask: Ask) -> None:
    found = facts(ask("python", "-c", LOOK))
    assert (found["user"], found["cwd"], found["host"]) == ("app", "/home/app/work", "localhost")
    assert set(found["env"]) <= {"PATH", "HOME", "LANG", "PYTHONPATH", "LC_CTYPE"}  # type: ignore[call-overload]
    assert found["tty"] == "6"
    assert found["isatty"] == [False] * 3
    # 3 is the listing itself.
    assert found["open"] == [0, 1, 2, 3]


def test_a_masked_world_is_that_of_a_person_at_a_shell(tmp_path: Path) -> None:
    with ExitStack() as stack:
        listener = instance(stack, tmp_path, Identity.MASKED)
        found = facts(asked(listener, ("python", "-c", LOOK)))
        ended = asked(listener, ("sh", "-c", "exit 3"))
        quoted = asked(listener, ("tool", ODD, ";"))
    user = found["user"]
    assert isinstance(user, str)
    assert user not in ("app", "root")
    assert found["home"] == f"/home/{user}"
    assert str(found["cwd"]).startswith(f"/home/{user}/")
    assert found["host"] != "localhost"
    env = found["env"]
    assert isinstance(env, dict)
    assert {"USER", "LOGNAME", "SHELL", "TERM", "PWD", "SHLVL", "_"} <= set(env)
    assert not any("judge" in f"{name}={value}".casefold() for name, value in env.items())
    assert found["parent"] == "bash"
    # Its pipes have a terminal behind them, as in `tool | less`.
    assert found["tty"] == "/dev/tty"
    assert found["isatty"] == [False] * 3
    assert found["open"] == [0, 1, 2, 3]
    assert ended.exit_code == 3
    # The shell that is its parent reads nothing into its words.
    assert quoted.output.decode() == str([ODD, ";"]) + " \n"


def test_a_line_that_sends_nonsense_is_not_believed(tmp_path: Path) -> None:
    """A candidate could take the descriptor of our first program."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    world = command_world(RunId("j"), seed=1)
    reading, writing = os.pipe()
    with ours, theirs, open(tmp_path / "f", "wb") as file:
        for packet in (b"exit 999", b"exit -1", b"signal x", b"", b"\xff\xfe", b"failed no"):
            theirs.send(packet) if packet else theirs.send(b" ")
            with pytest.raises(NotRun):
                CommandRunner(ours, world).answer(CommandCall(("true",), 5.0))
        file.write(b"x")
        for descriptor in (reading, writing):
            theirs.send(b"exit 0")
            socket.send_fds(theirs, [b"file"], [descriptor])
            with pytest.raises((NotRun, OSError)):
                CommandRunner(ours, world).answer(CommandCall(("true",), 5.0, collect=("f",)))
    os.close(reading)
    os.close(writing)


def test_equal_seeds_give_equal_worlds_and_the_plain_one_is_always_the_same() -> None:
    masked = [command_world(RunId("j", Identity.MASKED), seed=seed) for seed in range(30)]
    assert command_world(RunId("j", Identity.MASKED), seed=3) == masked[3]
    assert len({world.cwd for world in masked}) > 15
    assert len({world.user for world in masked}) > 5
    assert command_world(RunId("j"), seed=1) == command_world(RunId("j"), seed=2)


def test_where_there_is_an_app_a_command_reaches_it_and_sees_its_data(
    tmp_path: Path, source: Source
) -> None:
    del source
    server = (
        "import http.server, os\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def do_GET(self):\n"
        "        open(os.environ['HOME'] + '/seen', 'a').write('x')\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'hello')\n"
        "    def log_message(self, *_): pass\n"
        "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), H).serve_forever()\n"
    )
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "server.py").write_text(server)
    get = (
        "import os, urllib.request as r;"
        "print(r.urlopen('http://127.0.0.1:' + os.environ['PORT']).read().decode())"
    )
    with ExitStack() as stack:
        start = replace(START, argv=("python", "server.py"), ready_seconds=60)
        listener = instance(stack, tmp_path, Identity.PLAIN, start=start)
        assert asked(listener, ("python", "-c", get)).output == b"hello\n"


COUNTER = """
import socketserver
asked = 0
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        global asked
        asked += 1
        self.wfile.write(b"%d" % asked)
socketserver.TCPServer(("127.0.0.1", 7070), Handler).serve_forever()
"""
CONNECTS = "import socket; print(socket.create_connection(('127.0.0.1', 7070)).recv(9).decode())"
SERVICE = Service("counter", start=("python", "-c", COUNTER), ready=("python", "-c", CONNECTS))


@pytest.mark.parametrize("identity", Identity)
def test_services_run_beside_the_commands_of_a_tool_without_an_app(
    tmp_path: Path, identity: Identity
) -> None:
    start = replace(START, beside=with_services(("true",), (SERVICE,)), ready_seconds=60)
    with ExitStack() as stack:
        listener = instance(stack, tmp_path, identity, start=start)
        counted = [int(asked(listener, ("python", "-c", CONNECTS)).output) for _ in range(3)]
        # What a command that is killed has started goes, and the service stays.
        asked(listener, ("sh", "-c", "sleep 600"), seconds=0.2)
        counted.append(int(asked(listener, ("python", "-c", CONNECTS)).output))
    assert counted == list(range(counted[0], counted[0] + 4))


def test_commands_whose_service_does_not_start_show_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = replace(SERVICE, start=("python", "-c", "raise SystemExit('no licence')"))
    start = replace(START, beside=with_services(("true",), (broken,)), ready_seconds=60)
    with ExitStack() as stack, pytest.raises(Inconclusive) as stop:
        instance(stack, tmp_path, Identity.PLAIN, start=start)
    assert str(stop.value) == "the services of the commands did not start on the candidate"
    assert "service counter ended with 1 before it was ready" in capsys.readouterr().err


def test_an_app_starts_its_services_itself(tmp_path: Path) -> None:
    start = replace(START, argv=("python", "-m", "app"), beside=("false",))
    starter = InstanceStarter(start, Sandboxes((), "auto", tmp_path), tmp_path, ExitStack())
    world = command_world(RunId("j"), seed=1)
    (listener,) = starter.listeners([InstanceSpec("0", 1, 20000, world=world, commands=2)])
    starter.stack.close()
    assert listener.commands is not None
    assert listener.commands.beside == ()
