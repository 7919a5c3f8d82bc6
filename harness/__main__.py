"""`python -m harness` and the `factory` command."""

import os
import signal
import sys
from types import FrameType

STOP_SECONDS = 5
INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit with its code. Interrupted, by Ctrl-C or as a service manager
    does it, it is gone soon whatever it was at: threads that run a node would be waited for, and
    what they run is tied to this process and ends with it, as after a kill."""
    from harness.cli.main import run

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        code = run(sys.argv[1:])
    except BaseException:
        if not _is_interrupted():
            raise
        code = 1
    if code != INTERRUPTED and not _is_interrupted():
        sys.exit(code)
    sys.stdout.flush()
    if code not in (0, INTERRUPTED):
        _gone(signal.SIGALRM, None)  # the error may have come of the interruption
    os._exit(code)  # 0: a demo that was only to be looked at


def _is_interrupted() -> bool:
    return signal.getsignal(signal.SIGALRM) is _gone


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGALRM, _gone)
    signal.setitimer(signal.ITIMER_REAL, STOP_SECONDS)
    raise KeyboardInterrupt


def _gone(_number: int, _frame: FrameType | None) -> None:
    from harness.cli.interruption import interrupted_words

    os.write(sys.stderr.fileno(), f"factory: {interrupted_words()}\n".encode())
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
