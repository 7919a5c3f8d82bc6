"""What an implementer is told of the repository, and the record of it: a manifest beside the run,
its digest in the ledger.

The repository is read as it stands where the attempt starts. What it says is data: it is quoted,
and no rule of the prompt comes out of it."""

from harness.domain.essay import EssayRequest, Manifest, Passage
from harness.domain.events import ContextShown
from harness.domain.issue import CommitSha
from harness.factory.models.learning import shown_lessons
from harness.factory.run.node import Job
from harness.governance.context import context as governance_text

MANIFEST = "context.json"
MOST_TIMES = 3


def repository_context(job: Job, stands: tuple[Passage, ...]) -> str:
    """The essay on the repository for this attempt, with what went in written down; empty where the
    factory writes none.

    `stands` is what the agent is told besides, whole."""
    essays, config = job.services.essays, job.policy.config.context
    if essays is None or not config.tokens:
        return ""
    essay = essays.essay(_request(job, stands))
    record(job, essay.manifest)
    return essay.text


def _request(job: Job, stands: tuple[Passage, ...]) -> EssayRequest:
    triaged, config = job.history.triage, job.policy.config
    words = (triaged.body, *triaged.replies) if triaged else ()
    governance = Passage(
        "governance", job.policy.governance.digest, governance_text(job.policy.governance)
    )
    return EssayRequest(
        base=CommitSha(job.outputs["prepare"]["start"]),
        heading=triaged.title if triaged else "",
        question="\n".join(words),
        tokens=_tokens(job),
        files=config.context.files,
        tests=config.tests.paths,
        stands=(governance, *stands),
        lessons=shown_lessons(job.services.ledger),
        most_lessons=config.context.lessons,
    )


def _tokens(job: Job) -> int:
    """The budget: what `factory.toml` says, and as much again for each time that the change failed,
    three times at most."""
    told = job.history
    return int(job.policy.config.context.tokens) * min(1 + told.attempts + told.rounds, MOST_TIMES)


def record(job: Job, manifest: Manifest) -> None:
    """The manifest in the run's folder, its digest and the lessons that were shown in the ledger;
    once a run, also where its work is done in steps."""
    if job.services.ledger.find(job.key(ContextShown.kind)):
        return
    folder = job.services.places.run(job.run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(manifest.text, encoding="ascii")
    shown = manifest.included
    job.services.ledger.append(
        ContextShown(
            manifest=manifest.digest,
            base=manifest.base,
            tokens=manifest.tokens,
            budget=manifest.budget,
            files=tuple(one.name for one in shown if one.kind in ("file", "excerpt")),
            left_out=len(manifest.left_out),
            lessons=tuple(one.name for one in shown if one.kind in ("lesson", "pinned")),
        ),
        job.key(ContextShown.kind),
        issue=job.issue,
        run=job.run,
    )
