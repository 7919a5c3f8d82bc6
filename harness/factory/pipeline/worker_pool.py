"""Worker pool: each worker advances one issue by one step. If one raises, the others stop at their
next heartbeat.

Properties:
- one worker at a time holds an issue, so its history has one author;
- whoever leaves the pool, for whatever reason, first waits until every worker is still: nothing
  acts after `tick` has returned."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

MEANWHILE_SECONDS = 5.0


class WorkerPool:
    """At most `size` moves at once. Leaving the pool sets `halt`, which every running dispatch
    reads."""

    def __init__(self, size: int, *, halt: threading.Event) -> None:
        self._size, self._halt = size, halt
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="worker")
        self._under_way: dict[Future[None], tuple[int | None, str]] = {}

    @property
    def under_way(self) -> Mapping[int, str]:
        """Each issue that is being moved, with the workflow that moves it."""
        return {issue: name for issue, name in self._under_way.values() if issue is not None}

    @property
    def runs_under_way(self) -> frozenset[str]:
        """The runs that are driven and are about no issue."""
        return frozenset(name for issue, name in self._under_way.values() if issue is None)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return not self._under_way

    @property
    def has_free_worker(self) -> bool:
        return len(self._under_way) < self._size

    def start(self, issue: int | None, workflow: str, move: Callable[[], None]) -> None:
        """Run `move` for an issue beside the others; without an issue, `workflow` names a run.
        Call it only while a worker is free."""
        self._under_way[self._pool.submit(move)] = issue, workflow

    def wait_for_one(self, meanwhile: Callable[[], None]) -> None:
        """Wait until a worker is free again, and call `meanwhile` every five seconds. Raise what a
        move raised."""
        while True:
            done, _ = wait(self._under_way, timeout=MEANWHILE_SECONDS, return_when=FIRST_COMPLETED)
            if done:
                break
            meanwhile()
        # Drop every finished move before `result` may raise, or the next wait would meet it again.
        for move in done:
            del self._under_way[move]
        for move in done:
            move.result()

    def __enter__(self) -> "WorkerPool":
        self._halt.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._halt.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
