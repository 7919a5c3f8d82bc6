"""Comment commands: run each command in a comment once, for whoever may give it, and answer where
an answer is due.

Properties:
- the forge is asked for the author's right when the command is read, and an app has none;
- a comment that was edited gives no command, because nobody can say who edited it;
- after a kill anywhere the comment is read again, and each effect is there already or is made now;
- one account gets a bounded number of answers an hour, so nobody can make the factory flood a
page."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from harness.domain.errors import ForgeError
from harness.domain.events import (
    CommandGiven,
    CommandIgnored,
    ReplyGiven,
    TransitionRecorded,
)
from harness.domain.issue import Actor, Comment, CommitSha
from harness.domain.lifecycle import ENDED, Event, State, events_from
from harness.factory.intake.command_context import COMMENT, CommandContext, RefusalReason
from harness.factory.intake.control import Unchanged, event_of
from harness.factory.records.approval import Approval, NotApproved, approval
from harness.factory.records.history import History
from harness.factory.reporting.comments import replies
from harness.factory.reporting.slash_commands import (
    Command,
    CommandKind,
    ParsedCommand,
    commands_in,
    is_command,
)
from harness.factory.reporting.transitions import project, transition
from harness.factory.run.effects import raise_if_stopped, write_projection
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.log import WARNING
from harness.ports.ledger import recorded

REPLY = "reply"
"""Where the ledger keys and notices of answers begin."""

MOST_WORDS = 4000
"""How many characters of what a person wants changed are read."""

ANSWERS_AN_HOUR = 6
"""Answers that one account gets within an hour, over all issues."""


def run_comment_commands(services: Services, history: History, policy: PolicySnapshot) -> bool:
    """Run the new commands on an issue and on its open pull request, oldest first. Return whether
    anything was done or answered.

    Raises Stopped once somebody with the right commands the factory to stop."""
    results = [
        _run(CommandContext(services, policy, history.issue, thread, comment))
        for thread in _threads(history)
        for comment in services.forge.comments(thread)
        if services.ledger.find(f"{COMMENT}/{comment.id}") is None
        and _may_hold_commands(services, comment)
    ]
    return any(results)


def may_command(services: Services, actor: Actor) -> bool:
    """Whether a person has the right to command, by the forge's own answer. An app never has: no
    person stands behind it."""
    return not actor.bot and services.forge.permission(actor).may_command


def _threads(history: History) -> Iterator[int]:
    yield history.issue
    if history.proposal and history.state not in ENDED:
        yield history.proposal.number


def _may_hold_commands(services: Services, comment: Comment) -> bool:
    """Whether a comment is neither an app's nor our own, which a person's token may have
    written."""
    # Our mark alone proves nothing, because whoever quotes us carries it. Ours begin with it and
    # are of our account.
    begins_as_ours = comment.body.startswith(replies.OURS)
    return not comment.author.bot and not (
        begins_as_ours and comment.author.id == services.forge.account().id
    )


def _run(context: CommandContext) -> bool:
    """Run one comment: its commands one by one, then one answer to all of them, then the entry that
    closes the comment."""
    commands = _stop_last(commands_in(context.comment.body))
    if context.thread == context.issue and _is_awaited_from(context):
        _event(context, Event.AUTHOR_REPLIED, context.key)
        if not commands:
            _record(context, context.key, None)
            return True
    if not commands:
        return False
    keys = [*(f"{context.key}/{number}" for number in range(1, len(commands))), context.key]
    for key, one in zip(keys, commands, strict=True):
        run_command(context, one, key)
    raise_if_stopped(context.services)
    return True


def _stop_last(commands: Sequence[ParsedCommand]) -> tuple[ParsedCommand, ...]:
    """The commands with a stop moved to the end, and only one. A stop holds as soon as it is in the
    ledger, and nothing may be written or done after it."""
    stops = [one for one in commands if one.command and one.command.kind is CommandKind.STOPS]
    return (*(one for one in commands if one not in stops), *stops[:1])


def run_command(context: CommandContext, one: ParsedCommand, key: str) -> None:
    """Run one command. Its entry is the last thing done for it, and the entry of the last command
    closes the comment, so the answer is written before that."""
    if context.services.ledger.find(key) is None:
        refused_for = _refusal(context, one) or _done(context, one, key)
        if key == context.key:
            _reply(context)
        _record(context, key, one, refused_for=refused_for)
    else:
        _answer_again(context, one, key)


def _answer_again(context: CommandContext, one: ParsedCommand, key: str) -> None:
    """Collect the answer to a command that a factory had run before it was killed: answers are
    written with the last command. Nothing is done again."""
    if _refusal(context, one) or one.command is None:
        return
    if one.command.kind is CommandKind.ASKS:
        context.answer.append(_answer(context, one.command))
    elif one.command.event is Event.APPROVED_BY_PERSON:
        known = _approved_by(context, key) or _approval(context, one.argument)
        context.answer.append(_approval_words(known))
    elif one.command.kind is CommandKind.CONTROLS and not _moved_by(context, key):
        found = _event_of(context, one.command, one.argument)
        context.answer += [found.answer] if isinstance(found, Unchanged) else []


def _refusal(context: CommandContext, one: ParsedCommand) -> RefusalReason | None:
    """Why the command is not even tried. One person reads each reason once on one issue."""
    if one.command is None:
        return _explain_once(context, RefusalReason.UNKNOWN, replies.unknown(one.word))
    if context.comment.edited:
        return _explain_once(context, RefusalReason.EDITED, replies.edited())
    if not context.may(one.command):
        return _explain_once(
            context,
            RefusalReason.NO_RIGHT,
            replies.no_right(one.command, context.author_permission(), is_filer=context.is_filer),
        )
    # Whoever may write may edit others' comments, and within the same second that does not show.
    if one.command.least.is_more_than_write and not context.is_original():
        return _explain_once(context, RefusalReason.EDITED, replies.edited())
    return None


def _explain_once(context: CommandContext, why: RefusalReason, words: str) -> RefusalReason:
    is_explained = any(
        entry.event.why == why
        and entry.event.actor == context.comment.author.id
        # A factory that was killed refused a command of this comment, and has not answered it yet.
        and not entry.key.startswith(f"{context.key}/")
        for entry in context.history.of(CommandIgnored)
    )
    if not is_explained and why not in context.explained:
        context.answer.append(words)
    context.explained.add(why)
    return why


def _done(context: CommandContext, one: ParsedCommand, key: str) -> RefusalReason | None:
    command = one.command
    assert command is not None, "what is in no table was refused"
    match command.kind:
        case CommandKind.ASKS:
            context.answer.append(_answer(context, command))
        case CommandKind.STOPS:
            context.answer.append(replies.stops(context.comment.author.login))
        case CommandKind.CONTROLS if command.event is Event.APPROVED_BY_PERSON:
            return _approve(context, one.argument, key)
        case CommandKind.CONTROLS:
            return _control(context, command, key, argument=one.argument)
    return None


def _answer(context: CommandContext, command: Command) -> str:
    services, history = context.services, context.history
    match command.word:
        case "why":
            return replies.why(history, services.link, services.releases)
        case "cost":
            return replies.cost(history)
        case "rules":
            policy = context.policy
            return replies.rules(
                policy.governance, services.link, base=policy.base, digest=policy.digest
            )
        case _:
            return replies.help_for(context.author_permission(), is_filer=context.is_filer)


def _control(
    context: CommandContext, command: Command, key: str, *, argument: str
) -> RefusalReason | None:
    """Move the issue by a command. One that comes too late or too early changes nothing; the ledger
    has it, and the author gets an answer."""
    if _moved_by(context, key):
        return None
    found = _event_of(context, command, argument)
    if isinstance(found, Unchanged):
        context.answer.append(found.answer)
        return RefusalReason.REFUSED if found.refused else None
    _event(context, found, key, words=argument if found is Event.REVISED else "")
    return None


def _event_of(context: CommandContext, command: Command, argument: str) -> Event | Unchanged:
    most = context.policy.config.limits.rounds
    return event_of(command, context.history, argument=argument, most_rounds=most)


def _approve(context: CommandContext, sha: str, key: str) -> RefusalReason | None:
    known = _approved_by(context, key)
    found = known or _approval(context, sha)
    if isinstance(found, Approval) and not known:
        _event(context, Event.APPROVED_BY_PERSON, key, approved=found)
    context.answer.append(_approval_words(found))
    return None if isinstance(found, Approval) else RefusalReason.REFUSED


def _approval_words(found: Approval | NotApproved) -> str:
    return replies.approved(found) if isinstance(found, Approval) else replies.not_approved(found)


def _approval(context: CommandContext, sha: str) -> Approval | NotApproved:
    policy = context.policy
    return approval(
        context.history,
        policy.governance,
        sha=sha.split()[0] if sha.split() else "",
        head_now=_head_now(context),
        rules=policy.digest,
    )


def _approved_by(context: CommandContext, key: str) -> Approval | None:
    """What a factory that was killed had approved by this command already."""
    moved = _moved_by(context, key)
    return Approval(CommitSha(moved.head), moved.lifts) if moved and moved.head else None


def _head_now(context: CommandContext) -> CommitSha | None:
    """The head of the issue's open pull request, as the forge has it now."""
    proposal = context.history.proposal
    opened = context.services.forge.pull_request(proposal.number) if proposal else None
    return opened.head if opened is not None and opened.open and opened.same_repository else None


