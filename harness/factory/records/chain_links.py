"""Makes the links of a chain: each knows its entry, its run, and the rules that it ran under."""

from collections.abc import Iterable, Mapping

from harness.domain.ledger import Entry
from harness.domain.plain import JsonObject
from harness.factory.records.chain_words import STAGE_OF_WORKFLOW, finding_outcome
from harness.factory.records.history import History
from harness.factory.records.link import Link, LinkOutcome, Stage
from harness.factory.records.rule_texts import RuleBook, rule_text_of


class LinkMaker:
    """Makes links for entries of one issue."""

    def __init__(self, history: History, rule_texts: Mapping[str, RuleBook]) -> None:
        self.history, self.rule_texts = history, rule_texts
        self._runs = {entry.run: entry.event for entry in history.runs}

    def link(
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
        """A link of this entry, under the rules that it names or its run stood under."""
        run = self._runs.get(entry.run)
        # What people do belongs to no run, so its event names the rules itself.
        own = getattr(entry.event, "rules", "")
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
            rules=own or (run.rules if run else ""),
        )

    def stage(self, entry: Entry) -> Stage:
        """The stage that the entry's run belongs to; a person's where it has none."""
        run = self._runs.get(entry.run)
        return STAGE_OF_WORKFLOW.get(run.workflow, Stage.PERSON) if run else Stage.PERSON

    def finding(self, entry: Entry, finding: JsonObject) -> Link:
        """A rule's answer, with the rule's own text and where it stands."""
        run = self._runs.get(entry.run)
        rule = rule_text_of(self.rule_texts.get(run.rules, {}) if run else {}, finding)
        permalink = (
            f"blob/{run.base}/{rule.file}?plain=1#L{rule.line}" if run and rule.is_in_a_file else ""
        )
        return self.link(
            entry,
            self.stage(entry),
            finding_outcome(finding),
            str(finding["title"]),
            rule=str(finding["rule"]),
            permalink=permalink,
            fact=str(finding["says"]),
            quote=rule.prose,
            evidence=tuple(map(str, finding.get("evidence") or ())),
        )
