"""Doing what people tell the factory in comments: each command once, by whoever may give it, and an
answer where one is due.

Properties: a right is asked of the forge when the command is read, and an app has none; a comment
that was edited gives no command, because nobody can say who edited it; killed anywhere, it is read
again, and each effect is there already or is made now; one person gets at most so many answers an
hour, so nobody can make the factory flood a page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from harness.domain.errors import ForgeError
from harness.domain.events import CommandGiven, CommandIgnored, ReplyGiven
from harness.domain.issue import Actor, Comment, CommitSha, Permission
from harness.domain.lifecycle import ENDED, Event, State, events_from
from harness.factory.records.approval import Approval, approval
from harness.factory.records.history import History, history_of
from harness.factory.reporting.comments import replies
from harness.factory.reporting.slash_commands import (
    Command,
    CommandKind,
    ParsedCommand,
    commands_in,
    is_command,
    may_give,
)
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import raise_if_stopped, write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.ports.ledger import recorded

REPLY = "reply"
"""The kinds of entry: an answer was written; a command was not obeyed, and why."""

ANSWERS_AN_HOUR = 6
"""Answers that one account gets within an hour, over all issues."""


class Why(StrEnum):
    """Why a command was not obeyed."""

    UNKNOWN = "unknown"
    EDITED = "edited"
    NO_RIGHT = "no-right"
    REFUSED = "refused"


@dataclass(slots=True)
class _Hearing:
    """One comment while it is heard; `answer` is what will be said to it."""

    services: Services
    policy: PolicySnapshot
    issue: int
    thread: int
    comment: Comment
    answer: list[str] = field(default_factory=list)
    permission: Permission | None = None

    @property
    def told(self) -> History:
        return history_of(self.services.ledger, self.issue)

    @property
    def is_filer(self) -> bool:
        return bool(self.told.author) and self.comment.author.id == self.told.author

    def may(self, command: Command) -> bool:
        if may_give(command, Permission.NONE, is_filer=self.is_filer):
            return True
        return may_give(command, self.asked(), is_filer=self.is_filer)

    def asked(self) -> Permission:
        """What the forge says that its author may do, asked once."""
        if self.permission is None:
            self.permission = self.services.forge.permission(self.comment.author)
        return self.permission


def run_comment_commands(services: Services, history: History, policy: PolicySnapshot) -> bool:
    """Hear what was said on an issue and on its open pull request, oldest first. Whether anything
    was done or answered.

    Raises Stopped once somebody with the right told it to stop."""
    heard = [
        _hear(_Hearing(services, policy, history.issue, thread, comment))
        for thread in _threads(history)
        for comment in services.forge.comments(thread)
        if services.ledger.find(_key(comment)) is None and _is_heard(services, comment)
    ]
    return any(heard)


def may_command(services: Services, actor: Actor) -> bool:
    """A person with the right, by the forge's own answer. An app has none, whatever it may write:
    nobody stands behind it."""
    return not actor.bot and services.forge.permission(actor).may_command


def _threads(history: History) -> Iterator[int]:
    yield history.issue
    if history.proposal and history.state not in ENDED:
        yield history.proposal.number


def _is_heard(services: Services, comment: Comment) -> bool:
    """Not an app, and not our own words, which may be written with a person's token. A mark alone
    says nothing: whoever quotes us carries it. Ours begin with it, and are of our account."""
    begins_as_ours = comment.body.startswith(replies.OURS)
    return not comment.author.bot and not (
        begins_as_ours and comment.author.id == services.forge.account().id
    )


def _key(comment: Comment) -> str:
    return f"comment/{comment.id}"


def _hear(hearing: _Hearing) -> bool:
    """One comment: its commands one by one, then one answer to all of them, then the entry that
    says that it was heard."""
    comment, spoken = hearing.comment, _stop_last(commands_in(hearing.comment.body))
    if hearing.thread == hearing.issue and _is_awaited_from(hearing):
        _event(hearing, Event.AUTHOR_REPLIED, _key(comment))
        if not spoken:
            _write_down(hearing, _key(comment), Event.AUTHOR_REPLIED.value)
            return True
    if not spoken:
        return False
    keys = [*(f"{_key(comment)}/{number}" for number in range(1, len(spoken))), _key(comment)]
    for key, one in zip(keys, spoken, strict=True):
        _do(hearing, one, key)
    raise_if_stopped(hearing.services)
    return True


def _stop_last(spoken: Sequence[ParsedCommand]) -> tuple[ParsedCommand, ...]:
    """A stop is one as soon as it is in the ledger, and nothing is said or done after it: so it
    comes last, and once."""
    stops = [one for one in spoken if one.command and one.command.kind is CommandKind.STOPS]
    return (*(one for one in spoken if one not in stops), *stops[:1])


def _do(hearing: _Hearing, one: ParsedCommand, key: str) -> None:
    """One command. Its entry is the last thing that is done for it, and the entry of the last one
    closes the comment: so the answer is written before that."""
    if hearing.services.ledger.find(key) is None:
        not_obeyed = _refusal(hearing, one) or _done(hearing, one, key)
        if key == _key(hearing.comment):
            _reply(hearing)
        _write_down(hearing, key, _name(one), not_obeyed=not_obeyed)


def _refusal(hearing: _Hearing, one: ParsedCommand) -> Why | None:
    """Why it is not even tried. Each reason is told to one person once on one issue."""
    if one.command is None:
        return _tell_once(hearing, Why.UNKNOWN, replies.unknown(one.word))
    if hearing.comment.edited:
        return _tell_once(hearing, Why.EDITED, replies.edited())
    if not hearing.may(one.command):
        return _tell_once(
            hearing,
            Why.NO_RIGHT,
            replies.no_right(one.command, hearing.asked(), is_filer=hearing.is_filer),
        )
    return None


def _tell_once(hearing: _Hearing, why: Why, words: str) -> Why:
    told = any(
        entry.event.why == why and entry.event.actor == hearing.comment.author.id
        for entry in hearing.told.of(CommandIgnored)
    )
    if not told and words not in hearing.answer:
        hearing.answer.append(words)
    return why


def _done(hearing: _Hearing, one: ParsedCommand, key: str) -> Why | None:
    command = one.command
    assert command is not None, "what is in no table was refused"
    match command.kind:
        case CommandKind.ASKS:
            hearing.answer.append(_answer(hearing, command))
        case CommandKind.STOPS:
            hearing.answer.append(replies.stops(hearing.comment.author.login))
        case CommandKind.CONTROLS if command.event is Event.APPROVED_BY_PERSON:
            return _approve(hearing, one.argument, key)
        case CommandKind.CONTROLS:
            assert command.event is not None, "what steers is an event"
            return _steer(hearing, command, command.event, key)
    return None


def _answer(hearing: _Hearing, command: Command) -> str:
    services, told = hearing.services, hearing.told
    match command.word:
        case "why":
            return replies.why(told, services.link)
        case "cost":
            return replies.cost(told)
        case "rules":
            law, base = hearing.policy.governance, hearing.policy.base
            return replies.rules(law, services.link, base=base, digest=hearing.policy.digest)
        case _:
            return replies.help_for(hearing.asked(), is_filer=hearing.is_filer)


def _steer(hearing: _Hearing, command: Command, event: Event, key: str) -> Why | None:
    """What is said too late or too early changes nothing; it is in the ledger as said, and
    answered."""
    before = hearing.told
    if _is_there(hearing, key):
        return None
    if event in events_from(before.state):
        _event(hearing, event, key)
        return None
    hearing.answer.append(
        replies.already_with_a_person(before)
        if event is Event.APPEALED
        else replies.not_now(command, before)
    )
    return None


def _approve(hearing: _Hearing, sha: str, key: str) -> Why | None:
    if _is_there(hearing, key):
        return None
    policy = hearing.policy
    found = approval(
        hearing.told,
        policy.governance,
        sha=sha.split()[0] if sha.split() else "",
        head_now=_head_now(hearing),
        rules=policy.digest,
    )
    if isinstance(found, Approval):
        _event(hearing, Event.APPROVED_BY_PERSON, key, approved=found)
        hearing.answer.append(replies.approved(found))
        return None
    hearing.answer.append(replies.not_approved(found))
    return Why.REFUSED


def _head_now(hearing: _Hearing) -> CommitSha | None:
    """The head of its open pull request, as the forge has it now."""
    proposal = hearing.told.proposal
    opened = hearing.services.forge.pull_request(proposal.number) if proposal else None
    return opened.head if opened is not None and opened.open and opened.same_repository else None


def _is_there(hearing: _Hearing, key: str) -> bool:
    """Whether a factory that was killed had moved the issue by this command already."""
    return hearing.services.ledger.find(f"{key}/event") is not None


def _event(hearing: _Hearing, event: Event, key: str, *, approved: Approval | None = None) -> None:
    services, history = hearing.services, hearing.told
    if event not in events_from(history.state):
        return
    if history.state is State.REJECTED:  # what was closed goes on in its own place
        write_projection(services, lambda: services.writer.reopen_issue(history.issue))
    transition(
        services,
        history.issue,
        event,
        key=f"{key}/event",
        reason=f"by {hearing.comment.author.login}",
        rules=hearing.policy.digest,
        head=approved.head if approved else None,
        lifts=approved.lifts if approved else (),
    )
    project(services, history.issue)


def _is_awaited_from(hearing: _Hearing) -> bool:
    """Whether this is its filer's answer to a question, one that still counts: also after it was
    closed for want of one."""
    history, comment = hearing.told, hearing.comment
    asked = history.state is State.NEEDS_INFO or history.last_event is Event.NO_REPLY
    new = comment.id > (history.triage.heard if history.triage else 0)
    return asked and new and hearing.is_filer and not is_command(comment)


def _name(one: ParsedCommand) -> str:
    """What the ledger calls it: by its event, where it is one."""
    command = one.command
    return (
        one.word[:40] if command is None else command.event.value if command.event else command.word
    )


def _write_down(hearing: _Hearing, key: str, name: str, *, not_obeyed: Why | None = None) -> None:
    author = hearing.comment.author
    given = (
        CommandGiven(name, author.id, author.login)
        if not_obeyed is None
        else CommandIgnored(name, author.id, author.login, not_obeyed.value)
    )
    hearing.services.ledger.append(given, key, issue=hearing.issue)


def _reply(hearing: _Hearing) -> None:
    """One answer to one comment, found again by the comment's number. A thread that takes none (it
    is locked) loses it."""
    services, comment, key = hearing.services, hearing.comment, f"{REPLY}/{hearing.comment.id}"
    had = _answers_had(services, comment.author)
    if not hearing.answer or had >= ANSWERS_AN_HOUR or services.ledger.find(key):
        return
    body = replies.reply(comment, hearing.answer, is_the_last=had + 1 == ANSWERS_AN_HOUR)
    try:
        write_projection(
            services,
            lambda: services.writer.upsert_comment(hearing.thread, replies.marker(comment), body),
        )
    except ForgeError as error:
        if error.retryable:
            raise
        services.tell(f"issue #{hearing.issue}", REPLY, str(error))
    services.ledger.append(
        ReplyGiven(comment.author.id, comment.author.login), key, issue=hearing.issue
    )


def _answers_had(services: Services, actor: Actor) -> int:
    since = services.clock.now() - timedelta(hours=1)
    return sum(
        entry.event.actor == actor.id and datetime.fromisoformat(entry.at) > since
        for entry in recorded(services.ledger, ReplyGiven)
    )
