"""Personas explore a candidate in real sandboxes, played by a scripted model: what it is worth in
a verdict, and what leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.validators_launcher import seaside
from tests.validators_launcher.messages import Answer as Reply
from tests.validators_launcher.messages import endpoint
from tests.validators_launcher.world import AMPLE, MISSION, World, predicate
from validators.domain.ballots import Answer
from validators.domain.exploring.explored import Explored, GoalOutcome
from validators.domain.stops import UsageError
from validators.domain.verdict import Outcome, Symptom, Verdict
from validators.exploration.exploring import explorer, with_answers
from validators.judging.judging import Judgement, after_exploring
from validators.language.reader import read
from validators.launcher.perform import PerformanceBench, Scene
from validators.launcher.request import request_at
from validators.launcher.workplace import work_folder
from validators.performance.redact import NOTICED

GUEST = {
    "name": "guest",
    "who": "a guest with a group",
    "goal": "book a walk and see that it is booked",
    "promise": "M-BOOK",
    "shown": ["Name"],
    "kept_at": "/",
    "seconds": 600,
}
CHECK = "    if size > LIMIT:"
FLATTERY = f"    if size == 2:\n        return f'Booked for {{name}}'\n{CHECK}"
FLATTERS = {**seaside.BASE, "seaside.py": seaside.FIXED["seaside.py"].replace(CHECK, FLATTERY)}


def calls(
    kind: str, element: str = "", **given: Any
) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """An answer that calls a tool, its reference looked up in the view that came with the
    request."""

    def answer(request: dict[str, Any]) -> list[dict[str, Any]]:
        shown = request["messages"][0]["content"]
        found = (
            re.search(rf"^ *(e\d+) {re.escape(element)}", shown, re.MULTILINE) if element else None
        )
        return [
            {
                "type": "tool_use",
                "id": "toolu_1",
                "name": kind,
                "input": {**given, **({"ref": found[1]} if found else {})},
            }
        ]

    return answer


def books(size: str) -> tuple[Reply, ...]:
    return (
        calls("fill", 'textbox "Name"', text="Ada Holt of the Exploration"),
        calls("fill", 'textbox "Group size"', text=size),
        calls("click", 'button "Book"'),
        calls("done"),
    )


def votes(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Answers yes where an exhibit holds the guest's name, and of every picture."""
    blocks = request["messages"][0]["content"]
    exhibits, votes = (blocks[1], blocks[4]), {}
    for side, shown in zip("ab", exhibits, strict=True):
        sure = shown["type"] == "image" or "Ada Holt" in shown["text"]
        votes |= {side: "yes" if sure else "unclear", f"{side}_quote": "Ada Holt" if sure else ""}
    word = re.findall(r"say again: (\w+)", blocks[-1]["text"])[0]
    answer = {"word": word, "answers": [{"claim": 1, **votes}]}
    return [{"type": "tool_use", "id": "toolu_1", "name": "answer", "input": answer}]


def exploring(world: World, *personas: dict[str, Any]) -> dict[str, Any]:
    """The part of a request about exploring; the two sockets are named for their roles."""
    sockets = {role: str(world.home / f"{role}.sock") for role in ("actor", "contrast")}
    return {
        "personas": list(personas),
        "actor": {"socket": sockets["actor"], "model": "claude-test"},
        "contrast": {"socket": sockets["contrast"], "model": "another-test"},
    }


def asked(world: World, app: dict[str, str], *personas: dict[str, Any]) -> Path:
    """A request to judge an app with these personas."""
    world.extra = {"exploring": exploring(world, *personas)}
    return world.request(*world.merge(seaside.BASE, app))


@pytest.mark.soak("two personas; test_satisfaction counts, the next test explores in a browser")
def test_a_goal_reached_again_and_agreed_on_satisfies_and_a_silent_model_blocks_nothing(
    world: World,
) -> None:
    claims = {"claims": ["It shows that the guest has a place."]}
    context = world.context(
        asked(world, seaside.FIXED, {**GUEST, **claims}, {**GUEST, "name": "late"})
    )
    scene = Scene(
        7,
        context.now().date(),
        context.start(),
        AMPLE["journey_seconds"],
        context.deadline,
        context.request.bounds,
    )
    keep = world.home / "kept"
    keep.mkdir()
    given = context.request.exploring
    assert given is not None
    with work_folder() as folder, endpoint(Path(given.actor.socket), *books("6")) as actor:
        assert given.contrast is not None
        with endpoint(Path(given.contrast.socket), *[votes] * 9) as contrast:
            bench = PerformanceBench(
                scene, context.sandboxes(folder / "papers"), folder, keep, context.phases
            )
            gone = explorer(context, bench, exploring=given)
            exploration = gone.explored(tuple(found.persona() for found in given.personas))
    first, late = exploration.explored
    assert (first.standing, first.replayed) == (GoalOutcome.SATISFIED, True), first.reason
    assert (late.standing, late.replayed, late.finding) == (GoalOutcome.UNSATISFIED, False, None)
    assert str(exploration.satisfaction) == "1 of 2, which proves 9 %"
    assert [run.run.identity for run in gone.evidence] == ["plain", "masked"]

    kept = {path.relative_to(keep).as_posix() for path in keep.rglob("*") if path.is_file()}
    assert {
        f"persona-1/{name}"
        for name in ("transcript.json", "journey.yaml", "page.png", "trace.zip", "actor.log")
    } <= kept
    assert "exploration.json" in kept
    assert len(contrast.requests) == 9
    assert all(len(json.dumps(request)) < 12_000 for request in actor.requests)
    assert "Ada Holt" in json.dumps(contrast.requests)
    assert all(MISSION in one["system"][0]["text"] for one in actor.requests + contrast.requests)


