"""The gates of a proposed change, one answer each: a pure fold of what was decided about the head
that stands now.

Properties: a gate that was not asked about this head has no answer and is not here; what could not
be told, and what was said of something that would no longer land, is unknown, and unknown is no;
each answer names the entry that it rests on."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.domain.events import ProposalPushed, TransitionRecorded
from harness.domain.issue import Annotation, AnnotationLevel
from harness.domain.ledger import Entry, Recorded
from harness.domain.lifecycle import ENDED, Event, State
from harness.factory.records.chain import chain
from harness.factory.records.history import History
from harness.factory.records.link import NO, Link, Stage, Standing
from harness.factory.records.rule_texts import RuleBook

LAW, TESTS, SEAL, MERGE = "factory/law", "factory/tests", "factory/seal", "factory/merge"
_VOIDS = frozenset({Event.HEAD_OR_BASE_MOVED, Event.APPROVED_BY_PERSON, Event.REFUSED})
_PLACE = re.compile(r"(?P<path>[^\s:`][^:`\n]*):(?P<line>[1-9][0-9]{0,6})\b")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate's answer about one head: True, False, or None where it cannot be told. `says` is one
    line, `links` are what it rests on, `entry` numbers the last entry of the ledger that has a say
    in it. Words may come from outside."""

    name: str
    answer: bool | None
    says: str
    links: tuple[Link, ...]
    entry: int

    @property
    def conclusion(self) -> str:
        """As a check run has it: there is nothing between yes and no."""
        return "success" if self.answer is True else "failure"

    @property
    def annotations(self) -> tuple[Annotation, ...]:
        """What is wrong at a line of a file, where a rule names one."""
        return tuple(
            dict.fromkeys(
                found
                for link in self.links
                if link.standing is not Standing.HOLDS
                for found in _annotations(link)
            )
        )


def gates_of(history: History, *, law: Mapping[str, RuleBook]) -> tuple[Gate, ...]:
    """The gates that were asked about the head that the factory pushed last; none where it has
    pushed none."""
    proposed = history.of(ProposalPushed)
    if not proposed:
        return ()
    links = chain(history, outcome="", law=law).links
    found = (
        _law(history, proposed[-1], links),
        _tests(history, proposed[-1]),
        _seal(history, proposed[-1], links),
        _merge(history, proposed[-1], links),
    )
    return tuple(gate for gate in found if gate is not None)


def _law(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """What the rules said last: of what would land, or else of what was proposed."""
    run = _last_run(history, "validate", after=proposed.seq) or proposed.run
    said = _rules(links, run) or _rules(links, proposed.run)
    if not said:
        return None
    against = tuple(link for link in said if link.standing in NO)
    lifted = tuple(link for link in said if link.standing is Standing.OVERRIDDEN)
    answer = None if any(link.standing is Standing.CANNOT_TELL for link in against) else not against
    says = (
        f"{_rules_named(against)} stands against it"
        if against
        else (
            f"{_rules_named(lifted)} was lifted by a maintainer, and {len(said) - len(lifted)}"
            " rules hold"
            if lifted
            else f"{len(said)} rules hold"
        )
    )
    return Gate(LAW, answer, says, said, max(link.entry for link in said))


def _rules(links: Iterable[Link], run: str | None) -> tuple[Link, ...]:
    said = [
        link
        for link in links
        if link.run == run and link.rule and link.stage in (Stage.PROPOSAL, Stage.CANDIDATE)
    ]
    return tuple({(link.rule, link.fact): link for link in said}.values())


def _rules_named(links: Iterable[Link]) -> str:
    return ", ".join(dict.fromkeys(link.rule for link in links))


def _tests(history: History, proposed: Recorded[ProposalPushed]) -> Gate | None:
    """The project's own tests, as the last step said that ran them on this head or on what would
    land of it."""
    began = next((run.seq for run in history.runs if run.run == proposed.run), proposed.seq)
    ran = [
        entry
        for entry in history.nodes
        if entry.seq > began
        and entry.run in {proposed.run, _last_run(history, "validate", after=proposed.seq)}
        and "tests_pass" in entry.event.result.output
    ]
    if not ran:
        return None
    result = ran[-1].event.result
    return Gate(TESTS, bool(result.output["tests_pass"]), result.message, (), ran[-1].seq)


def _seal(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """The sealed verdict on this head, as long as it speaks of what would land; a judgement without
    one is no answer."""
    verdicts = [
        entry
        for entry in history.verdicts
        if entry.event.binds.head == proposed.event.head and entry.seq > proposed.seq
    ]
    silent = [
        entry
        for entry in history.transitions
        if entry.seq > proposed.seq
        and entry.event.event in (Event.INCONCLUSIVE, Event.JUDGE_AGAIN)
        and not any(one.run == entry.run for one in verdicts)
    ]
    if silent and (not verdicts or silent[-1].seq > verdicts[-1].seq):
        return Gate(SEAL, None, f"no verdict: {silent[-1].event.says}", (), silent[-1].seq)
    if not verdicts:
        return None
    last, moved = verdicts[-1], _voided(history, verdicts[-1])
    said = tuple(link for link in links if link.stage is Stage.VERDICT and link.run == last.run)
    if moved is not None:
        return Gate(
            SEAL,
            None,
            f"its verdict is void, because what it was on has moved: {moved.event.says}",
            said,
            moved.seq,
        )
    verdict = last.event
    answer = {"passed": True, "failed": False}.get(verdict.outcome)
    return Gate(SEAL, answer, f"{verdict.outcome}: {verdict.reason}", said, last.seq)


def _voided(history: History, verdict: Entry) -> Recorded[TransitionRecorded] | None:
    """What took the ground from under a verdict. Of what has landed on it, nothing does."""
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


def _merge(
    history: History, proposed: Recorded[ProposalPushed], links: Iterable[Link]
) -> Gate | None:
    """Whether it may land, as the last run that asked said."""
    run = _last_run(history, "merge", after=proposed.seq)
    said = (
        tuple(
            link for link in links if link.run == run and link.stage in (Stage.MERGE, Stage.LANDING)
        )
        if run
        else ()
    )
    if not said:
        return None
    against = [link for link in said if link.standing in NO]
    landed = [
        link for link in said if link.stage is Stage.LANDING and link.standing is Standing.HOLDS
    ]
    says = (
        f"{against[-1].rule or against[-1].title}: {against[-1].fact}"
        if against
        else f"landed: {landed[-1].fact}"
        if landed
        else "every gate is open"
    )
    answer = None if any(link.standing is Standing.CANNOT_TELL for link in against) else not against
    return Gate(MERGE, answer, says, said, max(link.entry for link in said))


def _last_run(history: History, workflow: str, *, after: int) -> str | None:
    runs = [entry for entry in history.runs if entry.event.workflow == workflow]
    return runs[-1].run if runs and runs[-1].seq > after else None


def _annotations(link: Link) -> Iterator[Annotation]:
    level = AnnotationLevel.FAILURE if link.standing in NO else AnnotationLevel.WARNING
    for told in (part for words in link.evidence for part in words.split("; ")):
        if place := _PLACE.match(told):
            line = int(place["line"])
            yield Annotation(
                place["path"],
                line,
                line,
                level,
                f"{link.rule}: {link.title}"[:255],
                f"{link.fact}\n{told}"[:4000],
            )