def _moved_by(context: CommandContext, key: str) -> TransitionRecorded | None:
    """How a factory that was killed had moved the issue by this command already."""
    found = context.services.ledger.find(f"{key}/event")
    return found.event if found and isinstance(found.event, TransitionRecorded) else None


def _event(
    context: CommandContext,
    event: Event,
    key: str,
    *,
    approved: Approval | None = None,
    words: str = "",
) -> None:
    services, history = context.services, context.history
    # The issue may have moved since the command was checked.
    if event not in events_from(history.state):
        return
    # A rejected issue may be closed on the forge, and goes on where it was filed.
    if history.state is State.REJECTED:
        write_projection(services, lambda: services.writer.reopen_issue(history.issue))
    transition(
        services,
        history.issue,
        event,
        key=f"{key}/event",
        reason=f"by {context.comment.author.login}" + (f": {words[:200]}" if words else ""),
        rules=context.policy.digest,
        head=approved.head if approved else None,
        lifts=approved.lifts if approved else (),
    )
    project(services, history.issue)


def _is_awaited_from(context: CommandContext) -> bool:
    """Whether this comment is the filer's answer to a question, one that still counts: also after
    the issue was closed because no answer came."""
    history, comment = context.history, context.comment
    asked = history.state is State.NEEDS_INFO or history.last_event is Event.NO_REPLY
    # What was written before the triage is part of what triage read.
    new = comment.id > (history.triage.last_reply if history.triage else 0)
    return asked and new and context.is_filer and not is_command(comment)


