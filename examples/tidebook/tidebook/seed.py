"""`python -m tidebook.seed`: the walks of a season's first week, one at each of its daylight low tides."""

import os
from datetime import datetime, timedelta

from tidebook import store

FIRST_LOW_TIDE = datetime(2030, 5, 4, 8, 10)
BETWEEN_LOW_TIDES = timedelta(hours=12, minutes=25)
WALKS = (
    ("Mussel banks", "Ada", "Harbour steps", 12),
    ("Seal watch", "Bo", "Old lighthouse", 8),
    ("Sunrise on the flats", "Ada", "Harbour steps", 10),
    ("Island crossing", "Cleo", "Dike gate 3", 16),
)


def main() -> None:
    """Add the walks where there are none yet."""
    db = store.connect(os.environ.get("TIDEBOOK_DATA", "data"))
    if store.walks(db):
        return
    tide = FIRST_LOW_TIDE
    for title, guide, meeting_point, capacity in WALKS:
        store.add_walk(db, title, guide, (tide - timedelta(hours=1)).isoformat(" ", "minutes"), meeting_point, capacity)
        tide += BETWEEN_LOW_TIDES * 2
    db.close()


if __name__ == "__main__":
    main()
