"""Answers to slash commands: short and kind, each with links to what it rests on."""

from collections.abc import Iterable
from decimal import Decimal

from harness.domain.events import UsageRecorded
from harness.domain.governance import Governance
from harness.domain.issue import Permission
from harness.domain.lifecycle import State
from harness.domain.shortened import count
from harness.domain.shown_states import CONFIRMED
from harness.factory.records.approval import Approval, NotApproved
from harness.factory.records.chain import chain, page_of
from harness.factory.records.history import History
from harness.factory.records.link import Link, UrlFor, is_routine
from harness.factory.records.releases import ReleaseIndex
from harness.factory.reporting.comments.inert import code, inline, public_reason, table
from harness.factory.reporting.shown import shown
from harness.factory.reporting.slash_commands import COMMANDS, Command, may_give

OURS = "<!-- lights-out-factory:"
MOST_LINKS = 6
"""How many links of the chain an answer shows; the page and `factory why` show all."""

_WHO = {
    Permission.NONE: "anybody",
    Permission.TRIAGE: "whoever may triage",
    Permission.WRITE: "whoever may write",
    Permission.MAINTAIN: "a maintainer",
}


def marker(name: str) -> str:
    """The hidden marker by which the answer to a comment or a review is found again."""
    return f"{OURS}reply:{name} -->"


def reply(name: str, parts: Iterable[str], *, is_the_last: bool) -> str:
    """The answer to one comment or review."""
    last = (
        ["This was the last answer to you for an hour; what you say is still heard."]
        if is_the_last
        else []
    )
    return "\n\n".join((marker(name), *parts, *last)) + "\n"


def help_for(permission: Permission, *, is_filer: bool) -> str:
    """Every command, who may give it, and whether this person may."""
    rows = [
        (
            f"`{one.shown}`",
            one.does,
            who_may(one),
            "yes" if may_give(one, permission, is_filer=is_filer) else "no",
        )
        for one in COMMANDS.values()
    ]
    return (
        "A command stands on a line of its"
        f" own.\n\n{table(('command', 'what it does', 'who may give it', 'you'), rows)}"
    )


def who_may(command: Command) -> str:
    """Who may give a command, in words, for the table here and in the docs."""
    return f"the filer, {_WHO[command.least]}" if command.filer else _WHO[command.least]


def unknown(word: str) -> str:
    return f"There is no command {code(word)} here. `/factory help` lists those that there are."


def edited() -> str:
    return (
        "This comment was edited, and a command in an edited comment is not heard: nobody can tell"
        " who edited it. Please write it in a new comment."
    )


def no_right(command: Command, permission: Permission, *, is_filer: bool) -> str:
    """A kind refusal, with the commands that this person may give."""
    yours = [one.word for one in COMMANDS.values() if may_give(one, permission, is_filer=is_filer)]
    return (
        f"Thank you. `/factory {command.word}` can be given by {who_may(command)}, and the forge"
        " does not say that of you, so nothing was done. You may say:"
        f" {', '.join(f'`/factory {word}`' for word in yours)}."
    )


def not_now(command: Command, history: History) -> str:
    """The answer to a command that changes nothing in the current state."""
    return (
        f"`/factory {command.word}` changes nothing now: this is {shown(history).phrase}."
        " `/factory why` shows the reason."
    )


def confirm_retry(history: History) -> str:
    """The answer to a retry that does not say that the suspected attack was looked at."""
    assert history.suspicion is not None, "nobody else is asked"
    places = ", ".join(inline(one.where) for one in history.suspicion.passages)
    return (
        "Nothing was started: an attack is suspected here, and another try would read the same"
        f" text ({places}) and cost as much again. Look at it first, then edit or close the issue."
        f" To try again all the same, comment `/factory retry {CONFIRMED}`."
    )


def not_revised(most: int) -> str:
    """The answer to a revision without words (`most` is 0), or to one too many."""
    if not most:
        return (
            "Nothing was started: write after `/factory revise` how the change should be, in the"
            " same comment."
        )
    return (
        f"Nothing was started: {count(most, 'change')} were made for words of people, and `rounds`"
        " under [limits] allows no more. `/factory retry` begins to count again."
    )


