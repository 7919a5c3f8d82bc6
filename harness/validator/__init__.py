"""The sealed validator as the harness meets it: a program that is started, and an envelope whose
signature is checked.

Nothing of the `validators` package is imported here, and no journey passes through.
"""
