"""What an account has spent of its hour at the local forge."""

from tests.fakes.hours import HOUR, within_one


def spent(place) -> int:
    return int(
        place.ask("GET", "/api/v3/rate_limit", by=place.factory).json()["resources"]["core"]["used"]
    )


def spent_before(place) -> int:
    """The same, for who compares it with what was spent later: both are of one hour."""
    within_one(HOUR)
    return spent(place)
