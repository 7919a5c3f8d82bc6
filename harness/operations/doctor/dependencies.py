"""The check of `factory doctor` on the lock files of a project: whether sandboxes can be furnished
from them."""

from pathlib import Path

from harness.operations.doctor.finding import HealthFinding, ok
from harness.operations.doctor.home_checks import fetched_repository, policy_of


def dependencies(home: Path) -> HealthFinding:
    """Read every entry of each lock at the base that was fetched last, and look for the programs
    that its packages need. Nothing is fetched. Raises ConfigError or SandboxError."""
    from harness.home.document import read_home
    from harness.programs.sandbox.packages.ecosystems import ecosystem_of

    policy, repository = policy_of(home), fetched_repository(home)
    if policy is None or repository is None:
        return ok("nothing was fetched yet; the first tick does")
    named = policy.config.dependencies
    found = []
    for name in filter(None, dict.fromkeys((named.lock, named.tests))):
        lock = repository.read(policy.base, name)
        if lock is None:
            found.append(f"there is no {name}, so nothing is installed from it")
            continue
        ecosystem = ecosystem_of(name)
        ecosystem.check(lock, form=read_home(home).sandbox)
        found.append(f"{name} pins every package with a hash; {ecosystem.ready()}")
    return ok("; ".join(found) or "no lock file is named, so nothing is installed")
