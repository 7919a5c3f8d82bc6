"""Candidates judged by the real program: real git, real sandboxes, real Chromium. One journey was
sealed before."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.conftest import Judge, Judged
from tests.validators_launcher.world import MISSION, TITLE, World, predicate
from validators.app.sandboxes import SandboxResult
from validators.domain.evidence import FaultInjector
from validators.domain.verdict import Outcome, Verdict
from validators.evidence.merkle import evidence_in, merkle_root
from validators.evidence.page import Moment
from validators.judging.judging import without_unsealed_pass


@pytest.fixture
def green(judged: Judge) -> Judged:
    return judged("FIXED")


@pytest.fixture
def painted(judged: Judge) -> Judged:
    return judged("PAINTED")


def test_a_true_fix_passes_with_every_control(green: Judged) -> None:
    assert green.done.returncode == 0, green.done.stderr
    found = predicate(green.out / "verdict.json")
    assert (found["outcome"], found["journeys"]) == (
        "passed",
        {"sealed": 1, "executed": 1, "passed": 1},
    )
    controls = found["controls"]
    assert (controls["twins"], controls["twins_failed"], controls["red_on_base"]) == (1, 1, True)
    assert 0 < controls["caught"] == controls["saboteurs"]


def test_the_log_has_the_seconds_of_each_phase_and_nothing_else(green: Judged) -> None:
    *phases, pace = green.done.stderr.splitlines()
    assert all(re.fullmatch(r"phase \d+\.\d{3} s [a-z:, ]+", line) for line in phases)
    assert re.fullmatch(
        r"bounds times \d\.\d\d: the timed work took \d+ ms, \d+ of a processor's", pace
    )


def test_the_base_is_proved_by_a_browser_that_never_met_the_candidate(green: Judged) -> None:
    evidence = green.sealed / "evidence"
    drivers = {file.relative_to(evidence).parts[0] for file in evidence.rglob("base-plain-1")}
    assert drivers
    assert "runs" not in drivers


def test_the_verdict_binds_what_was_asked_and_nothing_else(green: Judged) -> None:
    asked = json.loads(green.request.read_text())
    found = predicate(green.out / "verdict.json")
    digest = json.loads(
        green.world.validators("store", "digest", "--request", green.request).stdout
    )["digest"]
    assert found["binds"] == {
        "base": asked["base"]["commit"],
        "head": asked["head"]["commit"],
        "candidate": asked["candidate"]["commit"],
        "tree": asked["candidate"]["tree"],
        "journeys": digest,
        "governance": asked["governance"]["digest"],
    }
    assert found["box"]["form"] != "unsealed"
    assert (found["signer"], found["issue"], found["run"], found["round"]) == (
        "same-account",
        2,
        "FIXED",
        1,
    )


def test_the_evidence_hashes_to_the_root_that_was_signed(green: Judged) -> None:
    files = evidence_in(green.sealed / "evidence")
    found = predicate(green.out / "verdict.json")["evidence"]
    assert found == {"merkle_root": merkle_root(files), "files": len(files)}
    kinds = {Path(file.path).suffix for file in files}
    assert {".png", ".zip", ".json", ".log"} <= kinds


def test_the_verdict_verifies_offline_and_a_changed_file_of_evidence_is_noticed(
    green: Judged, tmp_path: Path
) -> None:
    key = green.world.home / "keys" / "validator.key.pub"
    asked = ("verify", "--verdict", green.out / "verdict.json", "--public-key", key)
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    verified = green.world.validators(*asked, "--evidence", green.sealed / "evidence")
    assert verified.returncode == 0
    assert verified.stdout.startswith("passed: ")
    other = green.world.validators(*asked, "--evidence", evidence)
    assert (other.returncode, "a file was changed" in other.stderr) == (1, True)
    pinned = green.world.validators(*asked, "--key-id", "0" * 64)
    assert (pinned.returncode, "not the pinned" in pinned.stderr) == (1, True)


def test_a_tampered_verdict_fails_verification(painted: Judged, tmp_path: Path) -> None:
    import base64

    envelope = json.loads((painted.out / "verdict.json").read_text())
    payload = base64.b64decode(envelope["payload"]).replace(
        b'"outcome":"failed"', b'"outcome":"passed"'
    )
    envelope["payload"] = base64.b64encode(payload).decode()
    forged = tmp_path / "verdict.json"
    forged.write_text(json.dumps(envelope))
    key = painted.world.home / "keys" / "validator.key.pub"
    done = painted.world.validators("verify", "--verdict", forged, "--public-key", key)
    assert (done.returncode, done.stdout) == (1, "")


@pytest.mark.parametrize("change", ["FIXED", "PAINTED"])
def test_both_pictures_show_one_visitor_with_the_same_data_in_the_same_window(
    judged: Judge, change: str
) -> None:
    """The proof on base was made in another judgement for all but one of these: with a name, a
    group and a window of its own."""
    judgement = judged(change)
    shots = [judgement.out / "evidence" / f"{side}-1.jpg" for side in ("before", "after")]
    before, after = (size_of(shot.read_bytes()) for shot in shots)
    assert before == after
    plain = judgement.sealed / "evidence" / "runs" / "book-a-large-group" / "journey-plain-1"
    fresh = judgement.sealed.glob("evidence/proof/*/base-plain-1")
    (base,) = list(judgement.sealed.glob("evidence/runs/*/comparison-plain-1")) or list(fresh)
    groups = [re.findall(r"(?:Booked for|a group of) (\d+)", page(one)) for one in (base, plain)]
    assert groups[0] == groups[1] != []
    # Where base did not show what was asked for, and not where the candidate ended.
    assert [shot.read_bytes() for shot in shots] == [
        (run / "look-01.jpg").read_bytes() for run in (base, plain)
    ]
    shown = (judgement.out / "index.html").read_text()
    assert Moment.LOOK.value in shown
    assert '<h3 class="caption">' in shown
    # What a refused change was tried with stays sealed, and be it only its kinds.
    assert ("By then the visitor had opened a page" in shown) is (change == "FIXED")


def page(run: Path) -> str:
    return (run / "aria.txt").read_text()


def size_of(jpeg: bytes) -> tuple[int, ...]:
    """Height and width, from the frame's header."""
    place = 2
    while jpeg[place + 1] not in (0xC0, 0xC2):
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4])
    return int.from_bytes(jpeg[place + 5 : place + 7]), int.from_bytes(jpeg[place + 7 : place + 9])


