"""Counting once."""


def tally(events):
    """How many different events there are."""
    return len(set(events))
