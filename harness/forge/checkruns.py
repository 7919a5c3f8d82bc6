"""Check runs and statuses of a commit: sets our own, reads everybody's.

A run belongs to the app whose number it carries, which nobody can choose. The content of a run is
identified by a digest in its `external_id`, because a list of runs has no annotations. Content that
exceeds one request is sent in parts, and only the last part completes the run. If the sending is
cut off, the run stays in progress, which is not green, and the next run replaces it.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from harness.domain.checks import ReportedCheck
from harness.domain.issue import Annotation, CommitSha
from harness.domain.plain import JsonDict
from harness.forge.projection import plain

if TYPE_CHECKING:
    from github.CheckRun import CheckRun
    from github.Repository import Repository

    from harness.forge.transport import Wire

MARK = "lights-out-factory"
ANNOTATIONS_EACH = 50
MOST_SAID = 16_000
"""How much is kept of what an app reports about a run: the last characters."""
MOST_CHARACTERS = 65_535
"""GitHub's limits: annotations in a request, and characters of a summary or a message."""


@dataclass(frozen=True, slots=True)
class WantedRun:
    """A completed run as it should be."""

    name: str
    conclusion: str
    title: str
    summary: str
    annotations: tuple[Annotation, ...]

    @property
    def external_id(self) -> str:
        """Our mark, and a digest of the run's content."""
        annotations = [asdict(one) for one in self.annotations]
        content = json.dumps([plain(self.title), plain(self.summary), annotations])
        digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{MARK}:{digest[:24]}"


def check_runs(repository: "Repository", sha: CommitSha) -> tuple[ReportedCheck, ...]:
    """The latest run of each check of each app."""
    runs = repository.get_commit(sha).get_check_runs()
    # Ids grow with time, so the last run of a name is the newest.
    latest = {(run.app.id, run.name): run for run in sorted(runs, key=lambda run: run.id)}
    return tuple(
        ReportedCheck(
            run.name,
            run.app.id,
            str(run.conclusion) if run.status == "completed" else None,
            run=run.id,
            output=_said(run),
        )
        for run in latest.values()
    )


def _said(run: "CheckRun") -> str:
    """The end of what an app reports about its run: title, summary and text."""
    output = run.output
    said = (output.title, output.summary, output.text) if output else ()
    # Each is cut first: an app may write 65,535 characters into each of them.
    return "\n".join(part[-MOST_SAID:] for part in said if part)[-MOST_SAID:]


def statuses(wire: "Wire", repository: str, sha: CommitSha) -> tuple[ReportedCheck, ...]:
    """The newest status of each context."""
    pages = wire.pages(f"/repos/{repository}/commits/{sha}/statuses")
    listed = [one for _, page in pages for one in page]
    newest = {str(one["context"]): one for one in sorted(listed, key=lambda one: int(one["id"]))}
    return tuple(
        ReportedCheck(
            context,
            None,
            None if one["state"] == "pending" else str(one["state"]),
            output=str(one.get("description") or "")[-MOST_SAID:],
        )
        for context, one in newest.items()
    )


def is_there(repository: "Repository", sha: CommitSha, wanted: WantedRun, *, app: int) -> bool:
    """Whether our app's latest run of that name has this content already."""
    runs: Iterable[CheckRun] = repository.get_commit(sha).get_check_runs(check_name=wanted.name)
    latest = max((run for run in runs if run.app.id == app), key=lambda run: run.id, default=None)
    return latest is not None and (latest.conclusion, latest.external_id) == (
        wanted.conclusion,
        wanted.external_id,
    )


def create(repository: "Repository", sha: CommitSha, wanted: WantedRun) -> None:
    """Create the run; it is completed when all of its content is there."""
    # If there are more parts, the first request leaves the run in progress.
    first, *rest = tuple(_parts(wanted.annotations)) or ((),)
    ending: JsonDict = {"status": "completed", "conclusion": wanted.conclusion}
    begun: JsonDict = {"status": "in_progress"} if rest else ending
    run = repository.create_check_run(
        wanted.name, sha, external_id=wanted.external_id, output=_output(wanted, first), **begun
    )
    for number, part in enumerate(rest, start=1):
        run.edit(output=_output(wanted, part), **(ending if number == len(rest) else {}))


def _parts(annotations: Sequence[Annotation]) -> Iterator[Sequence[Annotation]]:
    for at in range(0, len(annotations), ANNOTATIONS_EACH):
        yield annotations[at : at + ANNOTATIONS_EACH]


def _output(wanted: WantedRun, part: Sequence[Annotation]) -> JsonDict:
    output: JsonDict = {"title": wanted.title, "summary": wanted.summary[:MOST_CHARACTERS]}
    return output | ({"annotations": [_annotation(one) for one in part]} if part else {})


def _annotation(one: Annotation) -> JsonDict:
    return {
        "path": one.path,
        "start_line": one.line,
        "end_line": one.end_line,
        "annotation_level": one.level.value,
        "title": one.title[:255],
        "message": one.message[:MOST_CHARACTERS],
    }