def test_a_toast_that_stores_nothing_fails_in_public_words(painted: Judged) -> None:
    found = predicate(painted.out / "verdict.json")
    public = json.loads((painted.out / "public.json").read_text())
    assert (found["outcome"], public["outcome"]) == ("failed", "failed")
    assert [(finding["promise"], finding["words"]) for finding in public["findings"]] == [
        ("M-BOOK", MISSION.splitlines()[3])
    ]
    assert (public["checks_passed"], public["checks"]) == (0, 1)
    assert public["commitment"] == found["binds"]["journeys"]


def test_an_app_is_started_for_each_control_and_for_none_of_a_journey_that_failed(
    green: Judged, painted: Judged
) -> None:
    began = [
        len([*judged.sealed.glob("evidence/runs/server/*-sabotage-*.log")])
        for judged in (green, painted)
    ]
    assert began == [len(FaultInjector), 0]


@pytest.mark.parametrize("change", ["FIXED", "PAINTED"])
def test_nothing_that_leaves_carries_a_step_a_selector_or_a_value(
    judged: Judge, change: str
) -> None:
    judgement = judged(change)
    store = judgement.world.home / "sealed" / "seaside"
    sealed = next((store / "journeys").iterdir()).read_text()
    canary = re.findall(r"canary: (\w+)", sealed)[0]
    evidence = json.loads((judgement.sealed / "evidence" / "runs" / "evidence.json").read_text())
    seen = {
        look["observed"]
        for run in evidence["runs"]
        for look in run["expectations"]
        if len(look["observed"]) > 6
    }
    texts = [path.read_text() for path in judgement.out.iterdir() if path.is_file()]
    assert len(texts) == 3
    for secret in (canary, "book-a-large-group", "Group size", "any.int", *seen):
        assert not any(secret in text for text in texts), secret


