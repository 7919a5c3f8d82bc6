"""lights-out-factory: issues go in, validated code comes out, and nobody is at the keyboard."""

import gc

__version__ = "0.1.0"

# What a program loads stays until it ends. By Python's own measure, 700 new objects, all of it is
# swept again and again while
# it comes: a seventh of the time that the engine takes to load.
gc.set_threshold(50_000, 20, 20)
