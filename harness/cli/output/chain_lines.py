"""Prints the chain of an issue on a terminal: aligned, wrapped to its width, coloured where
possible."""

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.output.terminal import console, speaks_unicode
from harness.domain.shortened import in_one_line
from harness.factory.records.link import Chain, Link, LinkOutcome, is_routine
from harness.factory.reporting.chain_page import (
    ChainStep,
    href,
    shortened,
    steps,
    written_at,
)

if TYPE_CHECKING:
    from rich.text import Text

_MARKS = {
    LinkOutcome.HOLDS: ("✓", "+", "green"),
    LinkOutcome.REFUSES: ("✗", "x", "bold red"),
    LinkOutcome.WOULD_REFUSE: ("~", "~", "yellow"),
    LinkOutcome.CANNOT_TELL: ("?", "?", "bold yellow"),
    LinkOutcome.OVERRIDDEN: ("↷", "o", "magenta"),
    LinkOutcome.DONE: ("·", "-", "dim"),
}
_INDENT = 17
"""Columns before a link's words: a mark, and the longest name of a standing."""

Address = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The target of the lines: a width (None for a file or a pipe, which has none), and where
    things are."""

    address: Address
    home: Path
    width: int | None
    printed: tuple[Link, ...] = ()
    """The links that the top of the output shows already."""


def show(found: Chain, *, address: Address, home: Path, page: str) -> None:
    """Print the chain: the state of the issue, the links that decide it, then every link, oldest
    first."""
    from rich.text import Text

    out = console()
    # Narrower than 60 there would be no room beside the names.
    sheet = _Sheet(address, home, max(out.width, 60) if sys.stdout.isatty() else None)
    out.print(Text(f"#{found.issue} {in_one_line(found.title)}", style="bold"), soft_wrap=True)
    proposed = f", pull request #{found.pull_request}" if found.pull_request else ""
    out.print(
        Text(
            f"   {found.shown}{proposed}, ${found.cost_usd:.4f}{f', page {page}' if page else ''}"
        ),
        soft_wrap=True,
    )
    for words in filter(None, (found.released, *found.served)):
        out.print(Text(f"   {in_one_line(words)}"), soft_wrap=True)
    if found.commit and not found.served:
        out.print(Text(f"   no environment serves {found.commit:.12} now"), soft_wrap=True)
    for line in _chain(found, sheet):
        out.print(line, soft_wrap=True)


def _chain(found: Chain, sheet: _Sheet) -> Iterator["Text"]:
    from rich.text import Text

    if found.deciding:
        title = f"Why {found.commit:.12} is there" if found.commit else "It is decided by"
        yield Text(f"\n{title}", style="bold")
        for link in found.deciding:
            yield from _link(link, sheet)
        yield Text("\nThe whole chain, oldest first", style="bold")
    for step in steps(found):
        yield Text.assemble(
            (f"\n{step.title}", "bold"), (f"  {step.run}" if step.run else "", "dim")
        )
        yield from _step(step, replace(sheet, printed=found.deciding))


def _step(step: ChainStep, sheet: _Sheet) -> Iterator["Text"]:
    if step.unchanged:
        words = (
            "1 rule gives the same answer as before"
            if step.unchanged == 1
            else f"{step.unchanged} rules give the same answer as before"
        )
        yield from _wrapped(_head(LinkOutcome.HOLDS), words, sheet)
    for part in step.parts:
        if is_routine(part[0]):
            yield from _rules(part, sheet)
        else:
            for link in part:
                yield from _link(link, sheet)


def _rules(links: Sequence[Link], sheet: _Sheet) -> Iterator["Text"]:
    column = max(len(link.rule) for link in links) + 2
    for link in links:
        yield from _wrapped(
            _head(link.outcome),
            f"{in_one_line(link.rule):<{column}}{in_one_line(link.fact)}",
            sheet,
            hang=column,
        )


def _link(link: Link, sheet: _Sheet) -> Iterator["Text"]:
    name = " ".join(filter(None, (in_one_line(link.rule), in_one_line(link.title))))
    if link in sheet.printed:
        yield from _wrapped(_head(link.outcome), f"{name}, as shown above", sheet)
        return
    yield from _wrapped(_head(link.outcome), name, sheet, style="bold")
    for words, style in _under(link, sheet):
        yield from _wrapped(None, words, sheet, style=style)


def _under(link: Link, sheet: _Sheet) -> Iterator[tuple[str, str]]:
    """The lines below a link's name, each with its style."""
    if link.fact:
        yield in_one_line(link.fact), ""
    if link.quote:
        yield f"“{in_one_line(link.quote)}”", "italic"
    if link.permalink:
        yield f"{written_at(link.permalink)}  {_place(link.permalink, sheet)}", "dim"
    places = [item for item in link.evidence if _place(item, sheet)]
    others = [shortened(in_one_line(item)) for item in link.evidence if item not in places]
    yield ", ".join((f"entry {link.entry} at {link.at[11:19]}", *others)), "dim"
    for item in places:
        yield _place(item, sheet), "dim"


def _place(item: str, sheet: _Sheet) -> str:
    """The location of an item that a link names; "" if it is not a location."""
    if item.startswith("evidence/"):
        return str(sheet.home / item)
    return sheet.address(item) if href(item, sheet.address) else ""


def _head(standing: LinkOutcome) -> "Text":
    from rich.text import Text

    mark, plain, style = _MARKS[standing]
    return Text(
        f" {mark if speaks_unicode(sys.stdout) else plain} {standing.value}".ljust(_INDENT),
        style=style,
    )


def _wrapped(
    head: "Text | None", words: str, sheet: _Sheet, *, hang: int = 0, style: str = ""
) -> Iterator["Text"]:
    """Words in their column. Without a width nothing is wrapped: such lines are for other
    programs."""
    from rich.text import Text

    lines = (
        [words]
        if sheet.width is None
        else textwrap.wrap(
            words,
            sheet.width - _INDENT,
            subsequent_indent=" " * hang,
            # A path or an address that is cut cannot be opened.
            break_long_words=False,
            break_on_hyphens=False,
        )
        or [""]
    )
    for number, line in enumerate(lines):
        begin = head if head is not None and number == 0 else Text(" " * _INDENT)
        yield Text.assemble(begin, (line, style))
