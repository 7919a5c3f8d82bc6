"""Sends the notices of a home while a factory works on it.

Properties:
- an event is sent in one message, also through a kill: what may have been sent is not sent again;
- a message that no address took is tried again, ever more slowly, with all that came since;
- a service that is slow or down holds nothing up;
- no address is in an argument, a log, a prompt or the ledger.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.events import NoticeBegan, NoticeSent
from harness.domain.ledger import Entry
from harness.factory.records.link import UrlFor
from harness.factory.reporting.notices import READ_KINDS, due, message, outbox
from harness.home.document import read_home
from harness.home.notices import VARIABLE, Addresses, NoticeSettings, addresses_of
from harness.home.state import ledger_of, secret_in_environment
from harness.log import WARNING, Log
from harness.ports.clock import Clock
from harness.ports.ledger import Ledger
from harness.workflow.cron import local_zone

EVERY_SECONDS = 5.0
PROCESS_SECONDS = 60
COMMAND = (sys.executable, "-I", "-m", "harness.programs.notifier")
PASSED = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")

Send = Callable[[Addresses, str, str], tuple[int, int]]
"""Sends title and body: how many addresses took it, and how many did not."""


@dataclass(slots=True)
class Notifier:
    """The notices of one home. `repository` is its name on the forge. For one thread at a time."""

    ledger: Ledger
    clock: Clock
    zone: tzinfo
    repository: str
    link: UrlFor
    log: Log
    settings: NoticeSettings
    addresses: Addresses
    send: Send
    # What was read of the ledger, which only grows, and how far that is.
    _read: list[Entry] = field(default_factory=list)
    _through: int = 0

    def look(self) -> None:
        """Send what is due. Raises LedgerError where the ledger fails; then nothing was sent that
        is not recorded."""
        now = self.clock.now().astimezone(self.zone)
        self._read_on()
        found = outbox(self._read, self._through, now, kinds=self.settings.kinds)
        number = sum(1 for entry in self._read if entry.kind == NoticeBegan.kind) + 1
        key = f"{NoticeBegan.kind}/{number}"
        if found.is_first:
            self.ledger.append(NoticeBegan(found.through), key)
            self.ledger.append(NoticeSent(key, 0, 0), f"{key}/sent")
        if not due(found, now, self.settings.quiet):
            return
        title, body = message(found, self.repository, self.link)
        # The intent comes first: after a kill in between nobody gets it twice.
        about = tuple(one.seq for one in found.notices)
        self.ledger.append(NoticeBegan(found.through, about), key)
        taken, failed = self.send(self.addresses, title, body)
        self.ledger.append(NoticeSent(key, taken, failed), f"{key}/sent")
        if failed:
            self.log.write(
                "notice-failed",
                f"{failed} of {taken + failed} addresses did not take a notice; look at them in"
                f" {VARIABLE} or keys/notices",
                level=WARNING,
            )

    def _read_on(self) -> None:
        kinds = {event.kind for event in READ_KINDS}
        new = self.ledger.entries(after=self._through)
        self._read.extend(entry for entry in new if entry.kind in kinds)
        self._through = new[-1].seq if new else self._through


@contextmanager
def notices(
    home: Path, *, clock: Clock, log: Log, before: Callable[[], None] = lambda: None
) -> Iterator[None]:
    """Send notices on a thread while the block lasts, and at its end what is due then. Does
    nothing where no address is named. `before` is called before each is sent, and prevents it by
    raising. Raises ConfigError for an address or a setting that is
    none."""
    document = read_home(home)
    addresses = addresses_of(home, secret_in_environment(VARIABLE))
    if not addresses.urls:
        yield
        return
    with closing(ledger_of(home, clock)) as ledger:
        notifier = Notifier(
            ledger,
            clock,
            local_zone(),
            f"{document.owner}/{document.name}",
            lambda path: document.address(document.web, path),
            log,
            document.notices,
            addresses,
            partial(_sent_after, before),
        )
        done = threading.Event()
        thread = threading.Thread(target=_send_until, args=(notifier, done), daemon=True)
        _look(notifier)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            _look(notifier)


def _send_until(notifier: Notifier, done: threading.Event) -> None:
    while not done.wait(EVERY_SECONDS):
        _look(notifier)


def _look(notifier: Notifier) -> None:
    try:
        notifier.look()
    except (PortError, OSError) as error:
        notifier.log.write("notice-failed", f"no notice can be sent: {error}", level=WARNING)


def _sent_after(
    before: Callable[[], None], addresses: Addresses, title: str, body: str
) -> tuple[int, int]:
    before()
    return sent_by_process(addresses, title, body)


def sent_by_process(addresses: Addresses, title: str, body: str) -> tuple[int, int]:
    """Send by a process of its own, which gets the addresses on its standard input and nothing of
    our environment but how to reach the network. A process that does not end in time has failed."""
    order = {"addresses": addresses.urls, "title": title, "body": body}
    environment = {name: os.environ[name] for name in PASSED if name in os.environ}
    process = subprocess.Popen(
        COMMAND,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(json.dumps(order).encode(), PROCESS_SECONDS)
        result = json.loads(printed)
        return int(result["taken"]), int(result["failed"])
    except (subprocess.TimeoutExpired, ValueError, KeyError, TypeError):
        return 0, len(addresses.urls)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
