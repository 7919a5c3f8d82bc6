"""Where transcripts lie: a note of each session in its run's folder, and beside them the run's
transcript, made when one ends.

    runs/RUN/sessions/ID.json       who spoke: from the moment on at which the session is opened, so
    that it can be followed runs/RUN/transcript.md          all sessions of the run, one after the
    other

Roles that judge are left out: what they say stays where their wire logs are, in the sealed folder.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from harness.agents.transcript.page import Spoken, sections
from harness.agents.transcript.turns import Price, turns
from harness.domain.budget import Usage
from harness.domain.errors import ModelError
from harness.ports.model import Broker, Session, SessionRequest
from harness.programs.broker.options import JUDGES
from harness.programs.broker.prices import COLUMNS, prices, rates_of

PAGE, SESSIONS = "transcript.md", "sessions"
"""Their names in a run's folder."""


class TranscribingBroker:
    """The `Broker` port over another, which leaves the transcript of a run in `folder_of(run)`
    whenever a session of it ends.

    `wire` is the folder of the broker's wire logs. A transcript that cannot be written stops
    nobody: the wire log is there."""

    def __init__(
        self,
        broker: Broker,
        *,
        wire: Path,
        folder_of: Callable[[str], Path],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._broker, self._wire, self._folder_of, self._clock = broker, wire, folder_of, clock

    @contextmanager
    def open(self, request: SessionRequest) -> Iterator[Session]:
        """As the other one does, and raises what it raises."""
        with self._broker.open(request) as session:
            if request.role in JUDGES:
                yield session
                return
            spoken = Spoken(
                session=session.id,
                run=request.run,
                role=request.role,
                issue=request.issue,
                attempt=request.attempt,
                model=request.model,
                opened=self._clock(),
                price=_price(request),
            )
            self._note(spoken)
            try:
                yield session
            finally:
                self._note(replace(spoken, closed=self._clock(), cost_usd=self._cost(session)))

    def usage(self, session: Session) -> Usage:
        """What the session has cost so far; also after it was closed."""
        return self._broker.usage(session)

    def _cost(self, session: Session) -> Decimal | None:
        try:
            return self._broker.usage(session).cost_usd
        except ModelError:
            return None

    def _note(self, spoken: Spoken) -> None:
        folder = self._folder_of(spoken.run)
        note = json.dumps(asdict(spoken), default=str)
        try:
            _put(folder / SESSIONS / f"{spoken.session}.json", note + "\n")
            if spoken.closed:
                _put(folder / PAGE, "".join(parts(folder, self._wire)))
        except OSError:
            return


def _price(request: SessionRequest) -> dict[str, str] | None:
    return (
        {name: str(getattr(request.price, name)) for name in COLUMNS}
        if request.price is not None
        else None
    )


def parts(folder: Path, wire: Path, *, over: bool = False) -> list[str]:
    """The transcript of the run in `folder`, in its sections: what was there once stays, and more
    comes after it. Two may speak at a time, so the sections of a session come when those before it
    are all there. `over`: nobody speaks any more."""
    found: list[str] = []
    for spoken in sessions(folder):
        new = list(
            sections(
                spoken,
                turns(_lines(wire, spoken), price_of(spoken)),
                over=over or spoken.closed is not None,
            )
        )
        found += [f"\n{new[0]}", *new[1:]] if found and new else new
        if spoken.closed is None and not over:
            break
    return found


def sessions(folder: Path) -> list[Spoken]:
    """The sessions of the run in `folder`, in the order in which they were opened. A note that
    cannot be read is none."""
    notes = (_spoken(file) for file in sorted((folder / SESSIONS).glob("*.json")))
    return sorted(
        (spoken for spoken in notes if spoken is not None),
        key=lambda one: (one.opened, one.session),
    )


def price_of(spoken: Spoken) -> Price:
    """What a call of the session cost by its own price, or by the table."""
    if spoken.price is not None:
        own = rates_of(spoken.price, spoken.model)
        return lambda tokens, at: own.cost(tokens)
    table = prices()
    return lambda tokens, at: table.rates(
        spoken.model, day=at.astimezone(UTC).date().isoformat()
    ).cost(tokens)


def _spoken(file: Path) -> Spoken | None:
    try:
        told: dict[str, Any] = json.loads(file.read_text("utf-8"))
        times = {
            name: datetime.fromisoformat(told[name]) for name in ("opened", "closed") if told[name]
        }
        cost = None if told["cost_usd"] is None else Decimal(told["cost_usd"])
        return Spoken(**told | {"closed": None} | times | {"cost_usd": cost})
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        return None


def _lines(wire: Path, spoken: Spoken) -> list[bytes]:
    try:
        return (wire / f"{spoken.session}.jsonl").read_bytes().splitlines()
    except OSError:
        return []


def _put(file: Path, text: str) -> None:
    """Write it whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(text, "utf-8", "replace")
    os.replace(partial, file)
