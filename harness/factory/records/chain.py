"""Why an issue is where it is: one chain of links, rule → fact → quote → evidence, oldest first.

A pure fold of the ledger. The terminal, the comments, `--json` and the page all show this chain.

Properties:
- every decision about an issue is a link, in the order of the ledger, and names its entry;
- a question that nobody asked has no link;
- a refusal stays in the chain after a person overrode it, and names the entry that did."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State
from harness.factory.records.chain_words import (
    COMMAND_WORDS,
    EVENT_OUTCOMES,
    EVENTS_AFTER_A_REFUSAL,
    EVENTS_OF_PEOPLE,
    OVERRIDING_EVENTS,
    STAGE_OF_STATE,
    STAGE_OF_WORKFLOW,
    TRIAGE_OUTCOMES,
    finding_outcome,
    proof_of_verdict,
    triage_fact,
)
from harness.factory.records.history import History
from harness.factory.records.link import NO, Chain, Link, LinkOutcome, Stage
from harness.factory.records.model_advice import advice_in, remarks
from harness.factory.records.rule_texts import Book, Clause

_STANDS_STILL = frozenset({State.REJECTED, State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED})


def page_of(issue: int) -> str:
    """The path of an issue's page below the home."""
    return f"evidence/issue-{issue}/index.html"


def chain(history: History, *, outcome: str, rule_texts: Mapping[str, Book] | None = None) -> Chain:
    """The chain of one issue. `rule_texts` has the texts of the rules by digest, as
    `rule_texts.books` returns them."""
    links = tuple(_ChainFold(history, rule_texts or {}).links())
    return Chain(
        issue=history.issue,
        title=history.title,
        state=history.state,
        outcome=outcome,
        cost_usd=history.usage.cost_usd,
        pull_request=history.proposal["number"] if history.proposal else None,
        links=links,
        deciding=_deciding(history, links),
    )


def rules_against(history: History) -> tuple[Link, ...]:
    """The rules that put the issue into its current state; none if something else did."""
    found = chain(history, outcome="").links
    last = history.transitions[-1] if history.transitions else None
    return (
        tuple(
            link
            for link in _reasons_of(history, last, found)
            if link.rule in last.data.get("cites", ())
        )
        if last
        else ()
    )


def rules_only(found: Chain) -> Chain:
    """The chain without everything but the answers of rules about the change."""
    kept = tuple(
        link
        for link in found.links
        if link.rule and link.stage in (Stage.PROPOSAL, Stage.CANDIDATE, Stage.MERGE)
    )
    return replace(
        found, links=kept, deciding=tuple(link for link in found.deciding if link in kept)
    )


def _deciding(history: History, links: Sequence[Link]) -> tuple[Link, ...]:
    """The links that explain why the issue goes no further; none while it moves."""
    if history.state not in _STANDS_STILL or not history.transitions:
        return ()
    return _reasons_of(history, history.transitions[-1], links)


def _reasons_of(history: History, last: Entry, links: Sequence[Link]) -> tuple[Link, ...]:
    """The links that a transition follows from: the refusals of its run, else the links of the
    transition itself."""
    refusing = tuple(
        link for link in links if last.run and link.run == last.run and link.outcome in NO
    )
    own = {last.seq, *(entry.seq for entry in history.entries if f"{entry.key}/event" == last.key)}
    return refusing or tuple(link for link in links if link.entry in own)


