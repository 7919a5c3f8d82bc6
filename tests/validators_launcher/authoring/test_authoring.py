"""The real program writes journeys in a sandbox against a scripted endpoint; they are proved on
base and only then sealed."""

import json
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests import tiers
from tests.validators_launcher import seaside
from tests.validators_launcher.messages import Endpoint, endpoint, submits, text_answer
from tests.validators_launcher.world import BODY, ENV, MISSION, TITLE, World, command
from validators.domain.journeys.journey import Fill
from validators.domain.journeys.values import Draw, Values
from validators.domain.proof import FOR_ONE, PASSES
from validators.domain.verdict import Purpose
from validators.language.reader import read
from validators.store.entries import Entry, Event

BROKEN = seaside.JOURNEY.replace("click:", "clik:")


def authored(
    world: World, *answers: Sequence[dict[str, Any]], base: dict[str, str] = seaside.BASE
) -> tuple[dict[str, Any], Endpoint]:
    """The output of the author's program, and the endpoint that it asked."""
    socket = world.home / "author.sock"
    socket.unlink(missing_ok=True)
    world.extra |= {"broker": {"socket": str(socket), "model": "claude-test"}}
    request = world.request(world.source.commit(base))
    with endpoint(socket, *answers) as served:
        done = world.validators("author", "--request", request, "--out", world.home / "out")
    assert done.returncode == 0, done.stderr
    # Journeys are proved on the base that the author was shown.
    assert "base: export" not in done.stderr
    return json.loads((world.home / "out" / "authored.json").read_text()), served


def in_force(world: World) -> list[str]:
    context = world.context(world.home / "request.json")
    return [one.entry.journey for one in context.journey_store.journeys(2)]


def history(world: World) -> tuple[Entry, ...]:
    return world.context(world.home / "request.json").journey_store.entries()


def test_a_journey_that_is_red_on_base_is_sealed_after_its_mistakes_were_returned(
    world: World,
) -> None:
    found, served = authored(world, submits(BROKEN), submits(seaside.JOURNEY))
    assert (found["outcome"], found["journeys"], found["red_on_base"]) == ("sealed", 1, True)
    assert in_force(world) == ["book-a-large-group"]
    complaint = served.requests[1]["messages"][-1]["content"][0]
    assert (complaint["is_error"], "clik" in complaint["content"]) == (True, True)
    digest = json.loads(
        world.validators("store", "digest", "--request", world.home / "request.json").stdout
    )
    assert digest == {"journeys": 1, "declined": False, "standing": 0, "digest": found["digest"]}

    again, served = authored(world)
    assert (again, served.requests) == (found, [])


def test_an_author_reads_issue_governance_and_language_but_no_journey_and_may_write_none(
    world: World,
) -> None:
    sealed = world.seal(world.request(world.source.commit(seaside.BASE)), seaside.HARMLESS)
    found, served = authored(world, text_answer("The issue is about the colour of the moon."))
    request = served.requests[0]
    content = json.dumps(request, ensure_ascii=False)
    files, task = (block["text"] for block in request["system"])
    assert MISSION in files
    assert "# The journey language" in task
    assert all(text in content for text in (TITLE, BODY))
    assert sealed.canary not in content
    assert "book-a-small-group" not in content
    assert [tool["name"] for tool in request["tools"]] == ["submit_journey"]
    assert (found["outcome"], found["journeys"], "moon" in json.dumps(found)) == (
        "no-journey",
        0,
        False,
    )


def test_an_author_that_declines_is_remembered_in_the_store_in_its_own_words(world: World) -> None:
    authored(world, text_answer("The issue is about the colour of the moon."))
    (entry,) = history(world)
    assert (entry.event, entry.reason, entry.title) == (
        Event.DECLINED,
        "The issue is about the colour of the moon.",
        TITLE,
    )
    digest = json.loads(
        world.validators("store", "digest", "--request", world.home / "request.json").stdout
    )
    assert digest == {"journeys": 0, "declined": True, "standing": 0, "digest": None}


