"""`factory rules coverage`: how the rules and the mission were used."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home
from harness.domain.plain import JsonDict

if TYPE_CHECKING:
    from harness.governance.past.coverage import Coverage, RuleCoverage


@click.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@as_json
def coverage(folder: Path, as_json: bool) -> None:
    """Count how often each rule was asked, refused, and was overridden.

    Reads the governance files in FOLDER (default: the current one) and the ledger of $FACTORY_HOME;
    writes nothing. A change that was checked twice, as proposed and as the merge candidate, counts
    once.

    For each rule: how many changes it was asked about, accepted, refused, and would have refused in
    shadow mode; when it last refused; and how often people overrode it. People override a rule when
    they merge the change themselves, or when they say retry and something lands. For each entry of
    the mission: how often triage cited it, how often the filer appealed, and how often the issue
    then went on. Rules and entries that are in the ledger but no longer in the files are marked.

    \b
    Examples:
      factory rules coverage
      FACTORY_HOME=/srv/tidebook factory rules coverage --json
    """
    from harness.factory.policy_gate.recorded import recorded_answers, recorded_cites
    from harness.governance import governance_in
    from harness.governance.past.coverage import coverage as covered
    from harness.home.state import open_ledger

    governance = governance_in(folder)
    with open_ledger(home()) as ledger:
        entries = ledger.entries()
    found = covered(governance, recorded_answers(entries), recorded_cites(entries))
    if as_json:
        emit(_document(found))
    else:
        _show(found)


def _document(found: "Coverage") -> JsonDict:
    return {
        "rules": [
            {
                "rule": row.rule,
                "title": row.title,
                "stated": row.stated,
                "asked": row.asked,
                "held": row.held,
                "refused": [
                    {"change": one.change, "entry": one.entry, "message": one.message}
                    for one in row.refused
                ],
                "last_refused": row.last_refused or None,
                "would_have_refused": row.would_have,
                "overridden": [
                    {"change": one.change, "entry": one.entry, "how": one.overridden}
                    for one in row.overridden
                ],
            }
            for row in found.rules
        ],
        "entries": [
            {
                "id": row.id,
                "title": row.title,
                "stated": row.stated,
                "cited": row.cited,
                "appealed": [one.issue for one in row.appealed],
                "accepted": [one.issue for one in row.accepted],
            }
            for row in found.entries
        ],
    }


def _show(found: "Coverage") -> None:
    from harness.cli.output.terminal import console

    out = console()
    out.print(
        _table(
            ("rule", "asked", "held", "refused", "in shadow", "overridden", "last refused"),
            [
                (
                    _name(row.rule, row.stated),
                    row.asked,
                    row.held,
                    len(row.refused),
                    row.would_have,
                    len(row.overridden),
                    _last(row),
                )
                for row in found.rules
            ],
        )
    )
    out.print()
    out.print(
        _table(
            ("entry", "cited", "appealed", "accepted"),
            [
                (_name(row.id, row.stated), row.cited, len(row.appealed), len(row.accepted))
                for row in found.entries
            ],
        )
    )


def _last(row: "RuleCoverage") -> str:
    return row.last_refused[:10] or ("never" if row.asked else "never asked")


def _name(name: str, stated: bool) -> str:
    return name if stated else f"{name} (gone)"


def _table(names: tuple[str, ...], rows: list[tuple[object, ...]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left")
    for row in rows:
        table.add_row(*map(str, row))
    return table
