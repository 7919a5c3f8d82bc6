"""What the counter and the sorter owe each other, tried without a browser: what one writes, the other finds."""

import os
import sys
import tempfile

from parcels.store import opened
from parcels.worker import sort_once


def broken() -> str | None:
    """The promise that does not hold, or None."""
    number = opened().execute("INSERT INTO parcel (town, state) VALUES ('Westerhaven', 'waiting')").lastrowid
    if sort_once() != 1:
        return "the worker does not find what the counter took in"
    (state,) = opened().execute("SELECT state FROM parcel WHERE id = ?", (number,)).fetchone()
    return None if state == "sorted" else f"a parcel that was sorted is {state}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PARCELS_DATA"] = folder
        fault = broken()
    print(fault or "the two services keep their contract")
    sys.exit(1 if fault else 0)