class _ChainFold:
    """One pass over the entries of an issue. It remembers the runs, and which of them have
    explained their own end."""

    def __init__(self, history: History, rule_texts: Mapping[str, Book]) -> None:
        self._history, self._rule_texts = history, rule_texts
        self._runs = {entry.run: entry.data for entry in history.entries if entry.kind == "run"}
        self._keys = {entry.key for entry in history.entries}
        self._commands = {entry.key for entry in history.entries if entry.kind == "command"}
        self._links: list[Link] = []

    def links(self) -> list[Link]:
        """All links, in the order of the ledger."""
        for entry in self._history.entries:
            self._links += self._of(entry)
            # The refusals that it overrides are links already, so this comes after its own link.
            if entry.kind == "transition" and entry.data["event"] in OVERRIDING_EVENTS:
                self._override(entry)
        return self._links

    def _of(self, entry: Entry) -> Iterator[Link]:
        match entry.kind:
            case "waiting":
                yield self._waiting(entry)
            case "triage":
                yield from self._triage(entry)
            case "estimate":
                yield self._link(
                    entry,
                    Stage.TRIAGE,
                    LinkOutcome.DONE,
                    "What it may cost, by similar issues",
                    fact=str(entry.data["says"]),
                )
            case "node":
                yield from self._node(entry)
            case "escalation" | "cast" | "model" | "diagnosis" | "plan":
                yield from self._advised(entry)
            case "verdict":
                yield from self._verdict(entry)
            case "done":
                yield from self._done(entry)
            case "command":
                yield from self._command(entry)
            case "transition":
                yield from self._transition(entry)

    def _link(
        self,
        entry: Entry,
        stage: Stage,
        outcome: LinkOutcome,
        title: str,
        *,
        fact: str = "",
        quote: str = "",
        rule: str = "",
        permalink: str = "",
        evidence: Iterable[str] = (),
    ) -> Link:
        run = self._runs.get(entry.run, {})
        return Link(
            stage=stage,
            outcome=outcome,
            rule=rule,
            title=title,
            permalink=permalink,
            fact=fact,
            quote=quote,
            evidence=tuple(evidence),
            entry=entry.seq,
            at=entry.at,
            run=entry.run or "",
            rules=str(entry.data.get("rules") or run.get("rules", "")),
        )

    def _stage(self, entry: Entry) -> Stage:
        workflow = self._runs.get(entry.run, {}).get("workflow", "")
        return STAGE_OF_WORKFLOW.get(workflow, Stage.PERSON)

    # Triage

    def _waiting(self, entry: Entry) -> Link:
        data = entry.data
        return self._link(
            entry,
            Stage.TRIAGE,
            LinkOutcome.DONE,
            "It waits for its turn; nothing is lost",
            fact=str(data["says"]),
            rule=str(data.get("rule", "")),
            permalink=str(data.get("path", "")),
        )

    def _triage(self, entry: Entry) -> Iterator[Link]:
        """What was hidden in the text, what decided and in whose words, and the reply to the
        filer."""
        data = entry.data
        for hidden in data.get("hidden") or ():
            yield self._link(
                entry,
                Stage.TRIAGE,
                LinkOutcome.DONE,
                "Taken out of the text before anybody read it",
                fact=f"hidden from readers of the page: {hidden['kind']}",
                quote=str(hidden["text"]),
            )
        outcome, words = TRIAGE_OUTCOMES.get(data["event"], (LinkOutcome.CANNOT_TELL, "Triage"))
        decided = self._event_of_triage(entry)
        older = _older(decided.get("duplicate_of"))
        cites: Iterable[Mapping[str, Any]] = ({"path": older},) if older else data["cites"] or ({},)
        for cite in cites:
            yield self._link(
                entry,
                Stage.TRIAGE,
                outcome,
                str(cite.get("title") or words),
                rule=str(cite.get("id", "")),
                permalink=str(cite.get("path", "")),
                quote=str(data.get("quote") or ""),
                fact=triage_fact(data, words, str(decided.get("says", ""))),
            )
        if data.get("reply"):
            yield self._link(
                entry,
                Stage.TRIAGE,
                LinkOutcome.DONE,
                "The reply to the filer",
                quote=str(data["reply"]),
            )

    def _event_of_triage(self, entry: Entry) -> Mapping[str, Any]:
        """The transition that the triage ended with."""
        return next(
            (
                one.data
                for one in self._history.transitions
                if one.run == entry.run and one.seq > entry.seq
            ),
            {},
        )

    # The rules, and the gates before a merge

    def _node(self, entry: Entry) -> Iterator[Link]:
        result = entry.data["result"]
        output = result["output"]
        findings = output.get("findings") or ()
        # A rule that was asked twice about the same thing gives one link.
        yield from dict.fromkeys(self._finding(entry, finding) for finding in findings)
        for asks, one in remarks(output):
            yield self._link(
                entry,
                self._stage(entry),
                LinkOutcome.REFUSES if asks else LinkOutcome.DONE,
                one.title,
                fact=one.fact,
                quote=one.quote,
            )
        rules = {finding["rule"] for finding in findings}
        for gate in output.get("gates") or ():
            if gate["gate"] not in rules:
                yield self._link(
                    entry,
                    Stage.MERGE,
                    LinkOutcome.REFUSES,
                    f"Gate before a merge: {gate['gate']}",
                    fact=gate["says"],
                )
        if result["event"] == Event.GATES_OPEN:
            yield self._link(
                entry,
                Stage.MERGE,
                LinkOutcome.HOLDS,
                "The gates before a merge",
                fact="every fact was read again, and every gate is open",
            )

    def _finding(self, entry: Entry, finding: Mapping[str, Any]) -> Link:
        run = self._runs.get(entry.run, {})
        clause = _clause(self._rule_texts.get(str(run.get("rules", "")), {}), finding)
        permalink = (
            f"blob/{run['base']}/{clause.file}?plain=1#L{clause.line}"
            if clause.is_in_a_file and "base" in run
            else ""
        )
        return self._link(
            entry,
            self._stage(entry),
            finding_outcome(finding),
            str(finding["title"]),
            rule=str(finding["rule"]),
            permalink=permalink,
            fact=str(finding["says"]),
            quote=clause.prose,
            evidence=tuple(map(str, finding.get("evidence") or ())),
        )

    def _advised(self, entry: Entry) -> Iterator[Link]:
        if one := advice_in(entry):
            yield self._link(
                entry,
                self._stage(entry),
                LinkOutcome.DONE,
                one.title,
                fact=one.fact,
                quote=one.quote,
            )

    # The verdict

    def _verdict(self, entry: Entry) -> Iterator[Link]:
        data = entry.data
        outcome = {"passed": LinkOutcome.HOLDS, "failed": LinkOutcome.REFUSES}.get(
            data["outcome"], LinkOutcome.CANNOT_TELL
        )
        for finding in data.get("findings") or ():
            yield self._link(
                entry,
                Stage.VERDICT,
                LinkOutcome.REFUSES,
                "Promised, and not seen",
                fact=str(finding.get("observed", "")),
                quote=str(finding.get("words", "")),
            )
        yield self._link(
            entry,
            Stage.VERDICT,
            outcome,
            "The sealed verdict",
            fact=f"{data['reason']}; {proof_of_verdict(data)}",
            evidence=_verdict_evidence(entry),
        )

    # What was done, by the factory and by people

    def _done(self, entry: Entry) -> Iterator[Link]:
        result = entry.data["result"]
        if entry.data["effect"] == "propose":
            yield self._link(
                entry,
                Stage.PROPOSAL,
                LinkOutcome.DONE,
                "Proposed",
                fact=(
                    f"pull request #{result['number']}, branch {result['branch']}, at"
                    f" {result['head']:.10}"
                ),
                evidence=(f"pull/{result['number']}", f"commit/{result['head']}"),
            )
        elif entry.data["effect"] == "land":
            yield self._landing(entry, result)

    def _landing(self, entry: Entry, landed: Mapping[str, Any]) -> Link:
        """The landing. It holds if what landed was compared afterwards and is the tree of the
        verdict."""
        after = [
            one.data
            for one in self._history.transitions
            if one.run == entry.run and one.seq > entry.seq
        ]
        events = {one["event"] for one in after}
        reason = next(
            (
                str(one["says"])
                for one in after
                if one["event"] in (Event.LANDED, Event.LANDED_TREE_DIFFERS)
            ),
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
            (
                f"entry {one.seq}"
                for one in self._history.verdicts
                if one.key == landed.get("verdict")
            ),
            "",
        )
        return self._link(
            entry,
            Stage.LANDING,
            outcome,
            f"Landed on {landed['branch']}",
            fact=f"commit {landed['commit']:.10}; {reason}",
            evidence=filter(
                None, (f"commit/{landed['commit']}", f"tree {landed['tree']}", verdict)
            ),
        )

    def _command(self, entry: Entry) -> Iterator[Link]:
        data = entry.data
        if data["command"] not in COMMAND_WORDS:
            return
        words = COMMAND_WORDS[data["command"]]
        # A command that had an effect has a transition under its own key.
        late = f"{entry.key}/event" not in self._keys
        yield self._link(
            entry,
            Stage.PERSON,
            LinkOutcome.DONE,
            f"{data.get('login', 'somebody')} {words}",
            fact=self._right(entry)
            + ("; too late or too early, it changed nothing" if late else ""),
            evidence=(f"account {data['actor']}",) if "actor" in data else (),
        )

    def _right(self, entry: Entry) -> str:
        """By what permission somebody gave the command. Commands without permission are never
        recorded."""
        filers = {one.data.get("author") for one in self._history.entries if one.kind == "issue"}
        if entry.data.get("actor") in filers and entry.data["command"] in (
            Event.APPEALED,
            Event.AUTHOR_REPLIED,
        ):
            return "by right of having filed the issue"
        if entry.data["command"] in (Event.OWNER_HOLD, Event.APPEALED):
            return "by right of triaging here, as the forge confirmed then"
        return "by right of writing to the repository, as the forge confirmed then"

    def _transition(self, entry: Entry) -> Iterator[Link]:
        event = entry.data["event"]
        if (
            event not in EVENT_OUTCOMES
            or entry.key.removesuffix("/event") in self._commands
            or self._is_explained(entry)
        ):
            return
        outcome, title = EVENT_OUTCOMES[event]
        stage = (
            Stage.PERSON
            if event in EVENTS_OF_PEOPLE
            else self._stage(entry)
            if entry.run
            else STAGE_OF_STATE.get(entry.data["from"], Stage.PERSON)
        )
        yield self._link(
            entry,
            stage,
            outcome,
            title,
            fact=str(entry.data.get("says", "")),
            permalink=_older(entry.data.get("duplicate_of")),
        )

    def _is_explained(self, entry: Entry) -> bool:
        """Whether links of the same run already explain this event."""
        own = [link for link in self._links if entry.run and link.run == entry.run]
        if entry.data["event"] in TRIAGE_OUTCOMES:
            return any(
                link.stage is Stage.TRIAGE and link.outcome is not LinkOutcome.DONE for link in own
            )
        return entry.data["event"] in EVENTS_AFTER_A_REFUSAL and any(
            link.outcome in NO for link in own
        )

    def _override(self, entry: Entry) -> None:
        """Mark the refusals that a person overrode with this transition."""
        before = [one for one in self._history.transitions if one.seq < entry.seq]
        stood_on = _reasons_of(self._history, before[-1], self._links) if before else ()
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


def _clause(book: Book, finding: Mapping[str, Any]) -> Clause:
    """The text of the rule: by file and id if the finding names a file, else by its id alone."""
    rule, file = str(finding["rule"]), str(finding.get("file", ""))
    found = book.get((file, rule)) or next(
        (one for one in book.values() if one.id == rule and not file), None
    )
    return found or Clause(rule, str(finding["title"]), file, int(finding.get("line", 0)), "")


def _verdict_evidence(entry: Entry) -> Iterator[str]:
    yield f"evidence/{entry.run}/index.html"
    yield str(entry.data["envelope"])
    yield f"sha256:{entry.data['envelope_sha256']}"
    yield f"key {entry.data['key_id']}"


def _older(number: int | None) -> str:
    return f"issues/{number}" if number else ""
