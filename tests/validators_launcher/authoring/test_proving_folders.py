"""`prove` and `try` on folders, without a factory: the folder, what a person names, the rounds."""

import dataclasses
import json
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tiers import Draw
from tests.validators_launcher import seaside
from tests.validators_launcher.world import run_program
from validators.app.tree import tree_id
from validators.authoring.folders import SideFolders, change_of
from validators.authoring.local_request import LocalApp, app_in
from validators.authoring.rehearsal import Rehearsal, Round, _shown
from validators.authoring.report import round_lines, run_lines
from validators.domain.evidence import (
    ON_BASE,
    ExpectationOutcome,
    FaultInjector,
    Identity,
    RunEvidence,
    RunId,
    RunKind,
    StepOutcome,
)
from validators.domain.stops import UsageError
from validators.domain.verdict import (
    Counts,
    Outcome,
    Proof,
    Purpose,
    Sealed,
    Verdict,
)
from validators.language.reader import read
from validators.store.proofs import ShownProof, shown_proof


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path


def test_a_folder_becomes_a_tree_of_its_own_bytes_with_packages_and_data_beside(
    tmp_path: Path,
) -> None:
    app = folder(
        tmp_path / "app",
        {"app.py": "print()\n", 'pages/odd "name".html': "\r\n", "x.pyc": "old", ".git/HEAD": "x"},
    )
    packages, data = (
        folder(tmp_path / "site", {"lib.py": "1"}),
        folder(tmp_path / "rows", {"a.db": "\0"}),
    )
    change = change_of(SideFolders(app, packages, data), None, git_dir=tmp_path / "made.git")
    same = folder(
        tmp_path / "same",
        {
            "app.py": "print()\n",
            'pages/odd "name".html': "\r\n",
            ".packages/lib.py": "1",
            ".data/a.db": "\0",
        },
    )
    assert change.base.tree == tree_id(same)
    assert change.candidate is None


def test_a_checkout_becomes_what_a_commit_of_everything_would_hold(tmp_path: Path) -> None:
    app = folder(
        tmp_path / "app",
        {".gitignore": "build/\n", "build/x.js": "old", "app.py": "print()\n", "gone.py": "x"},
    )
    # What a checkout's own configuration names is not started.
    hostile = f"touch {tmp_path}/ran; false"
    for command in (["init", "-q"], ["add", "gone.py"], ["config", "core.fsmonitor", hostile]):
        subprocess.run(["git", "-C", app, *command], check=True)
    (app / "gone.py").unlink()
    (app / "build/elsewhere").symlink_to("/etc")
    assert [name for name, _ in SideFolders(app).files()] == [".gitignore", "app.py"]
    assert not (tmp_path / "ran").exists()


def test_two_folders_become_a_change_and_the_merge_of_it(tmp_path: Path) -> None:
    from validators.app.git import commit_facts

    base, fixed = folder(tmp_path / "old", {"a": "1"}), folder(tmp_path / "new", {"a": "2"})
    change = change_of(SideFolders(base), SideFolders(fixed), git_dir=tmp_path / "made.git")
    assert change.head is not None
    assert change.candidate is not None
    tree, parents = commit_facts(change.git_dir, change.candidate.commit)
    assert (tree, parents) == (tree_id(fixed), (change.base.commit, change.head.commit))
    assert change.base.tree == tree_id(base)


def test_a_link_in_a_folder_is_refused_by_name(tmp_path: Path) -> None:
    app = folder(tmp_path / "app", {"app.py": ""})
    (app / "secrets").symlink_to("/etc/passwd")
    with pytest.raises(UsageError, match="app/secrets: only plain files"):
        change_of(SideFolders(app), None, git_dir=tmp_path / "made.git")


CONFIG = """[app]
start = ["python", "-m", "walks"]
port_env = "LISTEN"
data = "WALKS"
seed_command = ["python", "seed.py"]
[dependencies]
lock = "lock.txt"
"""


