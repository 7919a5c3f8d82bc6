"""What strangers put into a folder is seen, and can be deleted."""

import errno
import os
from pathlib import Path

from harness.folder_walk import MOST_OPEN, delete, walk
from tests.nests import nest


def test_everything_is_seen_once_with_few_folders_open(tmp_path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        nest(tmp_path / str(number), "n", 3 * MOST_OPEN)
    (tmp_path / "link").symlink_to("/")
    before = len(os.listdir("/proc/self/fd"))
    entered, left, most = 0, 0, 0
    for stop in walk(tmp_path, unexpected):
        entered, left = entered + len(stop.entries), left + (stop.left is not None)
        most = max(most, len(os.listdir("/proc/self/fd")) - before)
    assert (entered, left) == (3 * (3 * MOST_OPEN + 2) + 1, 3 * (3 * MOST_OPEN + 1))
    assert most <= MOST_OPEN
    assert len(os.listdir("/proc/self/fd")) == before
    assert delete(tmp_path / "0") is None


def test_a_folder_that_is_moved_meanwhile_leads_nobody_out(tmp_path) -> None:
    """The way back up from it ends elsewhere, where nothing is looked at; the rest still is."""
    top, elsewhere = tmp_path / "top", tmp_path / "elsewhere"
    for place in (top / "a", top / "b", elsewhere / "secret"):
        place.mkdir(parents=True)
    for place in ("a", "b"):
        nest(top / place, "n", 2 * MOST_OPEN)
    seen = []
    for stop in walk(top, unexpected):
        seen += [entry.name for entry in stop.entries]
        if seen[-1] == "file" and not (elsewhere / "n").exists():
            here = Path(os.readlink(f"/proc/self/fd/{stop.descriptor}")).relative_to(top)
            (top / here.parts[0] / "n" / "n" / "n").rename(elsewhere / "n")
    assert seen.count("file") == 2
    assert "secret" not in seen


def test_what_cannot_be_deleted_is_said_and_what_has_gone_is_no_error(tmp_path) -> None:
    error = delete(tmp_path / ("n" * 300))
    assert error is not None
    assert error.errno == errno.ENAMETOOLONG
    assert delete(tmp_path / "gone") is None


def unexpected(error: OSError) -> None:
    raise error
