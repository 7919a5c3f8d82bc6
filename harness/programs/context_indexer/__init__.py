"""What files define and import, by grammars: a program that runs in a sandbox.

A parser is C code over bytes that somebody else wrote. Its results come back as JSON lines, and are
read with limits. It imports nothing of the factory.
"""
