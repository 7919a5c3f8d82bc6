"""`factory`, or the judge, many times out of one process that has imported it once: most commands
are done in a tenth of their imports' time.

A command is forked from that process; what it is told, reads, writes and answers is what it is when
it is started by itself. What is about a program's start, and what is killed, starts the program;
so does the demo that everything here looks at."""

import atexit
import importlib
import json
import os
import pkgutil
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

Program = Literal["factory", "validators"]
ROOMS: dict[Program, tuple[str, ...]] = {
    "factory": (
        "harness.cli",
        "harness.store",
        "harness.factory",
        "harness.home",
        "harness.operations",
    ),
    "validators": ("validators",),
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
}
SCRIPTS = ("drill", "__main__")
"""The drill's intruder works when it is imported, and so does a program."""
MAIN: dict[Program, str] = {"factory": "harness.__main__", "validators": "validators.cli"}
FLAGS: dict[Program, tuple[str, ...]] = {"factory": (), "validators": ("-I",)}
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
    from validators.app.fork_server import fork_server

    words = list(map(str, arguments))
    asked = json.dumps(
        {"arguments": words, "environment": dict(env), "folder": str(cwd or Path.cwd())}
    )
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        warm_one = (sys.executable, *FLAGS[program], str(Path(__file__).resolve()), program)
        command = fork_server(warm_one).supervisor(
            asked, output=output.fileno(), errors=errors.fileno(), descriptors={}
        )
        command.stdin.close()
        if not command.waited(timeout):
            command.signalled(signal.SIGKILL)
            raise subprocess.TimeoutExpired([program, *words], timeout)
        out, err = (file.seek(0) or file.read().decode() for file in (output, errors))
    return subprocess.CompletedProcess(
        [program, *words], -signal.SIGKILL if command.code is None else command.code, out, err
    )


def answer(program: Program, argv: list[str]) -> int:
    """A command in a process of its own, to its end as an interpreter makes it: threads first, then
    what is to be tidied up."""
    main = importlib.import_module(MAIN[program]).main
    asked = json.loads(argv[0])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = [program, *asked["arguments"]]
    try:
        return main() or 0
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()


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

    asked_for: Program = "validators" if sys.argv[1] == "validators" else "factory"
    warm(asked_for)
    with socket.socket(fileno=int(sys.argv[-1])) as line:
        serve(line, partial(answer, asked_for))
