"""Webhooks at a home: the secret that signs them, the receiver, and the queue behind it.

A factory without webhooks misses nothing: it polls the forge anyway, and a webhook only makes it
poll sooner.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.factory.records.watch_list import WatchList
from harness.factory.run.disk_space import disk_space
from harness.forge.deliveries import MOST_SECRETS, DeliveryFilter
from harness.home.document import read_home
from harness.home.programs import keep_token
from harness.home.state import database_of
from harness.log import Log
from harness.ports.inbox import Inbox
from harness.private_text import private_text
from harness.store.clock import SystemClock
from harness.store.inbox import SqlInbox

# The name of a file, not a secret.
WEBHOOK_SECRET = "keys/webhook.secret"  # noqa: S105
LEAST_SECRET = 16
LOOPBACK = "127.0.0.1"
KEPT = timedelta(days=7)
"""How long a delivery that was acted on is remembered. GitHub lets people redeliver for three
days."""


@dataclass(frozen=True, slots=True)
class WebhookAddress:
    """Where the receiver listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WebhookQueue:
    """The deliveries that arrived, and an event that is set when another one does."""

    inbox: Inbox
    bell: threading.Event
    counts: Counter[str]

    def take_hints(self, watch_list: WatchList) -> tuple[int, ...]:
        """Mark the issues of the waiting deliveries for the next poll. Returns the deliveries'
        places, for `done`."""
        # Cleared before reading: a delivery that arrives in between sets it again.
        self.bell.clear()
        waiting = self.inbox.waiting()
        watch_list.hint({delivery.number for _, delivery in waiting if delivery.number is not None})
        return tuple(place for place, _ in waiting)

    def done(self, places: tuple[int, ...]) -> None:
        """Everything that followed from these deliveries is done."""
        if places:
            self.inbox.settle(places)

    def forget_old(self, now: datetime) -> str:
        """Forget old deliveries. Returns what arrived since the last time, in words."""
        self.inbox.forget(now - KEPT)
        arrived = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        self.counts.clear()
        return arrived or "none came"


def address_in(text: str, *, option: str = "--webhooks") -> WebhookAddress:
    """`[HOST:]PORT`; without a host, this machine alone. Raises ConfigError, which names the
    option."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(
            f"expected [HOST:]PORT, such as 8321 or [::1]:8321, found {text!r:.60}",
            key=option,
        )
    return WebhookAddress(host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port))


def secrets_of(home: Path) -> tuple[str, ...]:
    """The secrets that may sign deliveries, the newest first. Raises ConfigError if there is none,
    or if others can read the file."""
    path = home / WEBHOOK_SECRET
    # Whoever reads the secret can forge deliveries.
    text = private_text(path, what="the webhooks' secret")
    if text is None:
        raise ConfigError(
            "there is no secret, so no delivery could be verified: write the one that the forge"
            " signs with to this file, mode 0600, or let `factory init --github` create an app",
            file=str(path),
        )
    lines = text.split()
    if (
        not (lines and text.isascii())
        or len(lines) > MOST_SECRETS
        or min(map(len, lines)) < LEAST_SECRET
    ):
        raise ConfigError(
            f"expected one secret a line, the newest first, at most {MOST_SECRETS}, each of at"
            f" least {LEAST_SECRET} characters of ASCII without spaces",
            file=str(path),
        )
    return tuple(lines)


def keep_webhook_secret(home: Path, secret: str) -> None:
    """Store this as the newest secret. The previous one stays valid until the next change, so that
    no delivery is refused while the forge switches. Raises ConfigError if it is too short."""
    given = secret.split()
    if not given or min(map(len, given)) < LEAST_SECRET:
        raise ConfigError(
            f"a webhook's secret has at least {LEAST_SECRET} characters, and no space"
        )
    # A missing or broken file has no previous secret to keep.
    try:
        before = secrets_of(home)
    except ConfigError:
        before = ()
    kept = dict.fromkeys((*given, *before))
    keep_token(home / WEBHOOK_SECRET, "\n".join(list(kept)[:MOST_SECRETS]))


@contextmanager
def webhooks(
    home: Path, address: WebhookAddress | None, *, log: Log
) -> Iterator[WebhookQueue | None]:
    """The receiver's queue, while the receiver listens; None if there is no address. Raises
    ConfigError if it cannot listen."""
    if address is None:
        yield None
        return
    from harness.forge.receiver import PATH, Receiver, application, listening

    document = read_home(home)
    # A missing secret stops the command here, and not the first delivery hours later.
    secrets_of(home)
    queue = WebhookQueue(
        SqlInbox(home, SystemClock(), address=database_of(home, document)),
        threading.Event(),
        Counter(),
    )
    receiver = Receiver(
        queue.inbox,
        DeliveryFilter(document.number, document.app or None),
        lambda: _secrets_now(home),
        has_room=lambda: _has_room(home),
        on_news=queue.bell.set,
        counts=queue.counts,
    )
    with listening(application(receiver), host=address.host, port=address.port) as port:
        log.write("webhooks", f"received at http://{address.host}:{port}{PATH}")
        yield queue


def _secrets_now(home: Path) -> tuple[str, ...]:
    """The secrets for the next delivery, read again each time. If the file is missing or broken, no
    delivery is accepted."""
    try:
        return secrets_of(home)
    except ConfigError:
        return ()


def _has_room(home: Path) -> bool:
    try:
        return not disk_space(home).is_short
    except OSError:
        # What cannot be measured counts as full; the next poll finds the same news.
        return False