@pytest.mark.soak("a judgement more; test_evil_apps has such apps by five marks")
def test_an_app_that_looks_who_is_watching_fails(judged: Judge) -> None:
    judgement = judged("WATCHED")
    public = json.loads((judgement.out / "public.json").read_text())
    assert public["outcome"] == "failed"
    assert public["findings"][0]["observed"] == "the app behaves differently when watched"


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("FIXED", False),
        ("PAINTED", False),
        pytest.param(
            "WATCHED",
            True,
            marks=pytest.mark.soak("a judgement more; test_fold reads a retry"),
        ),
    ],
)
def test_only_a_failure_that_one_visitor_met_is_tried_again(
    judged: Judge, change: str, again: bool
) -> None:
    assert (judged(change).sealed / "evidence" / "retry").is_dir() is again


def test_the_app_sees_its_allow_list_and_nothing_else(judged: Judge) -> None:
    judgement = judged("FIXED")
    logs = (judgement.sealed / "evidence" / "runs" / "server").glob("*journey-plain*.log")
    facts = json.loads(
        next(line for log in logs for line in log.read_text().splitlines() if line.startswith("{"))
    )
    assert facts["env"].pop("PORT").isdigit()
    assert facts["env"] == {
        "PATH": "/opt/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        "SEASIDE_DATA": "/data",
        "SEASIDE_GREETING": "hello",
    }
    assert (facts["hostname"], facts["cwd"], facts["network"]) == ("localhost", "/app", ["lo"])
    assert facts["writable"] == []


@pytest.mark.soak(
    "proves the base in a browser; test_app waits for such an app, test_evil_apps judges"
    " one that hangs"
)
def test_an_app_that_never_answers_is_inconclusive(world: World) -> None:
    world.app = {"ready_seconds": 1}
    request = world.request(*world.merge(seaside.BASE, seaside.SILENT))
    world.seal(request, seaside.JOURNEY)
    done = world.validators("judge", "--request", request, "--out", world.home / "out")
    found = predicate(world.home / "out" / "verdict.json")
    assert (done.returncode, found["outcome"]) == (0, "inconclusive")
    assert found["reason"].startswith("the app did not become ready: no good answer to GET /")


@pytest.mark.soak(
    "proves the base in a browser; test_app has its last words, test_evil_apps one that"
    " dies half-way"
)
def test_an_app_that_ends_at_once_is_inconclusive_and_its_last_words_are_sealed(
    world: World,
) -> None:
    request = world.request(*world.merge(seaside.BASE, seaside.CRASHING))
    world.seal(request, seaside.JOURNEY)
    world.validators("judge", "--request", request, "--out", world.home / "out")
    found = predicate(world.home / "out" / "verdict.json")
    assert (found["outcome"], "ended before it answered" in found["reason"]) == (
        "inconclusive",
        True,
    )
    evidence = world.home / "sealed" / "seaside" / "judged" / "run-1-1" / "evidence"
    assert any("no database" in log.read_text() for log in evidence.rglob("*.log"))
    assert "no database" not in (world.home / "out" / "public.json").read_text()


def test_no_journey_is_inconclusive_by_name(world: World) -> None:
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    world.validators("judge", "--request", request, "--out", world.home / "out")
    found = predicate(world.home / "out" / "verdict.json")
    assert (found["outcome"], found["journeys"]["sealed"]) == ("inconclusive", 0)
    assert found["reason"] == "no journey is sealed for issue 2: have one authored"


