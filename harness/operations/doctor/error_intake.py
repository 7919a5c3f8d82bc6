"""The check of `factory doctor` on the intake for errors of the running app."""

from pathlib import Path

from harness.home.document import read_home
from harness.home.error_intake import KEYS, intake_address, intake_keys, spool_of
from harness.operations.doctor.finding import HealthFinding, fail, ok, warn

SECONDS = 3.0
TAKEN = (200, 429)
"""Taken, or known and asked to wait."""


def error_intake(home: Path) -> HealthFinding:
    """Whether the intake, where the home has one, takes a report by each DSN. It is sent an empty
    one, which files nothing. Raises ConfigError for an address or keys that are none."""
    document = read_home(home)
    address, keys = intake_address(document), intake_keys(home)
    if address is None:
        return ok("the running app reports its errors nowhere; `factory errors dsn` would begin it")
    if not keys.dsns and not keys.secrets:
        return warn(f"{KEYS} has no key, so nobody may report", "`factory errors dsn` makes one")
    # A spool that cannot be read raises PortError, which is the finding.
    spool_of(home).groups()
    host = f"[{address.host}]" if ":" in address.host else address.host
    return _answers(f"http://{host}:{address.port}", keys.dsns, services=len(keys.secrets))


def _answers(url: str, dsns: tuple[tuple[str, str], ...], *, services: int) -> HealthFinding:
    import httpx

    try:
        for project, key in dsns:
            # The proxy of the environment has no business between us and our own process.
            answer = httpx.post(
                f"{url}/api/{project}/envelope/?sentry_key={key}",
                content=b"{}",
                timeout=SECONDS,
                trust_env=False,
            )
            if answer.status_code not in TAKEN:
                return fail(
                    f"the intake at {url} answers {answer.status_code} to the DSN of project"
                    f" {project}",
                    "look at errors/intake.log in the home, and restart `factory up`",
                )
        if not dsns:
            httpx.get(f"{url}/healthz", timeout=SECONDS, trust_env=False).raise_for_status()
    except httpx.HTTPError as error:
        return warn(
            f"nothing takes reports at {url} ({type(error).__name__})",
            "`factory up` starts the intake, and has to be restarted after the first key",
        )
    return ok(f"reports are taken at {url}, of {len(dsns)} DSNs and {services} services")
