"""The morning digest as text for a terminal, and as Markdown. Golden files in the tests hold both.

Titles and reasons are text from outside. The terminal version drops unprintable characters; the
Markdown version escapes everything that has an effect."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from harness.domain.lifecycle import Event, State
from harness.domain.shortened import count, in_one_line, shortened
from harness.domain.shown_states import CONFIRMED
from harness.factory.records.link import UrlFor
from harness.factory.records.releases import live_words
from harness.factory.reporting.digest import (
    BrokenJourney,
    Digest,
    IssueSummary,
    Outage,
)
from harness.factory.reporting.times import span

Quote = Callable[[str], str]

LONGEST = 160
MOST_ERRORS = 10
"""How many groups of errors are shown; the rest is counted."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line, and the lines below it."""

    text: str
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestSection:
    """A heading and its items."""

    title: str
    items: tuple[Item, ...]


def text(found: Digest, link: UrlFor) -> str:
    """The digest for a terminal."""
    lines = [_headline(found), _summary(found)]
    for section in _sections(found, link, _shown):
        lines += ["", section.title]
        for item in section.items:
            lines += [f"  {item.text}", *(f"      {line}" for line in item.under)]
    return "\n".join(lines) + "\n"


def markdown(found: Digest, link: UrlFor) -> str:
    """The digest for a file, a mail or a chat."""
    lines = [f"# {_headline(found)}", "", _summary(found)]
    for section in _sections(found, link, _inert):
        lines += ["", f"## {section.title}", ""]
        for item in section.items:
            lines += [f"- {item.text}", *(f"  - {line}" for line in item.under)]
    return "\n".join(lines) + "\n"


def _shown(words: str) -> str:
    return _cut(in_one_line(words))


def _inert(words: str) -> str:
    """The same line with everything escaped that Markdown or a forge would act on."""
    escaped = "".join(f"\\{char}" if char in "\\`*_[]<>|#!~&" else char for char in _shown(words))
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _cut(line: str) -> str:
    return shortened(line, LONGEST)


def _headline(found: Digest) -> str:
    return f"The factory, {found.since:%Y-%m-%d %H:%M} to {found.at:%Y-%m-%d %H:%M}"