def test_a_candidate_that_is_not_the_merge_of_base_and_head_is_inconclusive(world: World) -> None:
    base, head, _ = world.merge(seaside.BASE, seaside.FIXED)
    orphan = world.source.commit(seaside.FIXED, parents=(base.commit,))
    request = world.request(base, head, orphan)
    world.seal(request, seaside.JOURNEY)
    world.validators("judge", "--request", request, "--out", world.home / "out")
    assert (
        "not the merge of this base and this head"
        in predicate(world.home / "out" / "verdict.json")["reason"]
    )


def test_a_candidate_whose_commit_has_another_tree_is_inconclusive(world: World) -> None:
    base, head, candidate = world.merge(seaside.BASE, seaside.FIXED)
    request = world.request(base, head, replace(candidate, tree=base.tree))
    world.seal(request, seaside.JOURNEY)
    world.validators("judge", "--request", request, "--out", world.home / "out")
    reason = predicate(world.home / "out" / "verdict.json")["reason"]
    assert reason == f"commit {candidate.commit} has tree {candidate.tree}, not {base.tree}"


def test_a_journey_in_the_text_of_the_issue_stops_the_judgement(world: World) -> None:
    revisions = world.merge(seaside.BASE, seaside.FIXED)
    journey = world.seal(world.request(*revisions), seaside.JOURNEY)
    world.issue["body"] = f"My test says canary: {journey.canary}"
    done = world.validators(
        "judge", "--request", world.request(*revisions), "--out", world.home / "out"
    )
    assert (done.returncode, "canary occurs" in done.stderr) == (2, True)


def test_a_store_inside_a_checkout_is_refused_and_no_verdict_is_written(world: World) -> None:
    (world.home / ".git").mkdir()
    request = world.request(*world.merge(seaside.BASE, seaside.FIXED))
    out = world.home / "out"
    out.mkdir()
    (out / "verdict.json").write_text("an old verdict")
    done = world.validators("judge", "--request", request, "--out", out)
    assert (done.returncode, "may not lie in a git repository" in done.stderr) == (2, True)
    assert not (out / "verdict.json").exists()


def test_a_journey_in_the_candidate_stops_the_judgement(world: World) -> None:
    base, head, candidate = world.merge(seaside.BASE, seaside.FIXED)
    journey = world.seal(world.request(base, head, candidate), seaside.JOURNEY)
    leaked = {**seaside.FIXED, "notes.txt": f"the hidden test says canary: {journey.canary}"}
    request = world.request(*world.merge(seaside.BASE, leaked))
    done = world.validators("judge", "--request", request, "--out", world.home / "out")
    assert (done.returncode, "canary" in done.stderr) == (2, True)
    assert not (world.home / "out" / "verdict.json").exists()


def test_the_public_page_names_the_issue_and_shows_before_and_after(green: Judged) -> None:
    page = (green.out / "index.html").read_text()
    assert TITLE in page
    assert {path.name for path in (green.out / "evidence").iterdir()} == {
        "before-1.jpg",
        "after-1.jpg",
    }
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert (green.sealed / "index.html").read_text().count("<tr>") > 8


def test_a_judgement_that_takes_too_long_is_stopped_and_inconclusive(world: World) -> None:
    world.extra = {"limits": {"wall_seconds": 3, "journey_seconds": 2}}
    request = world.request(*world.merge(seaside.BASE, seaside.SLOW))
    world.seal(request, seaside.JOURNEY)
    world.validators("judge", "--request", request, "--out", world.home / "out")
    assert predicate(world.home / "out" / "verdict.json")["outcome"] == "inconclusive"


def test_green_without_a_sandbox_is_not_green() -> None:
    passed = Verdict(Outcome.PASSED, "all passed")
    sandboxed, unsealed = (
        SandboxResult(form, (), 0, None) for form in ("bwrap-userns", "unsealed")
    )
    assert without_unsealed_pass(passed, [sandboxed, sandboxed]) == passed
    found = without_unsealed_pass(passed, [sandboxed, unsealed])
    assert (found.outcome, "no sandbox works" in found.reason) == (Outcome.INCONCLUSIVE, True)
