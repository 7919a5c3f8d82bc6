"""A few hands, each of which moves one issue one step. What one of them raises ends the others'
work at their next pulse.

Properties kept:
- an issue is in one pair of hands at a time, so its history has one author;
- whoever leaves, for whatever reason, first waits until every hand is still: nothing acts after
  `tick` has returned."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType


class WorkerPool:
    """At most `size` moves at once. `halt` is set when it is left, and whoever drives a run looks
    at it."""

    def __init__(self, size: int, *, halt: threading.Event) -> None:
        self._size, self._halt = size, halt
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="hand")
        self._under_way: dict[Future[None], tuple[int, str]] = {}

    @property
    def under_way(self) -> Mapping[int, str]:
        """Each issue that is being moved, and the workflow it is moved by."""
        return dict(self._under_way.values())

    @property
    def has_free_worker(self) -> bool:
        return len(self._under_way) < self._size

    def start(self, issue: int, workflow: str, move: Callable[[], None]) -> None:
        """Move an issue beside the others."""
        self._under_way[self._pool.submit(move)] = issue, workflow

    def wait_for_one(self) -> None:
        """Until a hand is free again. Raises whatever a move raised."""
        done, _ = wait(self._under_way, return_when=FIRST_COMPLETED)
        for move in done:
            del self._under_way[move]
        for move in done:
            move.result()

    def __enter__(self) -> "WorkerPool":
        self._halt.clear()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._halt.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
