"""Why an issue is where it is: one chain of links, rule → fact → quote → evidence, oldest first.

A pure fold of the ledger. The terminal, the comments, `--json` and the page all show this chain.

Properties:
- every decision about an issue is a link, in the order of the ledger, and names its entry;
- a question that nobody asked has no link;
- a refusal stays in the chain after a person overrode it, and names the entry that did."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from harness.domain.lifecycle import State
from harness.factory.records.chain_fold import ChainFold, reasons_of
from harness.factory.records.history import History
from harness.factory.records.link import Chain, Link, Stage
from harness.factory.records.rule_texts import RuleBook

_STANDS_STILL = frozenset({State.REJECTED, State.NEEDS_HUMAN, State.NEEDS_INFO, State.PAUSED})


def page_of(issue: int) -> str:
    """The path of an issue's page below the home."""
    return f"evidence/issue-{issue}/index.html"


def chain(
    history: History,
    *,
    outcome: str,
    shown: str = "",
    rule_texts: Mapping[str, RuleBook] | None = None,
) -> Chain:
    """The chain of one issue. `rule_texts` has the texts of the rules by digest, as
    `rule_books` returns them."""
    links = tuple(ChainFold(history, rule_texts or {}).links())
    return Chain(
        issue=history.issue,
        title=history.title,
        state=history.state,
        outcome=outcome,
        cost_usd=history.usage.cost_usd,
        pull_request=history.proposal.number if history.proposal else None,
        links=links,
        deciding=_deciding(history, links),
        shown=shown,
    )


def rules_against(history: History) -> tuple[Link, ...]:
    """The rules that put the issue into its current state; none if something else did."""
    found = chain(history, outcome="").links
    last = history.transitions[-1] if history.transitions else None
    return (
        tuple(
            link
            for link in reasons_of(history, last, found)
            if link.rule in (last.event.cites or ())
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
    return reasons_of(history, history.transitions[-1], links)
