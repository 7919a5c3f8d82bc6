"""Why an issue stands where it stands, as one chain of links: rule → fact → quote → evidence,
oldest first.

A pure fold of the ledger. The terminal, the comment, `--json` and the page show this chain and
nothing else. Properties: every decision of an issue's life is a link, in the order of the ledger,
and names its entry; what nobody asked is not told; a refusal stays in the chain after a person has
overridden it, and says by which entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.domain.events import (
    Citation,
    CommandGiven,
    CostEstimated,
    IssueQueued,
    Landed,
    NodeEnded,
    ProposalPushed,
    RuleText,
    TransitionRecorded,
    TriageDecided,
    VerdictRecorded,
)
from harness.domain.governance import Status
from harness.domain.ledger import Entry, is_of
from harness.domain.lifecycle import Event, State
from harness.domain.workflow import NodeResult
from harness.factory.records.history import History
from harness.factory.records.link import NO, Chain, Link, Stage, Standing
from harness.factory.records.model_advice import advice_in, remarks
from harness.factory.records.rule_texts import RuleBook

WORKFLOW_STAGES: Mapping[str, Stage] = {
    "triage": Stage.TRIAGE,
    "implement": Stage.PROPOSAL,
    "validate": Stage.CANDIDATE,
    "merge": Stage.MERGE,
}

_TRIAGED: Mapping[str, tuple[Standing, str]] = {
    Event.TRIAGE_ACCEPTED: (Standing.HOLDS, "Within the mission"),
    Event.TRIAGE_REJECTED: (Standing.REFUSES, "Outside the mission"),
    Event.TRIAGE_DUPLICATE: (Standing.REFUSES, "Asked before"),
    Event.TRIAGE_NEEDS_INFO: (Standing.CANNOT_TELL, "Something is missing"),
    Event.TRIAGE_UNSURE: (Standing.CANNOT_TELL, "Not for the factory alone to decide"),
}
_HAPPENED: Mapping[str, tuple[Standing, str]] = {
    **_TRIAGED,
    Event.RUN_FAILED: (Standing.REFUSES, "An attempt failed"),
    Event.POLICY_REFUSED: (Standing.REFUSES, "The change was refused"),
    Event.SPLIT: (Standing.REFUSES, "The change is larger than one change may be"),
    Event.CANNOT_DO: (Standing.REFUSES, "It could not be done honestly"),
    Event.BUDGET_EXHAUSTED: (Standing.REFUSES, "The money set aside is spent"),
    Event.CHANGES_REQUESTED: (Standing.REFUSES, "Sent back"),
    Event.MERGE_CONFLICT: (Standing.REFUSES, "The change and the base conflict"),
    Event.VERDICT_REJECTED: (Standing.REFUSES, "The verdict rejects it"),
    Event.JUDGE_AGAIN: (Standing.CANNOT_TELL, "The judge came to no answer and is asked again"),
    Event.INCONCLUSIVE: (
        Standing.CANNOT_TELL,
        "The judge came to no answer, and no answer is a no",
    ),
    Event.HEAD_OR_BASE_MOVED: (Standing.REFUSES, "What was judged is not what would land any more"),
    Event.ROUNDS_EXHAUSTED: (Standing.REFUSES, "The attempts allowed are used up"),
    Event.GATE_REFUSED: (Standing.REFUSES, "A gate before the merge is shut"),
    Event.CHECKS_AWAITED: (Standing.CANNOT_TELL, "The checks on what would land are waited for"),
    Event.REFUSED: (Standing.REFUSES, "It did not land"),
    Event.FORGE_REFUSED: (Standing.REFUSES, "The forge did not take it"),
    Event.UNCONFIRMED: (
        Standing.CANNOT_TELL,
        "Whether it landed could not be told, and is looked at again",
    ),
    Event.REVERTED: (Standing.DONE, "It was taken back"),
    Event.LANDED_TREE_DIFFERS: (Standing.REFUSES, "What landed is not what was judged"),
    Event.HANDED_OVER: (Standing.DONE, "Handed to a person, because no browser can judge it"),
    Event.NO_REPLY: (Standing.CANNOT_TELL, "No answer came"),
    Event.TWIN_LANDED: (Standing.CANNOT_TELL, "What asks for the same has landed"),
    Event.REGRESSED: (Standing.DONE, "It came back"),
    Event.ISSUE_EDITED: (Standing.DONE, "The issue was edited, so what was decided is void"),
    Event.CLOSED_BY_PERSON: (Standing.DONE, "Closed by a person"),
    Event.LANDED_BY_PERSON: (Standing.DONE, "Merged by a person"),
}
"""What an event says by itself. Those that are not here are told by the entries that they follow
from."""
_OF_PEOPLE = frozenset({Event.ISSUE_EDITED, Event.CLOSED_BY_PERSON, Event.LANDED_BY_PERSON})
_FOLLOWS_FROM_A_NO = frozenset(
    {
        Event.POLICY_REFUSED,
        Event.SPLIT,
        Event.CHANGES_REQUESTED,
        Event.GATE_REFUSED,
        Event.INCONCLUSIVE,
        Event.JUDGE_AGAIN,
        Event.RUN_FAILED,
        Event.HEAD_OR_BASE_MOVED,
        Event.LANDED_TREE_DIFFERS,
    }
)
_OVERRIDES = frozenset({Event.RETRIED, Event.APPROVED_BY_PERSON, Event.LANDED_BY_PERSON})
_COMMANDS: Mapping[str, str] = {
    Event.RETRIED: "told it to try again",
    Event.OWNER_HOLD: "put it on hold",
    Event.RESUMED: "lifted the hold",
    Event.APPEALED: "appealed",
    Event.AUTHOR_REPLIED: "answered the question",
    Event.APPROVED_BY_PERSON: "approved it",
}
_STANDS_STILL = frozenset({State.REJECTED, State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED})


def page_of(issue: int) -> str:
    """Where an issue's page lies, below the home."""
    return f"evidence/issue-{issue}/index.html"