def _summary(found: Digest) -> str:
    counts = (
        (len(found.merged), "merged"),
        (len(found.rejected), "not built"),
        (len(found.waiting), "for a person"),
        (len(found.under_way), "under way"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "Nothing happened"
    return f"{said}. Models: ${found.spent.cost_usd:.4f} by their price list." + (
        " Nothing needs you." if found.is_quiet else ""
    )


def _sections(found: Digest, link: UrlFor, quote: Quote) -> Iterator[DigestSection]:
    yield from _section("Something is wrong", _wrong(found, quote))
    for title, suspected in (("Suspected attacks", True), ("Needs a person", False)):
        yield from _section(
            title,
            (
                _waiting(one, link, quote)
                for one in found.waiting
                if bool(one.suspicion) is suspected
            ),
        )
    yield from _section("Releases", _releases(found, link, quote))
    yield from _section("Your own workflows", _workflows(found, link, quote))
    yield from _section(
        "The default branch, as it was watched last",
        (Item(quote(found.watched)),) if found.watched else (),
    )
    yield from _section("Errors of the running app", _errors(found, link, quote))
    yield from _section("Merged", (_merged(one, link, quote) for one in found.merged))
    yield from _section("Not built", (_rejected(one, link, quote) for one in found.rejected))
    yield from _section(
        "Waiting for an answer of its filer",
        (Item(_heading(one, quote), (link(f"issues/{one.issue}"),)) for one in found.asked),
    )
    yield from _section(
        "Under way",
        (Item(f"{_heading(one, quote)}: {one.shown}") for one in found.under_way),
    )
    yield from _section(
        "Models, by their price list",
        (Item(f"#{issue} ${cost:.4f}") for issue, cost in found.spent_on),
    )


def _section(title: str, items: Iterable[Item]) -> Iterator[DigestSection]:
    if shown := tuple(items):
        yield DigestSection(title, shown)


def _wrong(found: Digest, quote: Quote) -> Iterator[Item]:
    if found.fault:
        yield Item(
            f"The ledger's signature does not match: {quote(found.fault)}",
            (
                "the factory refuses to work on it; restore a backup of this home, then run"
                " `factory audit`",
            ),
        )
    if found.frozen:
        yield Item(
            f"Merging is frozen: {quote(found.frozen)}",
            ("look at the landing below, then `factory resume` lifts it",),
        )
    if found.stopped:
        yield Item("The owner's stop is set", ("`factory resume` lifts it",))
    if found.paused:
        yield Item(
            f"The factory pauses: {quote(found.paused)}",
            (
                "it goes on then by itself, and no issue fails for it; `factory cost --by day`"
                " shows what was spent",
            ),
        )
    if found.held:
        yield Item(
            f"Nothing more is released: {quote(found.held)}",
            ("`factory releases` lists what is where; `factory releases resume` lifts it",),
        )
    for broken in found.broken:
        yield _broken(broken, quote)
    for outage in found.outages:
        yield _outage(outage, found.at, quote)


def _broken(broken: BrokenJourney, quote: Quote) -> Item:
    """A broken journey. It is named by its digest, because its name is sealed."""
    short = broken.journey.removeprefix("sha256:")[:12]
    whose = f"issue #{broken.issue}" if broken.issue else "the mission"
    return Item(
        f"What landed for {whose} is broken on the default branch: {quote(broken.words)}",
        (
            *((broken.follows,) if broken.follows else ()),
            f"`factory journeys show {short}` shows the journey that fails; file an issue to mend"
            " it, or supersede or retire the journey",
        ),
    )


def _outage(outage: Outage, at: datetime, quote: Quote) -> Item:
    began = outage.since.astimezone(at.tzinfo)
    if outage.until is None:
        return Item(
            f"Down since {began:%Y-%m-%d %H:%M}: {quote(outage.message)}",
            ("`factory up` continues once it is back",),
        )
    return Item(
        f"Was down for {span(outage.until - outage.since)} from {began:%Y-%m-%d %H:%M}:"
        f" {quote(outage.message)}"
    )


def _errors(found: Digest, link: UrlFor, quote: Quote) -> Iterator[Item]:
    for one in found.errors[:MOST_ERRORS]:
        landed = f", which landed for #{one.landed}" if one.landed else ""
        release = (f"release {quote(one.release)}{landed}",) if one.release else ()
        issue = link(f"issues/{one.issue}") if one.issue else "no issue is filed for it"
        yield Item(f"{quote(one.words)}: {count(one.count, 'time')}", (*release, issue))
    if (more := len(found.errors) - MOST_ERRORS) > 0:
        yield Item(f"and {more} more; `factory errors` lists them")


def _releases(found: Digest, link: UrlFor, quote: Quote) -> Iterator[Item]:
    """Those to which something happened, the newest first; then what is served where."""
    for one in found.releases[::-1]:
        why = (quote(one.fault),) if one.fault else ()
        filed = (link(f"issues/{one.filed}"),) if one.filed else ()
        yield Item(
            f"Release {one.number} of {one.commit:.12}, for {one.whose}: {quote(one.words)}",
            (*why, *filed, f"`factory why {one.commit:.12}` shows how it came there"),
        )
    yield from (Item(quote(live_words(one))) for one in found.live)


def _workflows(found: Digest, link: UrlFor, quote: Quote) -> Iterator[Item]:
    for one in found.workflows:
        why = (quote(one.message),) if one.message else ()
        asks = (link(f"issues/{one.asks_on}"),) if one.asks_on else ()
        run = (f"`factory logs {one.run}` shows what happened",) if one.run else ()
        yield Item(quote(one.words), (*why, *asks, *run))


def _waiting(summary: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    page = link(f"issues/{summary.issue}")
    match summary.state, summary.event:
        case State.PAUSED, _:
            step = f"on hold: comment `/factory resume` on {page}"
        case _, Event.LANDED_TREE_DIFFERS:
            step = f"look at {link(f'commit/{summary.commit}')}, then `factory resume`"
        case _ if summary.suspicion:
            step = (
                f"look at the words below, then edit or close {page}; another try takes `/factory"
                f" retry {CONFIRMED}`"
            )
        case _:
            step = f"comment `/factory retry` on {page}, or close it there"
    why = f": {quote(summary.message)}" if summary.message else ""
    evidence = (f"evidence: {link(summary.evidence)}",) if summary.evidence else ()
    passages = summary.suspicion.passages if summary.suspicion else ()
    words = (f"{quote(one.where)}: {quote(one.text)}" for one in passages)
    return Item(
        f"{_heading(summary, quote)}: {summary.shown}{why}",
        (step, *words, f"`factory why {summary.issue}` shows the whole chain", *evidence),
    )


def _merged(summary: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    pull = (
        f"pull request {link(f'pull/{summary.pull}')}" if summary.pull else "without a pull request"
    )
    return Item(
        _heading(summary, quote),
        (
            f"{pull}, commit {summary.commit:.10}",
            f"verdict {summary.verdict}: {link(summary.evidence)}",
        ),
    )


def _rejected(summary: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    if summary.duplicate_of:
        return Item(
            f"{_heading(summary, quote)}: {summary.shown} of #{summary.duplicate_of}",
            (link(f"issues/{summary.issue}"),),
        )
    by = (
        f"by {', '.join(quote(cite) for cite in summary.cites)}"
        if summary.cites
        else quote(summary.message)
    )
    return Item(
        f"{_heading(summary, quote)}: {summary.shown}, {by}", (link(f"issues/{summary.issue}"),)
    )


def _heading(summary: IssueSummary, quote: Quote) -> str:
    return f"#{summary.issue} {quote(summary.title)}"
