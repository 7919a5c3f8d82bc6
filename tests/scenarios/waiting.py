"""What has to be waited for, and how long it took where others want the processors too."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

LONG = 600.0
"""Seconds that stand for "it hangs": on a machine that is twenty times as slow as usual everything
else is over by then."""
PRESSURES = ("cpu", "io")
SLOWEST = 12
"""No machine is taken to be more times as slow for all that waits: a promise can be broken on a
busy one, too."""


def wait_until(holds: Callable[[], bool], *, seconds: float = LONG) -> None:
    """Looks ever more seldom, down to twenty times a second: who waits takes no processor from what
    is waited for."""
    deadline, pause = time.monotonic() + seconds, 0.005
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(pause := min(2 * pause, 0.05))


def waited_so_far() -> float:
    """For how long, in seconds since the machine was started, somebody waited for a processor or a
    disk."""
    return sum(_some(Path("/proc/pressure", name)) for name in PRESSURES)


def _some(pressure: Path) -> float:
    try:
        return int(pressure.read_text().splitlines()[0].rpartition("total=")[2]) / 1_000_000
    except OSError:
        return 0.0


class Stopwatch:
    """Counts the seconds in which nobody waited: a promise about time is one about a machine that
    is free to keep it. On an idle machine these are all seconds, as where the kernel does not tell
    who waits (PSI); at least, one in `SLOWEST`."""

    def __init__(
        self, now: Callable[[], float] = time.monotonic, waited: Callable[[], float] = waited_so_far
    ) -> None:
        self._now, self._waited = now, waited
        self._began, self._before = self._now(), self._waited()

    def seconds(self) -> float:
        """At most what has passed since this stopwatch was made."""
        passed = self._now() - self._began
        return max(passed / SLOWEST, passed - (self._waited() - self._before))


def processes_of(home: Path) -> list[str]:
    """Command lines of processes that have the home in theirs."""
    return [words for _, words in at_work_on(home)]


def at_work_on(home: Path) -> Iterator[tuple[int, str]]:
    """Processes that have the home in their command line, and that."""
    for place in Path("/proc").glob("[0-9]*"):
        words = read(place / "cmdline").replace(b"\0", b" ").decode("utf-8", "replace")
        if str(home) in words:
            yield int(place.name), words


def is_at_rest(home: Path) -> bool:
    """Whether no process is left that could write in `home`: none with its path in the arguments or
    the environment, none with a file of it open, and none in a sandbox into which a part of it is
    mounted. The kernel ends a killed factory's sandboxes a moment after it, and the process that
    sweeps its trash yields to everybody."""
    path = os.fsencode(home)
    mounted = os.fsencode("/".join(home.parts[2:]))  # a mount may be named from its own root
    places = [place for place in Path("/proc").glob("[0-9]*") if int(place.name) != os.getpid()]
    # Most of those at work say so in their words, and these are the cheapest to read.
    return not (
        any(path in read(place / "cmdline") or path in read(place / "environ") for place in places)
        or any(
            mounted in read(place / "mountinfo")
            or any(link == path or link.startswith(path + b"/") for link in opened(place))
            for place in places
        )
    )


def opened(place: Path) -> list[bytes]:
    """The files that a process has open, and where it stands; none where it has gone or is not
    ours."""
    try:
        return [
            os.readlink(os.fsencode(link)) for link in (place / "cwd", *(place / "fd").iterdir())
        ]
    except OSError:
        return []


def printed_on(terminal: int) -> bytes:
    """All that is printed on a terminal, up to the moment when nobody has its other end open: then
    reading fails. One read may get less, even when who printed has ended."""
    said = b""
    with suppress(OSError):
        while part := os.read(terminal, 8000):
            said += part
    return said


def read(path: Path) -> bytes:
    """What the kernel says of a process; nothing where it has gone."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
