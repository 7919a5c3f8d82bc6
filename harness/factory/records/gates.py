"""The gates of a proposed change, folded from the ledger: one answer each about the current head.

Properties:
- a gate that was not asked about this head has no answer and is left out;
- an answer that nobody could give, or that is about an older state, is unknown, and unknown means
  no;
- each answer names the ledger entry that it rests on."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.domain.events import ProposalPushed, TransitionRecorded
from harness.domain.issue import Annotation, AnnotationLevel
from harness.domain.ledger import Entry, Recorded
from harness.domain.lifecycle import ENDED, Event, State
from harness.domain.shortened import count
from harness.factory.records.chain import chain
from harness.factory.records.history import History
from harness.factory.records.link import NO, Link, LinkOutcome, Stage
from harness.factory.records.rule_texts import RuleBook

# The names of the checks on the forge. Branch protection refers to them, so they stay.
RULES, TESTS, SEAL, MERGE = "factory/law", "factory/tests", "factory/seal", "factory/merge"
_VOIDS = frozenset({Event.HEAD_OR_BASE_MOVED, Event.APPROVED_BY_PERSON, Event.REFUSED})
_PLACE = re.compile(r"(?P<path>[^\s:`][^:`\n]*):(?P<line>[1-9][0-9]{0,6})\b")


@dataclass(frozen=True, slots=True)
class Gate:
    """The answer of one gate about one head: True, False, or None if it is unknown. `summary` is
    one line, `links` are what it rests on, `entry` is the number of the last relevant ledger entry.
    Words may come from outside."""

    name: str
    answer: bool | None
    summary: str
    links: tuple[Link, ...]
    entry: int

    @property
    def conclusion(self) -> str:
        """The conclusion of its check run: there is nothing between yes and no."""
        return "success" if self.answer is True else "failure"

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """Notes at lines of files, where a rule names them."""
        return tuple(
            dict.fromkeys(
                found
                for link in self.links
                if link.outcome is not LinkOutcome.HOLDS
                for found in _annotations(link)
            )
        )


def gates_of(history: History, *, rule_texts: Mapping[str, RuleBook]) -> tuple[Gate, ...]:
    """The gates that were asked about the head that the factory pushed last; none if it has pushed
    none."""
    proposed = history.of(ProposalPushed)
    if not proposed:
        return ()
    links = chain(history, outcome="", rule_texts=rule_texts).links
    found = (
        _rules_gate(history, proposed[-1], links),
        _tests_gate(history, proposed[-1]),
        _seal_gate(history, proposed[-1], links),
        _merge_gate(history, proposed[-1], links),
    )
    return tuple(gate for gate in found if gate is not None)


def rules_hold(number: int) -> str:
    """That so many rules hold, in words."""
    return f"{count(number, 'rule')} {'holds' if number == 1 else 'hold'}"


def _rules_gate(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """The latest answers of the rules: about what would land, or else about what was proposed."""
    run = _last_run(history, "validate", after=proposed.seq) or proposed.run
    answers = _rule_links(links, run) or _rule_links(links, proposed.run)
    if not answers:
        return None
    against = tuple(link for link in answers if link.outcome in NO)
    lifted = tuple(link for link in answers if link.outcome is LinkOutcome.OVERRIDDEN)
    answer = (
        None if any(link.outcome is LinkOutcome.CANNOT_TELL for link in against) else not against
    )
    summary = (
        f"{_rules(against, 'stands', 'stand')} against it"
        if against
        else (
            f"{_rules(lifted, 'was', 'were')} lifted by a maintainer, and"
            f" {rules_hold(len(answers) - len(lifted))}"
            if lifted
            else rules_hold(len(answers))
        )
    )
    return Gate(RULES, answer, summary, answers, max(link.entry for link in answers))


def _rule_links(links: Iterable[Link], run: str | None) -> tuple[Link, ...]:
    answers = [
        link
        for link in links
        if link.run == run and link.rule and link.stage in (Stage.PROPOSAL, Stage.CANDIDATE)
    ]
    # A rule that was asked twice with the same answer counts once; the later link stays.
    return tuple({(link.rule, link.fact): link for link in answers}.values())


def _rules(links: Iterable[Link], one: str, more: str) -> str:
    """The rules of these links, each once, with the verb for one or for more of them."""
    names = dict.fromkeys(link.rule for link in links)
    return f"{', '.join(names)} {one if len(names) == 1 else more}"


def _tests_gate(history: History, proposed: Recorded[ProposalPushed]) -> Gate | None:
    """The project's own tests, as they ran last on this head or on its merge candidate."""
    ran = [
        entry
        for entry in history.nodes
        if entry.run in {proposed.run, _last_run(history, "validate", after=proposed.seq)}
        and "tests_pass" in entry.event.result.output
    ]
    if not ran:
        return None
    result = ran[-1].event.result
    return Gate(TESTS, bool(result.output["tests_pass"]), result.message, (), ran[-1].seq)


