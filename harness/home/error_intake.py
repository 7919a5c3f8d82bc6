"""The intake for errors of the running app, at a home: its keys, its spool, and its process while
`factory up` works.

What is down here never ends the factory: the intake is started again, ever more slowly."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from harness.domain.errors import ConfigError, PortError
from harness.home.document import HomeFile, read_home, write_home
from harness.log import WARNING, Log
from harness.programs.error_intake.keys import MOST_KEYS, Keys, Service, keys_in
from harness.programs.error_intake.spool import Spool
from harness.programs.error_intake.start import RunningIntake, start

if TYPE_CHECKING:
    from harness.home.webhooks import WebhookAddress

KEYS, FOLDER, OPTION = "keys/errors", "errors", "errors"
DEFAULT_PORT = "8400"
FIRST_RETRY, LAST_RETRY, LOOK_SECONDS = 1.0, 60.0, 0.5
PORT_INSIDE = 8400
_REACHED = frozenset({"127.0.0.1", "localhost", "0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True, slots=True)
class WayToIntake:
    """How an app in a sandbox of this machine reports errors: the ports of the sandbox that lead to
    ports of the machine, and the app's variables. Both are empty where there is no intake."""

    lets_out: Mapping[int, int] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)


def spool_of(home: Path) -> Spool:
    """The errors that the home's intake has received."""
    return Spool(home / FOLDER)


def intake_keys(home: Path) -> Keys:
    """The intake's keys. Raises ConfigError, which shows none."""
    return keys_in(home / KEYS)


def intake_address(document: HomeFile) -> WebhookAddress | None:
    """Where the intake listens; None if the home has none. Raises ConfigError."""
    from harness.home.webhooks import address_in  # `factory status` looks at the spool alone

    return address_in(document.errors, option=OPTION) if document.errors else None


def set_intake(home: Path, *, listen: str, url: str) -> HomeFile:
    """Have an intake at this address; an empty text leaves what is there. Raises ConfigError."""
    before = read_home(home)
    found = replace(
        before,
        errors=listen or before.errors or DEFAULT_PORT,
        errors_url=(url or before.errors_url).rstrip("/"),
    )
    intake_address(found)
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"expected an address such as https://errors.example.org: {url!r:.80}")
    if found != before:
        write_home(home, found)
    return found


def base_url(document: HomeFile) -> str:
    """The address that apps and services are given, without a slash at its end."""
    address = intake_address(document)
    if document.errors_url or address is None:
        return document.errors_url
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"http://{host}:{address.port}"


def new_dsn(home: Path) -> str:
    """Make a DSN and keep its key. Returns it. Raises ConfigError where there are too many."""
    keys, key = intake_keys(home), secrets.token_hex(16)
    project = str(max((int(number) for number, _ in keys.dsns), default=0) + 1)
    _add(home, keys, f"dsn {project} {key}")
    parts = urlsplit(base_url(read_home(home)))
    return f"{parts.scheme}://{key}@{parts.netloc}{parts.path}/{project}"


def add_service(home: Path, service: Service, secret: str) -> str:
    """Keep the secret of a service, and return the address that it is to call. Raises ConfigError
    for a secret that is too short or has spaces."""
    # A second line in it would be another key.
    if secret.split() != [secret]:
        raise ConfigError("expected a secret without spaces and line breaks")
    keys, address = intake_keys(home), f"{base_url(read_home(home))}/webhooks/{service}"
    _add(home, keys, f"{service} {secret}")
    return address if service is Service.SENTRY else f"{address}/{secret}"


def way_to_intake(home: Path) -> WayToIntake:
    """The way for apps of the home's own places, with the first DSN. Never raises: a release is
    deployed, and above all taken back, also where the intake's settings are broken."""
    try:
        dsns = intake_keys(home).dsns
        address = intake_address(read_home(home)) if dsns else None
    except ConfigError:
        return WayToIntake()
    if address is None or address.port == 0 or address.host not in _REACHED:
        return WayToIntake()
    project, key = dsns[0]
    dsn = f"http://{key}@127.0.0.1:{PORT_INSIDE}/{project}"
    return WayToIntake({PORT_INSIDE: address.port}, {"SENTRY_DSN": dsn})


def _add(home: Path, keys: Keys, line: str) -> None:
    from harness.home.programs import keep_token

    if len(keys.dsns) + len(keys.secrets) >= MOST_KEYS:
        raise ConfigError(
            f"there are {MOST_KEYS} keys already: delete the lines of those that nobody uses",
            file=str(home / KEYS),
        )
    before = (home / KEYS).read_text("ascii").splitlines() if (home / KEYS).exists() else []
    draft = home / f"{KEYS}.new"
    keep_token(draft, "\n".join((*before, line)))
    try:
        # Read back before it counts: a line that cannot be read would shut the whole intake.
        keys_in(draft)
        draft.replace(home / KEYS)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def error_intake(home: Path, *, log: Log) -> Iterator[None]:
    """The intake while the block lasts, if the home has one. Raises ConfigError for an address or
    keys that are none."""
    address = intake_address(read_home(home))
    if address is None:
        yield
        return
    intake_keys(home)
    done = threading.Event()
    keeper = threading.Thread(
        target=_keep, args=(home, address, log, done), name=OPTION, daemon=True
    )
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _keep(home: Path, address: WebhookAddress, log: Log, done: threading.Event) -> None:
    """Keep one intake running until `done` is set."""
    pause = FIRST_RETRY
    while not done.is_set():
        try:
            running = start(home / FOLDER, host=address.host, port=address.port, keys=home / KEYS)
        except (PortError, OSError) as error:
            log.write("errors-failed", str(error), level=WARNING)
        else:
            log.write("errors", f"taken at http://{address.host}:{running.port}")
            if _has_lasted(running, done):
                pause = FIRST_RETRY
        if not done.wait(pause):
            pause = min(LAST_RETRY, pause * 2)


def _has_lasted(running: RunningIntake, done: threading.Event) -> bool:
    """Wait until the intake or the block ends, and stop it. Whether it ran for a while."""
    looks = 0
    try:
        while running.is_alive and not done.wait(LOOK_SECONDS):
            looks += 1
    finally:
        running.stop()
    return looks * LOOK_SECONDS > LAST_RETRY