def chain(history: History, *, outcome: str, law: Mapping[str, RuleBook] | None = None) -> Chain:
    """The chain of one issue; `law` has the texts of rules by digest, as `rule_books` reads
    them."""
    links = tuple(_Fold(history, law or {}).links())
    return Chain(
        issue=history.issue,
        title=history.title,
        state=history.state,
        outcome=outcome,
        cost_usd=history.usage.cost_usd,
        pull_request=history.proposal.number if history.proposal else None,
        links=links,
        deciding=_deciding(history, links),
    )


def rules_against(history: History) -> tuple[Link, ...]:
    """The rules that said no where the issue came to stand as it does; none where something else
    decided."""
    found = chain(history, outcome="").links
    last = history.transitions[-1] if history.transitions else None
    return (
        tuple(
            link
            for link in _stood_on(history, last, found)
            if link.rule in (last.event.cites or ())
        )
        if last
        else ()
    )


def of_the_law(found: Chain) -> Chain:
    """What the rules said of the change, and nothing else."""
    kept = tuple(
        link
        for link in found.links
        if link.rule and link.stage in (Stage.PROPOSAL, Stage.CANDIDATE, Stage.MERGE)
    )
    return replace(
        found, links=kept, deciding=tuple(link for link in found.deciding if link in kept)
    )


def _deciding(history: History, links: Sequence[Link]) -> tuple[Link, ...]:
    if history.state not in _STANDS_STILL or not history.transitions:
        return ()
    return _stood_on(history, history.transitions[-1], links)


def _stood_on(history: History, last: Entry, links: Sequence[Link]) -> tuple[Link, ...]:
    """The links that a transition followed from: what said no in its run, else what is told of the
    transition itself."""
    refusing = tuple(
        link for link in links if last.run and link.run == last.run and link.standing in NO
    )
    own = {last.seq, *(entry.seq for entry in history.entries if f"{entry.key}/event" == last.key)}
    return refusing or tuple(link for link in links if link.entry in own)


