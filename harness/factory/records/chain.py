"""Why an issue stands where it stands, as one chain of links: rule → fact → quote → evidence,
oldest first.

A pure fold of the ledger. The terminal, the comment, `--json` and the page show this chain and
nothing else. Properties: every decision of an issue's life is a link, in the order of the ledger,
and names its entry; what nobody asked is not told; a refusal stays in the chain after a person has
overridden it, and says by which entry."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.domain.governance import Status
from harness.domain.ledger import Entry
from harness.domain.lifecycle import Event, State
from harness.factory.records.history import History
from harness.factory.records.link import NO, Chain, Link, LinkOutcome, Stage
from harness.factory.records.model_advice import advice_in, remarks
from harness.factory.records.rule_texts import Book, Clause

WORKFLOW_STAGES: Mapping[str, Stage] = {
    "triage": Stage.TRIAGE,
    "implement": Stage.PROPOSAL,
    "validate": Stage.CANDIDATE,
    "merge": Stage.MERGE,
}

_TRIAGED: Mapping[str, tuple[LinkOutcome, str]] = {
    Event.TRIAGE_ACCEPTED: (LinkOutcome.HOLDS, "Within the mission"),
    Event.TRIAGE_REJECTED: (LinkOutcome.REFUSES, "Outside the mission"),
    Event.TRIAGE_DUPLICATE: (LinkOutcome.REFUSES, "Asked before"),
    Event.TRIAGE_NEEDS_INFO: (LinkOutcome.CANNOT_TELL, "Something is missing"),
    Event.TRIAGE_UNSURE: (LinkOutcome.CANNOT_TELL, "Not for the factory alone to decide"),
}
_HAPPENED: Mapping[str, tuple[LinkOutcome, str]] = {
    **_TRIAGED,
    Event.RUN_FAILED: (LinkOutcome.REFUSES, "An attempt failed"),
    Event.POLICY_REFUSED: (LinkOutcome.REFUSES, "The change was refused"),
    Event.SPLIT: (LinkOutcome.REFUSES, "The change is larger than one change may be"),
    Event.CANNOT_DO: (LinkOutcome.REFUSES, "It could not be done honestly"),
    Event.BUDGET_EXHAUSTED: (LinkOutcome.REFUSES, "The money set aside is spent"),
    Event.CHANGES_REQUESTED: (LinkOutcome.REFUSES, "Sent back"),
    Event.MERGE_CONFLICT: (LinkOutcome.REFUSES, "The change and the base conflict"),
    Event.VERDICT_REJECTED: (LinkOutcome.REFUSES, "The verdict rejects it"),
    Event.JUDGE_AGAIN: (LinkOutcome.CANNOT_TELL, "The judge came to no answer and is asked again"),
    Event.INCONCLUSIVE: (
        LinkOutcome.CANNOT_TELL,
        "The judge came to no answer, and no answer is a no",
    ),
    Event.HEAD_OR_BASE_MOVED: (
        LinkOutcome.REFUSES,
        "What was judged is not what would land any more",
    ),
    Event.ROUNDS_EXHAUSTED: (LinkOutcome.REFUSES, "The attempts allowed are used up"),
    Event.GATE_REFUSED: (LinkOutcome.REFUSES, "A gate before the merge is shut"),
    Event.CHECKS_AWAITED: (LinkOutcome.CANNOT_TELL, "The checks on what would land are waited for"),
    Event.REFUSED: (LinkOutcome.REFUSES, "It did not land"),
    Event.FORGE_REFUSED: (LinkOutcome.REFUSES, "The forge did not take it"),
    Event.UNCONFIRMED: (
        LinkOutcome.CANNOT_TELL,
        "Whether it landed could not be told, and is looked at again",
    ),
    Event.REVERTED: (LinkOutcome.DONE, "It was taken back"),
    Event.LANDED_TREE_DIFFERS: (LinkOutcome.REFUSES, "What landed is not what was judged"),
    Event.HANDED_OVER: (LinkOutcome.DONE, "Handed to a person, because no browser can judge it"),
    Event.NO_REPLY: (LinkOutcome.CANNOT_TELL, "No answer came"),
    Event.TWIN_LANDED: (LinkOutcome.CANNOT_TELL, "What asks for the same has landed"),
    Event.REGRESSED: (LinkOutcome.DONE, "It came back"),
    Event.ISSUE_EDITED: (LinkOutcome.DONE, "The issue was edited, so what was decided is void"),
    Event.CLOSED_BY_PERSON: (LinkOutcome.DONE, "Closed by a person"),
    Event.LANDED_BY_PERSON: (LinkOutcome.DONE, "Merged by a person"),
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


def chain(history: History, *, outcome: str, rule_texts: Mapping[str, Book] | None = None) -> Chain:
    """The chain of one issue; `law` has the texts of rules by digest, as `lawbook.books` reads
    them."""
    links = tuple(_Fold(history, rule_texts or {}).links())
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
    """The rules that said no where the issue came to stand as it does; none where something else
    decided."""
    found = chain(history, outcome="").links
    last = history.transitions[-1] if history.transitions else None
    return (
        tuple(
            link
            for link in _stood_on(history, last, found)
            if link.rule in last.data.get("cites", ())
        )
        if last
        else ()
    )


def rules_only(found: Chain) -> Chain:
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
        link for link in links if last.run and link.run == last.run and link.outcome in NO
    )
    own = {last.seq, *(entry.seq for entry in history.entries if f"{entry.key}/event" == last.key)}
    return refusing or tuple(link for link in links if link.entry in own)


class _Fold:
    """The links in the making: what runs there were, and which of them have told by themselves why
    they ended so."""

    def __init__(self, history: History, rule_texts: Mapping[str, Book]) -> None:
        self._told, self._rule_texts = history, rule_texts
        self._runs = {entry.run: entry.data for entry in history.entries if entry.kind == "run"}
        self._keys = {entry.key for entry in history.entries}
        self._commands = {entry.key for entry in history.entries if entry.kind == "command"}
        self._links: list[Link] = []

    def links(self) -> list[Link]:
        """All of them, in the order of the ledger."""
        for entry in self._told.entries:
            self._links += self._of(entry)
            if entry.kind == "transition" and entry.data["event"] in _OVERRIDES:
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
                    "What it may cost, as far as its like tell",
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
        standing: LinkOutcome,
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
            outcome=standing,
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
        return WORKFLOW_STAGES.get(self._runs.get(entry.run, {}).get("workflow", ""), Stage.PERSON)

    # Triage

    def _waiting(self, entry: Entry) -> Link:
        data = entry.data
        return self._link(
            entry,
            Stage.TRIAGE,
            LinkOutcome.DONE,
            "It waits for its turn; nothing of it is lost",
            fact=str(data["says"]),
            rule=str(data.get("rule", "")),
            permalink=str(data.get("path", "")),
        )

    def _triage(self, entry: Entry) -> Iterator[Link]:
        """What was hidden, what decided and in whose words, and what the filer was told."""
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
        standing, words = _TRIAGED.get(data["event"], (LinkOutcome.CANNOT_TELL, "Triage"))
        decided = self._decided(entry)
        older = _older(decided.get("duplicate_of"))
        cites: Iterable[Mapping[str, Any]] = ({"path": older},) if older else data["cites"] or ({},)
        for cite in cites:
            yield self._link(
                entry,
                Stage.TRIAGE,
                standing,
                str(cite.get("title") or words),
                rule=str(cite.get("id", "")),
                permalink=str(cite.get("path", "")),
                quote=str(data.get("quote") or ""),
                fact=_triaged(data, words, str(decided.get("says", ""))),
            )
        if data.get("reply"):
            yield self._link(
                entry,
                Stage.TRIAGE,
                LinkOutcome.DONE,
                "What the filer is told",
                quote=str(data["reply"]),
            )

    def _decided(self, entry: Entry) -> Mapping[str, Any]:
        """The event that a triage ended with."""
        return next(
            (
                one.data
                for one in self._told.transitions
                if one.run == entry.run and one.seq > entry.seq
            ),
            {},
        )

    # The law, and the gates before a merge

    def _node(self, entry: Entry) -> Iterator[Link]:
        result = entry.data["result"]
        output = result["output"]
        findings = output.get("findings") or ()
        yield from dict.fromkeys(
            self._finding(entry, finding) for finding in findings
        )  # asked twice, told once
        for asks, one in remarks(output):
            yield self._link(
                entry,
                self._stage(entry),
                LinkOutcome.REFUSES if asks else LinkOutcome.DONE,
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
            _standing(finding),
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
        standing = {"passed": LinkOutcome.HOLDS, "failed": LinkOutcome.REFUSES}.get(
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
            standing,
            "The sealed verdict",
            fact=f"{data['reason']}; {_proof(data)}",
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
        """Held where what is there was compared afterwards, and is the tree of the verdict."""
        after = [
            one.data
            for one in self._told.transitions
            if one.run == entry.run and one.seq > entry.seq
        ]
        events = {one["event"] for one in after}
        says = next(
            (
                str(one["says"])
                for one in after
                if one["event"] in (Event.LANDED, Event.LANDED_TREE_DIFFERS)
            ),
            "not compared yet",
        )
        standing = (
            LinkOutcome.HOLDS
            if Event.LANDED in events
            else LinkOutcome.REFUSES
            if Event.LANDED_TREE_DIFFERS in events
            else LinkOutcome.CANNOT_TELL
        )
        verdict = next(
            (f"entry {one.seq}" for one in self._told.verdicts if one.key == landed.get("verdict")),
            "",
        )
        return self._link(
            entry,
            Stage.LANDING,
            standing,
            f"Landed on {landed['branch']}",
            fact=f"commit {landed['commit']:.10}; {says}",
            evidence=filter(
                None, (f"commit/{landed['commit']}", f"tree {landed['tree']}", verdict)
            ),
        )

    def _command(self, entry: Entry) -> Iterator[Link]:
        data = entry.data
        if data["command"] not in _COMMANDS:
            return
        words = _COMMANDS[data["command"]]
        late = f"{entry.key}/event" not in self._keys
        yield self._link(
            entry,
            Stage.PERSON,
            LinkOutcome.DONE,
            f"{data.get('login', 'somebody')} {words}",
            fact=(
                f"{self._right(entry)}{'; said too late or too early, it changed nothing' if late else ''}"
            ),
            evidence=(f"account {data['actor']}",) if "actor" in data else (),
        )

    def _right(self, entry: Entry) -> str:
        """By what right. Nobody else's command is ever written down."""
        filers = {one.data.get("author") for one in self._told.entries if one.kind == "issue"}
        if entry.data.get("actor") in filers and entry.data["command"] in (
            Event.APPEALED,
            Event.AUTHOR_REPLIED,
        ):
            return "by right of having filed the issue"
        if entry.data["command"] in (Event.OWNER_HOLD, Event.APPEALED):
            return "by right of triaging here, as the forge said when it was obeyed"
        return "by right of writing to the repository, as the forge said when it was obeyed"

    def _transition(self, entry: Entry) -> Iterator[Link]:
        event = entry.data["event"]
        if (
            event not in _HAPPENED
            or entry.key.removesuffix("/event") in self._commands
            or self._is_told(entry)
        ):
            return
        standing, title = _HAPPENED[event]
        stage = (
            Stage.PERSON
            if event in _OF_PEOPLE
            else self._stage(entry)
            if entry.run
            else _LAST.get(entry.data["from"], Stage.PERSON)
        )
        yield self._link(
            entry,
            stage,
            standing,
            title,
            fact=str(entry.data.get("says", "")),
            permalink=_older(entry.data.get("duplicate_of")),
        )

    def _is_told(self, entry: Entry) -> bool:
        """Whether the links of its run say already why it came so."""
        own = [link for link in self._links if entry.run and link.run == entry.run]
        if entry.data["event"] in _TRIAGED:
            return any(
                link.stage is Stage.TRIAGE and link.outcome is not LinkOutcome.DONE for link in own
            )
        return entry.data["event"] in _FOLLOWS_FROM_A_NO and any(link.outcome in NO for link in own)

    def _override(self, entry: Entry) -> None:
        """What stood against the issue when a person went on with it."""
        before = [one for one in self._told.transitions if one.seq < entry.seq]
        stood_on = _stood_on(self._told, before[-1], self._links) if before else ()
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


