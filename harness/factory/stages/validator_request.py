"""The request to the sealed validator: everything it may know, and nothing of what was
implemented."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.domain.issue import CommitSha
from harness.factory.records.history import History
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import Steering
from harness.factory.run.services import Places
from harness.ports.git import Repository


@dataclass(frozen=True, slots=True)
class Ground:
    """What every request stands on: where things lie, the trusted repository, and the boxes with
    their form."""

    places: Places
    repository: Repository
    wheels: Path
    sandbox_command: tuple[str, ...]
    form: str
    other_form: str = ""


def validator_request(
    job: Job, *, head: str | None = None, candidate: str | None = None
) -> dict[str, Any]:
    """The request document for `author` (no head) or `judge`. The issue's text is the normalised
    one that was triaged."""
    plant = job.plant
    ground = Ground(
        plant.places,
        plant.repository,
        plant.wheels,
        plant.sandbox_command,
        plant.sandbox.form(),
        plant.other_form,
    )
    request = base_request(
        ground,
        job.steering,
        issue=issue_text(job.history),
        run=job.run,
        round_number=job.history.rounds + 1,
    )
    if head and candidate:
        request["head"] = _point(plant.repository, CommitSha(head))
        request["candidate"] = _point(plant.repository, CommitSha(candidate))
    return request


def base_request(
    ground: Ground,
    steering: Steering,
    *,
    issue: Mapping[str, Any],
    run: str,
    round_number: int,
) -> dict[str, Any]:
    """A request about a base and no change: what an author is asked, and what a maintainer asks
    about journeys."""
    config, places = steering.config, ground.places
    return {
        "repository": places.repository,
        "sealed": str(places.sealed),
        "git_dir": str(places.trusted),
        "issue": dict(issue),
        "base": _point(ground.repository, steering.base),
        "governance": {"digest": steering.digest, "files": dict(steering.governance.files)},
        "app": {
            "start": list(config.app.start),
            "port_env": config.app.port_env,
            "ready": config.app.ready,
            "ready_seconds": config.app.ready_seconds,
            "env": dict(config.app.env),
            "lock": config.dependencies.lock,
            "data": config.app.data or None,
            "seed_command": list(config.app.seed_command) or None,
            "clock_env": config.app.clock_env or None,
        },
        "layers": str(places.layers),
        "wheels": str(ground.wheels),
        "sandbox": {
            "command": list(ground.sandbox_command),
            "form": ground.form,
            "other_form": ground.other_form,
        },
        "signing_key": str(places.signing_key),
        "limits": {
            "wall_seconds": config.limits.judge_seconds,
            "journey_seconds": config.limits.journey_seconds,
            "standing": config.limits.standing,
        },
        "bounds": asdict(config.judge),
        "seed": None,
        "run": run,
        "round": round_number,
    }


def issue_text(told: History) -> dict[str, Any]:
    """The issue as a judge may know it."""
    triaged = told.triage or {}
    return {
        "number": told.issue,
        "title": triaged.get("title", ""),
        "body": triaged.get("body", ""),
        "kind": triaged.get("kind", "bug"),
    }


def _point(repository: Repository, commit: CommitSha) -> dict[str, str]:
    return {"commit": commit, "tree": repository.tree_of(commit)}
