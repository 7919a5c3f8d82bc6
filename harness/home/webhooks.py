"""Webhooks at a home: the secret they are signed with, the door they come through, and the queue
behind it.

A factory without them misses nothing: it looks at the forge anyway, and they only make it look
sooner."""

import stat
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.factory.records.watch_list import WatchList
from harness.factory.run.disk_space import disk_space
from harness.forge.deliveries import MOST_SECRETS, Door
from harness.home.document import HomeFile, read_home
from harness.home.programs import keep_token
from harness.home.state import database_of
from harness.ports.inbox import Inbox
from harness.store.clock import SystemClock
from harness.store.inbox import SqlInbox

WEBHOOK_SECRET = "keys/webhook.secret"  # noqa: S105 - where it is, and not what it is
LEAST_SECRET = 16
LOOPBACK = "127.0.0.1"
KEPT = timedelta(days=7)
"""How long a delivery that was acted on is remembered. GitHub sends one again, when somebody asks
for it, for three days."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where deliveries are taken."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Mail:
    """What came, and a bell that rings when more does."""

    inbox: Inbox
    bell: threading.Event
    counts: Counter[str]

    def hear(self, watch_list: WatchList) -> tuple[int, ...]:
        """Have what came looked at; the places of it, for `done`."""
        self.bell.clear()
        waiting = self.inbox.waiting()
        watch_list.hint({delivery.number for _, delivery in waiting if delivery.number is not None})
        return tuple(place for place, _ in waiting)

    def done(self, places: tuple[int, ...]) -> None:
        """All that followed from these was done."""
        if places:
            self.inbox.settle(places)

    def sweep(self, now: datetime) -> str:
        """Forget what is old; what came since the last time, in words."""
        self.inbox.forget(now - KEPT)
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        self.counts.clear()
        return told or "none came"


def address_in(text: str) -> Address:
    """`[HOST:]PORT`, this machine alone where no host is named. Raises ConfigError."""
    host, _, port = text.rpartition(":")
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigError(
            f"expected [HOST:]PORT, such as 8321 or [::1]:8321, found {text!r:.60}",
            key="--webhooks",
        )
    return Address(host.removeprefix("[").removesuffix("]") or LOOPBACK, int(port))


def secrets_of(home: Path) -> tuple[str, ...]:
    """What deliveries may be signed with, the newest first. Raises ConfigError where there is
    nothing that keeps a stranger out."""
    path = home / WEBHOOK_SECRET
    try:
        facts, lines = path.stat(), path.read_text("ascii").split()
    except FileNotFoundError:
        raise ConfigError(
            "there is no secret, so no delivery could be believed: write the one that the forge"
            " signs with to this file, mode 0600, or let `factory init --github` make an app",
            file=str(path),
        ) from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"the webhooks' secret cannot be read: {error}", file=str(path)) from None
    if stat.S_IMODE(facts.st_mode) & 0o077:
        raise ConfigError(
            "others may read it: `chmod 600` it, and exchange what is in it", file=str(path)
        )
    if not lines or len(lines) > MOST_SECRETS or min(map(len, lines)) < LEAST_SECRET:
        raise ConfigError(
            f"expected one secret a line, the newest first, at most {MOST_SECRETS}, each of at"
            f" least {LEAST_SECRET} characters without spaces",
            file=str(path),
        )
    return tuple(lines)


def keep_webhook_secret(home: Path, secret: str) -> None:
    """Make this the newest secret; the one before it holds until the next exchange, so that nothing
    is turned away while the forge is told. Raises ConfigError for one that is too short."""
    given = secret.split()
    if not given or min(map(len, given)) < LEAST_SECRET:
        raise ConfigError(
            f"a webhook's secret has at least {LEAST_SECRET} characters, and no space"
        )
    try:
        before = secrets_of(home)
    except ConfigError:
        before = ()
    kept = dict.fromkeys((*given, *before))
    keep_token(home / WEBHOOK_SECRET, "\n".join(list(kept)[:MOST_SECRETS]))


@contextmanager
def webhooks(
    home: Path, address: Address | None, *, say: Callable[[str, str], None]
) -> Iterator[Mail | None]:
    """The door, open for as long as the block lasts; None where there is to be none. Raises
    ConfigError where it cannot be opened."""
    if address is None:
        yield None
        return
    from harness.forge.receiver import PATH, Receiver, listening

    document = read_home(home)
    secrets_of(home)
    mail = Mail(
        SqlInbox(home, SystemClock(), address=database_of(home, document)),
        threading.Event(),
        Counter(),
    )
    receiver = Receiver(
        mail.inbox,
        _door(document),
        lambda: _secrets_now(home),
        has_room=lambda: _has_room(home),
        on_news=mail.bell.set,
        counts=mail.counts,
    )
    with listening(receiver, host=address.host, port=address.port) as port:
        say("webhooks", f"taken at http://{address.host}:{port}{PATH}")
        yield mail


def _door(document: HomeFile) -> Door:
    return Door(document.number, document.app or None)


def _secrets_now(home: Path) -> tuple[str, ...]:
    """A file that is gone or broken believes nobody; it is read again for the next delivery."""
    try:
        return secrets_of(home)
    except ConfigError:
        return ()


def _has_room(home: Path) -> bool:
    try:
        return not disk_space(home).is_short
    except OSError:
        return False
