"""The checks of `factory doctor` on what a project needs in its sandboxes: packages by its lock
files, services, and a root file system."""

import os
from functools import partial
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.sandbox import SandboxSpec
from harness.factory.project.services import root_in
from harness.factory.run.services import Places
from harness.factory.settings.config import Config
from harness.operations.doctor.finding import HealthFinding, fail, ok, warn
from harness.operations.doctor.home_checks import fetched_repository, policy_of
from harness.operations.readiness import about_lock

_TELL = """
import platform
try:
    print(platform.freedesktop_os_release()["PRETTY_NAME"])
except (OSError, KeyError):
    print("a system without a name")
"""


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
    named, root = policy.config.dependencies, root_in(policy.config, _places(home))
    found = []
    for name in filter(None, dict.fromkeys((named.lock, named.tests))):
        lock = repository.read(policy.base, name)
        if lock is None:
            raise ConfigError(
                f"there is no {name}, so nothing can be installed from it; make and commit it"
            )
        ecosystem = ecosystem_of(name)
        read = partial(repository.read, policy.base)
        try:
            ecosystem.check(joined(lock, name, read), form=read_home(home).sandbox)
        except ConfigError as error:
            raise ConfigError(about_lock(name, error)) from error
        found.append(f"{name} pins every package with a hash; {ecosystem.ready(root)}")
    found.append(_services(policy.config, read_home(home).sandbox, root))
    return ok("; ".join(filter(None, found)) or "no lock file is named, so nothing is installed")


def _services(config: Config, form: str, root: str) -> str:
    """Which services can be started, in words. Raises ConfigError that names a missing program,
    SandboxError where sandboxes cannot have them, or cannot run the commands that are judged."""
    from harness.factory.project.services import beside_judged
    from harness.programs.sandbox import forms

    if not config.services and not config.app.commands:
        return ""
    services = beside_judged(config, forms.chosen(form))
    if not services:
        return ""
    for one in services:
        for command in (one.prepare, one.start, one.ready, one.setup):
            if command and not _is_there(command[0], root):
                raise ConfigError(
                    f"service {one.name} needs {command[0]}, and sandboxes see only programs in"
                    " /usr/bin, /bin or by a path below /usr; install its package"
                )
    names = ", ".join(one.name for one in services)
    return f"services can be started: {names} (their data was not tried)"


def _places(home: Path) -> Places:
    from harness.home.document import read_home

    return Places(home, read_home(home).repository_id)


def _is_there(program: str, root: str) -> bool:
    from harness.programs.sandbox.packages.environment import SEEN

    # A path stays as it is.
    return any(os.path.lexists(root + os.path.join(folder, program)) for folder in SEEN)


def root_file_system(home: Path) -> HealthFinding:
    """Prepare the root file system that factory.toml names, and start a command in it. Raises
    ConfigError or SandboxError."""
    from harness.home.document import read_home
    from harness.programs.sandbox.client import SandboxSupervisor

    policy = policy_of(home)
    if policy is None or not policy.config.sandbox.root:
        return ok("none is named, so sandboxes see this machine's own")
    root, form = root_in(policy.config, _places(home)), read_home(home).sandbox
    spec = SandboxSpec("doctor", ("python", "-I", "-c", _TELL), root=root, form=form)
    result = SandboxSupervisor(_places(home).layers).run(spec)
    if not result.ok:
        last = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-200:]
        return fail(
            f"no command starts in {policy.config.sandbox.root:.20}…: {last or result.exit_code}",
            "make one with the C library that this machine's Python needs, and name its digest as"
            " `[sandbox] root`",
        )
    printed = result.stdout.decode("utf-8", "replace").strip()[:80]
    return ok(
        f"{policy.config.sandbox.root:.20}… has its digest, and a command starts in it: {printed}"
    )
