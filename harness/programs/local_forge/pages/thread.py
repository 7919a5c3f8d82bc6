"""An issue's comments and events as one thread, ordered by time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.domain.shown_states import LABEL_PREFIX
from harness.programs.local_forge.pages.words import state_words
from harness.programs.local_forge.storage.records import (
    Comment,
    Review,
    ReviewComment,
    TimelineEvent,
    User,
)


@dataclass(frozen=True, slots=True)
class ThreadComment:
    """The description, a comment or a review. `anchor` is its id on the page, `comment` a
    comment's number, `deed` what a review did, `remarks` its comments on lines."""

    author: User
    association: str
    body: str
    at: int
    anchor: str
    edited: bool
    comment: int | None = None
    deed: str = ""
    remarks: tuple[ReviewComment, ...] = ()


@dataclass(frozen=True, slots=True)
class ThreadEvent:
    """One event line. Label changes by one account within a minute share a line."""

    actor: User
    kind: str
    at: int
    anchor: str
    # Label name, color
    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    rename: tuple[str, str] | None = None
    commit: str | None = None
    person: User | None = None


@dataclass(frozen=True, slots=True)
class StateInterval:
    """How long a state label was on the issue: since when, until when (None: it still is)."""

    words: str
    since: int
    until: int | None


_TOGETHER_SECONDS = 60
_DEEDS = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "asked for changes",
    "COMMENTED": "reviewed",
}


def thread(
    opening: ThreadComment,
    comments: tuple[Comment, ...],
    events: tuple[TimelineEvent, ...],
    reviews: tuple[tuple[Review, tuple[ReviewComment, ...]], ...] = (),
) -> tuple[ThreadComment | ThreadEvent, ...]:
    """The description first, then comments, reviews and events by time."""
    words: list[ThreadComment | ThreadEvent] = [_thread_comment(comment) for comment in comments]
    words += [_thread_review(review, remarks) for review, remarks in reviews]
    deeds: list[ThreadComment | ThreadEvent] = [_thread_event(event) for event in events]
    return (opening, *_folded(sorted([*deeds, *words], key=lambda one: one.at)))


def state_intervals(events: Iterable[TimelineEvent]) -> tuple[StateInterval, ...]:
    """The states of the issue in the factory, oldest first. A label that was removed and
    restored at once is one interval."""
    found: list[StateInterval] = []
    for event in events:
        if event.label is None or not event.label[0].startswith(LABEL_PREFIX):
            continue
        words, last = state_words(event.label[0]), found[-1] if found else None
        if event.kind == "unlabeled":
            if last and last.until is None and last.words == words:
                found[-1] = replace(last, until=event.created_at)
        # A new state ends the one before: the factory sets one state label at a time.
        elif last is None or last.words != words:
            found = [
                *(replace(one, until=one.until or event.created_at) for one in found),
                StateInterval(words, event.created_at, None),
            ]
        else:
            found[-1] = replace(last, until=None)
    return tuple(found)


def _thread_comment(comment: Comment) -> ThreadComment:
    return ThreadComment(
        comment.author,
        comment.association,
        comment.body,
        comment.created_at,
        f"comment-{comment.id}",
        edited=comment.updated_at > comment.created_at,
        comment=comment.id,
    )


def _thread_review(review: Review, remarks: tuple[ReviewComment, ...]) -> ThreadComment:
    return ThreadComment(
        review.author,
        review.association,
        review.body,
        review.created_at,
        f"review-{review.id}",
        edited=False,
        deed=_DEEDS[review.state],
        remarks=remarks,
    )


def _thread_event(event: TimelineEvent) -> ThreadEvent:
    label = (event.label,) if event.label else ()
    return ThreadEvent(
        event.actor,
        "labels" if label else event.kind,
        event.created_at,
        f"event-{event.id}",
        rename=event.rename,
        commit=event.commit,
        person=event.person,
        added=label if event.kind == "labeled" else (),
        removed=label if event.kind == "unlabeled" else (),
    )


def _folded(items: list[ThreadComment | ThreadEvent]) -> list[ThreadComment | ThreadEvent]:
    found: list[ThreadComment | ThreadEvent] = []
    for item in items:
        last = found[-1] if found else None
        if isinstance(last, ThreadEvent) and isinstance(item, ThreadEvent) and _belongs(last, item):
            found[-1] = _together(last, item)
        else:
            found.append(item)
    return [one for one in found if not _is_undone(one)]


def _together(last: ThreadEvent, item: ThreadEvent) -> ThreadEvent:
    """Two label events as one. A label that was added and removed again is left out."""
    added, removed = last.added + item.added, last.removed + item.removed
    return replace(
        last,
        added=tuple(one for one in added if one not in removed),
        removed=tuple(one for one in removed if one not in added),
    )


def _is_undone(item: ThreadComment | ThreadEvent) -> bool:
    return (
        isinstance(item, ThreadEvent)
        and item.kind == "labels"
        and not item.added
        and not item.removed
    )


def _belongs(last: ThreadEvent, item: ThreadEvent) -> bool:
    same = last.kind == item.kind == "labels" and last.actor.id == item.actor.id
    return same and item.at - last.at < _TOGETHER_SECONDS
