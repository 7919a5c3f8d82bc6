"""Processes as the kernel shows them."""

import os
import time
from pathlib import Path
from typing import Any


def descendants(pid: int) -> set[tuple[int, str]]:
    """Every process below `pid`, with its start time, so that a number used again is not taken for
    it."""
    parents = {
        child: facts
        for child in os.listdir("/proc")
        if child.isdigit() and (facts := stat(int(child)))
    }
    found, wanted = set[tuple[int, str]](), {str(pid)}
    while wanted:
        below = {child for child, (parent, _) in parents.items() if parent in wanted}
        found |= {(int(child), parents[child][1]) for child in below}
        wanted = below
    return found


def alive(family: set[tuple[int, str]]) -> set[tuple[int, str]]:
    return {(pid, began) for pid, began in family if (facts := stat(pid)) and facts[1] == began}


def stat(pid: int) -> tuple[str, str] | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return None
    return None if fields[0] == "Z" else (fields[1], fields[19])


def until(found: Any, *, seconds: float) -> Any:
    """What `found()` returns once it is truthy."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := found():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s")
