"""Which programs below this process the processors' time goes to."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

EVERY_SECONDS = 0.1
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = {
    "--type=renderer": "chromium: pages",
    "--type=gpu-process": "chromium: drawing",
    "--type=": "chromium: the rest",
    "chromium": "chromium: the browser",
    "headless_shell": "chromium: the browser",
    "playwright/driver": "playwright's driver",
    "tini --args": "sandboxes: bubblewrap",
    "-B /proc/self/fd/": "sandboxes: the first program",
    "harness.programs.sandbox": "sandboxes: supervisors",
    "validators.driver": "the judge's driver",
    "validators": "the judge's launcher",
    "harness.programs.local_forge": "the forge",
    "harness.programs.broker": "the broker",
    "harness.agents": "the agent",
    "pytest": "the project's tests",
    "git": "git",
    "factory": "the factory",
    "python": "the app, and other Python",
}
"""A word of a command line, and what runs there. The first that is found counts."""
SHORT = "what was too short to be seen"


class Processors:
    """Watches for as long as the block lasts; `seconds` by kind of program, afterwards, and `sums`,
    the moments of the looks with the processor seconds of all programs up to then.

    A process counts for what it had used when it was last seen. What ended before anybody looked is
    told apart: it is in the sum, which the kernel keeps of every process that was waited for."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.sums: list[tuple[float, float]] = []
        self._seen: dict[tuple[str, str], tuple[str, float]] = {}
        self._over = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._began = _children()
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watching.join()
        for name, seconds in self._seen.values():
            self.seconds[name] += seconds
        self.seconds[SHORT] += max(0.0, _children() - self._began - sum(self.seconds.values()))

    def _watch(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            stats = {
                name: told
                for name in os.listdir("/proc")
                if name.isdigit() and (told := _stat(name))
            }
            below = {str(os.getpid())}
            while more := {
                pid for pid, told in stats.items() if told[1] in below and pid not in below
            }:
                below |= more
            for pid in below - {str(os.getpid())}:
                told = stats[pid]
                one = (pid, told[19])
                before = self._seen.get(one, (SHORT, 0.0))[0]
                self._seen[one] = (_kind(pid) or before, (int(told[11]) + int(told[12])) / TICKS)
            self.sums.append((time.time(), sum(used for _, used in self._seen.values())))


def _children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _stat(pid: str) -> list[str] | None:
    """The fields of a process's line after its name: state, parent and so on."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def _kind(pid: str) -> str:
    """What runs there; empty for a process that has ended."""
    try:
        words = (
            Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
        )
    except OSError:
        return ""
    return next(
        (kind for word, kind in KINDS.items() if word in words),
        words.split(" ")[0].rpartition("/")[2],
    )
