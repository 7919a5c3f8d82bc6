"""Run all attacks, a few at a time, and report each as soon as it ends."""

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
from harness.operations.drill.attack import Attack, AttackOutcome, not_held
from harness.operations.drill.attacks import (
    brakes,
    errors,
    faults,
    floods,
    git_tricks,
    intrusion,
    judging,
    landing,
    limits,
    own_workflows,
    releases,
    strangers,
    supply,
    trust,
    watching,
    weak_tests,
)
from harness.operations.drill.environment import DrillEnvironment
from harness.operations.drill.policy_files import PolicyFiles

# Those that take longest come first, so that the pool does not end on one of them.
ATTACKS: tuple[Attack, ...] = tuple(
    attack
    for module in (
        judging,
        landing,
        faults,
        strangers,
        floods,
        errors,
        own_workflows,
        watching,
        trust,
        releases,
        intrusion,
        limits,
        brakes,
        git_tricks,
        weak_tests,
        supply,
    )
    for attack in module.ATTACKS
)
"""Every attack."""

JUDGE = (sys.executable, "-I", "-m", "validators")


@dataclass(frozen=True, slots=True)
class AttackResult:
    """An attack, its outcome, and how many seconds it took."""

    attack: Attack
    outcome: AttackOutcome
    seconds: float


def select_attacks(only: Sequence[str]) -> tuple[Attack, ...]:
    """The attacks with these names or subjects; all attacks if `only` is empty. Raises
    ConfigError for an unknown name."""
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
def drill_environment(policy: PolicyFiles) -> Iterator[DrillEnvironment]:
    """The environment of a drill in the temporary folder, removed when the block ends. Raises
    FactoryError if no forge or no sandbox can be started at all."""
    from harness.home.document import wheels_folder
    from harness.programs.local_forge.start import start
    from harness.programs.sandbox.client import SandboxSupervisor

    folder = Path(tempfile.mkdtemp(prefix="factory-drill-"))
    # A sandbox with a uid of its own must be able to pass through to what it is shown.
    folder.chmod(0o711)
    forge = None
    try:
        forge = start(folder / "forge")
        sandbox = SandboxSupervisor(folder / "layers")
        sandbox.form()
        yield DrillEnvironment(folder, policy.files, sandbox, forge, wheels_folder(), JUDGE)
    finally:
        if forge is not None:
            forge.stop()
        # A sandbox that is still dying may hold the folder; a leftover must not hide the results.
        with suppress(OSError):
            shutil.rmtree(folder)


def run_attacks(
    drill: DrillEnvironment,
    attacks: Sequence[Attack],
    *,
    report: Callable[[AttackResult], None],
) -> tuple[AttackResult, ...]:
    """Run the attacks side by side: two for each processor, as they wait for much, but no more than
    four. `report` is called with each result, in the order in which they end."""
    workers = min(4, 2 * (os.cpu_count() or 1))
    with ThreadPoolExecutor(workers, thread_name_prefix="drill") as pool:
        running = [pool.submit(_run_attack, drill, attack) for attack in attacks]
        results = []
        for future in as_completed(running):
            results.append(future.result())
            report(results[-1])
        return tuple(results)


def _run_attack(drill: DrillEnvironment, attack: Attack) -> AttackResult:
    """Run one attack. Whatever goes wrong in it is no proof that its brake held."""
    began = time.monotonic()
    try:
        outcome = attack.run(drill)
    except (FactoryError, FactoryStop) as error:
        outcome = not_held(f"no observation: {' '.join(str(error).split())[:200]}")
    # A brake that cannot be observed is not held, whatever the reason.
    except Exception as error:  # noqa: BLE001
        outcome = not_held(f"no observation: {error!r:.200}")
    return AttackResult(attack, outcome, time.monotonic() - began)
