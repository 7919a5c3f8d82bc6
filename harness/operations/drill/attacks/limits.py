"""A box that is given too little by far, and a program that wants it all."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.domain.sandbox import Bind, Form, Limits, SandboxResult
from harness.operations.drill.attack import Attack, Seen, held, open_
from harness.operations.drill.sandbox import FIX, boxed

if TYPE_CHECKING:
    from harness.operations.drill.scene import Ground

SUBJECT = "the box's limits"
CALM_SECONDS = 60  # for a program that ends by itself, on a machine that is busy
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


def _ended(source: str, limits: Limits, by: str) -> "Callable[[Ground], Seen]":
    def run(ground: "Ground") -> Seen:
        if ground.sandbox.form() == Form.UNSEALED:
            return open_("no box holds on this machine", FIX)
        folder = ground.apart(f"limits {by}")
        result = boxed(
            ground, source, limits=limits, binds=(Bind(str(folder), "/desk", "rw"),), cwd="/desk"
        )
        calm = boxed(
            ground,
            "print('calm')",
            limits=replace(limits, wall_seconds=max(limits.wall_seconds, CALM_SECONDS)),
        )
        if not calm.ok:
            return open_(
                "a calm program does not end well under these limits either:"
                f" {calm.killed_by or calm.exit_code}"
            )
        return _judged(result, by)

    return run


def _judged(result: SandboxResult, by: str) -> Seen:
    if result.killed_by == by:
        return held(f"ended by its {by} limit after {result.seconds:.1f} s")
    if by in result.reached or (by == "memory" and b"MemoryError" in result.stderr):
        return held(f"held at its {by} limit")
    missing = [words for words in result.unheld if words.startswith(by)]
    return open_(missing[0] if missing else f"it ended by itself, with {result.exit_code}", FIX)


def forks(ground: "Ground") -> Seen:
    """Two hundred processes where thirty are allowed."""
    if ground.sandbox.form() == Form.UNSEALED:
        return open_("no box holds on this machine", FIX)
    result = boxed(ground, FORKS, limits=Limits(wall_seconds=90, pids=30))
    made = int(result.stdout.split()[0]) if result.stdout.split() else 200
    return (
        held(f"{made} processes, 30 are allowed")
        if made <= 30
        else open_(f"{made} processes were made", FIX)
    )


def orphan(ground: "Ground") -> Seen:
    """A child with a session of its own, which outlives its parent outside of a box."""
    if ground.sandbox.form() == Form.UNSEALED:
        return open_("no box holds on this machine", FIX)
    folder = ground.apart("orphan")
    boxed(
        ground,
        ORPHAN,
        limits=Limits(wall_seconds=60),
        binds=(Bind(str(folder), "/desk", "rw"),),
        cwd="/desk",
    )
    alive = folder / "alive"
    if not alive.exists() or not alive.stat().st_size:
        return open_("the child never lived, so nothing was shown")
    size = alive.stat().st_size
    time.sleep(1)
    return (
        held("it died with its box")
        if alive.stat().st_size == size
        else open_("it lives on after its box", FIX)
    )


ATTACKS = (
    Attack(
        "a loop without end",
        SUBJECT,
        (92,),
        "wall clock",
        "computes for ever",
        _ended(ENDLESS, Limits(wall_seconds=2), "wall"),
    ),
    Attack(
        "all memory",
        SUBJECT,
        (92,),
        "memory",
        "takes memory until there is none",
        _ended(MEMORY, Limits(wall_seconds=90, memory_mb=96), "memory"),
    ),
    Attack("a fork bomb", SUBJECT, (92,), "pids", "makes 200 processes", forks),
    Attack(
        "a full disk from within",
        SUBJECT,
        (92,),
        "disk",
        "writes 400 MB",
        _ended(FILL, Limits(wall_seconds=90, disk_mb=24, file_mb=512), "disk"),
    ),
    Attack(
        "a child that stays",
        SUBJECT,
        (92,),
        "the box's end",
        "leaves a process of its own session behind",
        orphan,
    ),
)