def not_triaged() -> str:
    """The answer to a revision of an issue whose triage came to no decision."""
    return (
        "Nothing was started: triage came to no decision here, so there is no change to make again."
        " `/factory retry` has the issue triaged first."
    )


def already_with_a_person(history: History) -> str:
    """The answer to an appeal without a refusal, or while a person looks already: it is
    recorded."""
    if history.state is State.NEEDS_HUMAN:
        return (
            "Your appeal is heard and kept. A person has to look at this already, and will see"
            " that you appealed."
        )
    return (
        "Your appeal is heard and kept. There is no answer to appeal against now: this is"
        f" {shown(history).phrase}."
    )


def approved(found: Approval) -> str:
    """What was lifted, and that nothing else was."""
    lifted = "\n".join(f"- **{inline(rule)}**: {inline(reason)}" for rule, reason in found.lifts)
    return (
        f"Approved, for `{found.head:.12}` and no other commit. Lifted by it:\n\n{lifted}\n\n"
        "It is judged again now, and lands only if its sealed checks pass."
    )


def not_approved(found: NotApproved) -> str:
    return f"Not approved: {_sentence(found.reason)} Nothing was changed."


def stops(login: str) -> str:
    return (
        f"The whole factory stops now, as {inline(login)} asked. Nothing is lost. `factory resume`,"
        " given where it runs, lets it go on."
    )


def why(history: History, link: UrlFor, releases: ReleaseIndex | None = None) -> str:
    """The state of the issue, its reasons (rule, fact, place), and where its change is served."""
    found = chain(history, outcome="", releases=releases)
    # Nothing decides while the issue moves; then the newest reasons are shown.
    stood_on = (
        found.deciding or tuple(one for one in found.links if not is_routine(one))[-MOST_LINKS:]
    )
    lines = [_link(one, link) for one in stood_on[:MOST_LINKS]] or [
        "- nothing has been decided yet"
    ]
    page = link(f"/-/{page_of(history.issue)}")
    whole = (
        f"[The whole chain]({page})."
        if page
        else f"`factory why {history.issue}` shows the whole chain where the factory runs."
    )
    served = [f"- {inline(words)}" for words in found.served]
    served = ["", "Where it runs:", "", *served] if served else []
    state = f"This is {shown(history).phrase}. It stands on:"
    return "\n".join((state, "", *lines, *served, "", whole))


def cost(history: History) -> str:
    """What the models cost that worked on the issue, by role."""
    spent: dict[str, list[Decimal]] = {}
    for entry in history.of(UsageRecorded):
        spent.setdefault(entry.event.role, []).append(entry.event.cost_usd)
    rows = [(role, str(len(costs)), f"${sum(costs):.4f}") for role, costs in sorted(spent.items())]
    usage = history.usage
    return "\n\n".join(
        filter(
            None,
            (
                (
                    f"By the models' price list: ${usage.cost_usd:.4f} so far, in"
                    f" {count(usage.calls, 'call')} of a model."
                ),
                table(("role", "sessions", "cost"), rows),
            ),
        )
    )


def rules(governance: Governance, link: UrlFor, *, base: str, digest: str) -> str:
    """The texts in force, each at the commit at which it is read."""
    texts = "\n".join(
        f"- [{inline(one.file)}]({link(f'blob/{base}/{one.file}?plain=1')})"
        for one in governance.documents
    )
    return (
        f"In force at `{base:.12}`, {count(len(governance.rules), 'rule')} and"
        f" {count(len(governance.scope), 'entry')} of the mission:\n\n{texts}\n\nTogether they are"
        f" `{digest:.19}`, which every decision names."
    )


def _link(one: Link, link: UrlFor) -> str:
    name = inline(f"{one.rule} ({one.title})" if one.rule else one.title)
    named = f"[{name}]({link(one.permalink)})" if one.permalink else name
    return (
        f"- {named} {one.outcome.value}: {inline(public_reason(one.fact))}"
        if one.fact
        else f"- {named}: {one.outcome.value}"
    )


def _sentence(text: str) -> str:
    """One of our own sentences; it may contain commits and commands as code."""
    return f"{text[:1].upper()}{text[1:]}."
