"""The check of `factory doctor` on what a project needs in its sandboxes: packages by its lock
files, and services."""

import shutil
from functools import partial
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.sandbox import Service
from harness.operations.doctor.finding import HealthFinding, ok, warn
from harness.operations.doctor.home_checks import fetched_repository, policy_of

SEEN = "/usr/bin:/bin"
"""Where sandboxes look for programs."""


def dependencies(home: Path) -> HealthFinding:
    """Read every entry of each lock at the base that was fetched last, and look for the programs
    that its packages need. Nothing is fetched. Raises ConfigError or SandboxError."""
    from harness.home.document import read_home
    from harness.programs.sandbox.packages.ecosystems import ecosystem_of, joined

    policy, repository = policy_of(home), fetched_repository(home)
    if repository is None:
        return ok("nothing was fetched yet; the first tick does")
    if policy is None:
        return warn("factory.toml was not read, so no lock was", "mend what `governance` names")
    named = policy.config.dependencies
    found = []
    for name in filter(None, dict.fromkeys((named.lock, named.tests))):
        lock = repository.read(policy.base, name)
        if lock is None:
            found.append(f"there is no {name}, so nothing is installed from it")
            continue
        ecosystem = ecosystem_of(name)
        read = partial(repository.read, policy.base)
        ecosystem.check(joined(lock, name, read), form=read_home(home).sandbox)
        found.append(f"{name} pins every package with a hash; {ecosystem.ready()}")
    found.append(_services(policy.config.services, read_home(home).sandbox))
    return ok("; ".join(filter(None, found)) or "no lock file is named, so nothing is installed")


def _services(services: tuple[Service, ...], form: str) -> str:
    """Which services can be started, in words. Raises ConfigError that names a missing program,
    SandboxError where sandboxes cannot have services."""
    from harness.factory.project.services import usable
    from harness.programs.sandbox import forms

    if not services:
        return ""
    usable(services, forms.chosen(form))
    for one in services:
        for command in (one.prepare, one.start, one.ready, one.setup):
            if command and shutil.which(command[0], path=SEEN) is None:
                raise ConfigError(
                    f"service {one.name} needs {command[0]}, and sandboxes see only programs in"
                    " /usr/bin, /bin or by a path below /usr; install its package"
                )
    names = ", ".join(one.name for one in services)
    return f"services can be started: {names} (their data was not tried)"
