"""What the project's sandboxes have beside packages: services, and a root file system."""

from collections.abc import Sequence

from harness.domain.errors import SandboxError
from harness.domain.sandbox import Form, Service
from harness.factory.run.node import Job
from harness.factory.run.services import Places
from harness.factory.settings.config import Config
from harness.programs.sandbox.roots.root import prepared


def services_of(job: Job) -> tuple[Service, ...]:
    """What factory.toml lists. Raises SandboxError where sandboxes cannot have it."""
    return usable(job.policy.config.services, job.services.sandbox.form())


def root_of(job: Job) -> str:
    """The folder of the root file system that factory.toml names, prepared once; empty: sandboxes
    see the machine's own. Raises ConfigError or SandboxError that names what is wrong with it."""
    return root_in(job.policy.config, job.services.places)


def root_in(config: Config, places: Places) -> str:
    """The same for a home without a job."""
    digest = config.sandbox.root
    return str(prepared(digest, roots=places.roots, out=places.layers)) if digest else ""


def usable(services: tuple[Service, ...], *forms: str) -> tuple[Service, ...]:
    """These services, if sandboxes of each of these forms can have them. Raises SandboxError."""
    if services and (shared := _without_namespaces(forms)):
        raise SandboxError(
            f"`[[services]]` in factory.toml needs sandboxes with a network of their own, and those"
            f" of the form {shared} use the machine's; `python -m harness.programs.sandbox probe`"
            f" shows why {Form.BWRAP_USERNS} does not work here",
            retryable=False,
        )
    return services


def beside_judged(config: Config, *forms: str) -> tuple[Service, ...]:
    """The services beside what is judged, if sandboxes of each of these forms can have them, and
    can run its commands where nothing but commands is judged. Raises SandboxError."""
    commands_alone = config.app.commands and not config.app.start
    if commands_alone and (form := _without_namespaces(forms)):
        raise SandboxError(
            f"`[app] commands` in factory.toml cannot be run in sandboxes of the form {form}, in"
            " which a tool would find this machine's accounts and processes;"
            f" `python -m harness.programs.sandbox probe` shows why {Form.BWRAP_USERNS} does not"
            " work here",
            retryable=False,
        )
    return usable(config.services, *forms)


def _without_namespaces(forms: Sequence[str]) -> str:
    """The first form whose sandboxes share the machine's network, accounts and processes; empty if
    there is none."""
    return next((form for form in forms if form and not Form(form).in_namespaces), "")
