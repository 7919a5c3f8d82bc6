"""Webhooks: signed with HMAC-SHA256 over the very bytes that are sent, tried once, in the
background.

GitHub never delivers again by itself, and neither does this: whoever listens re-reads the state.
"""

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, select

from harness.programs.local_forge.storage.database import Database
from harness.programs.local_forge.storage.tables import deliveries, hooks
from harness.programs.local_forge.transaction import Notice

if TYPE_CHECKING:
    import httpx

SECONDS = 10.0
MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Hook:
    """Who is told, with which secret, and of what: event names, or `*` for all."""

    id: int
    url: str
    secret: str
    events: frozenset[str]
    app: int | None = None  # an App's own hook is told only of repositories that it is installed on

    def wants(self, notice: Notice) -> bool:
        """Whether it is told of such an event, there."""
        return ("*" in self.events or notice.event in self.events) and (
            self.app is None or self.app in notice.installed
        )

    def told(self, notice: Notice) -> Mapping[str, Any]:
        """The payload; an App is told by which installation it hears of it."""
        return (
            notice.payload
            if self.app is None
            else {**notice.payload, "installation": {"id": notice.installed[self.app]}}
        )


@dataclass(frozen=True, slots=True)
class Parcel:
    """One delivery, ready to be sent."""

    id: str
    hook: Hook
    event: str
    content: bytes

    @property
    def headers(self) -> dict[str, str]:
        """GitHub's names for them."""
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
    """Set a webhook; its number."""
    row = {"url": url, "secret": secret, "events": json.dumps(sorted(events))}
    return int(db.execute(insert(hooks).values(row).returning(hooks.c.id)).scalar_one())


class WebhookSender:
    """Takes notices from any thread, and delivers them on the server's loop, in the order they were
    posted."""

    def __init__(self, known: tuple[Hook, ...]) -> None:
        self._hooks = known
        self._post: Callable[[Parcel], object] | None = None

    @classmethod
    def told_by(cls, db: Connection) -> "WebhookSender":
        """For the webhooks that the database holds."""
        webhook_sender = cls(())
        webhook_sender.reload(db)
        return webhook_sender

    def reload(self, db: Connection) -> None:
        """Read the webhooks again."""
        rows = db.execute(select(hooks).order_by(hooks.c.id))
        self._hooks = tuple(
            Hook(row.id, row.url, row.secret, frozenset(json.loads(row.events)), row.app_id)
            for row in rows
        )

    @property
    def is_listened_to(self) -> bool:
        """Whether there is any webhook."""
        return bool(self._hooks)

    def post(self, notices: Iterable[Notice]) -> None:
        """Queue deliveries; returns at once. Before the server runs there is nobody to send, and
        nothing is kept."""
        for notice in notices:
            for hook in self._hooks:
                if hook.wants(notice) and self._post is not None:
                    self._post(
                        Parcel(
                            str(uuid.uuid4()),
                            hook,
                            notice.event,
                            json.dumps(hook.told(notice)).encode(),
                        )
                    )

    async def deliver(self, database: Database) -> None:
        """Send what is posted, until cancelled."""
        queue: asyncio.Queue[Parcel] = asyncio.Queue(MOST_WAITING)
        loop = asyncio.get_running_loop()
        self._post = lambda parcel: loop.call_soon_threadsafe(_put, queue, parcel)
        try:
            parcel = await queue.get()
            import httpx  # a fifth of the time to start, for a forge that mostly has no webhook

            async with httpx.AsyncClient(timeout=SECONDS, trust_env=False) as client:
                while True:
                    status, error = await _send(client, parcel)
                    await asyncio.to_thread(_note, database, parcel, status, error)
                    parcel = await queue.get()
        finally:
            self._post = None


def _put(queue: asyncio.Queue[Parcel], parcel: Parcel) -> None:
    if not queue.full():  # a listener that is this far behind sweeps anyway
        queue.put_nowait(parcel)


async def _send(client: "httpx.AsyncClient", parcel: Parcel) -> tuple[int | None, str | None]:
    from httpx import HTTPError

    try:
        answer = await client.post(parcel.hook.url, content=parcel.content, headers=parcel.headers)
    except HTTPError as error:
        return None, f"{type(error).__name__}: {error}"
    return answer.status_code, None


def _note(database: Database, parcel: Parcel, status: int | None, error: str | None) -> None:
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
