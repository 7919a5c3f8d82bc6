"""`factory`, the judge, a forge or a broker, many times out of one process that has imported it once:
most commands are done in a tenth of their imports' time.

A command is forked from that process; what it is told, reads, writes and answers is what it is when
it is started by itself. What is about a program's start, and what is killed, starts the program;
so does the demo that everything here looks at."""

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

Program = Literal["factory", "validators", "servers"]
ROOMS: dict[Program, tuple[str, ...]] = {
    "factory": (
        "harness.cli",
        "harness.store",
        "harness.factory",
        "harness.home",
        "harness.operations",
    ),
    "validators": ("validators",),
    "servers": ("harness.programs.local_forge", "harness.programs.broker"),
}
LATE: dict[Program, tuple[str, ...]] = {
    "factory": (
        "betterleaks",
        "git",
        "github",
        "httpx",
        "jinja2",
        "jsonschema",
        "markdown_it",
        "requests",
        "rich.live",
        "sqlite3",
    ),
    "validators": (
        "cryptography.hazmat.primitives.asymmetric.ed25519",
        "cryptography.hazmat.primitives.serialization",
        "jinja2",
        "jsonschema",
        "securesystemslib.dsse",
        "securesystemslib.signer",
    ),
    "servers": (
        "cryptography.hazmat.primitives.asymmetric.rsa",
        "httpx",
        "jinja2",
        "markdown_it",
        "sqlalchemy.dialects.sqlite",
        "uvicorn.lifespan.on",
        "uvicorn.loops.asyncio",
        "uvicorn.protocols.http.h11_impl",
    ),
}
SCRIPTS = ("drill", "__main__")
"""The drill's intruder works when it is imported, and so does a program."""
MAIN: dict[Program, str] = {"factory": "harness.__main__", "validators": "validators.cli"}
FLAGS: dict[Program, tuple[str, ...]] = {"factory": (), "validators": ("-I",), "servers": ("-I",)}
"""What Python is started with where the program is started by itself."""


def run(
    arguments: Sequence[object],
    *,
    env: Mapping[str, str],
    timeout: float,
    cwd: Path | None = None,
    program: Program = "factory",
) -> subprocess.CompletedProcess[str]:
    """The program with these arguments and nothing to read, run to its end as by `subprocess.run`.
    Raises TimeoutExpired. The first time must be in the main thread: what is forked from ends with
    the thread that started it."""
    words = list(map(str, arguments))
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = _forked(program, words, env=env, cwd=cwd, output=output, errors=errors)
        command.stdin.close()
        if not command.waited(timeout):
            command.signalled(signal.SIGKILL)
            raise subprocess.TimeoutExpired([program, *words], timeout)
        out, err = (file.seek(0) or file.read().decode() for file in (output, errors))
    return subprocess.CompletedProcess(
        [program, *words], -signal.SIGKILL if command.code is None else command.code, out, err
    )


def _forked(program, words, *, env, cwd, output, errors):
    from validators.app.fork_server import fork_server

    asked = json.dumps(
        {"arguments": words, "environment": dict(env), "folder": str(cwd or Path.cwd())}
    )
    warm_one = (sys.executable, *FLAGS[program], str(Path(__file__).resolve()), program)
    return fork_server(warm_one).supervisor(
        asked, output=output.fileno(), errors=errors.fileno(), descriptors={}
    )


class Server:
    """A forge or a broker that was forked, as `subprocess.Popen` shows what it started: `python -I`
    with a module or a file. It ends with this process in any case."""

    def __init__(self, argv, *, env, stdin, stdout, stderr, start_new_session, cwd=None) -> None:
        assert argv[:2] == [sys.executable, "-I"], argv
        assert (stdin, start_new_session) == (subprocess.PIPE, True)
        self.args = argv
        self._forked = _forked("servers", argv[2:], env=env, cwd=cwd, output=stdout, errors=stderr)
        self.stdin, self.pid = self._forked.stdin, self._forked.pid

    @property
    def returncode(self) -> int | None:
        return self.poll()

    def poll(self) -> int | None:
        if not self._forked.waited(0):
            return None
        return -signal.SIGKILL if self._forked.code is None else self._forked.code

    def wait(self, timeout: float = float("inf")) -> int:
        if not self._forked.waited(min(timeout, 1e6)):
            raise subprocess.TimeoutExpired(self.args, timeout)
        return self.poll()

    def send_signal(self, number: int) -> None:
        self._forked.signalled(number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def answer(program: Program, argv: list[str]) -> int:
    """A command in a process of its own, to its end as an interpreter makes it: threads first, then
    what is to be tidied up."""
    asked = json.loads(argv[0])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [program, *asked["arguments"]]
    try:
        return _run(program)
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()


def _run(program: Program) -> int:
    if program != "servers":
        return importlib.import_module(MAIN[program]).main() or 0
    del sys.argv[0]
    if sys.argv[0] == "-m":
        del sys.argv[0]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(sys.argv[0], run_name="__main__")
    return 0


def warm(program: Program) -> None:
    """Import what the commands import, when they begin and later."""
    for name in LATE[program]:
        importlib.import_module(name)
    for room in map(importlib.import_module, ROOMS[program]):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not any(script in module.name for script in SCRIPTS):
                importlib.import_module(module.name)


if __name__ == "__main__":
    from harness.programs.sandbox.fork_server import serve

    asked_for: Program = sys.argv[1]
    warm(asked_for)
    with socket.socket(fileno=int(sys.argv[-1])) as line:
        serve(line, partial(answer, asked_for))
