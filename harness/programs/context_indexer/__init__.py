"""What files define and import, read by grammars: a program of its own, which runs in a box and
knows nothing of the factory.

A parser is C code over bytes that somebody else wrote. What it makes of them comes back as JSON
lines and is read with limits."""
