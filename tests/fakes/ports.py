"""Ports of the loopback for programs that have to be told theirs."""

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

LOWEST, HIGHEST = 20_000, 30_000
"""Below what Linux gives out for port 0, and below what the judge takes: nobody else gets these."""


def free_port() -> int:
    """A port that nobody has now. No other test process is given it while this one lives."""
    ports = range(LOWEST, HIGHEST)
    for port in random.SystemRandom().sample(ports, len(ports)):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0lights-out-factory, port {port} of a test")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        claim.detach()  # open until this process ends
        return port
    raise AssertionError(f"every port from {LOWEST} to {HIGHEST} is taken")


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port where nobody listens, and which nobody else is given before the block ends."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