class _Fold:
    """The links in the making: what runs there were, and which of them have told by themselves why
    they ended so."""

    def __init__(self, history: History, law: Mapping[str, RuleBook]) -> None:
        self._told, self._law = history, law
        self._runs = {entry.run: entry.event for entry in history.runs}
        self._keys = {entry.key for entry in history.entries}
        self._commands = {entry.key for entry in history.of(CommandGiven)}
        self._links: list[Link] = []

    def links(self) -> list[Link]:
        """All of them, in the order of the ledger."""
        for entry in self._told.entries:
            self._links += self._of(entry)
            if is_of(entry, TransitionRecorded) and entry.event.event in _OVERRIDES:
                self._override(entry)
        return self._links

    def _of(self, entry: Entry) -> Iterator[Link]:
        match entry.event:
            case IssueQueued() as queued:
                yield self._waiting(entry, queued)
            case TriageDecided() as decided:
                yield from self._triage(entry, decided)
            case CostEstimated() as estimated:
                title = "What it may cost, as far as its like tell"
                yield self._link(entry, Stage.TRIAGE, Standing.DONE, title, fact=estimated.says)
            case NodeEnded() as ended:
                yield from self._node(entry, ended.result)
            case VerdictRecorded() as verdict:
                yield from self._verdict(entry, verdict)
            case ProposalPushed() as pushed:
                yield self._proposal(entry, pushed)
            case Landed() as landed:
                yield self._landing(entry, landed)
            case CommandGiven() as command:
                yield from self._command(entry, command)
            case TransitionRecorded() as moved:
                yield from self._transition(entry, moved)
            case event if one := advice_in(event):
                yield self._link(
                    entry,
                    self._stage(entry),
                    Standing.DONE,
                    one.title,
                    fact=one.fact,
                    quote=one.quote,
                )

    def _link(
        self,
        entry: Entry,
        stage: Stage,
        standing: Standing,
        title: str,
        *,
        fact: str = "",
        quote: str = "",
        rule: str = "",
        permalink: str = "",
        evidence: Iterable[str] = (),
    ) -> Link:
        run = self._runs.get(entry.run)
        own = getattr(entry.event, "rules", "")
        return Link(
            stage=stage,
            standing=standing,
            rule=rule,
            title=title,
            permalink=permalink,
            fact=fact,
            quote=quote,
            evidence=tuple(evidence),
            entry=entry.seq,
            at=entry.at,
            run=entry.run or "",
            rules=own or (run.rules if run else ""),
        )

    def _stage(self, entry: Entry) -> Stage:
        run = self._runs.get(entry.run)
        return WORKFLOW_STAGES.get(run.workflow, Stage.PERSON) if run else Stage.PERSON

    # Triage

    def _waiting(self, entry: Entry, queued: IssueQueued) -> Link:
        return self._link(
            entry,
            Stage.TRIAGE,
            Standing.DONE,
            "It waits for its turn; nothing of it is lost",
            fact=queued.says,
            rule=queued.rule,
            permalink=queued.path,
        )

    def _triage(self, entry: Entry, decision: TriageDecided) -> Iterator[Link]:
        """What was hidden, what decided and in whose words, and what the filer was told."""
        for hidden in decision.hidden:
            yield self._link(
                entry,
                Stage.TRIAGE,
                Standing.DONE,
                "Taken out of the text before anybody read it",
                fact=f"hidden from readers of the page: {hidden.kind}",
                quote=hidden.text,
            )
        standing, words = _TRIAGED.get(decision.event, (Standing.CANNOT_TELL, "Triage"))
        moved = self._moved_by(entry)
        older = _older(moved.duplicate_of if moved else None)
        for cite in (Citation(path=older),) if older else decision.cites or (Citation(),):
            yield self._link(
                entry,
                Stage.TRIAGE,
                standing,
                cite.title or words,
                rule=cite.id,
                permalink=cite.path,
                quote=decision.quote,
                fact=_triaged(decision, words, moved.says if moved else ""),
            )
        if decision.reply:
            yield self._link(
                entry,
                Stage.TRIAGE,
                Standing.DONE,
                "What the filer is told",
                quote=decision.reply,
            )

    def _moved_by(self, entry: Entry) -> TransitionRecorded | None:
        """The transition that a triage ended with."""
        return next(
            (
                one.event
                for one in self._told.transitions
                if one.run == entry.run and one.seq > entry.seq
            ),
            None,
        )

    # The law, and the gates before a merge

    def _node(self, entry: Entry, result: NodeResult) -> Iterator[Link]:
        output = result.output
        findings = output.get("findings") or ()
        yield from dict.fromkeys(
            self._finding(entry, finding) for finding in findings
        )  # asked twice, told once
        for asks, one in remarks(output):
            yield self._link(
                entry,
                self._stage(entry),
                Standing.REFUSES if asks else Standing.DONE,
                one.title,
                fact=one.fact,
                quote=one.quote,
            )
        told = {finding["rule"] for finding in findings}
        for gate in output.get("gates") or ():
            if gate["gate"] not in told:
                yield self._link(
                    entry,
                    Stage.MERGE,
                    Standing.REFUSES,
                    f"Gate before a merge: {gate['gate']}",
                    fact=gate["says"],
                )
        if result.event == Event.GATES_OPEN:
            yield self._link(
                entry,
                Stage.MERGE,
                Standing.HOLDS,
                "The gates before a merge",
                fact="every fact was read again, and every gate is open",
            )

    def _finding(self, entry: Entry, finding: Mapping[str, Any]) -> Link:
        run = self._runs.get(entry.run)
        rule = _rule_text(self._law.get(run.rules, {}) if run else {}, finding)
        permalink = (
            f"blob/{run.base}/{rule.file}?plain=1#L{rule.line}" if run and rule.is_in_a_file else ""
        )
        return self._link(
            entry,
            self._stage(entry),
            _standing(finding),
            str(finding["title"]),
            rule=str(finding["rule"]),
            permalink=permalink,
            fact=str(finding["says"]),
            quote=rule.prose,
            evidence=tuple(map(str, finding.get("evidence") or ())),
        )

    # The verdict

    def _verdict(self, entry: Entry, verdict: VerdictRecorded) -> Iterator[Link]:
        standing = {"passed": Standing.HOLDS, "failed": Standing.REFUSES}.get(
            verdict.outcome, Standing.CANNOT_TELL
        )
        for finding in verdict.findings:
            yield self._link(
                entry,
                Stage.VERDICT,
                Standing.REFUSES,
                "Promised, and not seen",
                fact=str(finding.get("observed", "")),
                quote=str(finding.get("words", "")),
            )
        yield self._link(
            entry,
            Stage.VERDICT,
            standing,
            "The sealed verdict",
            fact=f"{verdict.reason}; {_proof(verdict)}",
            evidence=_verdict_evidence(entry, verdict),
        )

    # What was done, by the factory and by people

    def _proposal(self, entry: Entry, pushed: ProposalPushed) -> Link:
        return self._link(
            entry,
            Stage.PROPOSAL,
            Standing.DONE,
            "Proposed",
            fact=f"pull request #{pushed.number}, branch {pushed.branch}, at {pushed.head:.10}",
            evidence=(f"pull/{pushed.number}", f"commit/{pushed.head}"),
        )

    def _landing(self, entry: Entry, landed: Landed) -> Link:
        """Held where what is there was compared afterwards, and is the tree of the verdict."""
        after = [
            one.event
            for one in self._told.transitions
            if one.run == entry.run and one.seq > entry.seq
        ]
        events = {one.event for one in after}
        says = next(
            (one.says for one in after if one.event in (Event.LANDED, Event.LANDED_TREE_DIFFERS)),
            "not compared yet",
        )
        standing = (
            Standing.HOLDS
            if Event.LANDED in events
            else Standing.REFUSES
            if Event.LANDED_TREE_DIFFERS in events
            else Standing.CANNOT_TELL
        )
        verdict = next(
            (f"entry {one.seq}" for one in self._told.verdicts if one.key == landed.verdict),
            "",
        )
        return self._link(
            entry,
            Stage.LANDING,
            standing,
            f"Landed on {landed.branch}",
            fact=f"commit {landed.commit:.10}; {says}",
            evidence=filter(None, (f"commit/{landed.commit}", f"tree {landed.tree}", verdict)),
        )

    def _command(self, entry: Entry, given: CommandGiven) -> Iterator[Link]:
        if given.command not in _COMMANDS:
            return
        words = _COMMANDS[given.command]
        late = f"{entry.key}/event" not in self._keys
        yield self._link(
            entry,
            Stage.PERSON,
            Standing.DONE,
            f"{given.login or 'somebody'} {words}",
            fact=(
                f"{self._right(given)}{'; said too late or too early, it changed nothing' if late else ''}"
            ),
            evidence=() if given.actor is None else (f"account {given.actor}",),
        )

    def _right(self, given: CommandGiven) -> str:
        """By what right. Nobody else's command is ever written down."""
        filers = {one.event.author for one in self._told.seen}
        if given.actor in filers and given.command in (Event.APPEALED, Event.AUTHOR_REPLIED):
            return "by right of having filed the issue"
        if given.command in (Event.OWNER_HOLD, Event.APPEALED):
            return "by right of triaging here, as the forge said when it was obeyed"
        return "by right of writing to the repository, as the forge said when it was obeyed"

    def _transition(self, entry: Entry, moved: TransitionRecorded) -> Iterator[Link]:
        event = moved.event
        if (
            event not in _HAPPENED
            or entry.key.removesuffix("/event") in self._commands
            or self._is_told(entry, event)
        ):
            return
        standing, title = _HAPPENED[event]
        stage = (
            Stage.PERSON
            if event in _OF_PEOPLE
            else self._stage(entry)
            if entry.run
            else _LAST.get(moved.before, Stage.PERSON)
        )
        yield self._link(
            entry,
            stage,
            standing,
            title,
            fact=moved.says,
            permalink=_older(moved.duplicate_of),
        )

    def _is_told(self, entry: Entry, event: Event) -> bool:
        """Whether the links of its run say already why it came so."""
        own = [link for link in self._links if entry.run and link.run == entry.run]
        if event in _TRIAGED:
            return any(
                link.stage is Stage.TRIAGE and link.standing is not Standing.DONE for link in own
            )
        return event in _FOLLOWS_FROM_A_NO and any(link.standing in NO for link in own)

    def _override(self, entry: Entry) -> None:
        """What stood against the issue when a person went on with it."""
        before = [one for one in self._told.transitions if one.seq < entry.seq]
        stood_on = _stood_on(self._told, before[-1], self._links) if before else ()
        against = {id(link) for link in stood_on if link.standing in NO}
        self._links = [
            replace(
                link, standing=Standing.OVERRIDDEN, evidence=(*link.evidence, f"entry {entry.seq}")
            )
            if id(link) in against
            else link
            for link in self._links
        ]


