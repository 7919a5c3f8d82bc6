"""`factory`, many times out of one process that has imported it once: most commands are done in a
tenth of their imports' time.

A command is forked from that process; what it is told, reads, writes and answers is what it is when
it is started by itself. What is about a program's start, and what is killed, starts `FACTORY`; so
does the demo that everything here looks at."""

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
from pathlib import Path

ROOMS = ("harness.cli", "harness.store", "harness.factory", "harness.home", "harness.operations")
LATE = (
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
)


def run(
    arguments: Sequence[object], *, env: Mapping[str, str], timeout: float, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """`factory` with these arguments and nothing to read, run to its end as by `subprocess.run`.
    Raises TimeoutExpired."""
    from validators.app.fork_server import fork_server

    words = list(map(str, arguments))
    asked = json.dumps(
        {"arguments": words, "environment": dict(env), "folder": str(cwd or Path.cwd())}
    )
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        command = fork_server((sys.executable, str(Path(__file__).resolve()))).supervisor(
            asked, output=output.fileno(), errors=errors.fileno(), descriptors={}
        )
        command.stdin.close()
        if not command.waited(timeout):
            command.signalled(signal.SIGKILL)
            raise subprocess.TimeoutExpired(["factory", *words], timeout)
        out, err = (file.seek(0) or file.read().decode() for file in (output, errors))
    return subprocess.CompletedProcess(
        ["factory", *words], -signal.SIGKILL if command.code is None else command.code, out, err
    )


def answer(argv: list[str]) -> int:
    """A command in a process of its own, to its end as an interpreter makes it: threads first, then
    what is to be tidied up."""
    from harness.__main__ import main

    asked = json.loads(argv[0])
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    time.tzset()
    tempfile.tempdir = None
    sys.argv = ["factory", *asked["arguments"]]
    try:
        main()
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
    return 0


def warm() -> None:
    """Import what the commands import, when they begin and later."""
    for name in LATE:
        importlib.import_module(name)
    for room in map(importlib.import_module, ROOMS):
        for module in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if "drill" not in module.name:  # its intruder is a script: it works when it is imported
                importlib.import_module(module.name)


if __name__ == "__main__":
    from harness.programs.sandbox.fork_server import serve

    warm()
    with socket.socket(fileno=int(sys.argv[-1])) as line:
        serve(line, answer)
