"""`python -m harness.programs.local_forge --home DIR`: run the local forge."""

from __future__ import annotations

import argparse
import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.programs.local_forge.serve import Around

EXIT_UNAVAILABLE = 5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m harness.programs.local_forge", description="The local forge, on loopback."
    )
    parser.add_argument(
        "--home",
        type=Path,
        required=True,
        help="where it keeps its database, repositories and token",
    )
    parser.add_argument(
        "--port",
        type=int,
        default=0,
        help="the port on 127.0.0.1; 0: the last port, or any free one",
    )
    parser.add_argument(
        "--ready-file", type=Path, help="written with {url, port, pid} once it listens"
    )
    parser.add_argument(
        "--open", action="store_true", help="let visitors file issues under a name of their own"
    )
    parser.add_argument(
        "--pick",
        action="store_true",
        help="let anybody who reaches the forge sign in as any person, without a token",
    )
    parser.add_argument(
        "--evidence", type=Path, help="a folder of static pages to serve under /-/evidence/"
    )
    parser.add_argument(
        "--rate-limit", type=int, default=100_000, help="requests an hour and account"
    )
    parser.add_argument(
        "--people-write-checks",
        action="store_true",
        help="let people's tokens write check runs, which is for Apps and bots alone",
    )
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    return parser.parse_args()


def main(around: Around | None = None) -> int:
    """Run the forge, with an application `around` it if there is one. Returns the exit code: 0
    after a signal to stop, 5 when it could not start."""
    given = _arguments()
    # Imported here, so that `--help` and a usage error do not wait for the server's libraries. What
    # they make is no garbage: collecting took a tenth of the start.
    gc.disable()
    from harness.programs.local_forge.serve import Unavailable, serve
    from harness.programs.local_forge.settings import Settings
    from harness.programs.local_forge.storage.database import UnknownSchema

    gc.freeze()
    gc.enable()
    settings = Settings(
        given.home.absolute(),
        open_door=given.open,
        rate_limit=given.rate_limit,
        evidence=given.evidence and given.evidence.absolute(),
        pick=given.pick,
        people_write_checks=given.people_write_checks,
    )
    try:
        serve(
            settings,
            port=given.port,
            ready=given.ready_file,
            lifeline=given.lifeline,
            around=around,
        )
    except (Unavailable, UnknownSchema, OSError) as error:
        print(f"forge: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
