"""What happens on a disk that fills up, told as one JSON object. Run it where HOME is on a small
file system:

bwrap --dev-bind / / --size BYTES --tmpfs HOME_FOLDER python -m tests.scenarios.maintenance.small_disk
HOME_FOLDER"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.scenarios.conftest import FACTORY, environment, factory
from tests.scenarios.daemons import example, recorded
from tests.scenarios.waiting import wait_until

ROOM = 1_000_000  # less than the factory asks for, more than the ledger needs
CHUNK = 1 << 16
MOMENT = 0.005  # seconds between two looks: without any, looking took one of the two processors


class Ballast:
    """A file that takes up the disk."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def fill(self, *, leaving: int) -> None:
        """Grow until no more than `leaving` bytes are free."""
        with self._path.open("ab", buffering=0) as file:
            while (
                free := os.statvfs(self._path).f_bavail * os.statvfs(self._path).f_frsize
            ) > leaving:
                try:
                    file.write(bytes(min(CHUNK, free - leaving)))
                except OSError:
                    return

    def drop(self) -> None:
        self._path.unlink()


def main(folder: Path) -> None:
    home, ballast, found = example(folder / "home", "1-cancelled-places.md"), Ballast(folder), {}
    ballast.fill(leaving=ROOM)
    refused = factory(home, "tick")
    found["nearly full"] = {
        "code": refused.code,
        "says": refused.err,
        "entries": recorded(home, "1"),
    }
    ballast.drop()
    found["in the middle"] = filled_in_the_middle(home, ballast)
    ballast.drop()
    last = factory(home, "tick")
    outcomes = [issue["outcome"] for issue in factory(home, "status", "--json").json["issues"]]
    found["room again"] = {
        "code": last.code,
        "says": last.err,
        "outcomes": outcomes,
        "audit": factory(home, "audit").code,
        "runs": recorded(home, "kind = 'run' AND run LIKE 'implement-%'"),
        "failed": recorded(home, "data LIKE '%run-failed%'"),
        "pulls": recorded(home, "kind = 'done' AND key LIKE '%/propose/done'"),
    }
    print(json.dumps(found))


def filled_in_the_middle(home: Path, ballast: Ballast) -> dict:
    """To the last byte, while the agent builds."""
    tick = subprocess.Popen(
        [FACTORY, "tick"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: recorded(home, "run = 'implement-1-1' AND key LIKE '%/author/1'"))
    entries = recorded(home, "1")
    while tick.poll() is None:
        ballast.fill(leaving=0)
        time.sleep(MOMENT)
    message = tick.stderr.read() if tick.stderr else ""
    ballast.fill(leaving=0)
    full = factory(home, "audit")
    return {
        "code": tick.returncode,
        "says": message,
        "kept": recorded(home, "1") >= entries,
        "audit": full.code,
        "audit says": full.out + full.err,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
