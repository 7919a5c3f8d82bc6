"""lights-out-factory: issues go in, validated code comes out, and nobody is at the keyboard."""

import atexit
import gc

__version__ = "0.1.0"

# What a program loads stays until it ends. By Python's own measure, 700 new objects, all of it is
# swept again and again while it comes: a seventh of the time that the engine takes to load. When
# the program ends, Python sweeps twice more, for memory that goes with the process anyway: a fifth
# of what a short command costs.
gc.set_threshold(50_000, 20, 20)
atexit.register(gc.freeze)