@pytest.mark.soak(
    "two rounds and a guard's mutants; test_conversation has the round, test_commands seals what is"
    " green on base"
)
def test_what_passes_on_base_goes_back_once_without_words_of_the_page_and_may_be_sealed_to_guard(
    world: World,
) -> None:
    painted = seaside.HARMLESS.replace("book-a-small-group", "painted").replace(
        'filled.group_size }}"}', 'filled.name }}"}', 1
    )
    guarding = [
        {**submits(seaside.HARMLESS)[0], "input": {"yaml": seaside.HARMLESS, "today": "passes"}}
    ]
    found, served = authored(world, submits(seaside.JOURNEY, seaside.HARMLESS, painted), guarding)
    assert (found["outcome"], found["journeys"], found["red_on_base"]) == ("sealed", 3, True)
    assert (found["regression"], found["dropped"]) == (1, 0)
    content = served.requests[1]["messages"][-1]["content"]
    assert [block["content"] for block in content if block["type"] == "tool_result"] == [PASSES]
    assert [block["input"]["yaml"] for block in served.requests[1]["messages"][-2]["content"]] == [
        seaside.HARMLESS
    ]
    assert [(entry.event, entry.journey, entry.purpose) for entry in history(world)] == [
        (Event.SEALED, "book-a-large-group", Purpose.BUG),
        (Event.SEALED, "painted", Purpose.BUG),
        (Event.SEALED, "book-a-small-group", Purpose.REGRESSION),
    ]


@pytest.mark.soak(
    "two rounds in a browser; test_conversation has what comes back, test_drafts what a draft must"
    " show"
)
def test_what_does_not_hold_the_second_time_is_dropped_and_recorded_beside_what_does(
    world: World,
) -> None:
    found, served = authored(
        world, submits(seaside.JOURNEY, seaside.HARMLESS), submits(seaside.HARMLESS)
    )
    assert (found["outcome"], found["journeys"], found["dropped"], len(served.requests)) == (
        "sealed",
        1,
        1,
        2,
    )
    assert in_force(world) == ["book-a-large-group"]
    content = served.requests[1]["messages"][-1]["content"]
    assert [block["content"] for block in content if block["type"] == "tool_result"] == [PASSES]
    last = history(world)[-1]
    assert (last.event, last.journey, last.reason) == (Event.DROPPED, "book-a-small-group", PASSES)


@pytest.mark.soak("two rounds in a browser; test_drafts shows the refusal")
def test_where_none_shows_the_change_nothing_is_sealed_and_no_name_of_a_journey_leaves(
    world: World,
) -> None:
    found, _ = authored(world, submits(seaside.HARMLESS), submits(seaside.HARMLESS))
    assert (found["outcome"], found["journeys"], found["red_on_base"]) == ("refused", 0, False)
    assert found["reason"] == f"1 of 1: {PASSES}"
    assert in_force(world) == []
    assert [entry.journey for entry in history(world)] == ["book-a-small-group"]


@pytest.mark.soak("two rounds in a browser; test_proof tells what such evidence is")
def test_a_journey_that_is_red_with_one_set_of_data_and_green_with_another_is_refused(
    world: World,
) -> None:
    """Base takes five at most. A group of four to eight shows the bug sometimes, so it would be
    luck that judged."""
    flaky = seaside.JOURNEY.replace("any.int(6, 8)", "any.int(4, 8)")
    value = next(
        step.value
        for step in read(flaky).steps
        if isinstance(step, Fill) and "int" in step.value.source
    )
    drawn = {
        seed: int(Values(Draw(seed, "book-a-large-group", date(2026, 1, 2))).text(value))
        for seed in range(40)
    }
    world.extra["seed"] = next(seed for seed in range(39) if drawn[seed] > 5 >= drawn[seed + 1])
    found, served = authored(world, submits(flaky), submits(flaky))
    assert (found["outcome"], found["reason"]) == ("refused", f"1 of 1: {FOR_ONE}")
    assert FOR_ONE in json.dumps(served.requests[1])


