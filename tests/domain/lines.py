"""A line of a bill."""

from decimal import Decimal

from harness.domain.spending import SpendingLine


def line(**given_: object) -> SpendingLine:
    usual = {
        "session": "s",
        "run": "r",
        "role": "author",
        "issue": 1,
        "model": "m",
        "day": "2026-11-21",
        "replayed": False,
        "calls": 1,
        "input_tokens": 10,
        "cache_read_tokens": 4,
        "output_tokens": 2,
        "settled": Decimal(1),
        "held": Decimal(0),
        "open": Decimal(0),
    }
    return SpendingLine(**(usual | given_))  # type: ignore[arg-type]
