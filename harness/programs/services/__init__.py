"""Services beside a command, in the command's own sandbox: PostgreSQL, MariaDB, Redis."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

MOST = 8
FAILED = 70
"""The exit code of a command whose services could not be used."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service. `{data}` in an argument stands for a folder of its own.

    `prepare` runs once before its first start, each of `setup` once after it. It is ready once
    `ready` ends with 0, at most `seconds` after the start."""

    name: str
    start: tuple[str, ...]
    ready: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    setup: tuple[tuple[str, ...], ...] = ()
    seconds: int = 30


def with_services(
    command: Sequence[str], services: Sequence[Service], *, folder: str, stop: bool = False
) -> tuple[str, ...]:
    """The command with these services beside it; the command itself if there are none.

    Their data is in `folder` of the sandbox. With `stop` they end when the command has ended, so
    that the folder can be copied; otherwise they end with the sandbox."""
    if not services:
        return tuple(command)
    plan = {"folder": folder, "stop": stop, "services": [asdict(one) for one in services]}
    # The program is given as text: a sandbox needs no mount for it, and nothing of ours to import.
    return ("python", "-I", "-S", "-c", _source(), json.dumps(plan), *command)


@cache
def _source() -> str:
    return Path(__file__).with_name("run.py").read_text("utf-8")
