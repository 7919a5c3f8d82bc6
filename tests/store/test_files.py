"""Small files are replaced whole or not at all, also where the disk takes only a part."""

from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest

from harness.store.files import replace


def test_a_disk_that_takes_a_part_leaves_the_old_file(tmp_path) -> None:
    """`write` returns how much it wrote, and a part of a state passed for the whole."""
    place = tmp_path / "home.json"
    replace(place, b"old", mode=0o600)
    before = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            replace(place, b"x" * 200_000, mode=0o600)
    finally:
        setrlimit(RLIMIT_FSIZE, before)
    assert place.read_bytes() == b"old"
