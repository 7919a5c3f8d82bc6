"""The durable engine: DBOS on SQLite or PostgreSQL, one top-level workflow for each piece of work,
under an id of our choice.

Properties:
- Work runs at least once and has exactly one recorded result. A second start with the same key
  returns that result.
- Nothing is matched by position. DBOS matches children by call order and ignores their ids on
  replay: a parallel graph that recovered in another order was given a's result for b (observed with
  3.4.0). So no workflow here has children. The driver that decides the next step is plain code,
  rebuilt from recorded results.
- A result is on the disk before anybody gets it. The start of work is passed to the system without
  waiting for the disk: if the machine loses power, the work is started again, as it would be
  anyway.
- Work of a dead process is recovered at launch, once its lock is free; it may take a second to
  start.
- What ends while the engine closes, or while `check` fails, is not recorded. The next launch does
  it again, because it may have failed only for that reason.

While no work runs, the engine may doze: awake, DBOS asks its store four times a second for work.
DBOS is one per process, and so is this engine. Importing this module imports DBOS, which takes half
a second of processor time; commands that only read must not.
"""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import (
    DBOS,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    PortableWorkflowError,
    SetWorkflowID,
    WorkflowHandle,
    WorkflowStatusString,
    error,
)

from harness.domain.errors import Interrupted, PortError
from harness.domain.plain import JsonDict, JsonObject
from harness.domain.workflow import NodeResult, Outcome
from harness.ports.engine import Action
from harness.store.database import postgres_engine, shown, sqlite_engine
from harness.store.durable.executors import DatabaseExecutors, Executors, MachineExecutors
from harness.store.durable.outcome import outcome_of

SCHEMA = "1"
"""Work of another schema is left alone. DBOS's own default is a hash of the source, which would
strand old work at every edit."""

MOST_LAUNCHES = 50
"""Work that was running this many times when the factory died is given up as failed."""

ATTACHED_POLL_SECONDS = 0.05
_OPEN = [WorkflowStatusString.PENDING.value, WorkflowStatusString.ENQUEUED.value]

_FAULTS = (error.DBOSException, PortableWorkflowError, sa.exc.SQLAlchemyError)

_live: Durable | None = None


class _Unrecorded(BaseException):
    """Leaves work PENDING, for the next launch. DBOS records every Exception as a result."""


@DBOS.workflow(name="work", max_recovery_attempts=MOST_LAUNCHES)
def _work(action: str, payload: JsonDict) -> JsonDict:
    if _live is None:
        raise _Unrecorded
    return _live._do(action, payload)


