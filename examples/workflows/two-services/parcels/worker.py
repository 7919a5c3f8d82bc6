"""The sorter: looks for waiting parcels, and sorts them."""

import time

from parcels.store import opened


def sort_once() -> int:
    """Sort every parcel that waits; how many there were."""
    return opened().execute("UPDATE parcel SET state = 'sorted' WHERE state = 'waiting'").rowcount


def work() -> None:
    while True:
        sort_once()
        time.sleep(0.2)


if __name__ == "__main__":
    work()
