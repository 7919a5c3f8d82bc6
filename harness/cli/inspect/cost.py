"""`factory cost`: what models cost, by whatever one asks for, and the prices that it is counted
by."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import printable
from harness.domain.spending import BY, Line, Total, folded, total

if TYPE_CHECKING:
    from harness.domain.budget import Price
    from harness.factory.records.bill import Agreement
    from harness.programs.broker.prices import Prices

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
_COLUMNS = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


def _since(context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        found = re.fullmatch(r"([0-9]{1,4})([hdw])", value)
    if found is None:
        raise click.BadParameter(
            f"{value!r} is neither a day nor a span of time; write 2026-11-21, or a number and h, d"
            " or w, such as 7d"
        )
    return (datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})).date()


@click.command()
@click.option(
    "--by",
    "by",
    type=click.Choice(BY),
    multiple=True,
    help="What to sum by; given twice, by both. Usually by issue.",
)
@click.option(
    "--since",
    callback=_since,
    metavar="WHEN",
    help=(
        "Only calls since the beginning of that day (UTC): a day such as 2026-11-21, or a span such"
        " as 36h, 7d or 4w."
    ),
)
@click.option(
    "--prices",
    "asks_prices",
    is_flag=True,
    help="The prices that calls are counted by, instead of what was spent.",
)
@click.option(
    "--branch",
    default="main",
    show_default=True,
    help="With --prices: whose factory.toml may replace some of them.",
)
@as_json
def cost(
    by: tuple[str, ...], since: date | None, asks_prices: bool, branch: str, as_json: bool
) -> None:
    """What models cost: by issue, role, model, day or run.

    Every call is counted before it is made, at the most that it can cost, and settled by the
    provider's own count after it. Dollars are exact, to the ninth digit; in JSON they are texts.
    Spent is what was paid, or has to be taken for paid because nobody knows how a call ended;
    reserved is held back for calls that have not ended; what a replay would have cost and did not
    is named as such. Cached is the share of the input that the provider served from its cache.

    Reads the meter and the ledger of $FACTORY_HOME, also while a factory is at work; needs neither
    the forge nor the network.

    \b
    Exit codes:
      0  told
      5  the meter's database does not answer

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
        own = own_prices(home(), branch)
        _show_prices(
            table, own, "; ".join(filter(None, (warning, _old(table, own)))), as_json=as_json
        )
        return
    lines, held_beside = spending(home(), since=since), None
    if since is None:
        held_beside = _agreement(lines)
    chosen = by or ("issue",)
    if as_json:
        emit(_document(lines, chosen, held_beside, warning))
        return
    for row in _table(lines, chosen):
        click.echo(row)
    for sentence in _sentences(total(lines), held_beside, warning):
        click.echo(sentence)


def _agreement(lines: Sequence[Line]) -> "Agreement":
    from harness.factory.records.bill import agreement
    from harness.home.state import open_ledger

    with open_ledger(home()) as ledger:
        return agreement(lines, ledger.entries(kind="usage"))


def _document(
    lines: Sequence[Line], by: Sequence[str], held_beside: "Agreement | None", warning: str
) -> dict[str, Any]:
    """Keys that stay: `by groups total prices_warning`, and `ledger` where all was asked for."""
    groups = [
        dict(zip(by, key, strict=True)) | _numbers(summed) for key, summed in folded(lines, by)
    ]
    found: dict[str, Any] = {
        "by": list(by),
        "groups": groups,
        "total": _numbers(total(lines)),
        "prices_warning": warning,
    }
    if held_beside is not None:
        found["ledger"] = {
            "sessions": held_beside.sessions,
            "written": f"{held_beside.written:f}",
            "counted": f"{held_beside.counted:f}",
            "unwritten": f"{held_beside.unwritten:f}",
            "agrees": held_beside.is_to_the_cent,
        }
    return found


def _numbers(summed: Total) -> dict[str, Any]:
    values = ((field.name, getattr(summed, field.name)) for field in fields(Total))
    return {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in values}


def _table(lines: Sequence[Line], by: Sequence[str]) -> Iterator[str]:
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
        named = (f"{cell:<{width}}" for cell, width in zip(row[: len(by)], widths, strict=False))
        yield "  ".join(
            (
                *named,
                *(
                    f"{cell:>{width}}"
                    for cell, width in zip(row[len(by) :], widths[len(by) :], strict=True)
                ),
            )
        )


def _named(name: str, value: int | str) -> str:
    return f"#{value}" if name == "issue" else printable(str(value))


def _cells(summed: Total) -> tuple[str, ...]:
    share = (
        f"{100 * summed.cache_read_tokens // summed.input_tokens} %" if summed.input_tokens else "-"
    )
    money = (
        f"${amount:.4f}" if amount else "-"
        for amount in (summed.spent, summed.open, summed.replayed)
    )
    return str(summed.calls), str(summed.input_tokens), share, str(summed.output_tokens), *money


def _sentences(summed: Total, held_beside: "Agreement | None", warning: str) -> Iterator[str]:
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
    if held_beside is not None and held_beside.sessions:
        counted = f"but the meter counts ${held_beside.counted:.4f} for them"
        same = "the same to the cent" if held_beside.is_to_the_cent else counted
        sessions = "1 session" if held_beside.sessions == 1 else f"{held_beside.sessions} sessions"
        yield f"The ledger has written down ${held_beside.written:.4f} for {sessions}, {same}."
    if held_beside is not None and held_beside.unwritten:
        yield (
            f"${held_beside.unwritten:.4f} are of sessions that are not in the ledger, or not yet."
        )
    if warning:
        yield f"Warning: {warning}."


def _show_prices(table: "Prices", own: Iterable["Price"], warning: str, *, as_json: bool) -> None:
    rows = sorted(
        (
            *_rows_of(table),
            *(
                {
                    "model": price.model,
                    "from": price.as_of.isoformat(),
                    "by": "factory.toml",
                    **{name: f"{getattr(price, name):f}" for name in _COLUMNS},
                }
                for price in own
            ),
        ),
        key=lambda row: (row["model"], row["by"]),
    )
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
        click.echo(
            "  ".join(
                f"{printable(row[head]):<{width}}"
                for head, width in zip(heads, widths, strict=True)
            ).rstrip()
        )
    click.echo(
        f"US dollars per million tokens, as of {table.as_of}, from {table.source}. What is not"
        " listed costs as much as the dearest of every column; `[prices]` in factory.toml goes"
        " before the list."
    )
    if warning:
        click.echo(f"Warning: {warning}.")


def _old(table: "Prices", own: Iterable["Price"]) -> str:
    """What is to be said of prices of one's own that somebody looked up too long ago; empty where
    there are none."""
    today = datetime.now(UTC).date()
    old = [price.model for price in own if (today - price.as_of).days > table.good_for_days]
    return (
        f"factory.toml's prices of {', '.join(old)} are over {table.good_for_days} days old: look"
        " again"
        if old
        else ""
    )


def _rows_of(table: "Prices") -> Iterator[dict[str, str]]:
    """A row for each price, what holds for long requests by itself."""
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
