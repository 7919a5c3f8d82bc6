"""Ledgers and an engine in memory: for a replay, which continues a recorded ledger, for a dry run,
and for a drill.

Properties:
- Up to the start of its run, the replay's chain is the recorded one: same entries, same hashes.
- What other runs and people wrote meanwhile is added at its place, so that the run reads what it
  read before.
- Nothing is kept: a second replay starts from the same state.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from threading import RLock

from harness.domain.events import CommandGiven, LedgerEvent
from harness.domain.ledger import Entry, Fault, Head, NewEntry, Recorded, chained
from harness.domain.plain import JsonObject
from harness.domain.workflow import NodeResult, Outcome
from harness.ports.engine import Action
from harness.store.ledger.decoding import decoded, stored


class _Chain(ABC):
    """A ledger in memory: an existing chain, and the entries added to it."""

    def __init__(self, written: Iterable[Entry]) -> None:
        self._written, self._lock = list(written), RLock()
        self._keys = {entry.key: entry for entry in self._written}

    @abstractmethod
    def append(
        self,
        event: LedgerEvent,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
    ) -> Entry: ...

    def append_all(self, new: Iterable[NewEntry]) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(
                self.append(one.event, one.key, issue=one.issue, run=one.run) for one in new
            )

    def entries(
        self, *, issue: int | None = None, kind: str | None = None, after: int = 0
    ) -> tuple[Entry, ...]:
        with self._lock:
            return tuple(
                entry
                for entry in self._written
                if entry.seq > after
                and (issue is None or entry.issue == issue)
                and (kind is None or entry.kind == kind)
            )

    def find(self, key: str) -> Entry | None:
        with self._lock:
            return self._keys.get(key)

    def fault(self) -> Fault | None:
        """None: whoever read the chain from its ledger has checked it."""
        return None

    def fault_after(self, since: Head) -> Fault | None:
        return None

    def anchor(self, run: str) -> str:
        """Empty: this chain has no key, and nothing outside refers to it."""
        return ""

    def anchored(self, run: str, anchor: str) -> Head | None:
        return None

    def _keep(self, new: NewEntry, *, at: str) -> Entry:
        head = Head(self._written[-1].seq, self._written[-1].hash) if self._written else None
        event, data = stored(new.event)
        entry = chained(head, replace(new, event=event), at=at, data=data)
        self._written.append(entry)
        self._keys[new.key] = entry
        return entry


class ReplayedLedger(_Chain):
    """The `Ledger` port over a recorded ledger, at the moment when `run` had just started."""

    def __init__(self, recorded: Sequence[Entry], run: str) -> None:
        """Raises KeyError if the run never started."""
        began = next((entry.seq for entry in recorded if entry.key == f"run/{run}"), None)
        if began is None:
            raise KeyError(run)
        super().__init__(entry for entry in recorded if entry.seq <= began)
        self.run = run
        after = [entry for entry in recorded if entry.seq > began and not _resumed(entry, run)]
        self._own = {entry.key: entry for entry in after if entry.run == run}
        self._others = [entry for entry in after if entry.run != run]

    @property
    def came(self) -> tuple[Entry, ...]:
        """What the run wrote in this replay."""
        with self._lock:
            return tuple(
                entry for entry in self._written if entry.run == self.run and entry.kind != "run"
            )

    @property
    def recorded(self) -> tuple[Entry, ...]:
        """What it wrote in the recording."""
        return tuple(self._own.values())

    def now(self) -> datetime:
        """The time of the next recorded entry, because its writer had that time on the clock."""
        with self._lock:
            waiting = [entry for key, entry in self._own.items() if key not in self._keys]
            return datetime.fromisoformat((waiting or self._written[-1:])[0].at)

    def append(
        self,
        event: LedgerEvent,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
    ) -> Entry:
        with self._lock:
            if key in self._keys:
                return self._keys[key]
            recorded = self._own.get(key)
            self._add_others_before(recorded.seq if recorded else self._written[-1].seq)
            at = recorded.at if recorded else self._written[-1].at
            return self._keep(NewEntry(event, key, issue, run), at=at)

    def _add_others_before(self, seq: int) -> None:
        """Add what others wrote before the recorded entry with this number, unless the replay wrote
        it by itself."""
        while self._others and self._others[0].seq < seq:
            entry = self._others.pop(0)
            if entry.key not in self._keys:
                self._keep(NewEntry(entry.event, entry.key, entry.issue, entry.run), at=entry.at)


def _resumed(entry: Entry, run: str) -> bool:
    """Whether the entry continued the run after a kill, a pause or a stop. A replay is not
    interrupted."""
    return (
        isinstance(entry.event, CommandGiven)
        and entry.event.command == "resume"
        and entry.run in (None, run)
    )


class DirectEngine:
    """The `Engine` port without a store: work is done when it is started, once for each key. `done`
    outlives it, as the store of the real engine does."""

    def __init__(self, done: dict[str, JsonObject] | None = None) -> None:
        self._actions: dict[str, Action] = {}
        self._done = {} if done is None else done

    def register(self, name: str, action: Action) -> None:
        self._actions[name] = action

    def launch(self) -> None:
        """Nothing to recover: no process died."""

    def start(self, key: str, name: str, payload: JsonObject) -> None:
        if key not in self._done:
            # By way of JSON, so that an action gets what a stored engine would give it.
            self._done[key] = json.loads(
                json.dumps(self._actions[name](json.loads(json.dumps(payload))))
            )

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, JsonObject] | None:
        ready = next(((key, self._done[key]) for key in sorted(keys) if key in self._done), None)
        if ready is None:
            # Only a retry is waited for. Without the sleep its run would spin until it is due.
            time.sleep(seconds)
        return ready

    def cancel(self, key: str) -> None:
        cancelled = NodeResult(Outcome.CANCELLED, message="it was cancelled", retryable=False)
        self._done.setdefault(key, cancelled.as_json())

    def doze(self) -> None:
        """Nothing to release."""

    def close(self) -> None:
        """Nothing to release."""


def entries_from(documents: Iterable[JsonObject]) -> tuple[Entry, ...]:
    """Entries from the documents that `entry_document` made. Raises LedgerError for one that does
    not fit its kind."""
    return tuple(
        Recorded(**document, event=decoded(document["kind"], document["data"]))
        for document in documents
    )


class OverlayLedger(_Chain):
    """The `Ledger` port over another ledger, which it reads and never writes: new entries stay in
    memory, on top.

    It does not see what others write to the ledger below meanwhile.
    """

    def __init__(self, below: Iterable[Entry], now: Callable[[], datetime]) -> None:
        super().__init__(below)
        self._now, self._from = now, len(self._written)

    @property
    def added(self) -> tuple[Entry, ...]:
        """What is not in the ledger below."""
        with self._lock:
            return tuple(self._written[self._from :])

    def append(
        self,
        event: LedgerEvent,
        key: str,
        *,
        issue: int | None = None,
        run: str | None = None,
    ) -> Entry:
        with self._lock:
            if key not in self._keys:
                self._keep(NewEntry(event, key, issue, run), at=self._now().isoformat())
            return self._keys[key]