def test_a_factory_toml_tells_how_the_app_starts_and_the_person_has_the_last_word(
    tmp_path: Path,
) -> None:
    app = folder(tmp_path, {"factory.toml": CONFIG, "lock.txt": ""})
    spec = app_in(app, LocalApp())
    assert (spec.start, spec.port_env, spec.ready) == (("python", "-m", "walks"), "LISTEN", "/")
    assert (spec.data, spec.seed_command, spec.lock) == ("WALKS", ("python", "seed.py"), "lock.txt")
    spec = app_in(
        app,
        LocalApp(start="walks --port $P", port_env="P", ready="/up", env=("A=b=c",), data=tmp_path),
    )
    assert (spec.start, spec.port_env, spec.ready) == (
        ("sh", "-c", "exec walks --port $P"),
        "P",
        "/up",
    )
    assert (spec.data, spec.env) == ("APP_DATA", {"A": "b=c"})


@pytest.mark.parametrize(
    ("files", "local_app", "complaint"),
    [
        ({}, LocalApp(), "no start command: give --start"),
        ({"factory.toml": "[app"}, LocalApp(start="x"), "factory.toml: cannot be read"),
        ({}, LocalApp(start="x", env=("LOUD",)), "--env LOUD: expected NAME=VALUE"),
        ({}, LocalApp(start="x", ready="up"), "app.ready: String should match pattern"),
        ({"factory.toml": "[app]\nstrat = ['x']"}, LocalApp(start="x"), "app.strat: Unexpected"),
    ],
)
def test_what_a_person_got_wrong_is_named(
    tmp_path: Path, files: dict[str, str], local_app: LocalApp, complaint: str
) -> None:
    with pytest.raises(UsageError) as refused:
        app_in(folder(tmp_path, files), local_app)
    assert complaint in str(refused.value)


JOURNEY = read(seaside.JOURNEY)
RED, NOT_RED = (
    Proof(True, "red on base: a named expectation failed"),
    Proof(False, "it passes on base"),
)
PASSED, FAILED = (
    Verdict(outcome, "so it was", Counts(1, 1, 1)) for outcome in (Outcome.PASSED, Outcome.FAILED)
)


def a_run(kind: RunKind, *, passed: bool, line: int = 11) -> RunEvidence:
    look = ExpectationOutcome(
        0, line, "text", "after_reload", passed, "equals 'Booked for 7'", "Sorry"
    )
    return RunEvidence(
        RunId(JOURNEY.name, Identity.PLAIN, kind),
        True,
        True,
        (StepOutcome(0, 4, "open", True),),
        (look,),
    )


def a_round(
    proof: Proof = RED, found: Verdict | None = PASSED, *evidence: RunEvidence, stopped: str = ""
) -> Round:
    sealed = Sealed(JOURNEY.name, "M-BOOK", Purpose.BUG, proof)
    return Round(1, None if stopped else sealed, found, evidence, (), stopped)


@pytest.mark.parametrize(
    ("rounds", "proved", "conclusion"),
    [
        (
            (a_round(), a_round(), a_round()),
            True,
            "proved: red on base: a named expectation failed; green on the reference",
        ),
        (
            (a_round(), a_round(), a_round(NOT_RED)),
            False,
            "not proved: the rounds disagree: in 1 of 3, it passes on base",
        ),
        ((a_round(NOT_RED), a_round(NOT_RED)), False, "not proved: it passes on base"),
        ((a_round(found=FAILED),), False, "not proved: on the reference: so it was"),
        (
            (a_round(stopped="the app did not become ready"),),
            False,
            "not proved: the app did not become ready",
        ),
        ((a_round(found=None),), False, "half proved: red on base"),
        ((), False, "not proved: no round was performed"),
        (
            (
                a_round(RED, PASSED, a_run(RunKind.BASE, passed=False)),
                a_round(RED, PASSED, a_run(RunKind.BASE, passed=True)),
            ),
            False,
            "not proved: the rounds disagree about which expectations fail",
        ),
    ],
)
def test_a_journey_is_proved_when_every_round_shows_the_same(
    rounds: tuple[Round, ...], proved: bool, conclusion: str
) -> None:
    rehearsal = Rehearsal(JOURNEY, "sha256:1", rounds)
    assert rehearsal.proved is proved
    assert rehearsal.conclusion.startswith(conclusion)


