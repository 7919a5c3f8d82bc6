"""How fast this machine is: the time of a small, fixed piece of work."""

from time import perf_counter, thread_time

from validators.domain.bounds import MOST_SCALE, REFERENCE_SECONDS, Speed

ROUNDS, STEPS = 20, 10_000


def measured() -> Speed:
    """How long the reference work takes here, in seconds."""
    processor, wall, longest = thread_time(), perf_counter(), REFERENCE_SECONDS * MOST_SCALE
    done, worth = 0, 1
    # On a machine so slow that the scale reaches its maximum, a part of the work is enough.
    while done < ROUNDS and perf_counter() - wall < longest * 0.8:
        for step in range(STEPS):
            worth = (worth * 1103515245 + step) & 0x7FFFFFFF
        done += 1
    whole = ROUNDS / done
    return Speed((thread_time() - processor) * whole, (perf_counter() - wall) * whole)
