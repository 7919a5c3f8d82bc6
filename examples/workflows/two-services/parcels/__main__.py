"""Both services in the foreground: the worker beside the counter, and neither without the other."""

import os
import signal
import subprocess
import sys
import threading

from parcels.web import serve


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    worker = subprocess.Popen([sys.executable, "-m", "parcels.worker"])
    threading.Thread(target=_end_with, args=(worker,), daemon=True).start()
    try:
        serve()
    finally:
        worker.terminate()
    return 0


def _end_with(worker: subprocess.Popen[bytes]) -> None:
    """A counter whose sorter is gone would take parcels that never arrive."""
    worker.wait()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
