"""A crowd of real processes that spend at once: `rush.py FILE ADDRESS` prints how many calls they
got together.

They are forked from one that has read the meter's code, and begin when the last of them is
there."""

import os
import sys
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path

import psycopg  # noqa: F401 - read once, and not by each of twenty
import sqlalchemy.dialects.postgresql.psycopg
import sqlalchemy.dialects.sqlite  # noqa: F401 - the same

from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import DatedRates, ModelPrice, Prices, Rates, Tokens
from harness.programs.broker.refusal import Refusal

PROCESSES, TRIES, CAP = 20, 5, Decimal("0.10")
CENT = Tokens(output=1)
PRICES = Prices("2026-11-21", {"m": (DatedRates("", Rates(ModelPrice(0, 10_000_000, 0, 0, 0))),)})


def spend(file: Path, address: str) -> int:
    """As many calls as there are, of a cent each; every other one is left open. How many that
    was."""
    with closing(Meter(file, PRICES, database=address)) as meter:
        session, made = (
            (
                SessionIdentity("s", "run", "implementer", 1, 1, "m"),
                SessionCaps(1000, Decimal(1000), usd_day=CAP),
            ),
            0,
        )
        for number in range(TRIES):
            try:
                call = meter.reserve(*session, CENT)
            except Refusal as refusal:
                # two that were in each other's way, say
                if refusal.about.get("cause") != "day":
                    raise
            else:
                made += 1
                if number % 2:
                    call.settle(CENT)
        return made


def main(file: Path, address: str) -> None:
    waits, holds = os.pipe()
    children = []
    for _ in range(PROCESSES):
        if (child := os.fork()) == 0:
            os.close(holds)
            # ends when nobody holds the other end any more
            os.read(waits, 1)
            with suppress(Exception):
                os._exit(spend(file, address))
            os._exit(TRIES + 1)
        children.append(child)
    os.close(holds)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert all(0 <= code <= TRIES for code in codes), codes
    print(sum(codes))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
