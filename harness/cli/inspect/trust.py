"""`factory trust`: how far the factory can be trusted, from what became of its landings."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from harness.factory.reporting.trust_report import TrustReport


@click.command()
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the report as an HTML page to this file, with the reliability diagram.",
)
@as_json
def trust(page: Path | None, as_json: bool) -> None:
    """Show how far the factory can be trusted, and the facts behind it.

    First the autonomy index: the share of the issues of 30 days that went from filed to landed with
    no person's act, and what people did in the others. Then what became of everything that landed,
    the confidence by area and kind, and a table of how far confidences can be believed: what was
    predicted beside what came. Reads the ledger; writes nothing but the page, if you ask for one.

    \b
    Examples:
      factory trust
      factory trust --json | jq .autonomy.index
      factory trust --page trust.html
    """
    from harness.factory.reporting.trust_report import as_json as document
    from harness.factory.reporting.trust_report import trust_report
    from harness.home.state import open_ledger
    from harness.store.clock import SystemClock

    with open_ledger(home()) as ledger:
        found = trust_report(ledger.entries(), now=SystemClock().now())
    if page:
        from harness.factory.reporting.trust_page import html

        page.write_text(html(found), "utf-8")
    if as_json:
        emit(document(found))
        return
    for line in _lines(found):
        echo(line)
    if page:
        echo(f"The page is {page}.")


def _lines(found: "TrustReport") -> Iterator[str]:
    from harness.factory.reporting.trust_page import percent

    index, (low, high) = found.autonomy, found.autonomy.interval
    yield (
        f"Autonomy index, 30 days: {percent(index.index)}. {index.alone} of {index.issues} issues"
        f" needed nobody ({percent(low)} to {percent(high)})."
    )
    for words, issues in index.acts:
        yield f"  {issues:>4}  a person {words}"
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in found.outcomes if count)
    yield f"Landings: {outcomes or 'none yet'}."
    for one in found.areas:
        counted, where = one.counted, f"{in_one_line(one.area)} {in_one_line(one.kind)}"
        yield (
            f"  {where:<24} {one.stayed} of {one.settled} stayed, {one.open} open; confidence"
            f" {counted.value:.2f} ({counted.low:.2f} to {counted.high:.2f}, {counted.basis});"
            f" earned: {one.earned.word}"
        )
    yield f"Confidence: {found.basis}."
    if found.bins:
        yield f"Expected calibration error: {found.error:.3f}."
        yield "  confidence     predicted  stayed  95 %          landings"
    for bin in found.bins:
        yield (
            f"  {bin.begin:.2f} to {bin.end:.2f}   {bin.predicted:.3f}      {bin.observed:.3f}  "
            f" {bin.low:.2f} to {bin.high:.2f}  {bin.count:>7}"
        )
