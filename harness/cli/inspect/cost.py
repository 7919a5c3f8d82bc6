"""`factory cost`: what models cost, summed as asked for, and the prices used."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home, since_option
from harness.cli.output.terminal import echo
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line
from harness.domain.spending import BY, SpendingLine, Total, folded, total

if TYPE_CHECKING:
    from harness.domain.budget import Price
    from harness.factory.records.bill import Agreement
    from harness.programs.broker.prices import Prices

_COLUMNS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


@click.command()
@click.option(
    "--by",
    "by",
    type=click.Choice(BY),
    multiple=True,
    help="What to sum by; given twice, by both. The default is by issue.",
)
@since_option("Only calls since the beginning of that day (UTC)", zone=UTC)
@click.option(
    "--prices",
    "asks_prices",
    is_flag=True,
    help="Show the prices used, instead of what was spent.",
)
@as_json
def cost(by: tuple[str, ...], since: datetime | None, asks_prices: bool, as_json: bool) -> None:
    """Show what models cost: by issue, role, model, day or run.

    Every call is counted before it is made, at the most it can cost, and settled afterwards by the
    provider's own count. Dollars are exact, to the ninth digit; in JSON they are strings. "Spent"
    is what was paid, or must be assumed paid because nobody knows how a call ended. "Reserved" is
    held back for calls that have not ended. "Replayed" is what a replay would have cost; nothing
    was paid for it. "Cached" is the share of the input that the provider served from its cache.

    Reads the meter and the ledger of $FACTORY_HOME, also while a factory is at work; needs neither
    the forge nor the network.

    \b
    Exit codes:
      0  printed
      5  the meter's database does not answer, or no branch with prices was fetched yet

    \b
    Examples:
      factory cost
      factory cost --by role --by model --since 7d
      factory cost --by day --json | jq '.groups[] | [.day, .spent]'
      factory cost --prices
    """
    from harness.operations.maintenance.spending import own_prices, spending
    from harness.programs.broker.prices import price_list

    table, warning = price_list()
    if asks_prices:
        # Only here: spending can be shown also before any branch was fetched.
        own = own_prices(home())
        warnings = "; ".join(filter(None, (warning, _old(table, own))))
        _show_prices(table, own, warnings, as_json=as_json)
        return
    lines = spending(home(), since=since and since.astimezone(UTC).date())
    # The ledger's sums are for all time, so only all calls can be compared with them.
    ledger = _agreement(lines) if since is None else None
    chosen = by or ("issue",)
    if as_json:
        emit(_document(lines, chosen, ledger, warning))
        return
    for row in _table(lines, chosen):
        echo(row)
    for sentence in _sentences(total(lines), ledger, warning):
        echo(sentence)


def _agreement(lines: Sequence[SpendingLine]) -> "Agreement":
    from harness.factory.records.bill import agreement
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        return agreement(lines, ledger.entries(kind="usage"))


def _document(
    lines: Sequence[SpendingLine], by: Sequence[str], ledger: "Agreement | None", warning: str
) -> JsonDict:
    """The document for `--json`. These keys are stable: `by groups total prices_warning`, and
    `ledger` when no `--since` was given.
    """
    groups = [
        dict(zip(by, key, strict=True)) | _numbers(summed) for key, summed in folded(lines, by)
    ]
    found: JsonDict = {
        "by": list(by),
        "groups": groups,
        "total": _numbers(total(lines)),
        "prices_warning": warning,
    }
    if ledger is not None:
        found["ledger"] = {
            "sessions": ledger.sessions,
            "written": f"{ledger.written:f}",
            "counted": f"{ledger.counted:f}",
            "unwritten": f"{ledger.unwritten:f}",
            "agrees": ledger.is_to_the_cent,
        }
    return found


def _numbers(summed: Total) -> JsonDict:
    values = ((field.name, getattr(summed, field.name)) for field in fields(Total))
    # `str` would write a small amount with an exponent, which not every reader takes.
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in values}


def _table(lines: Sequence[SpendingLine], by: Sequence[str]) -> Iterator[str]:
    found = folded(lines, by)
    if not found:
        return
    heads = (*by, "calls", "input", "cached", "output", "spent", "reserved", "replayed")
    rows = [
        (*(_named(name, value) for name, value in zip(by, key, strict=True)), *_cells(summed))
        for key, summed in found
    ]
    rows.append(("together", *("" for _ in by[1:]), *_cells(total(lines))))
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        # Names are aligned to the left, numbers to the right.
        yield "  ".join(
            f"{cell:<{width}}" if column < len(by) else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )


def _named(name: str, value: int | str) -> str:
    if name != "issue":
        return in_one_line(str(value))
    return f"#{value}" if value else "no issue"


def _cells(summed: Total) -> tuple[str, ...]:
    share = (
        f"{100 * summed.cache_read_tokens // summed.input_tokens} %" if summed.input_tokens else "-"
    )
    money = (
        f"${amount:.4f}" if amount else "-"
        for amount in (summed.spent, summed.open, summed.replayed)
    )
    return str(summed.calls), str(summed.input_tokens), share, str(summed.output_tokens), *money


def _sentences(summed: Total, ledger: "Agreement | None", warning: str) -> Iterator[str]:
    if not summed.calls:
        yield "No model was asked."
    if summed.held:
        yield (
            f"Of what was spent, ${summed.held:.4f} are held in full for calls whose end nobody"
            " knows: they may have cost less."
        )
    if summed.open:
        yield f"${summed.open:.4f} are reserved for calls that have not ended."
    if summed.replayed:
        yield (
            f"${summed.replayed:.4f} is what replays would have cost: their answers came from"
            " recordings, and nothing was paid."
        )
    if ledger is not None and ledger.sessions:
        counted = f"but the meter counts ${ledger.counted:.4f} for them"
        same = "the same to the cent" if ledger.is_to_the_cent else counted
        sessions = "1 session" if ledger.sessions == 1 else f"{ledger.sessions} sessions"
        yield f"The ledger has written down ${ledger.written:.4f} for {sessions}, {same}."
    if ledger is not None and ledger.unwritten:
        yield (f"${ledger.unwritten:.4f} are of sessions that are not in the ledger, or not yet.")
    if warning:
        yield f"Warning: {warning}."


def _show_prices(table: "Prices", own: Iterable["Price"], warning: str, *, as_json: bool) -> None:
    replaced = (
        {
            "model": price.model,
            "from": price.as_of.isoformat(),
            "by": "factory.toml",
            **{name: f"{getattr(price, name):f}" for name in _COLUMNS},
        }
        for price in own
    )
    rows = sorted((*_rows_of(table), *replaced), key=lambda row: (row["model"], row["by"]))
    if as_json:
        emit(
            {
                "as_of": table.as_of,
                "source": table.source,
                "good_for_days": table.good_for_days,
                "warning": warning,
                "prices": rows,
            }
        )
        return
    heads = ("model", "from", *_COLUMNS, "by")
    widths = [max(len(head), *(len(row[head]) for row in rows)) for head in heads]
    for row in ({head: head for head in heads}, *rows):
        echo(
            "  ".join(
                f"{in_one_line(row[head]):<{width}}"
                for head, width in zip(heads, widths, strict=True)
            ).rstrip()
        )
    echo(
        f"US dollars per million tokens, as of {table.as_of}, from {table.source}. What is not"
        " listed costs as much as the dearest of every column; `[prices]` in factory.toml goes"
        " before the list."
    )
    if warning:
        echo(f"Warning: {warning}.")


def _old(table: "Prices", own: Iterable["Price"]) -> str:
    """A warning about the owner's own prices that were looked up too long ago; empty when there are
    none.
    """
    today = datetime.now(UTC).date()
    old = [price.model for price in own if (today - price.as_of).days > table.good_for_days]
    if not old:
        return ""
    names, limit = ", ".join(old), table.good_for_days
    return f"factory.toml's prices of {names} are over {limit} days old: look again"


def _rows_of(table: "Prices") -> Iterator[dict[str, str]]:
    """One row for each price; a price for long requests has a row of its own."""
    for model, versions in table.models.items():
        for dated in versions:
            for price, over in (
                (dated.rates.usual, None),
                (dated.rates.long, dated.rates.long_over),
            ):
                if price is not None:
                    beyond = f"the list, over {over} tokens" if over is not None else "the list"
                    yield {
                        "model": model,
                        "from": dated.since or "ever",
                        "by": beyond,
                        **{
                            name: f"{(Decimal(getattr(price, name)) / 1000).normalize():f}"
                            for name in _COLUMNS
                        },
                    }
