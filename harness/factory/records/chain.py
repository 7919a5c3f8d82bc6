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
from harness.factory.records.chain_words import TRUST_TITLE
from harness.factory.records.error_groups import Landing
from harness.factory.records.history import History
from harness.factory.records.link import Chain, Link, LinkOutcome, Stage
from harness.factory.records.release_links import filed_link, live_in, release_links
from harness.factory.records.releases import LivePlace, ReleaseIndex, live_words
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
    releases: ReleaseIndex | None = None,
    origin: Sequence[Link] = (),
) -> Chain:
    """The chain of one issue. `rule_texts` has the texts of the rules by digest, as
    `rule_books` returns them; `releases` are those that may carry it, `origin` are links to what it
    was filed about."""
    links = _in_order(
        ChainFold(history, rule_texts or {}).links(), _of_releases(history, releases), origin
    )
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
        served=_served(history, releases) if releases else (),
    )


def why_served(found: Chain, landing: Landing, places: Sequence[LivePlace]) -> Chain:
    """The chain as the answer to why a commit is served: `deciding` leads from the environments
    back over its landing, its verdict and the trust in it to what let its issue in."""
    environments = {one.environment for one in places}
    released = [one for one in found.links if live_in(one) in environments]
    landed = [one for one in found.links if one.entry == landing.seq]
    verdicts = {item for one in landed for item in one.evidence}
    judged = [one for one in found.links if f"entry {one.entry}" in verdicts]
    runs = {one.run for one in landed}
    trusted = [one for one in found.links if one.title == TRUST_TITLE and one.run in runs]
    let_in = [
        one
        for one in found.links
        if one.stage is Stage.TRIAGE
        and one.outcome is LinkOutcome.HOLDS
        and one.entry < landing.seq
    ][-1:]
    return replace(
        found,
        commit=landing.commit,
        served=served_words(landing, places),
        deciding=(*released[::-1], *landed, *judged, *trusted, *let_in),
    )


def _of_releases(history: History, releases: ReleaseIndex | None) -> tuple[Link, ...]:
    """The links of the releases that carry it, and of the red one that it was filed about."""
    if releases is None:
        return ()
    carried = (link for one in releases.of_issue(history.issue) for link in release_links(one))
    about = releases.about(history.issue)
    return (*carried, *((filed_link(about),) if about else ()))


def _in_order(*groups: Sequence[Link]) -> tuple[Link, ...]:
    """All links in the order of the ledger; those of one entry keep theirs."""
    return tuple(sorted((link for group in groups for link in group), key=lambda link: link.entry))


def _served(history: History, releases: ReleaseIndex) -> tuple[str, ...]:
    """Where the last landing of the issue is served now, in sentences."""
    landings = [one for one in releases.landings() if one.issue == history.issue]
    last = landings[-1] if landings else None
    return served_words(last, releases.serving(last)) if last and not last.is_revert else ()


def served_words(landing: Landing, places: Sequence[LivePlace]) -> tuple[str, ...]:
    """The environments that serve a landing, each as a sentence."""
    return tuple(
        live_words(one) + ("" if one.commit == landing.commit else ", which has it as well")
        for one in places
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