def test_a_model_that_does_not_answer_seals_nothing_and_is_named(world: World) -> None:
    socket = world.home / "author.sock"
    world.extra = {"broker": {"socket": str(socket), "model": "claude-test"}}
    request = world.request(world.source.commit(seaside.BASE))
    with endpoint(socket):
        done = world.validators("author", "--request", request, "--out", world.home / "out")
    assert (done.returncode, "the model did not answer" in done.stderr) == (1, True)
    assert not (world.home / "out" / "authored.json").exists()


def test_what_could_not_be_proved_is_proved_again_before_anybody_is_paid_to_write_it_anew(
    world: World, draw: tiers.Draw
) -> None:
    socket = world.home / "author.sock"
    world.extra = {"broker": {"socket": str(socket), "model": "claude-test"}}
    mute = {
        path: "raise SystemExit('no floor')" if path.endswith(".py") else text
        for path, text in seaside.BASE.items()
    }

    def attempt(files: dict[str, str], *answers: Sequence[dict[str, Any]]) -> tuple[int, int]:
        request = world.request(world.source.commit(files))
        socket.unlink(missing_ok=True)
        with endpoint(socket, *answers) as served:
            done = world.validators("author", "--request", request, "--out", world.home / "out")
        return done.returncode, len(served.requests)

    assert attempt(mute, submits(seaside.JOURNEY)) == (1, 1)
    if draw.whole:
        assert attempt(mute) == (1, 0)  # the same text, once more
        assert attempt(mute, submits(seaside.JOURNEY)) == (
            1,
            1,
        )  # perhaps it was the text: written anew
    assert in_force(world) == []
    assert attempt(seaside.BASE) == (0, 0)
    assert in_force(world) == ["book-a-large-group"]
    assert [
        *world.context(world.home / "request.json").journey_store.pending_answers.folder.iterdir()
    ] == []


def asked_alone(request: Path, out: Path) -> subprocess.CompletedProcess[bytes]:
    """A program of its own, from any thread."""
    argv = command("author", "--request", request, "--out", out)
    return subprocess.run(argv, capture_output=True, env=ENV, cwd="/", check=False, timeout=1500)


@pytest.mark.soak("an authoring more; test_store has launchers that seal at once")
def test_two_authors_of_one_issue_at_once_seal_one_set_of_journeys(world: World) -> None:
    """A killed factory's author may still be writing when the next one is asked: both ended with a
    journey of the same name."""
    socket = world.home / "author.sock"
    world.extra = {"broker": {"socket": str(socket), "model": "claude-test"}}
    request = world.request(world.source.commit(seaside.BASE))
    outs = [world.home / "out-1", world.home / "out-2"]
    with (
        endpoint(socket, submits(seaside.JOURNEY), submits(seaside.JOURNEY)) as served,
        ThreadPoolExecutor(2) as pool,
    ):
        done = list(pool.map(lambda out: asked_alone(request, out), outs))
    assert [one.returncode for one in done] == [0, 0]
    first, second = (json.loads((out / "authored.json").read_text()) for out in outs)
    assert first == second
    assert len(served.requests) == 1
    assert in_force(world) == ["book-a-large-group"]


@pytest.mark.parametrize(
    "text", ["journey: [", "canary: 0123456789abcdef0123456789abcdef\n" + seaside.JOURNEY]
)
def test_what_leaves_the_sandbox_is_checked_again_outside(
    world: World, tmp_path: Path, text: str
) -> None:
    """A sandbox is not trusted: here the text comes from a maintainer's file, by the same path."""
    request = world.request(world.source.commit(seaside.BASE))
    old = world.seal(request, seaside.JOURNEY)
    file = tmp_path / "new.yaml"
    file.write_text(text)
    done = world.validators(
        *("store", "supersede", "--request", request, "--digest", old.entry.digest),
        *("--journey", file, "--actor", "greta", "--reason", "the words changed"),
    )
    assert done.returncode in (1, 2)
    assert [one.entry.digest for one in world.context(request).journey_store.journeys(2)] == [
        old.entry.digest
    ]
