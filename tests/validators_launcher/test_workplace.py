"""Folders of performances that end in disorder are removed, whatever an app made of them."""

import os
from pathlib import Path

import pytest

from tests.nests import DEEP, LONG, folder_for_nests, nest
from tests.sandbox.sandboxes import ORDINARY_UID
from validators.domain.stops import Inconclusive
from validators.evidence.keep import keep_files
from validators.launcher.workplace import OUT, RESCUE_TO, remove_abandoned

NOBODY = 1 << 30


@pytest.mark.parametrize("shape", [LONG, DEEP])
def test_no_nest_of_folders_that_a_dead_launcher_left_stops_the_next(shape) -> None:
    """Each launcher met it again: nobody's candidate was judged on that machine any more."""
    with folder_for_nests() as work:
        out = work / f"judge-{NOBODY}-x" / "base" / OUT
        out.mkdir(parents=True)
        (work / "kept").mkdir()
        (out.parents[1] / RESCUE_TO).write_text(str(work / "kept"))
        nest(out, *shape)
        remove_abandoned(work)
        assert [path.name for path in work.iterdir()] == ["kept"]


def test_closed_folders_go_too_and_links_lead_nowhere() -> None:
    """As root no folder is closed."""
    me = os.geteuid()
    with folder_for_nests() as work:
        work.chmod(0o777)
        (work / "other").mkdir()
        (work / "other" / "file").touch()
        try:
            os.seteuid(me or ORDINARY_UID)
            closed = work / f"judge-{NOBODY}-x" / "closed" / "inner"
            closed.mkdir(parents=True)
            (closed / "file").touch()
            (closed / "link").symlink_to(work / "other")
            closed.chmod(0)
            closed.parent.chmod(0)
            remove_abandoned(work)
        finally:
            os.seteuid(me)
        assert [path.name for path in work.rglob("*")] == ["other", "file"]


@pytest.mark.parametrize("shape", [LONG, DEEP])
def test_evidence_that_lies_too_deep_is_inconclusive(shape) -> None:
    with folder_for_nests() as work:
        (work / "out").mkdir()
        nest(work / "out", *shape)
        with pytest.raises(Inconclusive, match="more than 32 folders or 1024 bytes deep"):
            keep_files(work / "out", into=Path(work, "kept"))