_LAST: Mapping[str, Stage] = {
    State.ACCEPTED: Stage.PROPOSAL,
    State.IMPLEMENTING: Stage.PROPOSAL,
    State.CHANGES_REQUESTED: Stage.PROPOSAL,
    State.VALIDATING: Stage.CANDIDATE,
    State.APPROVED: Stage.MERGE,
    State.UNTRIAGED: Stage.TRIAGE,
}


def _triaged(data: Mapping[str, Any], words: str, says: str) -> str:
    """What the decision says of itself, where that is more than which entry it stands on; else as
    what it was filed."""
    if data["event"] == Event.TRIAGE_ACCEPTED:
        return ", ".join(
            filter(
                None,
                (
                    words,
                    data.get("kind"),
                    f"priority {data['priority']}" if data.get("priority") else "",
                ),
            )
        )
    by_the_mission = data["event"] == Event.TRIAGE_REJECTED and data.get("quote")
    return words if by_the_mission else says or words


def _standing(finding: Mapping[str, Any]) -> LinkOutcome:
    if finding["passed"] is True:
        return LinkOutcome.HOLDS
    if finding.get("lifted"):
        return LinkOutcome.OVERRIDDEN
    if finding["status"] == Status.SHADOW:
        return LinkOutcome.WOULD_REFUSE
    return LinkOutcome.REFUSES if finding["passed"] is False else LinkOutcome.CANNOT_TELL


