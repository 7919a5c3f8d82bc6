"""Services beside a command, in the command's own sandbox."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from harness.domain.sandbox import Service

FOLDER = "/tmp/services"  # noqa: S108 - a path in the sandbox, which has its own /tmp
ENDING_SECONDS = 20


def with_services(
    command: Sequence[str], services: Sequence[Service], *, within: str = "", stop: bool = False
) -> tuple[str, ...]:
    """The command with these services beside it; the command itself if there are none.

    `within` names the variable whose folder keeps their data; empty: a folder that ends with the
    sandbox. With `stop` they end when the command has ended, so that the data can be copied;
    otherwise they end with the sandbox."""
    if not services:
        return tuple(command)
    plan = {
        "folder": FOLDER,
        "within": within,
        "stop": ENDING_SECONDS if stop else 0,
        "services": [asdict(one) for one in services],
    }
    # The program is given as text: a sandbox needs no mount for it, and nothing of ours to import.
    return ("python", "-I", "-S", "-c", _source(), json.dumps(plan), *command)


@cache
def _source() -> str:
    return Path(__file__).with_name("run.py").read_text("utf-8")
