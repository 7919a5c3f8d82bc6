"""`python -m harness.programs.local_place --folder F --port P --supervisor ARG…`: serve one place.

Exit 0 after it was asked to end, 5 when another process serves the folder or has the port."""

import argparse
import asyncio
import fcntl
import sys
from pathlib import Path

from harness.programs.local_place.place import Place


def main() -> int:
    """Serve until somebody asks it to end."""
    parser = argparse.ArgumentParser(prog="python -m harness.programs.local_place")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--supervisor", nargs=argparse.REMAINDER, required=True)
    given = parser.parse_args()
    # Held until this process ends, however it ends: two places never share a folder.
    with (given.folder / "place.lock").open("a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            asyncio.run(Place(given.folder, given.port, tuple(given.supervisor)).served())
        except OSError as error:
            print(f"the place cannot be served: {error}", file=sys.stderr)
            return 5
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
