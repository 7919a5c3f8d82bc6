"""The factory's own past: what the law was asked, on which facts, what it said, and what became of
the change.

Properties: what the law saw is in the ledger once for each commit that it was asked about; no byte
that a change adds is kept there, for a credential may be among them; a record that this version
cannot read in full keeps what it can, and the rest is UNKNOWN; the same change asked about twice
(as proposed, as the candidate) is one change of the past."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.events import FactsRecorded, RuleAnswer, TransitionRecorded, TriageDecided
from harness.domain.facts import UNKNOWN, ChangeFacts, TestFacts
from harness.domain.governance import Decision, Status
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, Recorded, is_of
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History, histories
from harness.factory.run.node import Job
from harness.governance.past.coverage import Answered, Cited, Override
from harness.governance.past.factsjson import Misfit, facts_as_json, facts_from_json
from harness.governance.past.history import RecordedChange

LONGEST = 256 * 1024
"""Characters of one fact as JSON. A longer one is not recorded, and so UNKNOWN to whoever replays
it."""


def record(
    job: Job, facts: ChangeFacts, decision: Decision, *, base: CommitSha, head: CommitSha
) -> None:
    """Write down what the law saw of `head` and what it said, once for a proposal and once for a
    landing."""
    known = facts_as_json(without_what_no_rule_asks(facts))
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
                    finding.says,
                    finding.passed if finding.passed is not UNKNOWN else None,
                )
                for finding in decision.findings
            ),
        ),
        f"{FactsRecorded.kind}/{job.issue}/{decision.applies.value}/{head}",
        issue=job.issue,
        run=job.run,
    )


def without_what_no_rule_asks(facts: ChangeFacts) -> ChangeFacts:
    """Without the added bytes, and of the tests only those that tell base and change apart, and one
    that does not.

    No rule asks for more of them: what is lost, what is new, what is newly skipped, and whether
    there is any."""
    return replace(
        facts, added=UNKNOWN, tests=UNKNOWN if facts.tests is UNKNOWN else _told_apart(facts.tests)
    )


def _told_apart(tests: TestFacts) -> TestFacts:
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
    """Every change that the law was asked about, oldest first.

    `number` is that of its pull request, or of its issue where none was opened; an issue whose
    change was done again has several. `merged_at` is when it landed, empty for one that did not;
    `asked_at` when the law was asked last."""
    found = [change for told in histories(entries) for change in _changes_of(told)]
    return tuple(sorted(found, key=lambda change: change.asked_at))


def _changes_of(history: History) -> Iterator[RecordedChange]:
    """One for each different content, as the law saw it last; of those asked about before a
    landing, the last landed."""
    asked: dict[str, Recorded[FactsRecorded]] = {}
    landed: dict[str, str] = {}
    for entry in history.entries:
        if is_of(entry, FactsRecorded):
            content = _content(entry.event)
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
    """What tells one change from another: its files, each with the names of its bytes before and
    after."""
    return json.dumps(asked.facts.get("files", asked.head), sort_keys=True)


def _number(history: History) -> int:
    return history.proposal.number if history.proposal else history.issue


def _facts_in(document: Mapping[str, Any]) -> ChangeFacts:
    """Fact by fact: one that another version wrote in another form stays UNKNOWN, and hides none of
    the others."""
    known: dict[str, Any] = {}
    for name, value in document.items():
        try:
            known[name] = getattr(facts_from_json({name: value}), name)
        except Misfit:
            continue
    return ChangeFacts(**known)


def since(
    changes: Iterable[RecordedChange], moment: datetime, *, file: str | None = None
) -> tuple[RecordedChange, ...]:
    """The changes that landed, or else were asked about, at `moment` or later. One without a time
    is not among them.

    Raises ConfigError, naming the number of the change, for a time that is not ISO 8601."""
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
    """What each rule said of each different change, oldest first, and whether people went on all
    the same."""
    found = [answer for told in histories(entries) for answer in _answers_of(told)]
    return tuple(sorted(found, key=lambda answer: answer.entry))


def _answers_of(history: History) -> Iterator[Answered]:
    """Of what a rule said of one content, a refusal if there was one: what was asked again later
    does not undo it."""
    latest: dict[tuple[str, str], Answered] = {}
    asked = history.of(FactsRecorded)
    contents = {entry.seq: _content(entry.event) for entry in asked}
    for entry in asked:
        for answer in _said(history, entry, contents):
            key = (answer.rule, contents[entry.seq])
            latest[key] = max(
                latest.get(key, answer), answer, key=lambda one: (one.refuses, one.entry)
            )
    return iter(latest.values())


def _said(
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
            finding.says,
            facts,
            overridden,
        )


def _overridden(history: History, asked: Entry, contents: Mapping[int, str]) -> Override | None:
    """By a merge of this very content, or by a retry after which something landed."""
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
    """Each entry of the mission that a triage cited, and whether its filer appealed, and people
    then accepted."""
    return tuple(cited for told in histories(entries) for cited in _cites_of(told))


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
    """Whether the filer appealed against this triage, the next one not being made yet, and the
    issue then went on."""
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
