"""The sticky comment of an issue: what was decided, by which rule, what happens next, how to
appeal.

The first paragraphs are for the person who filed it: plain, kind, no jargon. The folded part is for
maintainers."""

from collections.abc import Mapping

from harness.domain.lifecycle import Event, State
from harness.domain.shortened import count, shortened
from harness.domain.shown_states import CONFIRMED
from harness.factory.records.chain import page_of, rules_against
from harness.factory.records.history import History
from harness.factory.records.link import Link, UrlFor
from harness.factory.records.model_advice import what_differed
from harness.factory.reporting.comments.inert import (
    cell,
    fenced,
    inline,
    public_reason,
    referred,
)
from harness.factory.reporting.shown import shown, was_not_answered

MOST_OF_A_REASON = 600
ISSUE_MARKER = "<!-- lights-out-factory:issue -->"

_REASONS: Mapping[str, str] = {
    Event.TRIAGE_ACCEPTED: "it is within the mission",
    Event.TRIAGE_REJECTED: "the mission leaves this out on purpose",
    Event.TRIAGE_DUPLICATE: "it was asked before",
    Event.DUPLICATE_LANDED: "it may be done already",
    Event.TRIAGE_UNSURE: "the factory could not decide this on its own",
    Event.RUN_FAILED: "an attempt failed",
    Event.POLICY_REFUSED: "the change broke a rule",
    Event.ATTACK_SUSPECTED: "the change tried what nobody may ask for",
    Event.SPLIT: "the change is larger than one change may be",
    Event.CANNOT_DO: "the factory could not do this honestly",
    Event.BUDGET_EXHAUSTED: "the money set aside for it is spent",
    Event.JUDGE_AGAIN: "the sealed check came to no answer and is asked again",
    Event.INCONCLUSIVE: "the sealed check could not come to an answer, and no answer is a no",
    Event.ROUNDS_EXHAUSTED: "what one issue may be tried is used up",
    Event.HANDED_OVER: "no sealed judge is asked here, so it is yours to merge",
    Event.GATE_REFUSED: "a gate before merging said no",
    Event.CHECKS_FAILED: "the project's own checks are red",
    Event.LOW_CONFIDENCE: "changes like this one have not stayed often enough",
    Event.REVISED: "somebody with the right asked for another change",
    Event.CHECKS_AWAITED: "the project's own checks look at what would land",
    Event.FORGE_REFUSED: "the forge did not take it",
    Event.LANDED_TREE_DIFFERS: "what landed is not what was judged, so merging is frozen",
    Event.REVERTED: "it was merged, and has been taken back",
}

_BY_EVENT: Mapping[tuple[State, str], str] = {
    (State.UNTRIAGED, Event.TRIAGE_AGAIN): (
        "Nothing was decided about this yet. It is looked at again on the next pass."
    ),
    (State.UNTRIAGED, Event.ERROR_RETURNED): (
        "Its error came again, from a release that has the fix. It is looked at again on the next"
        " pass."
    ),
    (State.CHANGES_REQUESTED, Event.REVISED): (
        "A maintainer asked for another change. It follows on its own."
    ),
    (State.CHANGES_REQUESTED, Event.CHECKS_FAILED): (
        "The project's own checks did not pass on what would land. Another attempt follows on its"
        " own."
    ),
    (State.CHANGES_REQUESTED, Event.LOW_CONFIDENCE): (
        "The change passed its sealed checks, and changes like it have not stayed often enough."
        " Another attempt follows on its own."
    ),
    (State.VALIDATING, Event.CHECKS_AWAITED): (
        "The change passed its sealed checks. It lands once the project's own checks are green as"
        " well."
    ),
    (State.NEEDS_HUMAN, Event.LANDED_TREE_DIFFERS): (
        "Something landed that is not what was judged. A person has to look at it, and nothing more"
        " lands until they have."
    ),
}
"""Openings for events where the state alone would not be precise."""

_REVIEWED = (
    "Not good enough yet. Reviewers looked at a first change and asked for another; that attempt"
    " follows on its own."
)


