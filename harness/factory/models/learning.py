"""Lessons: models propose them, code checks them, the ledger keeps them, later runs see them.

Properties:
- a refused lesson is reported and not kept;
- a lesson that is known already gets one more sighting;
- a repeated run proposes under the same keys, so nothing is recorded twice."""

import hashlib
from collections.abc import Iterable
from typing import Any

from harness.domain.errors import ConfigError, GitError
from harness.domain.events import LessonMarked, LessonNoted
from harness.domain.facts import UNKNOWN
from harness.domain.ledger import is_of
from harness.domain.repository_context import Passage
from harness.factory.run.node import Job
from harness.governance.facts.secrets import secrets_in
from harness.lessons.lesson import (
    Lesson,
    LessonStatus,
    Word,
    lessons,
)
from harness.lessons.proposal import Proposal, proposals, refusal, same
from harness.ports.ledger import Ledger, recorded


def learn(job: Job, notes: Any, *, role: str) -> tuple[str, ...]:
    """Check what a model of this role noted in a run, and record what passes. Returns the ids of
    the lessons, old and new."""
    kept = []
    for number, one in enumerate(proposals(notes), start=1):
        if why := _refusal(job, one):
            message = f"a lesson of the {role} was not kept: {why}"
            job.services.log.write(
                "lesson-refused", message, run=job.run, issue=job.issue, node=job.node.id
            )
        else:
            kept.append(_write_down(job, one, role=role, key=job.key(f"lesson/{role}/{number}")))
    return tuple(kept)


def _refusal(job: Job, one: Proposal) -> str:
    try:
        content = job.services.repository.read(job.base, one.file)
    except (GitError, ValueError):
        # ValueError: a name that no file can have.
        content = None
    return refusal(one, content=content, strangers=_strangers(job), is_secret=_is_secret)


def _strangers(job: Job) -> Iterable[str]:
    """The texts on this issue that nobody checked."""
    if triaged := job.history.triage:
        yield from (triaged.title, triaged.body, *triaged.replies)
        yield from (span.text for span in triaged.hidden)


def _is_secret(text: str) -> bool:
    found = secrets_in({b"lesson.txt": text.encode("utf-8", "backslashreplace")})
    # What could not be scanned counts as a secret.
    return found is UNKNOWN or bool(found)


def _write_down(job: Job, one: Proposal, *, role: str, key: str) -> str:
    ledger = job.services.ledger
    # A repeated run would otherwise count its own first note as an earlier sighting.
    if (before := ledger.find(key)) and is_of(before, LessonNoted):
        return before.event.same_as or before.event.id
    earlier = same(one.sentence, {lesson.id: lesson.sentence for lesson in known_lessons(ledger)})
    new = "" if earlier else hashlib.sha256(one.sentence.encode()).hexdigest()[:12]
    noted = LessonNoted(
        one.sentence, one.file, one.quote, base=job.base, role=role, id=new, same_as=earlier or ""
    )
    ledger.append(noted, key, issue=job.issue, run=job.run)
    return earlier or new


def known_lessons(ledger: Ledger) -> tuple[Lesson, ...]:
    """Every lesson, oldest first, with its current standing."""
    return lessons(ledger.entries()) if recorded(ledger, LessonNoted) else ()


def shown_lessons(ledger: Ledger) -> tuple[Passage, ...]:
    """The lessons that an agent may be shown: first those that people pinned, then the rest by how
    much they helped."""
    active = [
        one
        for one in known_lessons(ledger)
        if one.status in (LessonStatus.PINNED, LessonStatus.ACTIVE)
    ]
    order = sorted(
        active, key=lambda one: (one.status is not LessonStatus.PINNED, -one.score, one.entry)
    )
    return tuple(
        Passage(
            "pinned" if one.status is LessonStatus.PINNED else "lesson",
            one.id,
            f"- {one.sentence} ({one.file})",
        )
        for one in order
    )


def say_of(ledger: Ledger, lesson: str, word: Word, *, why: str) -> Lesson:
    """Record a person's decision about a lesson, by its id or the beginning of it. Raises
    ConfigError if it names none, or several."""
    found = lesson_by_id(ledger, lesson)
    # Part of the key, so that a second decision about the lesson is a new entry.
    number = len(recorded(ledger, LessonMarked))
    marked = LessonMarked(found.id, word.value, why)
    ledger.append(marked, f"{marked.kind}/{number}/{found.id}")
    return lesson_by_id(ledger, found.id)


def lesson_by_id(ledger: Ledger, lesson: str) -> Lesson:
    """The lesson with this id, or the only one whose id begins so. Raises ConfigError if there is
    none, or several."""
    found = (
        [one for one in known_lessons(ledger) if one.id.startswith(lesson)]
        if len(lesson) >= 4
        else []
    )
    if len(found) != 1:
        fault = "several lessons begin" if found else "no lesson begins"
        raise ConfigError(
            f"{fault} with {lesson!r}; give four letters or more of an id that `factory lessons"
            " list` shows"
        )
    return found[0]
