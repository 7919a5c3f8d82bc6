"""A request is read strictly, and each complaint names the key."""

import json
from copy import deepcopy
from typing import Any

import pytest

from validators.domain.bounds import Bounds
from validators.domain.stops import UsageError
from validators.launcher.request import request_in

REVISION = {"commit": "a" * 40, "tree": "b" * 40}
DOCUMENT: dict[str, Any] = {
    "repository": "seaside",
    "sealed": "/home/sealed/seaside",
    "git_dir": "/home/trusted.git",
    "issue": {"number": 2, "title": "A group", "body": "…", "kind": "bug"},
    "base": REVISION,
    "head": REVISION,
    "candidate": REVISION,
    "governance": {"digest": "sha256:" + "c" * 64, "files": {"mission.md": "…"}},
    "app": {
        "start": ["python", "app.py"],
        "port_env": "PORT",
        "ready": "/",
        "ready_seconds": 20,
        "env": {"K": "V"},
    },
    "layers": "/home/layers",
    "wheels": "/home/wheels",
    "sandbox": {
        "command": ["/usr/bin/python3", "-I", "-m", "harness.programs.sandbox"],
        "form": "auto",
    },
    "signing_key": "/home/keys/validator.key",
    "limits": {"wall_seconds": 120, "journey_seconds": 30},
    "seed": None,
    "run": "run-1",
    "round": 1,
}


def test_a_whole_request_is_read() -> None:
    request = request_in(json.dumps(DOCUMENT).encode(), source="request.json")
    assert (request.issue.number, request.app.start, request.candidate) == (
        2,
        ("python", "app.py"),
        request.base,
    )
    longer = request_in(
        json.dumps({**DOCUMENT, "bounds": {"step_seconds": 9}}).encode(), source="request.json"
    )
    assert (request.bounds, longer.bounds) == (Bounds(), Bounds(step_seconds=9))


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("app.strat", ["x"], "app.strat: unknown key"),
        ("extra", 1, "extra: unknown key"),
        ("run", None, "run: "),
        ("round", "1", "round: Input should be a valid integer"),
        ("round", True, "round: "),
        ("sealed", "../sealed", "sealed: Value error, expected an absolute path"),
        ("sealed", "/home/../etc", "sealed: Value error, expected an absolute path"),
        ("base.tree", "HEAD", "base.tree: String should match"),
        ("base.commit", "a" * 41, "base.commit: String should match"),
        ("run", "../../x", "run: String should match"),
        ("repository", "-rf", "repository: String should match"),
        ("issue.kind", "rant", "issue.kind: Input should be 'bug', 'feature' or 'chore'"),
        ("app.start", [], "app: Value error, expected a start command"),
        ("app.ready", "http://evil/", "app.ready: String should match"),
        ("sandbox.form", "none", "sandbox.form: "),
        ("sandbox.other_form", "unsealed", "sandbox.other_form: "),
        ("limits.wall_seconds", 0, "limits.wall_seconds: "),
        ("bounds", {"step": 9}, "bounds.step: unknown key"),
        ("bounds", {"step_seconds": "9"}, "bounds.step_seconds: Input should be a valid number"),
        (
            "bounds",
            {"step_seconds": 4},
            "bounds: Value error, step_seconds: expected at least 5 seconds, found 4",
        ),
        (
            "bounds",
            {"step_seconds": -1},
            "bounds: Value error, step_seconds: expected seconds above 0",
        ),
        (
            "bounds",
            {"read_seconds": float("inf")},
            "bounds: Value error, read_seconds: expected seconds above 0",
        ),
        (
            "bounds",
            {"read_seconds": 601},
            "bounds: Value error, read_seconds: expected seconds above 0 and at most 600",
        ),
    ],
)
def test_one_wrong_key_is_named(path: str, value: object, complaint: str) -> None:
    document = deepcopy(DOCUMENT)
    *parents, key = path.split(".")
    held = document
    for parent in parents:
        held = held[parent]
    held[key] = value
    with pytest.raises(UsageError) as refused:
        request_in(json.dumps(document).encode(), source="request.json")
    assert str(refused.value).startswith(f"request.json: {complaint}")


@pytest.mark.parametrize(
    "key", ["repository", "base", "governance", "app", "signing_key", "run", "round", "layers"]
)
def test_a_missing_key_is_named(key: str) -> None:
    document = {name: value for name, value in DOCUMENT.items() if name != key}
    with pytest.raises(UsageError, match=rf"^request.json: {key}: missing"):
        request_in(json.dumps(document).encode(), source="request.json")


def test_what_is_not_json_is_said_so() -> None:
    with pytest.raises(UsageError, match=r"request.json: the document: Invalid JSON"):
        request_in(b"{", source="request.json")
