"""Where tests put their files."""

import os

from tests import in_memory


def test_only_what_runs_that_have_ended_left_there_goes(tmp_path) -> None:
    others = {f"lof-tests-{os.getppid()}", "lof-tests-theirs", "theirs"}
    ours = f"lof-tests-{os.getpid()}"
    for name in ("lof-tests-999999999", ours, *others):
        (tmp_path / name / "folder").mkdir(parents=True)
    made = in_memory.folder(tmp_path, needed=0)
    assert made
    assert made.stat().st_mode & 0o7777 == 0o1777
    assert {one.name for one in tmp_path.iterdir()} == {ours, *others}
    assert list(made.iterdir()) == []


def test_without_room_or_memory_files_lie_on_the_disk(tmp_path) -> None:
    assert in_memory.folder(tmp_path, needed=1 << 60) is None
    assert in_memory.folder(tmp_path / "none") is None
    assert list(tmp_path.iterdir()) == []
