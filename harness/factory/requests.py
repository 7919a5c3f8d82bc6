"""The request to the sealed validator: everything it may know, and nothing of what was implemented."""

from typing import Any

from harness.domain.issue import CommitSha
from harness.factory.job import Job


def validator_request(job: Job, *, head: str | None = None, candidate: str | None = None) -> dict[str, Any]:
    """The request document for `author` (no head) or `judge`. The issue's text is the normalised one that was triaged."""
    plant, config = job.plant, job.steering.config
    request: dict[str, Any] = {
        "repository": plant.places.repository, "sealed": str(plant.places.sealed), "git_dir": str(plant.places.trusted),
        "issue": _issue(job), "base": _point(job, job.base),
        "governance": {"digest": job.steering.digest, "files": dict(job.steering.governance.files)},
        "app": {
            "start": list(config.app.start), "port_env": config.app.port_env, "ready": config.app.ready,
            "ready_seconds": config.app.ready_seconds, "env": dict(config.app.env), "lock": config.dependencies.lock,
            "data": config.app.data or None, "seed_command": list(config.app.seed_command) or None,
        },
        "layers": str(plant.places.layers), "wheels": str(plant.wheels),
        "sandbox": {"command": list(plant.sandbox_command), "form": plant.sandbox.form()},
        "signing_key": str(plant.places.signing_key),
        "limits": {"wall_seconds": config.limits.judge_seconds, "journey_seconds": config.limits.journey_seconds},
        "seed": None, "run": job.run, "round": job.history.rounds + 1,
    }
    if head and candidate:
        request["head"] = _point(job, CommitSha(head))
        request["candidate"] = _point(job, CommitSha(candidate))
    return request


def _issue(job: Job) -> dict[str, Any]:
    triaged = job.history.triage or {}
    return {"number": job.issue, "title": triaged.get("title", ""), "body": triaged.get("body", ""),
            "kind": triaged.get("kind", "bug")}


def _point(job: Job, commit: CommitSha) -> dict[str, str]:
    return {"commit": commit, "tree": job.plant.repository.tree_of(commit)}