_LAST: Mapping[str, Stage] = {
    State.ACCEPTED: Stage.PROPOSAL,
    State.IMPLEMENTING: Stage.PROPOSAL,
    State.CHANGES_REQUESTED: Stage.PROPOSAL,
    State.VALIDATING: Stage.CANDIDATE,
    State.APPROVED: Stage.MERGE,
    State.UNTRIAGED: Stage.TRIAGE,
}


def _triaged(decision: TriageDecided, words: str, says: str) -> str:
    """What the decision says of itself, where that is more than which entry it stands on; else as
    what it was filed."""
    if decision.event is Event.TRIAGE_ACCEPTED:
        priority = f"priority {decision.priority}" if decision.priority else ""
        return ", ".join(filter(None, (words, decision.issue_kind, priority)))
    by_the_mission = decision.event is Event.TRIAGE_REJECTED and decision.quote
    return words if by_the_mission else says or words


def _standing(finding: Mapping[str, Any]) -> Standing:
    if finding["passed"] is True:
        return Standing.HOLDS
    if finding.get("lifted"):
        return Standing.OVERRIDDEN
    if finding["status"] == Status.SHADOW:
        return Standing.WOULD_REFUSE
    return Standing.REFUSES if finding["passed"] is False else Standing.CANNOT_TELL