def test_a_look_that_did_not_hold_is_reported_in_the_words_of_the_file_with_what_was_there() -> (
    None
):
    lines = list(run_lines(a_run(RunKind.JOURNEY, passed=False, line=10), seaside.JOURNEY))
    assert lines[0] == "  ok    4  - open: /"
    assert lines[1].startswith("  NO   10  - row: {cells: [")
    assert lines[1].endswith("  (after_reload)")
    assert lines[2:] == [
        "           expected: equals 'Booked for 7'",
        "           there was: Sorry",
    ]


def test_only_the_runs_that_went_otherwise_than_they_must_are_explained() -> None:
    fine, wrong = a_run(RunKind.BASE, passed=False), a_run(RunKind.JOURNEY, passed=False)
    lines = "\n".join(
        round_lines(Rehearsal(JOURNEY, "sha256:1", (a_round(RED, FAILED, fine, wrong),)))
    )
    assert "journey-plain-1 failed, and must pass:" in lines
    assert "base-plain-1" not in lines


def test_what_the_masked_visitor_saw_is_reported_only_where_it_differs() -> None:
    plain, elsewhere = (
        a_run(RunKind.JOURNEY, passed=False),
        a_run(RunKind.JOURNEY, passed=False, line=10),
    )
    masked = [
        dataclasses.replace(one, run=dataclasses.replace(one.run, identity=Identity.MASKED))
        for one in (plain, elsewhere)
    ]
    rounds = [a_round(RED, FAILED, plain, one) for one in masked]
    texts = ["\n".join(round_lines(Rehearsal(JOURNEY, "sha256:1", (one,)))) for one in rounds]
    assert [one.count("there was: Sorry") for one in texts] == [1, 2]
    assert ["journey-masked-1 ended as journey-plain-1" in one for one in texts] == [True, False]


PROOF = ShownProof(
    "walk",
    "sha256:" + "a" * 64,
    "b" * 40,
    "c" * 40,
    (1, 2, 3),
    ("proved",),
    ("bwrap-root",),
    "2026",
)


@pytest.mark.parametrize(
    ("digest", "trees", "refusal"),
    [
        (PROOF.digest, None, ""),
        (PROOF.digest, (PROOF.base, PROOF.reference), ""),
        ("sha256:" + "d" * 64, None, "the proof is older than the journey"),
        (PROOF.digest, (PROOF.base, "e" * 40), "the proof is of other trees"),
        (PROOF.digest, ("", PROOF.reference), "the proof is of other trees"),
    ],
)
def test_a_proof_is_of_one_journey_and_one_pair_of_trees(
    digest: str, trees: tuple[str, str] | None, refusal: str
) -> None:
    assert PROOF.refusal(digest=digest, trees=trees).startswith(refusal)
    assert bool(PROOF.refusal(digest=digest, trees=trees)) is bool(refusal)


def test_a_proof_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "walk.proof.json"
    assert shown_proof(file) is None
    file.write_text(json.dumps(dataclasses.asdict(PROOF)))
    assert shown_proof(file) == PROOF
    file.write_text(json.dumps({**dataclasses.asdict(PROOF), "extra": 1}))
    with pytest.raises(UsageError, match=r"walk\.proof\.json: not a proof"):
        shown_proof(file)


HOW = ("--start", "python seaside.py", "--ready-seconds", "120", "--data")


@pytest.fixture
def sides(tmp_path: Path) -> Path:
    """Folders `old`, `fixed`, `painted` and `rows`, as somebody would have them who has never seen
    this project."""
    for name in ("BASE", "FIXED", "PAINTED"):
        files = {
            "seaside.py": getattr(seaside, name)["seaside.py"].replace("SEASIDE_DATA", "APP_DATA")
        }
        folder(tmp_path / name.lower(), files)
    folder(tmp_path / "rows", {"bookings.json": '[{"name": "Seeded Guest", "size": 2}]'})
    (tmp_path / "large.yaml").write_text(seaside.JOURNEY)
    return tmp_path


