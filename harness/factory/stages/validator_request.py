"""The request to the sealed validator: everything it may know, and nothing of the
implementation."""

from dataclasses import asdict, dataclass
from pathlib import Path

from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict, JsonObject
from harness.factory.records.history import History
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Places
from harness.ports.git import Repository


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What every request needs: where things are, the trusted repository, and how to run
    sandboxes."""

    places: Places
    repository: Repository
    wheels: Path
    sandbox_command: tuple[str, ...]
    form: str
    other_form: str = ""


def validator_request(
    job: Job, *, head: str | None = None, candidate: str | None = None
) -> JsonDict:
    """The request document: for `author` without a head, else for `judge`. The issue's text is the
    normalised one that triage read."""
    services = job.services
    context = RequestContext(
        services.places,
        services.repository,
        services.wheels,
        services.sandbox_command,
        services.sandbox.form(),
        services.other_form,
    )
    request = base_request(
        context,
        job.policy,
        issue=issue_text(job.history),
        run=job.run,
        round_number=job.history.rounds + 1,
    )
    if head and candidate:
        request["head"] = _point(services.repository, CommitSha(head))
        request["candidate"] = _point(services.repository, CommitSha(candidate))
    return request


def base_request(
    context: RequestContext,
    policy: PolicySnapshot,
    *,
    issue: JsonObject,
    run: str,
    round_number: int,
) -> JsonDict:
    """A request about a base and no change: for an author, and for a maintainer who asks about
    journeys."""
    config, places = policy.config, context.places
    return {
        "repository": places.repository,
        "sealed": str(places.sealed),
        "git_dir": str(places.trusted),
        "issue": dict(issue),
        "base": _point(context.repository, policy.base),
        "governance": {"digest": policy.digest, "files": dict(policy.governance.files)},
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
        "wheels": str(context.wheels),
        "sandbox": {
            "command": list(context.sandbox_command),
            "form": context.form,
            "other_form": context.other_form,
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


def issue_text(history: History) -> JsonDict:
    """The issue as the judge may know it."""
    triaged = history.triage
    return {
        "number": history.issue,
        "title": triaged.title if triaged else "",
        "body": triaged.body if triaged else "",
        "kind": triaged.issue_kind if triaged else "bug",
    }


def _point(repository: Repository, commit: CommitSha) -> dict[str, str]:
    return {"commit": commit, "tree": repository.tree_of(commit)}