def _clause(book: Book, finding: Mapping[str, Any]) -> Clause:
    """The words of the rule: by its file where the finding names one, else by its id alone."""
    rule, file = str(finding["rule"]), str(finding.get("file", ""))
    found = book.get((file, rule)) or next(
        (one for one in book.values() if one.id == rule and not file), None
    )
    return found or Clause(rule, str(finding["title"]), file, int(finding.get("line", 0)), "")


def _proof(data: Mapping[str, Any]) -> str:
    """The controls that show the judge could have said no, and what the verdict is of."""
    held, journeys = data["controls"], data["journeys"]
    told = (
        f"{journeys['executed']} of {journeys['sealed']} ran",
        f"{held['twins_failed']} of {held['twins']} negative controls failed, as they must"
        if held["twins"]
        else "",
        f"{held['caught']} of {held['saboteurs']} injected faults caught"
        if held["saboteurs"]
        else "",
        f"{'red' if held['red_on_base'] else 'not red'} on the base",
        f"tree {data['binds']['tree']:.10}",
        f"sandbox {data['box']}",
    )
    return ", ".join(filter(None, told))


def _verdict_evidence(entry: Entry) -> Iterator[str]:
    yield f"evidence/{entry.run}/index.html"
    yield str(entry.data["envelope"])
    yield f"sha256:{entry.data['envelope_sha256']}"
    yield f"key {entry.data['key_id']}"


def _older(number: int | None) -> str:
    return f"issues/{number}" if number else ""
