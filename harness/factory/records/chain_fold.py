"""The links of a chain: one pass over the entries of an issue, a method for each kind of event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from harness.domain.events import (
    Citation,
    CommandGiven,
    CostEstimated,
    ErrorsTraced,
    IssueQueued,
    Landed,
    NodeEnded,
    ProposalPushed,
    RegressionTraced,
    TransitionRecorded,
    TriageDecided,
    TrustDecided,
    VerdictRecorded,
)
from harness.domain.ledger import Entry, is_of
from harness.domain.lifecycle import Event
from harness.domain.workflow import NodeResult
from harness.factory.records.chain_links import LinkMaker
from harness.factory.records.chain_words import (
    COMMAND_WORDS,
    ERRORS_TITLE,
    EVENT_OUTCOMES,
    EVENTS_AFTER_A_REFUSAL,
    EVENTS_OF_PEOPLE,
    OVERRIDING_EVENTS,
    SHADOW_TITLE,
    STAGE_OF_STATE,
    TRIAGE_OUTCOMES,
    TRUST_TITLE,
    errors_fact,
    proof_of_verdict,
    triage_fact,
    trust_fact,
    verdict_evidence,
)
from harness.factory.records.history import History
from harness.factory.records.link import NO, Link, LinkOutcome, Stage
from harness.factory.records.model_advice import advice_in, remarks
from harness.factory.records.rule_texts import RuleBook
from harness.factory.records.shadow import compared


class ChainFold(LinkMaker):
    """One pass over the entries of an issue. It remembers the runs, and which of them have
    explained their own end."""

    def __init__(self, history: History, rule_texts: Mapping[str, RuleBook]) -> None:
        super().__init__(history, rule_texts)
        self._keys = {entry.key for entry in history.entries}
        self._commands = {entry.key for entry in history.of(CommandGiven)}
        self._links: list[Link] = []
        self._compared = compared(history)

    def links(self) -> list[Link]:
        """All links, in the order of the ledger."""
        for entry in self.history.entries:
            self._links += self._of(entry)
            # The refusals that it overrides are links already, so this comes after its own link.
            if is_of(entry, TransitionRecorded) and entry.event.event in OVERRIDING_EVENTS:
                self._override(entry)
            self._links += [
                self.link(entry, Stage.PERSON, LinkOutcome.DONE, SHADOW_TITLE, fact=one.words)
                for one in self._compared
                if one.entry == entry.seq
            ]
        return self._links

    def _of(self, entry: Entry) -> Iterator[Link]:
        match entry.event:
            case IssueQueued() as queued:
                yield self._waiting(entry, queued)
            case TriageDecided() as triaged:
                yield from self._triage(entry, triaged)
            case ErrorsTraced() as traced:
                title, fact = ERRORS_TITLE, errors_fact(traced)
                yield self.link(entry, Stage.TRIAGE, LinkOutcome.DONE, title, fact=fact)
            case CostEstimated() as estimated:
                title, done = "What it may cost, by similar issues", LinkOutcome.DONE
                yield self.link(entry, Stage.TRIAGE, done, title, fact=estimated.message)
            case TrustDecided() as decided:
                yield self._trust(entry, decided)
            case NodeEnded() as ended:
                yield from self._node(entry, ended.result)
            case VerdictRecorded() as verdict:
                yield from self._verdict(entry, verdict)
            case ProposalPushed() as pushed:
                yield self._proposal(entry, pushed)
            case Landed() as landed:
                yield self._landing(entry, landed)
            case RegressionTraced() as traced:
                yield self._regression(entry, traced)
            case CommandGiven() as command:
                yield from self._command(entry, command)
            case TransitionRecorded() as moved:
                yield from self._transition(entry, moved)
            case event if one := advice_in(event):
                yield self.link(
                    entry,
                    self.stage(entry),
                    LinkOutcome.DONE,
                    one.title,
                    fact=one.fact,
                    quote=one.quote,
                )

    # Triage

    def _waiting(self, entry: Entry, queued: IssueQueued) -> Link:
        return self.link(
            entry,
            Stage.TRIAGE,
            LinkOutcome.DONE,
            "It waits for its turn; nothing is lost",
            fact=queued.reason,
            rule=queued.rule,
            permalink=queued.path,
        )

    def _triage(self, entry: Entry, decision: TriageDecided) -> Iterator[Link]:
        """What was hidden in the text, what decided and in whose words, and the reply to the
        filer."""
        for hidden in decision.hidden:
            yield self.link(
                entry,
                Stage.TRIAGE,
                LinkOutcome.DONE,
                "Taken out of the text before anybody read it",
                fact=f"hidden from readers of the page: {hidden.kind}",
                quote=hidden.text,
            )
        outcome, words = TRIAGE_OUTCOMES.get(decision.event, (LinkOutcome.CANNOT_TELL, "Triage"))
        moved = self._event_of_triage(entry)
        older = f"issues/{moved.duplicate_of}" if moved and moved.duplicate_of else ""
        # The empty citation is for a decision that cites nothing: it needs a link as well.
        for cite in (Citation(path=older),) if older else decision.cites or (Citation(),):
            yield self.link(
                entry,
                Stage.TRIAGE,
                outcome,
                cite.title or words,
                rule=cite.id,
                permalink=cite.path,
                quote=decision.quote,
                fact=triage_fact(decision, words, moved.reason if moved else ""),
            )
        if decision.reply:
            yield self.link(
                entry,
                Stage.TRIAGE,
                LinkOutcome.DONE,
                "The reply to the filer",
                quote=decision.reply,
            )

    def _event_of_triage(self, entry: Entry) -> TransitionRecorded | None:
        """The transition that the triage ended with."""
        return next(
            (
                one.event
                for one in self.history.transitions
                if one.run == entry.run and one.seq > entry.seq
            ),
            None,
        )

    # The rules, and the gates before a merge

    def _node(self, entry: Entry, result: NodeResult) -> Iterator[Link]:
        output = result.output
        findings = output.get("findings") or ()
        # A rule that was asked twice about the same thing gives one link.
        yield from dict.fromkeys(self.finding(entry, finding) for finding in findings)
        for asks, one in remarks(output):
            yield self.link(
                entry,
                self.stage(entry),
                LinkOutcome.REFUSES if asks else LinkOutcome.DONE,
                one.title,
                fact=one.fact,
                quote=one.quote,
            )
        rules = {finding["rule"] for finding in findings}
        for gate in output.get("gates") or ():
            # A rule that closes a gate has a link by its own finding.
            if gate["gate"] not in rules:
                yield self.link(
                    entry,
                    Stage.MERGE,
                    LinkOutcome.REFUSES,
                    f"Gate before a merge: {gate['gate']}",
                    fact=gate["says"],
                )
        if result.event == Event.GATES_OPEN:
            yield self.link(
                entry,
                Stage.MERGE,
                LinkOutcome.HOLDS,
                "The gates before a merge",
                fact="every fact was read again, and every gate is open",
            )

    def _trust(self, entry: Entry, decided: TrustDecided) -> Link:
        """The number and the facts. What follows from it has a link of the rule's own."""
        return self.link(
            entry,
            Stage.MERGE,
            LinkOutcome.DONE,
            TRUST_TITLE,
            rule=decided.rule,
            fact=trust_fact(decided),
            evidence=(f"{name}: {value}" for name, value in decided.traits.items()),
        )

    # The verdict

    def _verdict(self, entry: Entry, verdict: VerdictRecorded) -> Iterator[Link]:
        outcome = {"passed": LinkOutcome.HOLDS, "failed": LinkOutcome.REFUSES}.get(
            verdict.outcome, LinkOutcome.CANNOT_TELL
        )
        for finding in verdict.findings:
            yield self.link(
                entry,
                Stage.VERDICT,
                LinkOutcome.REFUSES,
                "Promised, and not seen",
                fact=str(finding.get("observed", "")),
                quote=str(finding.get("words", "")),
            )
        yield self.link(
            entry,
            Stage.VERDICT,
            outcome,
            "The sealed verdict",
            fact=f"{verdict.reason}; {proof_of_verdict(verdict)}",
            evidence=verdict_evidence(entry, verdict),
        )

    # What was done

    def _proposal(self, entry: Entry, pushed: ProposalPushed) -> Link:
        return self.link(
            entry,
            Stage.PROPOSAL,
            LinkOutcome.DONE,
            "Proposed",
            fact=f"pull request #{pushed.number}, branch {pushed.branch}, at {pushed.head:.10}",
            evidence=(f"pull/{pushed.number}", f"commit/{pushed.head}"),
        )

    def _landing(self, entry: Entry, landed: Landed) -> Link:
        """The landing. It holds if what landed was compared afterwards and is the tree of the
        verdict."""
        after = [
            one.event
            for one in self.history.transitions
            if one.run == entry.run and one.seq > entry.seq
        ]
        events = {one.event for one in after}
        reason = next(
            (one.reason for one in after if one.event in (Event.LANDED, Event.LANDED_TREE_DIFFERS)),
            "not compared yet",
        )
        outcome = (
            LinkOutcome.HOLDS
            if Event.LANDED in events
            else LinkOutcome.REFUSES
            if Event.LANDED_TREE_DIFFERS in events
            else LinkOutcome.CANNOT_TELL
        )
        verdict = next(
            (f"entry {one.seq}" for one in self.history.verdicts if one.key == landed.verdict),
            "",
        )
        return self.link(
            entry,
            Stage.LANDING,
            outcome,
            f"Landed on {landed.branch}",
            fact=f"commit {landed.commit:.10}; {reason}",
            evidence=filter(None, (f"commit/{landed.commit}", f"tree {landed.tree}", verdict)),
        )

    def _regression(self, entry: Entry, traced: RegressionTraced) -> Link:
        """What its landing broke, as sealed journeys found without a look at the code."""
        red = traced.red
        escaped = f"; #{traced.escaped} reported it" if traced.escaped else ""
        return self.link(
            entry,
            Stage.LANDING,
            LinkOutcome.REFUSES,
            "Its landing broke what worked",
            fact=f"green on {traced.before:.10}, red on {traced.culprit:.10}{escaped}",
            quote=red.words,
            evidence=(f"commit/{traced.culprit}", red.journey),
        )

    def _command(self, entry: Entry, given: CommandGiven) -> Iterator[Link]:
        if given.command not in COMMAND_WORDS:
            return
        words = COMMAND_WORDS[given.command]
        # A command that had an effect has a transition under its own key.
        late = f"{entry.key}/event" not in self._keys
        yield self.link(
            entry,
            Stage.PERSON,
            LinkOutcome.DONE,
            f"{given.login or 'somebody'} {words}",
            fact=self._right(given)
            + ("; too late or too early, it changed nothing" if late else ""),
            quote=given.words,
            evidence=() if given.actor is None else (f"account {given.actor}",),
        )

    def _right(self, given: CommandGiven) -> str:
        """By what permission somebody gave the command. Commands without permission are never
        recorded."""
        filers = {one.event.author for one in self.history.seen}
        if given.actor in filers and given.command in (Event.APPEALED, Event.AUTHOR_REPLIED):
            return "by right of having filed the issue"
        if given.command in (Event.OWNER_HOLD, Event.APPEALED):
            return "by right of triaging here, as the forge confirmed then"
        return "by right of writing to the repository, as the forge confirmed then"

    def _transition(self, entry: Entry, moved: TransitionRecorded) -> Iterator[Link]:
        event = moved.event
        if (
            event not in EVENT_OUTCOMES
            # The command's own link names who gave it and by what right.
            or entry.key.removesuffix("/event") in self._commands
            or self._is_explained(entry, event)
        ):
            return
        outcome, title = EVENT_OUTCOMES[event]
        stage = (
            Stage.PERSON
            if event in EVENTS_OF_PEOPLE
            else self.stage(entry)
            if entry.run
            else STAGE_OF_STATE.get(moved.before, Stage.PERSON)
        )
        yield self.link(
            entry,
            stage,
            outcome,
            title,
            fact=moved.reason,
            quote=self.history.printed_in(entry.run) if event is Event.CHECKS_FAILED else "",
            permalink=f"issues/{moved.duplicate_of}" if moved.duplicate_of else "",
        )
        title = "Words of the issue that may have asked for it"
        for one in moved.suspicion.passages if moved.suspicion else ():
            yield self.link(entry, stage, outcome, title, fact=one.where, quote=one.text)

    def _is_explained(self, entry: Entry, event: Event) -> bool:
        """Whether links of the same run already explain this event."""
        own = [link for link in self._links if entry.run and link.run == entry.run]
        if event in TRIAGE_OUTCOMES:
            return any(
                link.stage is Stage.TRIAGE and link.outcome is not LinkOutcome.DONE for link in own
            )
        return event in EVENTS_AFTER_A_REFUSAL and any(link.outcome in NO for link in own)

    def _override(self, entry: Entry) -> None:
        """Mark the refusals that a person overrode with this transition."""
        before = [one for one in self.history.transitions if one.seq < entry.seq]
        stood_on = reasons_of(self.history, before[-1], self._links) if before else ()
        against = {id(link) for link in stood_on if link.outcome in NO}
        self._links = [
            replace(
                link,
                outcome=LinkOutcome.OVERRIDDEN,
                evidence=(*link.evidence, f"entry {entry.seq}"),
            )
            if id(link) in against
            else link
            for link in self._links
        ]


def reasons_of(history: History, last: Entry, links: Sequence[Link]) -> tuple[Link, ...]:
    """The links that a transition follows from: the refusals of its run, else the links of the
    transition itself."""
    refusing = tuple(
        link for link in links if last.run and link.run == last.run and link.outcome in NO
    )
    own = {last.seq, *(entry.seq for entry in history.entries if f"{entry.key}/event" == last.key)}
    return refusing or tuple(link for link in links if link.entry in own)