def test_a_failure_found_again_turns_a_green_verdict_red_and_nothing_of_how_it_was_found_leaves(
    world: World,
) -> None:
    request, out = asked(world, FLATTERS, GUEST), world.home / "out"
    world.seal(request, seaside.JOURNEY)
    with endpoint(world.home / "actor.sock", *books("2")) as actor:
        done = world.validators("judge", "--request", request, "--out", out)
    assert done.returncode == 0, done.stderr
    assert all(MISSION in one["system"][0]["text"] for one in actor.requests)
    facts, public = predicate(out / "verdict.json"), json.loads((out / "public.json").read_text())
    reason = "1 of 1 personas met a failure that was found again without a model"
    assert (facts["outcome"], facts["reason"], facts["journeys"]["passed"]) == ("failed", reason, 1)
    assert facts["exploration"] == {
        "personas": 1,
        "replayed": 1,
        "failed": 1,
        "satisfied": 0,
        "proves": 0.0,
    }
    assert public["exploration"] == facts["exploration"]
    (finding,) = public["findings"]
    assert (finding["promise"], finding["observed"]) == ("M-BOOK", NOTICED[Symptom.NOT_SHARED])

    found = "".join(
        path.read_text() for path in out.rglob("*") if path.suffix in (".json", ".html")
    )
    assert not any(
        words in found
        for words in (
            "Exploration",
            "persona-guest",
            "Nobody of that name",
            GUEST["goal"],
            "filled.",
        )
    )


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.INCONCLUSIVE])
def test_nobody_goes_out_where_the_sealed_journeys_did_not_pass(
    world: World, outcome: Outcome
) -> None:
    context = world.context(asked(world, seaside.FIXED, GUEST))
    found = Verdict(outcome, "as it was")
    scene = Scene(
        7,
        context.now().date(),
        context.start(),
        AMPLE["journey_seconds"],
        context.deadline,
        context.request.bounds,
    )
    bench = PerformanceBench(
        scene, context.sandboxes(world.home / "papers"), world.home, world.home, context.phases
    )
    judgement = Judgement(context, {}, {}, 7, context.now(), found)
    assert after_exploring(found, judgement, bench=bench) is found
    assert (judgement.exploration, judgement.sandboxes) == (None, ())


@pytest.mark.parametrize(
    ("answers", "standing"),
    [
        ([Answer.YES], GoalOutcome.SATISFIED),
        ([Answer.YES, Answer.YES], GoalOutcome.SATISFIED),
        ([Answer.YES, Answer.UNCLEAR], GoalOutcome.UNSATISFIED),
        ([Answer.NO], GoalOutcome.UNSATISFIED),
    ],
)
def test_claims_that_were_not_all_agreed_on_take_satisfaction_away(
    answers: list[Answer], standing: GoalOutcome
) -> None:
    found = Explored("guest", GoalOutcome.SATISFIED, "", replayed=True)
    found = with_answers(found, tuple(answers))
    assert (found.standing, found.replayed, found.finding) == (standing, True, None)


def test_what_personas_did_is_looked_for_in_all_that_leaves(world: World) -> None:
    context, journey = world.context(asked(world, seaside.FIXED, GUEST)), read(seaside.JOURNEY)
    judgement = Judgement(
        context, {}, {}, 7, context.now(), Verdict(Outcome.PASSED, ""), compiled=(journey,)
    )
    assert journey in judgement.performed


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"personas": [GUEST, GUEST]}, "two personas have the same name"),
        ({"personas": []}, "exploring.personas"),
        (
            {"contrast": {"socket": "/s", "model": "claude-test"}},
            "the contrastive judge has the actor's model",
        ),
        ({"personas": [{**GUEST, "name": "../guest"}]}, "exploring.personas.0.name"),
        ({"personas": [{**GUEST, "kept_at": "//example.org/"}]}, "exploring.personas.0.kept_at"),
        ({"personas": [{**GUEST, "shown": []}]}, "exploring.personas.0.shown"),
        ({"personas": [{**GUEST, "acts": 0}]}, "exploring.personas.0.acts"),
        ({"verdict": "passed"}, "exploring.verdict: unknown key"),
    ],
)
def test_a_request_that_cannot_be_explored_is_refused_by_its_key(
    world: World, change: dict[str, Any], why: str
) -> None:
    world.extra = {"exploring": {**exploring(world, GUEST), **change}}
    with pytest.raises(UsageError, match=re.escape(why)):
        request_at(world.request(world.source.commit(seaside.BASE)))
