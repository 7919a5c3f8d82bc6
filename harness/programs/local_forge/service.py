"""The forge as one thing: its database, its clock, its limits and its messenger. Pages and API both
work through it."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.programs.local_forge.content import repositories
from harness.programs.local_forge.etags import Tags
from harness.programs.local_forge.events.event_stream import EventStream
from harness.programs.local_forge.events.webhook_sender import WebhookSender
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.rate_limits import RateLimits
from harness.programs.local_forge.ref_sync import settle, tell_pushes
from harness.programs.local_forge.settings import Settings
from harness.programs.local_forge.storage.database import Database
from harness.programs.local_forge.storage.records import Repo, User
from harness.programs.local_forge.transaction import Transaction


def wall_clock() -> int:
    """Seconds since the epoch."""
    return int(time.time())


class Service:
    """What a running forge is made of."""

    def __init__(
        self, settings: Settings, web: str, *, clock: Callable[[], int] = wall_clock
    ) -> None:
        self.settings = settings
        self.links = Links(web)
        self.clock = clock
        self.database = Database(settings.database)
        self.limits = RateLimits(settings.rate_limit)
        self.tags = Tags()
        self.pulse = EventStream()
        with self.database.reading() as db:
            self.webhook_sender = WebhookSender.told_by(db)
        self.admin_token = settings.admin_token.read_text(encoding="ascii").strip()

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Transaction]:
        """Work on the database; what it wants told to webhooks is sent once it is kept."""
        opened = self.database.writing() if write else self.database.reading()
        with opened as db:
            tx = Transaction(
                db,
                self.settings,
                self.links,
                self.clock(),
                listened=self.webhook_sender.is_listened_to,
            )
            yield tx
        self.webhook_sender.post(tx.notices)
        for folder in tx.gone:
            shutil.rmtree(folder, ignore_errors=True)
        if write:
            self.pulse.beat()

    def settle_everything(self) -> None:
        """At start: take up what a server that died left between a push and its consequences."""
        with self.transaction(write=True) as tx:
            for repo in repositories.all_of(tx):
                tx.git(repo).arm()
                settle(tx, repo, repo.owner)

    def after_push(self, repo: Repo, actor: User, before: dict[str, str]) -> None:
        """After somebody pushed: announce it, and let pull requests and issues follow."""
        with self.transaction(write=True) as tx:
            tell_pushes(tx, repo, before, actor)
            settle(tx, repositories.named(tx, repo.owner.login, repo.name), actor)
