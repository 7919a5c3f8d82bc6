"""The real hours and days, for what is counted by them."""

import time

HOUR, DAY = 3600, 86_400


def within_one(span: int) -> None:
    """Wait for the next hour, or the next day of UTC, where this one is about to end: what follows
    begins and ends in one."""
    left = span - time.time() % span
    if left < 60:
        time.sleep(left + 0.01)
