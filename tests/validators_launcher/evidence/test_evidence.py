"""What the driver wrote is read as data: strictly, and never further than the folder it was kept
in; then it is bound."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from validators.domain.evidence import RunEvidence, RunId, RunKind
from validators.domain.stops import Inconclusive, UsageError
from validators.evidence.merkle import evidence_in, merkle_root
from validators.judging.verify import evidence_faults
from validators.launcher.perform import MOST_EVIDENCE, evidence_at
from validators.launcher.phases import Deadline, Phases
from validators.launcher.workplace import remove_abandoned
from validators.performance.evidence_json import evidence_json
from validators.signing.key import signer_at
from validators.signing.notary import Notary
from validators.signing.statement import signed_verdict

RUN = RunEvidence(RunId("a-walk"), app_ready=True, complete=True)


def test_files_that_were_not_kept_are_not_evidence(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    (folder / "a-walk").mkdir(parents=True)
    (folder / "a-walk" / "page.png").touch()
    (tmp_path / "validator.key").touch()
    names = (
        "a-walk/page.png",
        "../validator.key",
        "a-walk/../../validator.key",
        f"{tmp_path}/validator.key",
        "gone.png",
    )
    evidence = RunEvidence(RUN.run, app_ready=True, complete=True, files=names)
    (folder / "evidence.json").write_text(evidence_json((evidence,)))
    (found,) = evidence_at(folder / "evidence.json", [RUN.run], label="runs")
    assert found.files == ("runs/a-walk/page.png",)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"runs": [{}]}', '{"runs": [], "outcome": "passed"}', "\udcff"]
)
def test_a_document_of_another_shape_is_inconclusive(tmp_path: Path, text: str) -> None:
    (tmp_path / "evidence.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(Inconclusive, match="no readable evidence"):
        evidence_at(tmp_path / "evidence.json", [RUN.run], label="runs")


def test_more_evidence_than_a_driver_has_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text('{"runs": []}' + " " * MOST_EVIDENCE)
    with pytest.raises(Inconclusive, match="left evidence of 8388620 bytes"):
        evidence_at(tmp_path / "evidence.json", [RUN.run], label="runs")


@pytest.mark.parametrize(
    "more", [RUN, replace(RUN, run=replace(RUN.run, kind=RunKind.BASE))], ids=["twice", "base"]
)
def test_a_run_that_nobody_asked_for_is_no_evidence(tmp_path: Path, more: RunEvidence) -> None:
    """A candidate whose page took the browser over once could prove journeys on base, for good."""
    (tmp_path / "evidence.json").write_text(evidence_json((RUN, more)))
    with pytest.raises(Inconclusive, match="unasked or twice"):
        evidence_at(tmp_path / "evidence.json", [RUN.run], label="runs")


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


@pytest.fixture
def verdict(tmp_path: Path) -> Path:
    """A verdict and, in the store beside it, its evidence and its double."""
    home = tmp_path / "store" / "judged" / "run-1-1"
    (home / "evidence" / "runs").mkdir(parents=True)
    for name in ("page.png", "trace.zip"):
        (home / "evidence" / "runs" / name).write_text(name)
    files = evidence_in(home / "evidence")
    binds = {"candidate": "c" * 40, "tree": "d" * 40}
    predicate = {
        "binds": binds,
        "evidence": {"merkle_root": merkle_root(files), "files": len(files)},
    }
    envelope = signed_verdict(predicate, Notary(signer_at(tmp_path / "validator.key")))
    for place in (home / "verdict.json", tmp_path / "verdict.json"):
        place.write_bytes(envelope)
    return tmp_path / "verdict.json"


def fault(verdict: Path) -> str:
    store, public_key = verdict.with_name("store"), verdict.with_name("validator.key.pub")
    return evidence_faults([verdict], public_key=public_key, store=store)[str(verdict)]


def changed(runs: Path) -> None:
    (runs / "page.png").write_text("page.pmg")


def taken_away(runs: Path) -> None:
    (runs / "trace.zip").unlink()


def added(runs: Path) -> None:
    (runs / "more.png").touch()


def renamed(runs: Path) -> None:
    (runs / "page.png").rename(runs / "pages.png")


def swapped_for_a_link(runs: Path) -> None:
    (runs / "page.png").rename(runs.parent.parent / "page.png")
    (runs / "page.png").symlink_to(runs.parent.parent / "page.png")


@pytest.mark.parametrize("tamper", [changed, taken_away, added, renamed, swapped_for_a_link])
def test_evidence_that_is_not_what_was_signed_is_named(
    verdict: Path, tamper: Callable[[Path], None]
) -> None:
    assert fault(verdict) == ""
    tamper(verdict.with_name("store") / "judged" / "run-1-1" / "evidence" / "runs")
    assert "a file was changed, added or taken away" in fault(verdict)


def test_evidence_of_another_judgement_is_not_this_ones(verdict: Path) -> None:
    """It is found by the very bytes of the verdict that lies beside it, not by a name."""
    home = verdict.with_name("store") / "judged" / "run-1-1"
    (home / "verdict.json").write_bytes(verdict.read_bytes() + b" ")
    assert fault(verdict) == "its evidence is not in the store any more"


def test_a_store_that_is_not_there_is_not_sound(verdict: Path) -> None:
    verdict.with_name("store").rename(verdict.with_name("elsewhere"))
    with pytest.raises(UsageError, match="the store cannot be read"):
        fault(verdict)


def test_what_a_killed_judge_had_put_out_is_rescued_into_the_store(tmp_path: Path) -> None:
    rescued, dead = tmp_path / "store" / "evidence", tmp_path / "judge-999999999-x"
    rescued.mkdir(parents=True)
    (dead / "runs" / "out" / "a-walk" / "journey-plain-1").mkdir(parents=True)
    (dead / "runs" / "out" / "a-walk" / "journey-plain-1" / "page.png").write_text("png")
    (dead / "runs" / "20001").mkdir()
    (dead / "runs" / "20001" / "server.log").write_text("GET /")
    (dead / "runs" / "driver.log").touch()
    (dead / "runs" / "out" / "key").symlink_to("/etc/passwd")
    (dead / "rescue-to").write_text(str(rescued))
    remove_abandoned(tmp_path)
    assert not dead.exists()
    assert sorted(
        path.relative_to(rescued).as_posix() for path in rescued.rglob("*") if path.is_file()
    ) == [
        "runs/a-walk/journey-plain-1/page.png",
        "runs/server/20001-server.log",
        "runs/server/driver.log",
    ]


def test_launchers_that_clean_up_at_the_same_time_leave_each_other_alone(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / f"judge-999999999-{number}" / "runs").mkdir(parents=True)
    with ThreadPoolExecutor(8) as launchers:
        for done in [launchers.submit(remove_abandoned, tmp_path) for _ in range(8)]:
            done.result()
    assert list(tmp_path.iterdir()) == []
