"""Runs programs that want everything in a sandbox with tight limits."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.sandbox import Bind, SandboxLimits, SandboxResult
from harness.operations.drill.attack import Attack, AttackOutcome, held, not_held
from harness.operations.drill.environment import NO_SANDBOX_FIX

if TYPE_CHECKING:
    from harness.operations.drill.environment import DrillEnvironment

SUBJECT = "the sandbox's limits"
# Enough for a program that ends by itself, even on a busy machine.
CALM_SECONDS = 60
ENDLESS = "while True: pass"
MEMORY = "b = []\nwhile True: b.append(bytes(1 << 20))"
FORKS = """\
import os, time
made = 0
try:
    while made < 200:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""
FILL = """\
import os
written = 0
with open("fill", "wb", buffering=0) as file:
    while written < 400:
        file.write(os.urandom(1 << 20))
        written += 1
        if written % 8 == 0:
            os.sync()
print(written)
"""
ORPHAN = """\
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("alive", "a").write("x")
            time.sleep(0.05)
    os._exit(0)
while not os.path.exists("alive"):
    time.sleep(0.05)
"""


def _ended(
    source: str, limits: SandboxLimits, by: str
) -> "Callable[[DrillEnvironment], AttackOutcome]":
    def run(drill: "DrillEnvironment") -> AttackOutcome:
        if missing := drill.without_sandbox():
            return missing
        folder = drill.folder_for(f"limits {by}")
        workplace = Bind(str(folder), "/work", "rw")
        result = drill.run_sandboxed(source, limits=limits, binds=(workplace,), cwd="/work")
        calm = drill.run_sandboxed(
            "print('calm')",
            limits=replace(limits, wall_seconds=max(limits.wall_seconds, CALM_SECONDS)),
        )
        # Limits under which nothing can run would look like limits that hold.
        if not calm.ok:
            return not_held(
                "a harmless program fails under these limits too:"
                f" {calm.killed_by or calm.exit_code}"
            )
        return _outcome(result, by)

    return run


def _outcome(result: SandboxResult, by: str) -> AttackOutcome:
    if result.killed_by == by:
        return held(f"ended by its {by} limit after {result.seconds:.1f} s")
    if by in result.reached or (by == "memory" and b"MemoryError" in result.stderr):
        return held(f"held at its {by} limit")
    unheld = [text for text in result.unheld if text.startswith(by)]
    observation = unheld[0] if unheld else f"it ended by itself, with {result.exit_code}"
    return not_held(observation, NO_SANDBOX_FIX)


def forks(drill: "DrillEnvironment") -> AttackOutcome:
    """A program makes two hundred processes where thirty are allowed."""
    if missing := drill.without_sandbox():
        return missing
    result = drill.run_sandboxed(FORKS, limits=SandboxLimits(wall_seconds=90, pids=30))
    # Without output the program was killed before it could count: assume the worst.
    made = int(result.stdout.split()[0]) if result.stdout.split() else 200
    return (
        held(f"{made} processes, 30 are allowed")
        if made <= 30
        else not_held(f"{made} processes were made", NO_SANDBOX_FIX)
    )


def orphan(drill: "DrillEnvironment") -> AttackOutcome:
    """A child process with a session of its own, which outlives its parent outside of a sandbox."""
    if missing := drill.without_sandbox():
        return missing
    folder = drill.folder_for("orphan")
    drill.run_sandboxed(
        ORPHAN,
        limits=SandboxLimits(wall_seconds=60),
        binds=(Bind(str(folder), "/work", "rw"),),
        cwd="/work",
    )
    alive = folder / "alive"
    if not alive.exists() or not alive.stat().st_size:
        return not_held("the child never ran, so nothing was proven")
    # A living child appends to the file all the time.
    size = alive.stat().st_size
    time.sleep(1)
    if alive.stat().st_size != size:
        return not_held("it outlives its sandbox", NO_SANDBOX_FIX)
    return held("it died with its sandbox")


ATTACKS = (
    Attack(
        "a loop without end",
        SUBJECT,
        (92,),
        "wall clock",
        "computes for ever",
        _ended(ENDLESS, SandboxLimits(wall_seconds=2), "wall"),
    ),
    Attack(
        "all memory",
        SUBJECT,
        (92,),
        "memory",
        "takes memory until there is none",
        _ended(MEMORY, SandboxLimits(wall_seconds=90, memory_mb=96), "memory"),
    ),
    Attack("a fork bomb", SUBJECT, (92,), "pids", "makes 200 processes", forks),
    Attack(
        "a full disk from within",
        SUBJECT,
        (92,),
        "disk",
        "writes 400 MB",
        _ended(FILL, SandboxLimits(wall_seconds=90, disk_mb=24, file_mb=512), "disk"),
    ),
    Attack(
        "a child that stays",
        SUBJECT,
        (92,),
        "the sandbox's end",
        "leaves a process of its own session behind",
        orphan,
    ),
)