def _name(one: ParsedCommand | None) -> str:
    """The name of a command in the ledger: its event, where it has one. None is an answer to a
    question."""
    if one is None:
        return Event.AUTHOR_REPLIED.value
    command = one.command
    return (
        one.word[:40] if command is None else command.event.value if command.event else command.word
    )


def _record(
    context: CommandContext,
    key: str,
    one: ParsedCommand | None,
    *,
    refused_for: RefusalReason | None = None,
) -> None:
    author, name = context.comment.author, _name(one)
    # Other words are nobody's business but the author's.
    words = one.argument[:MOST_WORDS] if one and name == Event.REVISED else ""
    given = (
        CommandGiven(name, author.id, author.login, words=words)
        if refused_for is None
        else CommandIgnored(name, author.id, author.login, refused_for.value)
    )
    context.services.ledger.append(given, key, issue=context.issue)


def _reply(context: CommandContext) -> None:
    """Write one answer to one comment; the comment's number finds it again. A locked thread takes
    none, and the answer is lost."""
    services, comment, key = context.services, context.comment, f"{REPLY}/{context.name}"
    had = _answers_had(services, comment.author)
    if not context.answer or had >= ANSWERS_AN_HOUR or services.ledger.find(key):
        return
    body = replies.reply(context.name, context.answer, is_the_last=had + 1 == ANSWERS_AN_HOUR)
    try:
        write_projection(
            services,
            lambda: services.writer.upsert_comment(
                context.thread, replies.marker(context.name), body
            ),
        )
    except ForgeError as error:
        # A forge that is down gets the answer later; a locked thread never does.
        if error.retryable:
            raise
        services.log.write("reply-failed", str(error), issue=context.issue, level=WARNING)
    services.ledger.append(
        ReplyGiven(comment.author.id, comment.author.login), key, issue=context.issue
    )


def _answers_had(services: Services, actor: Actor) -> int:
    since = services.clock.now() - timedelta(hours=1)
    return sum(
        entry.event.actor == actor.id and entry.moment > since
        for entry in recorded(services.ledger, ReplyGiven)
    )
