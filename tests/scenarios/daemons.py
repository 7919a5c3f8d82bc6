"""`factory up` as a process: its lines as they come, and its end."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager
from pathlib import Path

from harness.operations.setup.example import create_example
from tests.scenarios.conftest import FACTORY, environment
from tests.scenarios.waiting import LONG, at_work_on

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Up:
    """One `factory up --json`. Its lines are read as they come."""

    def __init__(self, home: Path, *options: str, **variables: str) -> None:
        self.lines: list[dict] = []
        self._changed = threading.Condition()
        self._has_ended = False
        self.process = subprocess.Popen(
            [FACTORY, "up", "--json", "--interval", "1", *options],
            env={**environment(home), **variables},
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                if line.endswith("\n"):  # who is killed may leave half of one
                    self.lines.append(json.loads(line))
                self._changed.notify_all()
        with self._changed:
            self._has_ended = True
            self._changed.notify_all()

    def heard(self, event: str, *, seconds: float = LONG, **more: str) -> dict:
        """The first line of that event; waits for it. Fails, with all that was said, when it does
        not come."""
        wanted = {"event": event, **more}
        with self._changed:
            self._changed.wait_for(
                lambda: self._first(wanted) is not None or self._has_ended, seconds
            )
            found = self._first(wanted)
        assert found is not None, f"{wanted} was not said: {self.lines} {self.process.poll()}"
        return found

    def count(self, event: str) -> int:
        return sum(line["event"] == event for line in self.lines)

    def stopped_by(self, number: int, *, seconds: float = LONG) -> int:
        """Send a signal and wait for the end: the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(seconds)
        self._reader.join(LONG)
        return code

    def _first(self, wanted: dict) -> dict | None:
        return next((line for line in self.lines if line.items() >= wanted.items()), None)


@contextmanager
def daemons(home: Path):
    """Starts daemons on a home; what is left of them at the end is killed."""
    started: list[Up] = []

    def start(*options: str, **variables: str) -> Up:
        started.append(Up(home, *options, **variables))
        return started[-1]

    try:
        yield start
    finally:
        for up in started:
            if up.process.poll() is None:
                up.process.kill()
            up.process.wait()
            for pipe in (up.process.stdout, up.process.stderr):
                pipe.close()


def example(home: Path, *names: str, app: Path = EXAMPLES / "tidebook") -> Path:
    """The example app's home with only these of its issues, in this order."""
    issues = home.parent / "issues"
    issues.mkdir()
    for name in names:
        shutil.copy(EXAMPLES / "issues" / name, issues)
    create_example(
        home, app=app, issues=issues, recordings=EXAMPLES / "recordings", tell=lambda words: None
    )
    return home


def recorded(home: Path, where: str) -> int:
    """How many entries of the ledger satisfy an SQL condition."""
    try:
        with closing(
            sqlite3.connect(f"file:{home}/ledger.db?mode=ro", uri=True, timeout=30)
        ) as ledger:
            return ledger.execute(f"SELECT count(*) FROM entries WHERE {where}").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def ends_of(home: Path, word: str) -> None:
    """Kill with -9 the one program whose arguments name the home and hold that word."""
    for pid, words in at_work_on(home):
        if word in words:
            os.kill(pid, signal.SIGKILL)
            return
    raise AssertionError(f"nothing runs {word} on {home}")