class Durable:
    """The Engine port on `home/engine.db`, or on the PostgreSQL at `address`. Raises PortError if
    the store fails.

    `check` is called about once a second by whoever waits for work, and when work ends. It raises
    PortError if something that the work needs is gone.
    """

    def __init__(
        self, home: Path, *, address: str = "", check: Callable[[], None] = lambda: None
    ) -> None:
        self._path = home / "engine.db"
        self._address = address
        self._check = check
        self._executors: Executors = (
            DatabaseExecutors(address) if address else MachineExecutors(home / "executors")
        )
        self._store: sa.Engine | None = None
        self._actions: dict[str, Action] = {}
        self._done: dict[str, JsonObject] = {}
        self._changed = threading.Condition()
        self._broken: BaseException | None = None
        self._closing = False
        self._refusing = False
        self._under_way: set[str] = set()
        self._starting = threading.local()
        self._working: set[Future[Any]] = set()
        self._executor = ""
        self._is_awake = False
        self._waking = threading.Lock()

    def register(self, name: str, action: Action) -> None:
        self._actions[name] = action

    def launch(self) -> None:
        global _live
        if _live is not None:
            raise PortError("an engine is live in this process already; close it first")
        _live, self._closing, self._refusing, self._broken = self, False, False, None
        self._done.clear()
        self._under_way.clear()
        try:
            self._executor = self._executors.claim()
            self._wake()
            self._recover_dead_work(self._executor)
            # Everything loaded so far stays, so the garbage collector need not visit it again, not
            # even when the interpreter ends.
            gc.freeze()
        except (PortError, *_FAULTS) as fault:
            self.close()
            words = f"the engine's store {self._where} cannot be opened: {fault}"
            raise PortError(words, retryable=bool(self._address)) from fault

    def start(self, key: str, name: str, payload: JsonObject) -> None:
        if self._refusing:
            raise Interrupted("the factory is stopping; the next one goes on from here")
        # The action gets the same payload now as after a recovery, which reads it from the store.
        as_recovered = json.loads(json.dumps(payload, allow_nan=False))
        try:
            with self._waking:
                self._wake()
                with self._not_waiting_for_the_disk(), SetWorkflowID(key):
                    handle = DBOS.start_workflow(_work, name, as_recovered)
                with self._changed:
                    self._under_way.add(key)
                self._when_recorded(key, handle)
        except _FAULTS as fault:
            raise PortError(f"`{key}` was not started: {fault}", retryable=True) from fault

    def refuse(self) -> None:
        """Start nothing more: `start` raises Interrupted from now on. Safe in a signal handler."""
        self._refusing = True

    def drain(self) -> None:
        """Wait until all started work has ended."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._broken is not None or self._under_way <= self._done.keys()
            )

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, JsonObject] | None:
        self._check()
        with self._changed:
            self._changed.wait_for(
                lambda: self._broken is not None or self._first(keys) is not None, timeout=seconds
            )
            if self._broken is not None:
                raise PortError(
                    f"the engine's store {self._where} failed: {self._broken}"
                ) from self._broken
            first = self._first(keys)
            return (first, self._done[first]) if first is not None else None

    def doze(self) -> None:
        """Release the store until something is started again. Does nothing while work runs, here or
        in a dead process's name. Raises PortError if the store fails."""
        with self._waking:
            try:
                if self._is_awake and not self._is_at_work():
                    self._release()
            except _FAULTS as fault:
                raise PortError(
                    f"the engine's store {self._where} failed: {fault}", retryable=True
                ) from fault

    def cancel(self, key: str) -> None:
        with self._waking:
            self._wake()
        DBOS.cancel_workflow(key)
        status = DBOS.get_workflow_status(key)
        # Its own result stands if that was recorded first.
        if status is not None and status.status == WorkflowStatusString.CANCELLED.value:
            self._settle(key, _ended(Outcome.CANCELLED, "it was cancelled"))

    def close(self) -> None:
        global _live
        self._closing = True
        self._release()
        # Last: while the id is held, no other process takes over its work.
        self._executors.release()
        if _live is self:
            _live = None

    def _is_at_work(self) -> bool:
        """Whether work runs or waits. Cancelled work counts until its action has ended."""
        with self._changed:
            mine = not self._under_way <= self._done.keys() or not all(
                work.done() for work in self._working
            )
        return mine or bool(
            DBOS.list_workflows(status=_OPEN, limit=1, load_input=False, load_output=False)
        )

    def _wake(self) -> None:
        if not self._is_awake:
            try:
                DBOS(config=self._config(self._executor))
                DBOS.launch()
            except BaseException:
                self._release()
                raise
            self._is_awake = True

    def _release(self) -> None:
        DBOS.destroy()
        self._is_awake = False
        if self._store is not None:
            self._store.dispose()
            self._store = None

    @property
    def _where(self) -> str:
        return shown(self._address) if self._address else str(self._path)

    def _config(self, executor: str) -> DBOSConfig:
        self._store = postgres_engine(self._address) if self._address else sqlite_engine(self._path)
        if not self._address:
            sa.event.listen(self._store, "checkout", self._sync)
        return {
            "name": "factory",
            "system_database_url": self._address or f"sqlite:///{self._path}",
            "system_database_engine": self._store,
            # Nobody listens, and a listener is one more session.
            "use_listen_notify": not self._address,
            "executor_id": executor,
            "application_version": SCHEMA,
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
            "log_level": "CRITICAL",
            # Nobody listens, so one poll costs nothing; but `destroy` waits for it, 0.9 s by
            # default.
            "notification_listener_polling_interval_sec": 0.05,
        }

    @contextmanager
    def _not_waiting_for_the_disk(self) -> Iterator[None]:
        self._starting.now = True
        try:
            yield
        finally:
            self._starting.now = False

    def _sync(self, connection: Any, _record: Any, _proxy: Any) -> None:
        """How long SQLite waits for the disk at the end of this thread's transaction. Its log keeps
        the order, so a result on the disk includes the start of its work."""
        connection.execute(
            f"PRAGMA synchronous={'NORMAL' if getattr(self._starting, 'now', False) else 'FULL'}"
        )

    def _recover_dead_work(self, mine: str) -> None:
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        for executor in {work.executor_id for work in pending} - {mine, None}:
            if executor is not None and self._executors.is_dead(executor):
                # There is no public function for this; dbos is pinned.
                DBOS._recover_pending_workflows([executor])

    def _do(self, name: str, payload: JsonObject) -> JsonDict:
        action = self._actions.get(name)
        if action is None:
            words = f"no action is called `{name}`; another version of the factory started the work"
            return _ended(Outcome.FAILED, words)
        result = outcome_of(action, payload)
        # The action may have failed only because its surroundings are going away.
        if self._closing or not self._can_record():
            raise _Unrecorded
        return result

    def _can_record(self) -> bool:
        try:
            self._check()
        except PortError:
            return False
        return True

    def _when_recorded(self, key: str, handle: WorkflowHandle[JsonDict]) -> None:
        """Settle the key once its result is recorded. Work of this process reports that itself; a
        thread for each took half a millisecond. Work that was started before can only be polled."""
        # There is no public attribute for this; dbos is pinned.
        ours = getattr(handle, "future", None)
        if isinstance(ours, Future):
            self._working = {ours, *(other for other in self._working if not other.done())}
            ours.add_done_callback(lambda _: self._watch(key, handle))
        else:
            threading.Thread(
                target=self._watch, args=(key, handle), name=f"watch {key}", daemon=True
            ).start()

    def _watch(self, key: str, handle: WorkflowHandle[JsonDict]) -> None:
        try:
            self._settle(key, handle.get_result(polling_interval_sec=ATTACHED_POLL_SECONDS))
        except error.DBOSAwaitedWorkflowCancelledError:
            self._settle(key, _ended(Outcome.CANCELLED, "it was cancelled"))
        except error.DBOSAwaitedWorkflowMaxRecoveryAttemptsExceeded:
            self._settle(
                key,
                _ended(
                    Outcome.FAILED, f"the factory died {MOST_LAUNCHES} times while it was at this"
                ),
            )
        except (_Unrecorded, *_FAULTS) as fault:
            self._break(fault)

    def _settle(self, key: str, result: JsonObject) -> None:
        with self._changed:
            self._done[key] = result
            self._changed.notify_all()

    def _break(self, fault: BaseException) -> None:
        # While it closes, every watcher fails, because the store goes away.
        if not self._closing:
            with self._changed:
                self._broken = fault
                self._changed.notify_all()

    def _first(self, keys: frozenset[str]) -> str | None:
        return next((key for key in self._done if key in keys), None)


def _ended(outcome: Outcome, words: str) -> JsonDict:
    return NodeResult(outcome, message=words, retryable=False).as_json()
