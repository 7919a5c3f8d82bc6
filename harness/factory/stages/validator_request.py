"""The request to the sealed validator: everything it may know, and nothing of the
implementation."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.issue import CommitSha
from harness.domain.judge_request import (
    AppStart,
    GovernanceFiles,
    IssueText,
    JudgeLimits,
    JudgeRequest,
    Revision,
    SandboxChoice,
)
from harness.domain.plain import JsonDict, plain
from harness.domain.sandbox import Service
from harness.factory.project.services import beside_judged, root_in
from harness.factory.records.history import History
from harness.factory.records.regressions import is_another_wish, mends, taken_back
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Places, Services
from harness.factory.settings.config import Config
from harness.factory.settings.tables import FILE as CONFIG_FILE
from harness.ports.git import Repository
from harness.programs.services import with_services

SERVICES_DATA = "SERVICES_DATA"
"""The variable that names the folder of the services' data, for an app that keeps none itself."""
ENDS = ("true",)


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


def request_context(services: Services) -> RequestContext:
    """What every request of this factory needs."""
    return RequestContext(
        services.places,
        services.repository,
        services.wheels,
        services.sandbox_command,
        services.sandbox.form(),
        services.other_form,
    )


def validator_request(
    job: Job, *, head: CommitSha | None = None, candidate: CommitSha | None = None
) -> JudgeRequest:
    """The request: for `author` without a head, else for `judge`. The issue's text is the
    normalised one that triage read. Where the watch expects the issue to mend something, it names
    the journeys that must become green; but not for another wish than the one that landed, which
    would be judged by no journey of its own. Those of landings that were taken back are named, so
    that nobody waits for what is not there."""
    services = job.services
    request = base_request(
        request_context(services),
        job.policy,
        issue=issue_text(job.history),
        run=job.run,
        round_number=job.history.rounds + 1,
    )
    request = replace(request, taken_back=taken_back(services.ledger))
    if not is_another_wish(job.history):
        request = replace(request, mends=mends(services.ledger, job.issue))
    if head and candidate:
        return replace(
            request,
            head=_revision(services.repository, head),
            candidate=_revision(services.repository, candidate),
        )
    return request


def base_request(
    context: RequestContext,
    policy: PolicySnapshot,
    *,
    issue: IssueText,
    run: str,
    round_number: int,
) -> JudgeRequest:
    """A request about a base and no change: for an author, and for a maintainer who asks about
    journeys."""
    config, places = policy.config, context.places
    return JudgeRequest(
        repository=places.repository,
        sealed=str(places.sealed),
        git_dir=str(places.trusted),
        issue=issue,
        base=_revision(context.repository, policy.base),
        governance=GovernanceFiles(policy.digest, dict(policy.governance.files)),
        app=_app_start(config, beside_judged(config, context.form, context.other_form)),
        layers=str(places.layers),
        wheels=str(context.wheels),
        sandbox=SandboxChoice(
            context.sandbox_command,
            context.form,
            context.other_form,
            root_in(config, places),
        ),
        signing_key=str(places.signing_key),
        limits=JudgeLimits(
            wall_seconds=config.limits.judge_seconds,
            journey_seconds=config.limits.journey_seconds,
            regression_journeys=config.limits.standing,
        ),
        bounds=asdict(config.judge),
        run=run,
        round=round_number,
    )


def _app_start(config: Config, services: tuple[Service, ...]) -> AppStart:
    """How the judge starts the app. Services keep their data beside the app's own, so that what the
    seed has put there is copied for each run."""
    app = config.app
    data = app.data or (SERVICES_DATA if services else "")
    # Without a seed of the app's own, there is still the services' first start.
    seed = app.seed_command or (ENDS if services else ())
    return AppStart(
        start=with_services(app.start, services, within=data) if app.start else (),
        port_env=app.port_env,
        ready=app.ready,
        ready_seconds=app.ready_seconds,
        env=dict(app.env),
        lock=config.dependencies.lock,
        data=data or None,
        seed_command=with_services(seed, services, within=data, stop=True) or None,
        clock_env=app.clock_env or None,
        commands=dict(app.commands),
        # An app's start begins them; without one, this does so before the first command.
        beside=() if app.start else with_services(ENDS, services, within=data) if services else (),
    )


def app_document(config: Config, folder: Path, *, form: str) -> JsonDict:
    """The app of a folder as a request has it, for a journey that is tried there in a sandbox of
    this form. A lock file that the folder does not have is none. Raises ConfigError, and
    SandboxError where the form cannot have the services, or cannot run the commands."""
    if config.sandbox.root:
        raise ConfigError(
            "a root file system is prepared in a home: leave `root` out, or start the app yourself"
            " and name its --url",
            file=CONFIG_FILE,
            key="sandbox.root",
        )
    app = _app_start(config, beside_judged(config, form))
    lock = app.lock if app.lock and (folder / app.lock).is_file() else None
    return dict(plain(replace(app, lock=lock)))


def issue_text(history: History) -> IssueText:
    """The issue as the judge may know it."""
    triaged = history.triage
    if triaged is None:
        return IssueText(history.issue, "", "", "bug")
    return IssueText(history.issue, triaged.title, triaged.body, triaged.issue_kind)


def _revision(repository: Repository, commit: CommitSha) -> Revision:
    return Revision(commit, repository.tree_of(commit))
