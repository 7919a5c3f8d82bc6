"""A release is watched while a tick is busy with something else: an observation of the tip may take
many minutes, and a rollback at most one."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.domain.errors import FactoryError, Stopped
from harness.domain.release import SOAKS
from harness.factory.releases.advance import watch_release
from harness.factory.run.services import Services

EVERY_SECONDS = 1.0
"""Seconds between two looks at whether its health is due."""


@contextmanager
def release_watched(services: Services) -> Iterator[None]:
    """Watch the release that is live somewhere while the block runs. Its last look is over when the
    block has ended."""
    release = services.releases.current()
    if release is None or release.state not in SOAKS:
        yield
        return
    over = threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_SECONDS):
            # What fails here fails again in the tick, which then raises it.
            with suppress(FactoryError, Stopped):
                watch_release(services)

    watching = threading.Thread(target=watch, name="release")
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()
