"""The sticky comment of a pull request, and the texts of its check runs: the answer of every gate,
what the judge saw, what people can do, and how to revert a landed change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from harness.domain.lifecycle import Event, State
from harness.domain.shortened import count, shortened
from harness.domain.shown_states import CONFIRMED
from harness.factory.records.chain import page_of
from harness.factory.records.gates import MERGE, RULES, SEAL, TESTS, Gate
from harness.factory.records.history import History
from harness.factory.records.link import NO, Link, LinkOutcome, UrlFor
from harness.factory.records.model_advice import remarks
from harness.factory.reporting.comments.inert import (
    cell,
    fenced,
    inline,
    table,
    without_places,
)
from harness.factory.reporting.comments.issue import headline

CHANGE_MARKER = "<!-- lights-out-factory:change -->"
MOST_OF_A_TITLE = 200
MOST_CHARACTERS = 60_000
"""The longest summary of a check; the forge takes at most 65,535 characters."""

_ANSWERS: Mapping[bool | None, str] = {True: "yes", False: "**no**", None: "**unknown, and so no**"}
_QUESTIONS: Mapping[str, str] = {
    RULES: "Does the change keep the rules?",
    TESTS: "Do the project's own tests pass?",
    SEAL: "Did the sealed checks see it work?",
    MERGE: "May exactly this land now?",
}
_TITLES: Mapping[bool | None, str] = {True: "Yes", False: "No", None: "Unknown, and so no"}


def change_comment(history: History, gates: Sequence[Gate], link: UrlFor) -> str:
    """The comment, by what the ledger has now."""
    parts = (
        CHANGE_MARKER,
        f"For #{history.issue}. {headline(history)}",
        _gates(gates, link),
        *_reviewed(history),
        *_judged(history, link),
        *_how_to_revert(history, link),
        *_steps(history),
        _pages(history, link),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def check_words(gate: Gate, link: UrlFor) -> tuple[str, str]:
    """Title and summary of a gate's check run."""
    rules = [
        (_rule(one, link), one.outcome.value, cell(one.fact)) for one in gate.links if one.rule
    ]
    others = [
        f"- {inline(one.title)}: {one.outcome.value}. {inline(one.fact)}"
        for one in gate.links
        if not one.rule
    ]
    parts = (
        f"{_QUESTIONS[gate.name]} **{_TITLES[gate.answer]}.** {_sentence(gate.summary)}",
        table(("rule", "answer", "fact"), rules),
        "\n".join(others),
    )
    title = f"{_TITLES[gate.answer]}: {without_places(gate.summary)}"
    return shortened(title, MOST_OF_A_TITLE), "\n\n".join(filter(None, parts))[
        :MOST_CHARACTERS
    ] + "\n"


def _gates(gates: Sequence[Gate], link: UrlFor) -> str:
    by = [", ".join(_deciding_rules(gate, link)) for gate in gates]
    # Where no rule refused and none was lifted, the column has nothing to say.
    has_rules = any(by)
    rows = [
        (
            f"`{gate.name}`",
            _ANSWERS[gate.answer],
            cell(gate.summary),
            *((rules,) if has_rules else ()),
            f"entry {gate.entry}",
        )
        for gate, rules in zip(gates, by, strict=True)
    ]
    heads = ("gate", "answer", "reason", *(("by",) if has_rules else ()), "in the ledger")
    return table(heads, rows)


def _deciding_rules(gate: Gate, link: UrlFor) -> Iterable[str]:
    """The rules that refused the change, or that a maintainer lifted."""
    refusing = [
        one
        for one in gate.links
        if one.rule and (one.outcome in NO or one.outcome is LinkOutcome.OVERRIDDEN)
    ]
    return dict.fromkeys(_rule(one, link) for one in refusing)


def _rule(one: Link, link: UrlFor) -> str:
    return f"[{inline(one.rule)}]({link(one.permalink)})" if one.permalink else inline(one.rule)


def _judged(history: History, link: UrlFor) -> Iterator[str]:
    """What the judge saw. Its journeys are sealed, so this shows only what a person would see of
    them."""
    verdict = history.verdict
    # A verdict on an older head is not about what the pull request shows now.
    if verdict is None or verdict.binds.head != history.pushed_head:
        return
    controls, journeys = verdict.controls, verdict.journeys
    yield (
        f"**What the judge saw:** {inline(verdict.reason)}. {journeys.executed} of"
        f" {count(journeys.sealed, 'sealed journey')} performed;"
        f" {controls.negative_controls_failed} of {controls.negative_controls} negative controls"
        f" failed, as they must; {controls.faults_caught} of"
        f" {count(controls.injected_faults, 'injected fault')} caught."
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
    """What reviewers said about the candidate that this head became. They can ask for changes and
    approve nothing."""
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
            " their words are their own; code found each quote in the change."
        )
        yield fenced("\n".join(f"{one.fact}\n    {one.quote}" for _, one in found))


def _how_to_revert(history: History, link: UrlFor) -> Iterator[str]:
    """How to revert a landed change."""
    if history.landed and history.state is State.MERGED:
        commit, tree = history.landed.commit, history.landed.tree
        yield (
            f"It landed as [`{commit:.10}`]({link(f'commit/{commit}')}), the tree `{tree:.10}` that"
            " was judged. To take it back:"
        )
        # What landed is a merge, and its first parent is production as it was before.
        yield fenced(f"git revert --mainline 1 {commit}")
        yield (
            f"Where the factory runs, `factory revert {history.issue}` does it by compare-and-swap."
        )


def _steps(history: History) -> Iterator[str]:
    if history.state is not State.NEEDS_HUMAN:
        return
    word = f"retry {CONFIRMED}" if history.suspicion else "retry"
    again = f"Maintainers: `/factory {word}` starts again."
    by_a_rule = history.last_event in (
        Event.POLICY_REFUSED,
        Event.ATTACK_SUSPECTED,
        Event.GATE_REFUSED,
    )
    yield (
        again
        if not by_a_rule
        else (
            f"{again} Where only rules that leave it to a person stand against it, `/factory"
            f" approve {history.pushed_head}` lifts them for this commit, and it is judged again."
        )
    )


def _pages(history: History, link: UrlFor) -> str:
    page = link(f"/-/{page_of(history.issue)}")
    return (
        f"[The whole chain]({page}): by which rule, on what fact, in whose words, with what"
        " evidence."
        if page
        else ""
    )


def _sentence(text: str) -> str:
    words = inline(text)
    return f"{words[:1].upper()}{words[1:]}."
