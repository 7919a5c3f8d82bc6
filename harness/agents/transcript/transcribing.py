"""Writes transcripts: a note of each session in its run's folder, and the run's transcript beside
them.

    runs/RUN/sessions/ID.json    who spoke; written when the session opens, so it can be followed
    runs/RUN/transcript.md       all sessions of the run, one after the other

Roles that judge are left out: their conversations stay in the sealed folder, with their wire logs.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from harness.agents.transcript.page import SessionNote, sections
from harness.agents.transcript.turns import Price, turns
from harness.domain.budget import Usage
from harness.domain.errors import ModelError
from harness.domain.plain import JsonDict
from harness.ports.model import Broker, Session, SessionRequest
from harness.programs.broker.options import JUDGES
from harness.programs.broker.prices import COLUMNS, prices, rates_of

PAGE, SESSIONS = "transcript.md", "sessions"
"""Their names in a run's folder."""


class TranscribingBroker:
    """The `Broker` port over another one. It writes the transcript of a run whenever a session of
    it ends.

    `folder_of` gives a run's folder, and `wire` is the folder of the broker's wire logs. A
    transcript that cannot be written stops nobody: the wire log is there.
    """

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
        """As the other broker's `open`; raises what that raises."""
        with self._broker.open(request) as session:
            if request.role in JUDGES:
                yield session
                return
            note = SessionNote(
                session=session.id,
                run=request.run,
                role=request.role,
                issue=request.issue,
                attempt=request.attempt,
                model=request.model,
                opened=self._clock(),
                price=_price(request),
            )
            self._write_note(note)
            try:
                yield session
            finally:
                self._write_note(replace(note, closed=self._clock(), cost_usd=self._cost(session)))

    def usage(self, session: Session) -> Usage:
        """What the session has cost so far, also after it was closed."""
        return self._broker.usage(session)

    def _cost(self, session: Session) -> Decimal | None:
        try:
            return self._broker.usage(session).cost_usd
        except ModelError:
            return None

    def _write_note(self, note: SessionNote) -> None:
        folder = self._folder_of(note.run)
        text = json.dumps(asdict(note), default=str)
        try:
            _put(folder / SESSIONS / f"{note.session}.json", text + "\n")
            if note.closed:
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
    """The transcript of the run in `folder`, in sections. A section never changes once it is there.

    Two sessions may run at a time, so the sections of one come when those before it are complete.
    `over` means that no session is running any more.
    """
    found: list[str] = []
    for note in sessions(folder):
        new = list(
            sections(
                note,
                turns(_lines(wire, note), price_of(note)),
                over=over or note.closed is not None,
            )
        )
        found += [f"\n{new[0]}", *new[1:]] if found and new else new
        if note.closed is None and not over:
            break
    return found


def sessions(folder: Path) -> list[SessionNote]:
    """The sessions of the run in `folder`, in the order of their opening. A note that cannot be
    read is skipped."""
    notes = (_session_note(file) for file in sorted((folder / SESSIONS).glob("*.json")))
    return sorted(
        (note for note in notes if note is not None),
        key=lambda one: (one.opened, one.session),
    )


def price_of(note: SessionNote) -> Price:
    """What a call of the session cost, by its own price or by the table."""
    if note.price is not None:
        own = rates_of(note.price, note.model)
        return lambda tokens, at: own.cost(tokens)
    table = prices()
    return lambda tokens, at: table.rates(
        note.model, day=at.astimezone(UTC).date().isoformat()
    ).cost(tokens)


def _session_note(file: Path) -> SessionNote | None:
    try:
        document: JsonDict = json.loads(file.read_text("utf-8"))
        times = {
            name: datetime.fromisoformat(document[name])
            for name in ("opened", "closed")
            if document[name]
        }
        cost = None if document["cost_usd"] is None else Decimal(document["cost_usd"])
        return SessionNote(**document | {"closed": None} | times | {"cost_usd": cost})
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError):
        return None


def _lines(wire: Path, note: SessionNote) -> list[bytes]:
    try:
        return (wire / f"{note.session}.jsonl").read_bytes().splitlines()
    except OSError:
        return []


def _put(file: Path, text: str) -> None:
    """Write it whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.write_text(text, "utf-8", "replace")
    os.replace(partial, file)
