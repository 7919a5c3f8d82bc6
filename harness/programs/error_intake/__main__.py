"""`python -m harness.programs.error_intake`: serves until it is stopped. No key is an argument."""

import argparse
import sys
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.programs.error_intake.serve import serve


def main() -> int:
    """Read the arguments and serve. 2 where the address is not to be had."""
    reader = argparse.ArgumentParser(prog="error-intake")
    reader.add_argument("--host", required=True)
    reader.add_argument("--port", type=int, required=True)
    reader.add_argument("--folder", type=Path, required=True, help="Where the spool is.")
    reader.add_argument("--keys", type=Path, required=True, help="The file with the keys.")
    reader.add_argument("--ready-file", type=Path, required=True)
    reader.add_argument("--lifeline", action="store_true", help="End with standard input.")
    given = reader.parse_args()
    try:
        serve(
            host=given.host,
            port=given.port,
            folder=given.folder,
            keys=given.keys,
            ready=given.ready_file,
            lifeline=given.lifeline,
        )
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
