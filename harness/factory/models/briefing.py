"""What an implementer is shown of the repository, and the record of it: a manifest in the run's
folder, its digest in the ledger.

The repository is read as it is where the attempt starts. Its text is data: it is quoted, and no
instruction comes out of it."""

from harness.domain.events import ContextShown
from harness.domain.repository_context import ContextRequest, PageManifest, Passage
from harness.factory.models.learning import shown_lessons
from harness.factory.run.node import Job
from harness.factory.run.outputs import StartingPoint
from harness.governance.context import context as governance_text

MANIFEST = "context.json"
MOST_TIMES = 3


def repository_context(job: Job, also_shown: tuple[Passage, ...]) -> str:
    """The repository context for this attempt, recorded; empty if `factory.toml` turns it off.

    `also_shown` is the rest of the prompt. The manifest lists it."""
    contexts, config = job.services.contexts, job.policy.config.context
    if contexts is None or not config.tokens:
        return ""
    context = contexts.context(_request(job, also_shown))
    record_manifest(job, context.manifest)
    return context.text


def _request(job: Job, also_shown: tuple[Passage, ...]) -> ContextRequest:
    triaged, config = job.history.triage, job.policy.config
    words = (triaged.body, *triaged.replies) if triaged else ()
    governance = Passage(
        "governance", job.policy.governance.digest, governance_text(job.policy.governance)
    )
    return ContextRequest(
        base=job.output("prepare", StartingPoint).start,
        heading=triaged.title if triaged else "",
        question="\n".join(words),
        tokens=_tokens(job),
        files=config.context.files,
        tests=config.tests.paths,
        stands=(governance, *also_shown),
        lessons=shown_lessons(job.services.ledger),
        most_lessons=config.context.lessons,
    )


def _tokens(job: Job) -> int:
    """The token budget: `context.tokens`, once more for each failed attempt, at most three
    times."""
    history = job.history
    # An attempt that failed may have been shown too little.
    times = min(1 + history.attempts + history.rounds, MOST_TIMES)
    return int(job.policy.config.context.tokens) * times


def record_manifest(job: Job, manifest: PageManifest) -> None:
    """Write the manifest into the run's folder, and its digest and the shown lessons into the
    ledger. Done once for a run, even if its work is split into steps."""
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