def _seal_gate(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """The sealed verdict on this head, while it is about what would land. A judgement without a
    verdict is no answer."""
    verdicts = [
        entry
        for entry in history.verdicts
        if entry.event.binds.head == proposed.event.head and entry.seq > proposed.seq
    ]
    undecided = [
        entry
        for entry in history.transitions
        if entry.seq > proposed.seq
        and entry.event.event in (Event.INCONCLUSIVE, Event.JUDGE_AGAIN)
        # An inconclusive verdict is a verdict, and is answered below.
        and not any(one.run == entry.run for one in verdicts)
    ]
    if undecided and (not verdicts or undecided[-1].seq > verdicts[-1].seq):
        return Gate(SEAL, None, f"no verdict: {undecided[-1].event.reason}", (), undecided[-1].seq)
    if not verdicts:
        return None
    last, moved = verdicts[-1], _voiding_event(history, verdicts[-1])
    answers = tuple(link for link in links if link.stage is Stage.VERDICT and link.run == last.run)
    if moved is not None:
        return Gate(
            SEAL,
            None,
            f"its verdict is void, because the head or the base has moved: {moved.event.reason}",
            answers,
            moved.seq,
        )
    verdict = last.event
    answer = {"passed": True, "failed": False}.get(verdict.outcome)
    return Gate(SEAL, answer, f"{verdict.outcome}: {verdict.reason}", answers, last.seq)


def _voiding_event(history: History, verdict: Entry) -> Recorded[TransitionRecorded] | None:
    """The entry that made a verdict void. Nothing does once the change has landed."""
    if history.state in ENDED and history.state is not State.REJECTED:
        return None
    return next(
        (
            entry
            for entry in history.transitions
            if entry.seq > verdict.seq and entry.event.event in _VOIDS
        ),
        None,
    )


def _merge_gate(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """Whether it may land, by the last run that asked."""
    run = _last_run(history, "merge", after=proposed.seq)
    answers = tuple(
        link for link in links if link.run == run and link.stage in (Stage.MERGE, Stage.LANDING)
    )
    if not answers:
        return None
    against = [link for link in answers if link.outcome in NO]
    landed = [
        link
        for link in answers
        if link.stage is Stage.LANDING and link.outcome is LinkOutcome.HOLDS
    ]
    summary = (
        f"{against[-1].rule or against[-1].title}: {against[-1].fact}"
        if against
        else f"landed: {landed[-1].fact}"
        if landed
        else "every gate is open"
    )
    answer = (
        None if any(link.outcome is LinkOutcome.CANNOT_TELL for link in against) else not against
    )
    return Gate(MERGE, answer, summary, answers, max(link.entry for link in answers))


def _last_run(history: History, workflow: str, *, after: int) -> str | None:
    runs = [entry for entry in history.runs if entry.event.workflow == workflow]
    return runs[-1].run if runs and runs[-1].seq > after else None


def _annotations(link: Link) -> Iterator[Annotation]:
    level = AnnotationLevel.FAILURE if link.outcome in NO else AnnotationLevel.WARNING
    # A rule may name several places in one text.
    for place_text in (part for words in link.evidence for part in words.split("; ")):
        if place := _PLACE.match(place_text):
            line = int(place["line"])
            yield Annotation(
                place["path"],
                line,
                line,
                level,
                # The forge refuses a longer title.
                f"{link.rule}: {link.title}"[:255],
                f"{link.fact}\n{place_text}"[:4000],
            )
