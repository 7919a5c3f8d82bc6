"""What a sandbox left in its output folder is taken as plain files or not at all."""

import os
from pathlib import Path

import pytest

from validators.domain.stops import Inconclusive
from validators.evidence import keep


def test_links_pipes_and_what_lies_behind_them_are_left_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "run").mkdir(parents=True)
    (out / "run/page.png").write_bytes(b"png")
    (out / "run/shadow.txt").symlink_to("/etc/passwd")
    (out / "etc").symlink_to("/etc")
    os.mkfifo(out / "pipe")
    keep.keep_files(out, into=tmp_path / "kept")
    assert [
        path.relative_to(tmp_path / "kept").as_posix() for path in (tmp_path / "kept").rglob("*")
    ] == [
        "run",
        "run/page.png",
    ]


def test_too_many_files_are_inconclusive(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for number in range(keep.MAX_FILES + 1):
        (out / f"{number}").touch()
    with pytest.raises(Inconclusive, match="more than 2000 files"):
        keep.keep_files(out, into=tmp_path / "kept")


def test_a_long_server_log_is_kept_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_bytes(b"x" * (keep.LOG_TAIL + 5) + b"the last words")
    keep.keep_tail(log, into=tmp_path / "kept.log")
    kept = (tmp_path / "kept.log").read_bytes()
    assert (len(kept), kept[-14:]) == (keep.LOG_TAIL, b"the last words")
