"""All attacks, a few at a time, each told as soon as it is over."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError, FactoryError, FactoryStop
from harness.operations.drill import sandbox as box
from harness.operations.drill.attack import Attack, Seen, open_
from harness.operations.drill.attacks import (
    brakes,
    faults,
    git_tricks,
    judging,
    landing,
    limits,
    strangers,
    supply,
    weak_tests,
)
from harness.operations.drill.scene import Ground
from harness.operations.drill.source import Law

ATTACKS: tuple[Attack, ...] = tuple(
    attack
    for room in (
        judging,
        landing,
        faults,
        strangers,
        box,
        limits,
        brakes,
        git_tricks,
        weak_tests,
        supply,
    )
    for attack in room.ATTACKS
)
"""Every attack, those first that take longest."""

JUDGE = (sys.executable, "-I", "-m", "validators")


@dataclass(frozen=True, slots=True)
class Told:
    """An attack, what was seen, and in how many seconds."""

    attack: Attack
    seen: Seen
    seconds: float


def chosen(only: Sequence[str]) -> tuple[Attack, ...]:
    """The attacks of these names or subjects, all where there is none. Raises ConfigError naming
    what is not known."""
    for name in only:
        if not any(name in (attack.name, attack.subject) for attack in ATTACKS):
            raise ConfigError(
                f"no attack and no subject is called {name!r}; `factory drill --list` names"
                " them all"
            )
    return tuple(
        attack for attack in ATTACKS if not only or attack.name in only or attack.subject in only
    )


@contextmanager
def scratch(law: Law) -> Iterator[Ground]:
    """The ground of a drill, made in the temporary folder and gone when the block ends. Raises
    FactoryError where a forge or a box cannot be started at all."""
    from harness.home.document import wheels_folder
    from harness.programs.local_forge.start import start
    from harness.programs.sandbox.client import SandboxSupervisor

    folder = Path(tempfile.mkdtemp(prefix="factory-drill-"))
    folder.chmod(0o711)  # a box's own uid passes through to what it is shown
    forge = None
    try:
        forge = start(folder / "forge", faults=True)
        sandbox = SandboxSupervisor(folder / "layers")
        sandbox.form()
        yield Ground(folder, law.files, sandbox, forge, wheels_folder(), JUDGE)
    finally:
        if forge is not None:
            forge.stop()
        with suppress(OSError):
            shutil.rmtree(folder)


def drilled(
    ground: Ground, attacks: Sequence[Attack], *, tell: Callable[[Told], None]
) -> tuple[Told, ...]:
    """Run them side by side, as many as there are processors but no more than four; tell each when
    it is over."""
    with ThreadPoolExecutor(
        max(2, min(4, os.cpu_count() or 2)), thread_name_prefix="drill"
    ) as pool:
        under_way = [pool.submit(_one, ground, attack) for attack in attacks]
        told = []
        for done in as_completed(under_way):
            told.append(done.result())
            tell(told[-1])
        return tuple(told)


def _one(ground: Ground, attack: Attack) -> Told:
    """One attack. Whatever goes wrong in it is no proof that its brake held."""
    began = time.monotonic()
    try:
        seen = attack.run(ground)
    except (FactoryError, FactoryStop) as error:
        seen = open_(f"it could not be told: {' '.join(str(error).split())[:200]}")
    except Exception as error:  # noqa: BLE001 - a brake that cannot be looked at is not held, whatever the reason
        seen = open_(f"it could not be told: {error!r:.200}")
    return Told(attack, seen, time.monotonic() - began)
