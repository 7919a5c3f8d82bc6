"""Runs the sealed validator as a program, and verifies the envelopes that it signs.

Nothing of the `validators` package is imported here, and no journey passes through.
"""