def _rule_text(book: RuleBook, finding: Mapping[str, Any]) -> RuleText:
    """The words of the rule: by its file where the finding names one, else by its id alone."""
    rule, file = str(finding["rule"]), str(finding.get("file", ""))
    found = book.get((file, rule)) or next(
        (one for one in book.values() if one.id == rule and not file), None
    )
    return found or RuleText(rule, str(finding["title"]), file, int(finding.get("line", 0)), "")


def _proof(verdict: VerdictRecorded) -> str:
    """The controls that show the judge could have said no, and what the verdict is of."""
    held, journeys = verdict.controls, verdict.journeys
    told = (
        f"{journeys.executed} of {journeys.sealed} ran",
        f"{held.twins_failed} of {held.twins} twins failed, as they must" if held.twins else "",
        f"{held.caught} of {held.saboteurs} sabotages caught" if held.saboteurs else "",
        f"{'red' if held.red_on_base else 'not red'} on the base",
        f"tree {verdict.binds.tree:.10}",
        f"box {verdict.sandbox_form}",
    )
    return ", ".join(filter(None, told))


def _verdict_evidence(entry: Entry, verdict: VerdictRecorded) -> Iterator[str]:
    yield f"evidence/{entry.run}/index.html"
    yield verdict.envelope
    yield f"sha256:{verdict.envelope_sha256}"
    yield f"key {verdict.key_id}"


def _older(number: int | None) -> str:
    return f"issues/{number}" if number else ""