def test_folders_are_enough_to_prove_a_journey_and_its_proof_lies_beside_it(
    sides: Path, draw: Draw
) -> None:
    rounds = 2 if draw.whole else 1  # that they have to agree is shown above
    journey = sides / "large.yaml"
    asked = (
        "prove",
        journey,
        "--base",
        sides / "base",
        "--reference",
        sides / "fixed",
        *HOW,
        sides / "rows",
    )
    done = run_program(*asked, "--rounds", str(rounds), "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{journey}: book-a-large-group" in done.stdout
    assert (
        done.stdout.count("red on base: a named expectation failed; green on the reference")
        == rounds + 1
    )  # and all together
    proof = shown_proof(sides / "large.proof.json")
    assert proof is not None
    assert (proof.seeds, proof.refusal(digest=proof.digest)) == ((5, 6)[:rounds], "")
    again = run_program(*asked, "--unless-proved")
    assert (again.returncode, "proved before, on the same trees" in again.stdout) == (0, True)
    assert run_program("check", journey).returncode == 0
    journey.write_text(seaside.JOURNEY.replace("Booked for 9", "Booked for 10"))
    checked = run_program("check", journey)
    assert (checked.returncode, "the proof is older than the journey" in checked.stdout) == (
        1,
        True,
    )


@pytest.mark.soak(
    "two browsers more; test_judging fails a painted app, the tests above show what was there"
)
def test_a_painted_reference_is_not_green_and_the_writer_reads_what_was_there(
    sides: Path,
) -> None:
    (sides / "large.proof.json").write_text("{}")  # what somebody had before
    asked = (
        "prove",
        sides / "large.yaml",
        "--base",
        sides / "base",
        "--reference",
        sides / "painted",
    )
    done = run_program(*asked, *HOW, sides / "rows", "--rounds", "1")
    assert done.returncode == 1
    assert "not proved: on the reference: 1 of 1 sealed journeys failed" in done.stdout
    assert "Seeded Guest | 2" in done.stdout
    assert not (sides / "large.proof.json").exists()


@pytest.mark.soak("nine runs in a browser; test_drafts shows what a guard must notice")
def test_without_a_base_the_mutants_must_be_killed(sides: Path) -> None:
    (sides / "small.yaml").write_text(seaside.HARMLESS)
    asked = (
        "prove",
        sides / "small.yaml",
        "--reference",
        sides / "base",
        *HOW,
        sides / "rows",
        "--rounds",
        "1",
        "--json",
    )
    done = run_program(*asked)
    report = json.loads(done.stdout)
    (shown,) = report["journeys"][0]["rounds"]
    assert done.returncode == 0, report["journeys"][0]["reason"]
    assert (report["proved"], shown["base"]["reason"]) == (True, "green on base")
    assert [run["run"]["kind"] for run in shown["runs"]].count("sabotage") == len(FaultInjector)


def test_a_try_prints_what_each_step_and_look_saw_and_claims_nothing(sides: Path) -> None:
    done = run_program(
        "try",
        sides / "large.yaml",
        "--base",
        sides / "base",
        *HOW,
        sides / "rows",
        "--keep",
        sides / "kept",
    )
    assert done.returncode == 1
    assert "  ok    7  - click: {button: Book}" in done.stdout
    assert "there was: Sorry, a group of" in done.stdout
    assert '- heading "Walk to the seal bank"' in done.stdout, (
        "the page, by roles and names, where something was not found"
    )
    assert "negative control: not performed" in done.stdout
    assert "  failed in " in done.stdout
    assert list(sides.glob("kept/**/page.png"))
    assert not (sides / "large.proof.json").exists()


def test_what_base_shows_beside_a_candidate_is_no_part_of_the_verdict_of_a_round() -> None:
    """Of a journey that was proved before, base is performed once more for its pictures: its round
    came to "the evidence has a run that was not asked for"."""
    sealed = Sealed("j", "M-BOOK", Purpose.BUG, Proof(True, "red on base"))
    runs = tuple(
        RunEvidence(RunId("j", kind=kind), app_ready=True, complete=True)
        for kind in (RunKind.JOURNEY, *ON_BASE)
    )
    trial = SimpleNamespace(evidence=runs, sandboxes=())
    found = _shown(sealed, trial, seed=1, judged=True).verdict  # type: ignore[arg-type]
    assert found is not None
    assert "not asked for" not in found.reason
