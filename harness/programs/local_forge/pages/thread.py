"""What was said and what was done about an issue, as one thread in the order of time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from harness.programs.local_forge.pages.words import STATE_LABEL, state_words
from harness.programs.local_forge.storage.records import Comment, Event, User


@dataclass(frozen=True, slots=True)
class Said:
    """The description or a comment; `anchor` is its place on the page, `comment` its number."""

    author: User
    association: str
    body: str
    at: int
    anchor: str
    edited: bool
    comment: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """One line of history. Labels that one account changed in one go share it."""

    actor: User
    kind: str
    at: int
    anchor: str
    added: tuple[tuple[str, str], ...] = ()  # label name, color
    removed: tuple[tuple[str, str], ...] = ()
    rename: tuple[str, str] | None = None
    commit: str | None = None
    person: User | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """How long the factory's label said one thing: since when, and until when (None: it still
    does)."""

    words: str
    since: int
    until: int | None


_TOGETHER_SECONDS = 60


def thread(
    opening: Said, said: tuple[Comment, ...], done: tuple[Event, ...]
) -> tuple[Said | Done, ...]:
    """The description first, then all else by time."""
    words: list[Said | Done] = [_said(comment) for comment in said]
    deeds: list[Said | Done] = [_done(event) for event in done]
    return (opening, *_folded(sorted([*deeds, *words], key=lambda one: one.at)))


def stays(done: Iterable[Event]) -> tuple[Stay, ...]:
    """Where the issue has been on the factory's way, oldest first; a label that was put back at
    once is one stay."""
    found: list[Stay] = []
    for event in done:
        if event.label is None or not event.label[0].startswith(STATE_LABEL):
            continue
        words, last = state_words(event.label[0]), found[-1] if found else None
        if event.kind == "unlabeled":
            if last and last.until is None and last.words == words:
                found[-1] = replace(last, until=event.created_at)
        elif last is None or last.words != words:
            found = [
                *(replace(one, until=one.until or event.created_at) for one in found),
                Stay(words, event.created_at, None),
            ]
        else:
            found[-1] = replace(last, until=None)
    return tuple(found)


def _said(comment: Comment) -> Said:
    return Said(
        comment.author,
        comment.association,
        comment.body,
        comment.created_at,
        f"comment-{comment.id}",
        edited=comment.updated_at > comment.created_at,
        comment=comment.id,
    )


def _done(event: Event) -> Done:
    label = (event.label,) if event.label else ()
    return Done(
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


def _folded(items: list[Said | Done]) -> list[Said | Done]:
    found: list[Said | Done] = []
    for item in items:
        last = found[-1] if found else None
        if isinstance(last, Done) and isinstance(item, Done) and _belongs(last, item):
            found[-1] = _together(last, item)
        else:
            found.append(item)
    return [one for one in found if not _is_undone(one)]


def _together(last: Done, item: Done) -> Done:
    """What the two come to: a label that was put on and taken off again is not worth a reader's
    time."""
    added, removed = last.added + item.added, last.removed + item.removed
    return replace(
        last,
        added=tuple(one for one in added if one not in removed),
        removed=tuple(one for one in removed if one not in added),
    )


def _is_undone(item: Said | Done) -> bool:
    return isinstance(item, Done) and item.kind == "labels" and not item.added and not item.removed


def _belongs(last: Done, item: Done) -> bool:
    same = last.kind == item.kind == "labels" and last.actor.id == item.actor.id
    return same and item.at - last.at < _TOGETHER_SECONDS
