"""The sealed judge: a program of its own. It imports nothing of the harness, and the harness
imports nothing of it."""

import atexit
import gc

# What a program loads stays until it ends, and most of these programs are short: by Python's own
# measure, 700 new objects, the collector takes a tenth of their time. So do its last two sweeps at
# the end, for memory that goes with the process anyway.
gc.set_threshold(50_000, 20, 20)
atexit.register(gc.freeze)
