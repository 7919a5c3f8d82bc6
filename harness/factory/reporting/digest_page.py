"""Every word of the morning digest, as text for a terminal and as Markdown. Golden files in the
tests hold both.

Titles and reasons are text from outside: on a terminal they lose what is not printable, in Markdown
what would act."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from harness.domain.lifecycle import Event, State
from harness.factory.reporting.digest import BrokenJourney, Digest, Outage, IssueSummary

UrlFor = Callable[[str], str]
Quote = Callable[[str], str]

LONGEST = 160


@dataclass(frozen=True, slots=True)
class Item:
    """One line, and what stands under it."""

    says: str
    under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its items."""

    title: str
    items: tuple[Item, ...]


def text(found: Digest, link: UrlFor) -> str:
    """For a terminal."""
    lines = [_headline(found), _summary(found)]
    for section in _sections(found, link, printable):
        lines += ["", section.title]
        for item in section.items:
            lines += [f"  {item.says}", *(f"      {line}" for line in item.under)]
    return "\n".join(lines) + "\n"


def markdown(found: Digest, link: UrlFor) -> str:
    """For a file, a mail or a chat."""
    lines = [f"# {_headline(found)}", "", _summary(found)]
    for section in _sections(found, link, _inert):
        lines += ["", f"## {section.title}", ""]
        for item in section.items:
            lines += [f"- {item.says}", *(f"  - {line}" for line in item.under)]
    return "\n".join(lines) + "\n"


def span(length: timedelta) -> str:
    """How long, in the two largest units: `3 min 12 s`."""
    seconds = int(length.total_seconds())
    parts = (
        (seconds // 86400, "d"),
        (seconds // 3600 % 24, "h"),
        (seconds // 60 % 60, "min"),
        (seconds % 60, "s"),
    )
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return " ".join(shown[:2]) or "less than a second"


def printable(outside: str) -> str:
    """One line of outside text that does nothing to a terminal but fill it."""
    flat = " ".join(outside.split())
    return _cut(
        "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in flat)
    )


def _inert(outside: str) -> str:
    """The same, with everything that Markdown or a forge would act on taken out of service."""
    escaped = "".join(
        f"\\{char}" if char in "\\`*_[]<>|#!~&" else char for char in printable(outside)
    )
    return escaped.replace("@", "@\u200b").replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _headline(found: Digest) -> str:
    return f"The factory, {found.since:%Y-%m-%d %H:%M} to {found.at:%Y-%m-%d %H:%M}"


def _summary(found: Digest) -> str:
    counts = (
        (len(found.merged), "merged"),
        (len(found.rejected), "rejected"),
        (len(found.waiting), "for a person"),
        (len(found.under_way), "under way"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count) or "Nothing happened"
    return f"{said}. ${found.spent.cost_usd:.4f} spent." + (
        " Nothing needs you." if found.is_quiet else ""
    )


def _sections(found: Digest, link: UrlFor, quote: Quote) -> Iterator[Section]:
    yield from _section("Something is wrong", _wrong(found, quote))
    yield from _section(
        "Needs a person", (_waiting(history, link, quote) for history in found.waiting)
    )
    yield from _section("Merged", (_merged(history, link, quote) for history in found.merged))
    yield from _section("Rejected", (_rejected(history, link, quote) for history in found.rejected))
    yield from _section(
        "Waits for an answer of its author",
        (
            Item(_line(history, quote), (link(f"issues/{history.issue}"),))
            for history in found.asked
        ),
    )
    yield from _section(
        "Under way",
        (Item(f"{_line(history, quote)}: {history.state}") for history in found.under_way),
    )
    yield from _section("Spent", (Item(f"#{issue} ${cost:.4f}") for issue, cost in found.spent_on))


def _section(title: str, items: Iterable[Item]) -> Iterator[Section]:
    if shown := tuple(items):
        yield Section(title, shown)


def _wrong(found: Digest, quote: Quote) -> Iterator[Item]:
    if found.fault:
        yield Item(
            f"The ledger is not the one that was signed: {quote(found.fault)}",
            ("nothing is done on it; put it back from a copy of this home, then `factory audit`",),
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
                (
                    "it goes on then by itself, and no issue fails for it; `factory cost --by day`"
                    " tells what was spent"
                ),
            ),
        )
    for broken in found.broken:
        yield _broken(broken, quote)
    for outage in found.outages:
        yield _outage(outage, found.at, quote)


def _broken(broken: BrokenJourney, quote: Quote) -> Item:
    """A journey is named by its digest: its name is sealed."""
    short = broken.journey.removeprefix("sha256:")[:12]
    whose = f"issue #{broken.issue}" if broken.issue else "the mission"
    return Item(
        f"What landed for {whose} is broken on the default branch: {quote(broken.words)}",
        (
            (
                f"`factory journeys show {short}` is the journey that sees it; mend it by an issue,"
                " supersede or retire it"
            ),
        ),
    )


def _outage(outage: Outage, at: datetime, quote: Quote) -> Item:
    began = outage.since.astimezone(at.tzinfo)
    if outage.until is None:
        return Item(
            f"Down since {began:%Y-%m-%d %H:%M}: {quote(outage.message)}",
            ("`factory up` goes on once it is back",),
        )
    return Item(
        f"Was down for {span(outage.until - outage.since)} from {began:%Y-%m-%d %H:%M}:"
        f" {quote(outage.message)}"
    )


def _waiting(told: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    page = link(f"issues/{told.issue}")
    match told.state, told.event:
        case State.PAUSED, _:
            step = f"on hold: comment `/factory resume` on {page}"
        case _, Event.LANDED_TREE_DIFFERS:
            step = f"look at {link(f'commit/{told.commit}')}, then `factory resume`"
        case _:
            step = f"comment `/factory retry` on {page}, or close it there"
    why = f": {quote(told.message)}" if told.message else ""
    evidence = (f"evidence: {link(told.evidence)}",) if told.evidence else ()
    return Item(
        f"{_line(told, quote)}{why}",
        (step, f"`factory why {told.issue}` tells the whole chain", *evidence),
    )


def _merged(told: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    pull = f"pull request {link(f'pull/{told.pull}')}" if told.pull else "without a pull request"
    return Item(
        _line(told, quote),
        (f"{pull}, commit {told.commit:.10}", f"verdict {told.verdict}: {link(told.evidence)}"),
    )


def _rejected(told: IssueSummary, link: UrlFor, quote: Quote) -> Item:
    if told.duplicate_of:
        return Item(
            f"{_line(told, quote)}: asked before, in #{told.duplicate_of}",
            (link(f"issues/{told.issue}"),),
        )
    by = (
        f"by {', '.join(quote(cite) for cite in told.cites)}" if told.cites else quote(told.message)
    )
    return Item(f"{_line(told, quote)}: {by}", (link(f"issues/{told.issue}"),))


def _line(told: IssueSummary, quote: Quote) -> str:
    return f"#{told.issue} {quote(told.title)}"
