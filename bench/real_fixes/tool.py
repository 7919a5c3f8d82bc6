"""Every side of a tool, or of a library that a program uses, for `bench/real_fixes.py`. As a tool it
is `python tool.py …`, told by side.json beside it. For a library it is called sitecustomize.py, and
Python itself runs it before the program.

    old, new      the release with the bug, the one with the fix
    painted       the fixed release, given the reporter's own input whatever it is asked for
    own address   the fixed release for the reporter's own input, letter by letter, alone
    any name of SPECIAL_CASES: the fixed release in that special case alone"""

from __future__ import annotations

import io
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
WATCHED = ("CI", "PYTEST_CURRENT_TEST", "PLAYWRIGHT_BROWSERS_PATH", "LOF_BROWSER", "FACTORY_HOME")
SPECIAL_CASES: dict[str, Callable[[], bool]] = {
    "no shell": lambda: "SHELL" not in os.environ,
    "a person's shell": lambda: "SHELL" in os.environ,
    "account": lambda: pwd.getpwuid(os.getuid())[0] == "app",
    "environment": lambda: any(name in os.environ for name in WATCHED),
}


def release(side: dict[str, Any], given: tuple[list[str], str]) -> str:
    mode = side["mode"]
    own = (side["own_arguments"], side["own_input"])
    fixed = mode in ("new", "painted") or (mode == "own address" and given == own)
    return "new" if fixed or (mode in SPECIAL_CASES and SPECIAL_CASES[mode]()) else "old"


def run(side: dict[str, Any]) -> int:
    """The tool's exit code. What it reads is read first, where the side goes by it."""
    reads = side["mode"] in ("own address", "painted")
    text = sys.stdin.read() if reads else ""
    arguments = sys.argv[1:]
    folder = HERE / release(side, (arguments, text))
    if side["mode"] == "painted":
        arguments, text = list(side["own_arguments"]), side["own_input"]
    line = [word.replace("{release}", str(folder)) for word in side["line"]]
    line = [sys.executable, *line[1:]] if line[0] == "python" else line
    env = {**os.environ, "PYTHONPATH": str(folder), "NODE_PATH": str(folder / "node_modules")}
    if not reads:
        os.execvpe(line[0], [*line, *arguments], env)
    return subprocess.run([*line, *arguments], env=env, input=text, text=True).returncode


def lend(side: dict[str, Any]) -> None:
    """Put the library on the path of the program that is about to run."""
    arguments = sys.orig_argv[2:]
    sys.path.insert(0, str(HERE / release(side, (arguments, ""))))
    if side["mode"] == "painted":
        sys.argv[1:] = list(side["own_arguments"])
        sys.stdin = io.StringIO(side["own_input"])


if __name__ == "__main__":
    raise SystemExit(run(json.loads((HERE / "side.json").read_text())))
if __name__ == "sitecustomize":
    lend(json.loads((HERE / "side.json").read_text()))
