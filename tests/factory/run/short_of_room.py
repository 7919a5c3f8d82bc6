"""A factory over fakes whose home is on a small disk: the folder given. Prints what came of it as
one JSON object."""

import json
import os
import sys
from pathlib import Path

from harness.domain.errors import PortError
from harness.domain.lifecycle import State
from tests.factory.world import World, fixes


def main(folder: Path) -> None:
    ballast = folder / "ballast"

    def fill() -> None:
        disk = os.statvfs(folder)
        ballast.write_bytes(
            bytes(disk.f_bavail * disk.f_frsize - disk.f_blocks * disk.f_frsize // 100)
        )

    def fills_the_disk_and_fails(worktree: Path) -> tuple[str, str]:
        fill()
        return "error", "no space left on device"

    def ticked() -> str:
        try:
            world.tick()
        except PortError as error:
            return f"{error.retryable} {error}"
        return ""

    world = World(folder / "home")
    fill()
    issue = world.file()
    found = {"full": ticked(), "entries": len(world.ledger.entries())}
    ballast.unlink()
    world.agent.works = [fills_the_disk_and_fails, fixes]
    found["filled"] = ticked()
    found["failed while full"] = world.history(issue).attempts
    found["filled still"] = ticked()
    ballast.unlink()
    found["room"] = ticked()
    history = world.history(issue)
    found |= {
        "merged": history.state is State.MERGED,
        "attempts": history.attempts,
        "runs": history.runs_of("implement"),
        "worked": len(world.agent.assignments),
        "sound": world.ledger.fault() is None,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
