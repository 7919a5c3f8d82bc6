"""What a run leaves to be replayed from: whole lines, contents under their hashes, and no
credential."""

import gzip
import json

import pytest

from harness.domain.errors import ConfigError
from harness.factory.run.services import Places
from harness.forge.recording import BEGINS
from harness.home.recording import (
    OBJECTS,
    SEALED,
    WITHHELD,
    Recording,
    object_in,
    put_object,
    recorded_lines,
    recording_of,
    running_node,
)
from harness.operations.replay.bundle import open_bundle
from harness.operations.replay.model_recording import script_of
from tests.events import event_of
from tests.factory.world import World

TOKEN = "ghp_" + "a8Jf72Kd91LmQpXz0Rt5VbN3YwE6Uc4Hs2Gi"
PAYLOAD = {"run": "triage-1-1", "node": "classify", "workflow": "triage", "issue": 1}


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path, "tidebook")


def noted(places, tmp_path, said: str):
    """The tape of a node in whose session a model said this."""
    world = World(tmp_path)
    world.file()
    wire = tmp_path / "broker" / "wire" / "s1.jsonl"
    wire.parent.mkdir(parents=True)
    wire.write_text(
        json.dumps({"call": 1, "response": {"content": [{"type": "text", "text": said}]}}) + "\n"
    )
    services = world.services()

    def classify(payload):
        services.ledger.append(
            event_of("usage", {"role": "triage", "calls": 1}), "usage/s1", issue=1, run="triage-1-1"
        )
        return {"outcome": "produced"}

    Recording(places).recorded_action(classify, services)(PAYLOAD)
    return recorded_lines(places, "triage-1-1")


def test_a_node_leaves_what_stood_there_what_it_asked_and_what_was_said(places, tmp_path) -> None:
    (places.sealed / "entries").mkdir(parents=True)
    (places.sealed / "entries" / "000001.json").write_text("{}")
    first, opens, begins, wire = noted(places, tmp_path, "It is in.")
    assert first[SEALED] == ["entries/000001.json"]
    assert opens["open"] == []
    assert begins[BEGINS] is True
    assert b"It is in." in object_in(tmp_path / OBJECTS, wire["object"])


def test_what_looks_like_a_credential_is_not_kept_and_is_named_without_itself(
    places, tmp_path
) -> None:
    *_, wire = noted(places, tmp_path, f"the token is {TOKEN}")
    assert "github-pat in line 1" in wire[WITHHELD]
    assert "object" not in wire
    assert not (tmp_path / OBJECTS).exists()
    assert TOKEN not in recording_of(places, "triage-1-1").read_text()


def test_outside_of_a_node_nothing_is_noted(places) -> None:
    Recording(places).note({"call": "issue"})
    assert recorded_lines(places, "triage-1-1") == ()


def test_a_line_that_a_kill_cut_short_is_none(places) -> None:
    with running_node("triage-1-1", "intake"):
        Recording(places).note({"call": "issue"})
    with recording_of(places, "triage-1-1").open("a") as tape:
        tape.write('{"call": "comm')
    assert [line["call"] for line in recorded_lines(places, "triage-1-1")] == ["issue"]


def test_a_disk_that_takes_nothing_stops_nothing(places) -> None:
    places.runs.write_text("in the way")
    with running_node("triage-1-1", "intake"):
        Recording(places).note({"call": "issue"})
    assert recorded_lines(places, "triage-1-1") == ()


def test_contents_are_kept_once_compressed_and_checked(tmp_path) -> None:
    digests = {put_object(tmp_path, b"governance " * 1000) for _ in range(2)}
    assert len(digests) == 1
    [path] = tmp_path.rglob("*.gz")
    assert path.stat().st_size < 200
    assert object_in(tmp_path, *digests) == b"governance " * 1000
    path.write_bytes(gzip.compress(b"other"))
    with pytest.raises(ValueError, match="does not match its name"):
        object_in(tmp_path, *digests)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "is not a bundle of a run"),
        ({"schema": 2, "files": {}}, "has schema 2"),
        ({"schema": 1, "files": {"tape.jsonl": "00"}}, "tape.jsonl is missing, new or changed"),
        ({"schema": 1, "files": {}, "run": "x"}, "is not a bundle of a run"),
    ],
)
def test_a_kit_that_is_not_what_was_written_is_refused(tmp_path, document, message) -> None:
    if document is not None:
        (tmp_path / "kit.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=message):
        open_bundle(tmp_path)


def test_a_wire_log_becomes_the_recording_that_a_broker_plays() -> None:
    request = {"model": "m", "kept": 0, "messages": [{"role": "user", "content": "hello"}]}
    refusal = {"status": 529, "type": "overloaded_error", "message": "Overloaded"}
    answer = {
        "content": [{"type": "text", "text": "hi", "citations": None}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 1, "service_tier": "standard"},
    }
    calls = [
        {"request": request, "response": answer},
        {"request": {"kept": 1, "messages": [{}, {}]}, "error": "Overloaded", "refusal": refusal},
    ]
    assert script_of(calls) == {
        "model": "m",
        "exchanges": [
            {
                "request": {"messages": 1},
                "response": {
                    "content": [{"type": "text", "text": "hi"}],
                    "stop_reason": "end_turn",
                    "usage": {"input_tokens": 3, "output_tokens": 1},
                },
            },
            {"request": {"messages": 3}, "error": refusal},
        ],
    }


@pytest.mark.parametrize(
    "calls", [[], [{"request": {"model": "m", "kept": 0, "messages": []}, "response": {}}]]
)
def test_a_wire_log_that_is_not_whole_is_refused(calls) -> None:
    with pytest.raises(ConfigError, match="is incomplete"):
        script_of(calls)
