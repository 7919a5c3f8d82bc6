"""Send webhooks in the background, signed with HMAC-SHA256 over the bytes that are sent. Each is
tried once.

GitHub does not retry either: a listener has to re-read the state.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, insert, select

from harness.domain.plain import JsonObject
from harness.programs.local_forge.storage.database import Database
from harness.programs.local_forge.storage.tables import deliveries, hooks
from harness.programs.local_forge.transaction import Notice

if TYPE_CHECKING:
    import httpx

SECONDS = 10.0
MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook: its address, its secret, and the events it wants (`*` for all)."""

    id: int
    url: str
    secret: str
    events: frozenset[str]
    # An App's own webhook gets events only of the repositories it is installed on.
    app: int | None = None

    def wants(self, notice: Notice) -> bool:
        """Whether this webhook gets the notice."""
        return ("*" in self.events or notice.event in self.events) and (
            self.app is None or self.app in notice.installed
        )

    def payload_for(self, notice: Notice) -> JsonObject:
        """The payload; an App's webhook also gets the id of its installation."""
        return (
            notice.payload
            if self.app is None
            else {**notice.payload, "installation": {"id": notice.installed[self.app]}}
        )


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, ready to be sent."""

    id: str
    hook: Hook
    event: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """The request headers, with GitHub's names."""
        return {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/embedded",
            "X-GitHub-Event": self.event,
            "X-GitHub-Delivery": self.id,
            "X-GitHub-Hook-ID": str(self.hook.id),
            "X-Hub-Signature-256": signature(self.hook.secret, self.content),
        }


def signature(secret: str, content: bytes) -> str:
    """`sha256=` and the HMAC of the content, in hexadecimal."""
    return "sha256=" + hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()


def add_hook(db: Connection, url: str, secret: str, events: Iterable[str]) -> int:
    """Store a webhook and return its number."""
    row = {"url": url, "secret": secret, "events": json.dumps(sorted(events))}
    return int(db.execute(insert(hooks).values(row).returning(hooks.c.id)).scalar_one())


class WebhookSender:
    """Queues notices from any thread and delivers them in order on the server's event loop."""

    def __init__(self, webhooks: tuple[Hook, ...]) -> None:
        self._hooks = webhooks
        self._post: Callable[[Delivery], object] | None = None

    @classmethod
    def from_database(cls, db: Connection) -> "WebhookSender":
        """A sender for the webhooks in the database."""
        webhook_sender = cls(())
        webhook_sender.reload(db)
        return webhook_sender

    def reload(self, db: Connection) -> None:
        """Read the webhooks again, after one was added."""
        rows = db.execute(select(hooks).order_by(hooks.c.id))
        self._hooks = tuple(
            Hook(row.id, row.url, row.secret, frozenset(json.loads(row.events)), row.app_id)
            for row in rows
        )

    @property
    def has_hooks(self) -> bool:
        """Whether there is any webhook."""
        return bool(self._hooks)

    def post(self, notices: Iterable[Notice]) -> None:
        """Queue deliveries and return at once. Notices from before the server runs are dropped."""
        for notice in notices:
            for hook in self._hooks:
                # _post is None until the server's event loop runs.
                if hook.wants(notice) and self._post is not None:
                    self._post(
                        Delivery(
                            str(uuid.uuid4()),
                            hook,
                            notice.event,
                            json.dumps(hook.payload_for(notice)).encode(),
                        )
                    )

    async def deliver(self, database: Database) -> None:
        """Send what is queued, until cancelled."""
        queue: asyncio.Queue[Delivery] = asyncio.Queue(MOST_WAITING)
        # Notices come from worker threads, and an asyncio queue may be touched only from its own
        # loop.
        loop = asyncio.get_running_loop()
        self._post = lambda parcel: loop.call_soon_threadsafe(_put, queue, parcel)
        try:
            parcel = await queue.get()
            # Imported here: it takes a fifth of the start time, and most forges have no webhook.
            import httpx

            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                while True:
                    status, error = await _send(client, parcel)
                    await asyncio.to_thread(_note, database, parcel, status, error)
                    parcel = await queue.get()
        finally:
            self._post = None


def _put(queue: asyncio.Queue[Delivery], parcel: Delivery) -> None:
    # A listener that is this far behind must re-read the state anyway.
    if not queue.full():
        queue.put_nowait(parcel)


async def _send(client: "httpx.AsyncClient", parcel: Delivery) -> tuple[int | None, str | None]:
    from httpx import HTTPError

    try:
        answer = await client.post(parcel.hook.url, content=parcel.content, headers=parcel.headers)
    except HTTPError as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status_code, None


def _note(database: Database, parcel: Delivery, status: int | None, error: str | None) -> None:
    now = int(time.time())
    with database.writing() as db:
        db.execute(
            insert(deliveries).values(
                id=parcel.id,
                hook_id=parcel.hook.id,
                event=parcel.event,
                status=status,
                error=error,
                delivered_at=now,
            )
        )
