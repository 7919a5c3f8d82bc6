"""Models, reached only through the broker, which holds the keys and counts the money."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from harness.domain.budget import Price, Usage
from harness.domain.plain import JsonObject


@dataclass(frozen=True, slots=True)
class Session:
    """One run and role's own line to the broker. The socket is the identity. `effort` and
    `max_tokens` (of one answer) are what whoever asks is to ask with; empty and 0 leave it to
    them."""

    id: str
    socket: Path
    model: str
    effort: str = ""
    max_tokens: int = 0


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What a session is for and what it may spend, in US dollars: `usd` itself, the others with all
    that was spent before on the same run, issue, UTC day and month. `price` is what its model costs
    where `factory.toml` asks for it. `api` is the path below `/v1` of the one API that will be
    asked, empty where whoever asks chooses among those of the model's provider."""

    run: str
    role: str
    issue: int
    attempt: int
    model: str
    calls: int
    usd: Decimal
    usd_issue: Decimal
    usd_day: Decimal
    usd_call: Decimal | None = None
    usd_run: Decimal | None = None
    usd_month: Decimal | None = None
    price: Price | None = None
    api: str = ""


class Broker(Protocol):
    """Opens and closes sessions. Raises ModelError when the broker is not there, BudgetExhausted at
    a cap, ModelsPaused where nobody is asked for now."""

    def open(self, request: SessionRequest) -> AbstractContextManager[Session]:
        """A session for the time of the `with` block."""
        ...

    def usage(self, session: Session) -> Usage:
        """What the session has cost so far; also after it was closed."""
        ...


class Model(Protocol):
    """Asks one question with one closed answer."""

    def answer(
        self, session: Session, *, system: Sequence[str], question: str, schema: JsonObject
    ) -> JsonObject:
        """The answer, valid against `schema`. Raises ModelError on anything else; the model has no
        tools of effect."""
        ...