def issue_comment(history: History, link: UrlFor, *, released: str = "") -> str:
    """The comment, by what the ledger has now. `released` is what became of its landing."""
    parts = [
        ISSUE_MARKER,
        headline(history),
        released if history.state is State.MERGED else "",
        *_reason(history, link),
        _evidence(history, link),
        *_next_step(history),
        *_suspicion(history),
        _folded(history, link),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(history: History) -> str:
    """Where the issue stands, in one or two sentences for the person who filed it."""
    last = history.last_event or ""
    if history.is_duplicate:
        older = history.transitions[-1].event.duplicate_of
        return f"This asks for what #{older} asks for. It goes on there; please follow that one."
    if history.state is State.NEEDS_HUMAN and _was_appealed(history):
        return "Your appeal was heard. A person reads it; nothing more happens until they have."
    # The usual opening names a browser, and this change was never tried in one.
    if last == Event.CHANGES_REQUESTED and history.requested:
        return _REVIEWED
    return _BY_EVENT.get((history.state, last)) or shown(history).opening


def _was_appealed(history: History) -> bool:
    """Whether a person has to look because somebody appealed."""
    return [entry.event.event for entry in history.transitions[-2:]] == [
        Event.APPEALED,
        Event.TRIAGE_UNSURE,
    ]


def _reason(history: History, link: UrlFor) -> list[str]:
    triage, parts = history.triage, []
    if waits := history.waits:
        rule = f" ([{waits.rule}]({link(waits.path)}))" if waits.rule else ""
        parts.append(
            f"Why: {inline(waits.reason)}{rule}. It keeps its place, and is looked at on a later"
            " pass, on its own."
        )
    if triage and triage.reply:
        if history.state is State.NEEDS_INFO or was_not_answered(history):
            parts.append(f"> {inline(triage.reply)}")
        elif _is_refused_by_triage(history):
            # With a quote, the reply is the mission's own Markdown, which maintainers wrote.
            parts.append(triage.reply if triage.quote else inline(triage.reply))
    by_its_entries = _is_refused_by_triage(history) or history.state is State.ACCEPTED
    if triage and triage.cites and by_its_entries:
        cites = ", ".join(f"[{cite.id}]({link(cite.path)})" for cite in triage.cites)
        quote = f"\n{fenced(triage.quote)}" if triage.quote else ""
        parts.append(
            f"Decided by {cites}, from these words of yours:{quote}"
            if quote
            else f"Decided by {cites}."
        )
    last = history.transitions[-1].event if history.transitions else None
    shows_reason = history.state in (State.CHANGES_REQUESTED, State.ACCEPTED) or (
        history.state is State.NEEDS_HUMAN and not _was_appealed(history)
    )
    if last and last.reason and shows_reason:
        cause = _REASONS.get(last.event, "")
        reason = (
            _refusals(history, link)
            or f" {inline(shortened(public_reason(last.reason), MOST_OF_A_REASON))}"
        )
        parts.append(f"Why: {cause}:{reason}" if cause else f"Why:{reason}")
    if history.state is State.MERGED and history.landed:
        commit = history.landed.commit
        parts.append(
            f"It landed as [`{commit:.10}`]({link(f'commit/{commit}')}), the very tree that was"
            " judged."
        )
    elif history.state is State.MERGED:
        parts.append(
            f"Why: {inline(last.reason)}. The factory did not judge what landed." if last else ""
        )
    return parts


def _is_refused_by_triage(history: History) -> bool:
    """Whether triage refused it, by the mission or by a rule."""
    return history.state is State.REJECTED and history.last_event is Event.TRIAGE_REJECTED


def _refusals(history: History, link: UrlFor) -> str:
    """The rules that refused it, one a line, each with a link to its text."""
    lines = [
        f"- {_rule(against, link)} {against.outcome.value}: {inline(against.fact)}"
        for against in rules_against(history)
    ]
    return "\n\n" + "\n".join(lines) if lines else ""


def _rule(against: Link, link: UrlFor) -> str:
    name = f"**{inline(against.rule)}** ({inline(against.title)})"
    return f"[{name}]({link(against.permalink)})" if against.permalink else name


def _evidence(history: History, link: UrlFor) -> str:
    """Where the filer sees what the judge saw; empty without a verdict, or where nobody can."""
    page = link(f"/-/{_evidence_page(history)}") if history.verdict else ""
    return f"[See what the judge saw]({page})." if page else ""


def _evidence_page(history: History) -> str:
    return f"evidence/{history.verdicts[-1].run}/index.html"


def _next_step(history: History) -> list[str]:
    match history.state:
        case State.REJECTED if was_not_answered(history):
            return [
                "Reply here, whenever you like: then this is opened again, and looked at again, on"
                " its own."
            ]
        case State.REJECTED:
            return [
                (
                    "If this is a misunderstanding, reply with `/factory appeal` and a sentence on"
                    " why: a person reads it."
                ),
                *_closing(history),
            ]
        case State.NEEDS_INFO:
            again = (
                "Reply here, or add it to the text above: then it is looked at again, on its own."
            )
            day = (history.closes or "")[:10]
            return [
                f"{again} Without an answer it closes on {day}; a later answer opens it again."
                if day
                else again
            ]
        case State.NEEDS_HUMAN:
            return [*_appeals(history), _commands(history)]
        case _:
            return []


def _commands(history: History) -> str:
    """What maintainers may do with an issue that waits for a person."""
    again = f"retry {CONFIRMED}" if history.suspicion else "retry"
    starts = (
        f"`/factory {again}` starts again, `/factory revise` takes your words"
        if history.specification
        else f"`/factory {again}` has it triaged again"
    )
    return (
        f"Maintainers: `/factory why` shows the reasons, {starts}, and `/factory help` lists what"
        " else there is."
    )


def _suspicion(history: History) -> list[str]:
    """For maintainers: the passages that may have asked for what was tried, as they stood."""
    if history.state is not State.NEEDS_HUMAN or history.suspicion is None:
        return []
    quotes = (f"{inline(one.where)}:\n{fenced(one.text)}" for one in history.suspicion.passages)
    return [
        (
            "Maintainers: **an attack is suspected.** These words of the issue may have asked for"
            " what was tried. Read them as data, and follow nothing in them. Another try reads the"
            " same text and costs as much again; edit or close the issue first."
        ),
        *quotes,
    ]


def _appeals(history: History) -> list[str]:
    """How to appeal; or, once somebody has, that all appeals are counted."""
    said = [entry for entry in history.appeals if entry.event.login]
    if not said:
        return [
            "If you think that this is wrong, or have something to add, reply with `/factory"
            " appeal` and a sentence on why: the person who looks at this will see it."
        ]
    made = "An appeal was made" if len(said) == 1 else f"{len(said)} appeals were made, the last"
    return [
        f"{made} on {said[-1].at[:10]}, by {inline(said[-1].event.login)}. None is lost: a"
        " person reads it."
    ]


def _closing(history: History) -> list[str]:
    """When a rejected issue closes, or closed."""
    if closed := history.closed:
        return [
            f"It was closed on {closed.at[:10]}, after the days that an appeal has. An appeal still"
            " opens it again."
        ]
    return [f"It closes on {history.closes[:10]} unless it is appealed." if history.closes else ""]


def _why(reason: str, history: History, link: UrlFor) -> str:
    """A reason for a table, with links to its own pull request and to the older issue."""
    shown = cell(public_reason(reason))
    if history.proposal:
        shown = referred(shown, history.proposal.number, link(f"pull/{history.proposal.number}"))
    older = history.transitions[-1].event.duplicate_of if history.is_duplicate else None
    return referred(shown, older, link(f"issues/{older}")) if older else shown


def _folded(history: History, link: UrlFor) -> str:
    rows = [
        f"| {entry.at[:19]} | {entry.event.before} → {entry.event.after} | {entry.event.event} | "
        f"{_why(entry.event.reason, history, link)} |"
        for entry in history.transitions
    ]
    if not rows:
        return ""
    usage, proposal = history.usage, history.proposal
    facts = [
        f"By the models' price list: ${usage.cost_usd:.4f} so far, in"
        f" {count(usage.calls, 'model call')}."
    ]
    if history.estimate:
        facts.append(f"Estimated when it was accepted: {history.estimate}.")
    facts += [inline(line) for line in what_differed(history)]
    if proposal:
        facts.append(f"Pull request: [#{proposal.number}]({link(f'pull/{proposal.number}')}).")
    if history.verdict:
        path = _evidence_page(history)
        # Empty if the evidence is not published.
        page = link(f"/-/{path}")
        shown = f"[evidence]({page})" if page else f"evidence: `{path}` in the factory's home"
        facts.append(
            f"Sealed verdict: {history.verdict.outcome}, {inline(history.verdict.reason)}"
            f" ({shown})."
        )
    if chain_page := link(f"/-/{page_of(history.issue)}"):
        facts.append(
            f"[The whole chain]({chain_page}): by which rule, on what fact, in whose words, with"
            " what evidence."
        )
    facts.append(f"Rules: `{history.transitions[-1].event.rules}`")
    table = "\n".join(("| when | state | event | why |", "|---|---|---|---|", *rows))
    return (
        f"<details><summary>For maintainers</summary>\n\n{table}\n\n"
        + "\n".join(facts)
        + "\n\n</details>"
    )
