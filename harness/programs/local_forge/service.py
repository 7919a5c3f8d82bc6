"""The running forge: its database, clock, rate limits and webhook sender. The pages
and the API both use it."""

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.programs.local_forge.content import repositories
from harness.programs.local_forge.etags import EtagCache
from harness.programs.local_forge.events.event_stream import EventStream
from harness.programs.local_forge.events.webhook_sender import WebhookSender
from harness.programs.local_forge.git.objects import GitFailed
from harness.programs.local_forge.links import Links
from harness.programs.local_forge.rate_limits import RateLimits
from harness.programs.local_forge.ref_sync import sync_refs
from harness.programs.local_forge.refused import Refused
from harness.programs.local_forge.settings import Settings
from harness.programs.local_forge.storage.database import Database
from harness.programs.local_forge.storage.records import Repo, User
from harness.programs.local_forge.transaction import Transaction


def wall_clock() -> int:
    """Seconds since the epoch."""
    return int(time.time())


class Service:
    """Everything that a running forge consists of."""

    def __init__(
        self, settings: Settings, web: str, *, clock: Callable[[], int] = wall_clock
    ) -> None:
        self.settings = settings
        self.links = Links(web)
        self.clock = clock
        self.database = Database(settings.database)
        self.limits = RateLimits(settings.rate_limit)
        self.tags = EtagCache()
        self.event_stream = EventStream()
        with self.database.reading() as db:
            self.webhook_sender = WebhookSender.from_database(db)
        self.admin_token = settings.admin_token.read_text(encoding="ascii").strip()

    @contextmanager
    def transaction(self, *, write: bool) -> Iterator[Transaction]:
        """Open a database transaction. Its webhooks are sent after the commit."""
        opened = self.database.writing() if write else self.database.reading()
        with opened as db:
            tx = Transaction(
                db,
                self.settings,
                self.links,
                self.clock(),
                has_hooks=self.webhook_sender.has_hooks,
            )
            yield tx
        # Everything below runs only after the commit: an error above leaves nothing sent or
        # deleted.
        self.webhook_sender.post(tx.notices)
        for folder in tx.gone:
            shutil.rmtree(folder, ignore_errors=True)
        if write:
            self.event_stream.beat()

    def sync_every_repository(self) -> None:
        """At start: finish what a killed server left between a push and its sync. A repository that
        git cannot read, or not in time, keeps no other from being served."""
        with self.transaction(write=False) as tx:
            every = repositories.all_of(tx)
        for repo in every:
            try:
                with self.transaction(write=True) as tx:
                    tx.git(repo).install_hook()
                    sync_refs(tx, repo, repo.owner)
            except (GitFailed, Refused) as error:
                print(
                    f"forge: {repo.full_name} was not brought up to date: {error}", file=sys.stderr
                )

    def after_push(self, repo: Repo, actor: User, before: dict[str, str]) -> None:
        """Announce a push and sync pull requests and issues with it."""
        with self.transaction(write=True) as tx:
            repo = repositories.named(tx, repo.owner.login, repo.name)
            sync_refs(tx, repo, actor, before=before)
