"""The factory's recorded past: what the rules were asked, on which facts, their answers, and what
became of the change.

Properties:
- the facts of each commit that was asked about are in the ledger once;
- bytes that a change adds are never recorded: they may contain a credential;
- a record of another version keeps what this one can read, and the rest is UNKNOWN;
- a change that was asked about twice (as a proposal, and as a candidate) counts as one."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from harness.domain.errors import ConfigError
from harness.domain.events import FactsRecorded, RuleAnswer, TransitionRecorded, TriageDecided
from harness.domain.facts import UNKNOWN, ChangeFacts, TestFacts
from harness.domain.governance import Decision, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, Recorded, is_of
from harness.domain.lifecycle import Event, State
from harness.domain.plain import JsonDict, JsonObject
from harness.factory.records.history import History, histories
from harness.factory.run.node import Job
from harness.governance.past.coverage import Answered, Cited, Override
from harness.governance.past.factsjson import FactsMisfit, facts_as_json, facts_from_json
from harness.governance.past.history import RecordedChange

LONGEST = 256 * 1024
"""The longest recorded fact, in characters of JSON. A longer one is left out, and so UNKNOWN in a
replay."""


def record_decision(
    job: Job, facts: ChangeFacts, decision: Decision, *, base: CommitSha, head: CommitSha
) -> None:
    """Record the facts about `head` and the rules' answers: once for a proposal and once for a
    landing."""
    known = facts_as_json(facts_that_rules_use(facts))
    job.services.ledger.append(
        FactsRecorded(
            base=base,
            head=head,
            applies=decision.applies.value,
            rules=job.policy.digest,
            facts={name: known[name] for name in known if len(json.dumps(known[name])) <= LONGEST},
            action=decision.action.value if decision.action else None,
            findings=tuple(
                RuleAnswer(
                    finding.rule,
                    finding.status.value,
                    finding.message,
                    finding.passed if finding.passed is not UNKNOWN else None,
                )
                for finding in decision.findings
            ),
        ),
        f"{FactsRecorded.kind}/{job.issue}/{decision.applies.value}/{head}",
        issue=job.issue,
        run=job.run,
    )


def facts_that_rules_use(facts: ChangeFacts) -> ChangeFacts:
    """The facts without the added bytes, and without most of the tests that base and change share.

    Rules only ask which tests were lost, are new, or are newly skipped, and whether there is
    any."""
    tests = UNKNOWN if facts.tests is UNKNOWN else _differing_tests(facts.tests)
    return replace(facts, added=UNKNOWN, tests=tests)


def _differing_tests(tests: TestFacts) -> TestFacts:
    differ = (tests.base ^ tests.candidate) | (tests.base_skipped ^ tests.candidate_skipped)
    kept = differ | frozenset(sorted(tests.base & tests.candidate)[:1])
    return replace(
        tests,
        base=tests.base & kept,
        candidate=tests.candidate & kept,
        base_skipped=tests.base_skipped & kept,
        candidate_skipped=tests.candidate_skipped & kept,
    )


def recorded_changes(entries: Iterable[Entry]) -> tuple[RecordedChange, ...]:
    """Every change that the rules were asked about, oldest first.

    `number` is that of its pull request, or of its issue if it had none; an issue whose change was
    made again has several. `merged_at` is when it landed, empty if it did not. `asked_at` is when
    the rules were asked last."""
    found = [change for history in histories(entries) for change in _changes_of(history)]
    return tuple(sorted(found, key=lambda change: change.asked_at))


def _changes_of(history: History) -> Iterator[RecordedChange]:
    """One change for each different content, with its latest facts. A landing belongs to the
    content that was asked about last before it."""
    asked: dict[str, Recorded[FactsRecorded]] = {}
    landed: dict[str, str] = {}
    for entry in history.entries:
        if is_of(entry, FactsRecorded):
            content = _content(entry.event)
            # Out and in again: the content that was asked about last must be the last in the dict.
            asked.pop(content, None)
            asked[content] = entry
        elif asked and is_of(entry, TransitionRecorded) and entry.event.after is State.MERGED:
            landed[next(reversed(asked))] = entry.at
    for content, said in asked.items():
        yield RecordedChange(
            _number(history),
            _facts_in(said.event.facts),
            merged_at=landed.get(content, ""),
            title=history.title,
            asked_at=said.at,
        )


def _content(asked: FactsRecorded) -> str:
    """What identifies a change: its files, each with the hashes of its bytes before and after."""
    # A change that was too large to read has no files, only its commit.
    return json.dumps(asked.facts.get("files", asked.head), sort_keys=True)


def _number(history: History) -> int:
    return history.proposal.number if history.proposal else history.issue


def _facts_in(document: JsonObject) -> ChangeFacts:
    """The facts that this version can read, one by one. An unreadable fact stays UNKNOWN and hides
    no other."""
    known: JsonDict = {}
    for name, value in document.items():
        try:
            known[name] = getattr(facts_from_json({name: value}), name)
        except FactsMisfit:
            continue
    return ChangeFacts(**known)


def later_than(
    changes: Iterable[RecordedChange], moment: datetime, *, file: str | None = None
) -> tuple[RecordedChange, ...]:
    """The changes that landed, or else were asked about, at `moment` or later. Changes without a
    time are left out.

    Raises ConfigError with the number of the change if a time is not ISO 8601."""
    return tuple(change for change in changes if change.at and _time(change, file) >= moment)


def _time(change: RecordedChange, file: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(change.at)
    except ValueError:
        raise ConfigError(
            f"pull request {change.number} was merged at {change.at[:40]!r}; expected a time such"
            " as 2026-04-14T21:54:35Z",
            file=file,
            key="merged_at",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def recorded_answers(entries: Iterable[Entry]) -> tuple[Answered, ...]:
    """The answer of each rule about each different change, oldest first, and whether people
    overrode it."""
    found = [answer for history in histories(entries) for answer in _answers_of(history)]
    return tuple(sorted(found, key=lambda answer: answer.entry))


def _answers_of(history: History) -> Iterator[Answered]:
    """For each rule and content the latest answer, or a refusal if there was one: a later answer
    does not undo it."""
    latest: dict[tuple[str, str], Answered] = {}
    asked = history.of(FactsRecorded)
    contents = {entry.seq: _content(entry.event) for entry in asked}
    for entry in asked:
        for answer in _answers_in(history, entry, contents):
            key = (answer.rule, contents[entry.seq])
            latest[key] = max(
                latest.get(key, answer), answer, key=lambda one: (one.refuses, one.entry)
            )
    return iter(latest.values())


def _answers_in(
    history: History, entry: Recorded[FactsRecorded], contents: Mapping[int, str]
) -> Iterator[Answered]:
    facts, overridden = _facts_in(entry.event.facts), _overridden(history, entry, contents)
    for finding in entry.event.findings:
        yield Answered(
            finding.rule,
            _number(history),
            entry.seq,
            entry.at,
            UNKNOWN if finding.passed is None else finding.passed,
            Status(finding.status),
            finding.message,
            facts,
            overridden,
        )


def _overridden(history: History, asked: Entry, contents: Mapping[int, str]) -> Override | None:
    """How people overrode the answer: a person merged this very content, or it landed after a
    retry."""
    later = [entry for entry in history.transitions if entry.seq > asked.seq]
    landings = [entry for entry in later if entry.event.after is State.MERGED]
    if not landings:
        return None
    if landings[0].event.event is Event.LANDED_BY_PERSON and not any(
        asked.seq < seq < landings[0].seq and content != contents[asked.seq]
        for seq, content in contents.items()
    ):
        return Override.MERGED
    retried = any(
        entry.event.event is Event.RETRIED and entry.seq < landings[-1].seq for entry in later
    )
    return Override.RETRIED if retried else None


def recorded_cites(entries: Iterable[Entry]) -> tuple[Cited, ...]:
    """Each mission entry that a triage cited, whether its filer appealed, and whether people then
    accepted."""
    return tuple(cited for history in histories(entries) for cited in _cites_of(history))


def _cites_of(history: History) -> Iterator[Cited]:
    triages = history.of(TriageDecided)
    for place, entry in enumerate(triages):
        appealed, accepted = _appeal(
            history, entry, before=triages[place + 1].seq if place + 1 < len(triages) else None
        )
        for cite in entry.event.cites:
            yield Cited(
                cite.id,
                history.issue,
                entry.seq,
                entry.at,
                entry.event.quote,
                appealed,
                accepted,
            )


def _appeal(history: History, triage: Entry, *, before: int | None) -> tuple[bool, bool]:
    """Whether the filer appealed before the next triage, and whether the issue was accepted after
    that."""
    appeals = [
        moved.seq
        for moved in history.transitions
        if moved.event.event is Event.APPEALED
        and moved.seq > triage.seq
        and (before is None or moved.seq < before)
    ]
    return bool(appeals), any(
        moved.seq > appeals[0] and moved.event.after is State.ACCEPTED
        for moved in history.transitions
    ) if appeals else False
