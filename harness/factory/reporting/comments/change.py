"""The one sticky comment of a pull request: every gate with its answer, what the judge saw, what
may be done, and how to take the change back once it has landed. And the check run that each gate
gets."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.domain.lifecycle import Event, State
from harness.factory.records.chain import page_of
from harness.factory.records.gates import LAW, MERGE, SEAL, TESTS, Gate
from harness.factory.records.history import History
from harness.factory.records.link import NO, Standing
from harness.factory.records.link import Link as ChainLink
from harness.factory.records.model_advice import remarks
from harness.factory.reporting.comments.inert import (
    Link,
    cell,
    count,
    fenced,
    inline,
    table,
)
from harness.factory.reporting.comments.issue import headline

CHANGE_MARKER = "<!-- lights-out-factory:change -->"
MOST_CHARACTERS = 60_000
"""Of a check's summary: a forge takes 65,535."""

_ANSWERS: Mapping[bool | None, str] = {True: "yes", False: "**no**", None: "**unknown, and so no**"}
_ASKS: Mapping[str, str] = {
    LAW: "Does the change keep the rules?",
    TESTS: "Do the project's own tests pass?",
    SEAL: "Did the sealed checks see it work?",
    MERGE: "May exactly this land now?",
}
_TELLS: Mapping[bool | None, str] = {True: "Yes", False: "No", None: "Unknown, and so no"}


def change_comment(history: History, gates: Sequence[Gate], link: Link) -> str:
    """The comment as the ledger has it now."""
    parts = (
        CHANGE_MARKER,
        f"For #{history.issue}. {headline(history)}",
        _gates(gates, link),
        *_reviewed(history),
        *_seen(history, link),
        *_back(history, link),
        *_steps(history),
        _pages(history, link),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def check_words(gate: Gate, link: Link) -> tuple[str, str]:
    """Title and summary of a gate's check run."""
    rules = [
        (_rule(one, link), one.standing.value, cell(one.fact)) for one in gate.links if one.rule
    ]
    others = [
        f"- {inline(one.title)}: {one.standing.value}. {inline(one.fact)}"
        for one in gate.links
        if not one.rule
    ]
    parts = (
        f"{_ASKS[gate.name]} **{_TELLS[gate.answer]}.** {_sentence(gate.says)}",
        table(("rule", "answer", "fact"), rules),
        "\n".join(others),
    )
    title = f"{_TELLS[gate.answer]}: {' '.join(gate.says.split())}"
    return title[:200], "\n\n".join(filter(None, parts))[:MOST_CHARACTERS] + "\n"


def _gates(gates: Sequence[Gate], link: Link) -> str:
    rows = [
        (
            f"`{gate.name}`",
            _ANSWERS[gate.answer],
            cell(gate.says),
            ", ".join(_by(gate, link)),
            f"entry {gate.entry}",
        )
        for gate in gates
    ]
    return table(("gate", "answer", "it says", "by", "in the ledger"), rows)


def _by(gate: Gate, link: Link) -> Iterable[str]:
    """The rules that said no, or were lifted."""
    told = [
        one
        for one in gate.links
        if one.rule and (one.standing in NO or one.standing is Standing.OVERRIDDEN)
    ]
    return dict.fromkeys(_rule(one, link) for one in told)


def _rule(one: ChainLink, link: Link) -> str:
    return f"[{inline(one.rule)}]({link(one.permalink)})" if one.permalink else inline(one.rule)


def _seen(history: History, link: Link) -> Iterator[str]:
    """What the judge saw. Its journeys are sealed: only what a person would see of them is told."""
    verdict = history.verdict
    if verdict is None or verdict.binds.head != history.pushed_head:
        return
    held, journeys = verdict.controls, verdict.journeys
    yield (
        f"**What the judge saw:** {inline(verdict.reason)}. {journeys.executed} of"
        f" {count(journeys.sealed, 'sealed journey')} performed; {held.twins_failed} of"
        f" {held.twins} twins failed, as they must; {held.caught} of"
        f" {count(held.saboteurs, 'sabotage')} caught."
    )
    found = [
        f"{one.get('words', '')}\n  seen: {one.get('observed', '')}" for one in verdict.findings
    ]
    if found:
        yield fenced("\n".join(found))
    path = f"evidence/{history.verdicts[-1].run}/index.html"
    page = link(f"/-/{path}")
    yield f"[The evidence]({page})." if page else f"The evidence is `{path}` in the factory's home."


def _reviewed(history: History) -> Iterator[str]:
    """What reviewers said of what would land of this head. They may ask for changes, and approve
    nothing."""
    runs = [entry.run for entry in history.runs if entry.event.workflow == "validate"]
    found = [
        one
        for entry in history.nodes
        if runs and entry.run == runs[-1]
        for one in remarks(entry.event.result.output)
    ]
    if found:
        asked_for = sum(asks for asks, _ in found)
        yield (
            f"**What reviewers said:** {count(asked_for, 'change')} asked for. They are models,"
            " their words are their own, and code found each quote in the change."
        )
        yield fenced("\n".join(f"{one.fact}\n    {one.quote}" for _, one in found))


def _back(history: History, link: Link) -> Iterator[str]:
    """How to take it back."""
    if history.landed and history.state is State.MERGED:
        commit, tree = history.landed.commit, history.landed.tree
        yield (
            f"It landed as [`{commit:.10}`]({link(f'commit/{commit}')}), the tree `{tree:.10}` that"
            " was judged. To take it back:"
        )
        yield fenced(f"git revert --mainline 1 {commit}")
        yield f"Where the factory runs, `factory revert {history.issue}` does it by compare-and-swap."


def _steps(history: History) -> Iterator[str]:
    if history.state is not State.NEEDS_HUMAN:
        return
    again = "Maintainers: `/factory retry` starts again."
    by_the_law = history.last_event in (Event.POLICY_REFUSED, Event.GATE_REFUSED)
    yield (
        again
        if not by_the_law
        else (
            f"{again} Where only rules that leave it to a person stand against it, `/factory"
            f" approve {history.pushed_head}` lifts them for this commit, and it is judged again."
        )
    )


def _pages(history: History, link: Link) -> str:
    page = link(f"/-/{page_of(history.issue)}")
    return (
        f"[The whole chain]({page}): by which rule, on what fact, in whose words, with what"
        " evidence."
        if page
        else ""
    )


def _sentence(says: str) -> str:
    words = inline(says)
    return f"{words[:1].upper()}{words[1:]}."
