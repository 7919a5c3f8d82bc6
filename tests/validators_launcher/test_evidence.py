"""What the driver wrote is read as data: strictly, and never further than the folder it was kept in."""

from pathlib import Path

import pytest

from validators.domain.evidence import RunEvidence, RunId
from validators.domain.stops import Inconclusive
from validators.judge.evidence_json import evidence_json
from validators.launcher.perform import evidence_at
from validators.launcher.phases import Deadline, Phases

RUN = RunEvidence(RunId("a-walk"), app_ready=True, complete=True)


def test_files_that_were_not_kept_are_not_evidence(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    (folder / "a-walk").mkdir(parents=True)
    (folder / "a-walk" / "page.png").touch()
    (tmp_path / "validator.key").touch()
    names = ("a-walk/page.png", "../validator.key", "a-walk/../../validator.key", f"{tmp_path}/validator.key", "gone.png")
    told = RunEvidence(RUN.run, app_ready=True, complete=True, files=names)
    (folder / "evidence.json").write_text(evidence_json((told,)))
    (found,) = evidence_at(folder / "evidence.json", label="runs")
    assert found.files == ("runs/a-walk/page.png",)


@pytest.mark.parametrize("text", ["", "{}", '{"runs": [{}]}', '{"runs": [], "outcome": "passed"}', "\udcff"])
def test_a_document_of_another_shape_is_inconclusive(tmp_path: Path, text: str) -> None:
    (tmp_path / "evidence.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Inconclusive, match="no readable evidence"):
        evidence_at(tmp_path / "evidence.json", label="runs")


def test_time_that_is_up_is_inconclusive() -> None:
    now = iter([10.0, 12.5, 40.0])
    deadline = Deadline(30, clock=lambda: next(now), began=10.0)
    assert (deadline.seconds_left(), deadline.seconds_left()) == (30, 27)
    with pytest.raises(Inconclusive, match="the 30 s that the request allows are over"):
        deadline.seconds_left()


def test_a_phase_ends_where_the_next_begins() -> None:
    now = iter([1.0, 3.0, 3.5, 3.5])
    phases = Phases(clock=lambda: next(now))
    phases("apps start")
    phases("browser")
    assert [(span.name, span.began, span.seconds) for span in phases.spans()] == [
        ("apps start", 0.0, 2.0),
        ("browser", 2.0, 0.5),
    ]
    assert phases.lines() == ("phase 2.000 s apps start", "phase 0.500 s browser")
