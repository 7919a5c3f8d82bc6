"""`factory rules impact`: decide recorded changes under the old rules and under the new ones."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, since_option
from harness.cli.rules.changes import from_git, history_file
from harness.domain.governance import Governance
from harness.domain.plain import JsonDict

if TYPE_CHECKING:
    from harness.governance.past.history import RecordedChange
    from harness.governance.past.impact import Flip, Impact, RuleImpact


SHOWN = 20
"""Changes that are listed by name."""


@click.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@click.option(
    "--base",
    metavar="REF",
    help="The commit with the old text; by default only the new text is replayed.",
)
@since_option("Only changes that landed since then and have a time")
@from_git
@history_file
@as_json
def impact(
    folder: Path,
    base: str | None,
    since: datetime | None,
    from_git: bool,
    file: Path | None,
    as_json: bool,
) -> int:
    """Replay recorded changes under the rules as they are, and as they were.

    Reads the governance files in FOLDER (default: the current one) as they are there, and those at
    REF of the same repository. The recorded facts of the changes are in the ledger of
    $FACTORY_HOME, or in FILE; with --from-git they are the newest commits of the branch that is
    checked out. Git does not record what tests did or what a change cost, so rules about that
    cannot decide. Writes nothing, asks no model, and needs no network.

    Prints a table of the rules: how many changes each was asked about, refuses, refused before, and
    cannot decide because the record lacks a fact. Then it prints each change that flips: refused
    under one text and not under the other, or no longer with the same severity. A rule in shadow
    mode is replayed and marked. A rule that code does not decide is named and left out.

    \b
    Exit codes:
      0  nothing flips
      1  something flips
      2  the files, the ref or the history cannot be read

    \b
    Examples:
      factory rules impact --base main
      factory rules impact --base HEAD~3 --since 90d --json
      factory rules impact --from-git --since 1y
      factory rules impact examples/public-factory --history examples/public-factory/history.json
    """
    from harness.cli.rules.changes import recorded
    from harness.governance import governance_in
    from harness.governance.past.impact import impact as replayed

    if from_git and file is not None:
        raise click.UsageError("--from-git and --history name two pasts; give one of them")
    changes = recorded(file, since, clone=folder if from_git else None)
    found = replayed(
        _at(folder, base) if base is not None else None, governance_in(folder), changes
    )
    if as_json:
        emit(_document(found, changes))
    else:
        _show(found, changes, compared=base is not None)
    return 1 if found.flips else 0


def _at(folder: Path, ref: str) -> Governance:
    from harness.domain.errors import GovernanceError
    from harness.governance import governing_files, read_governance
    from harness.repository.original.clone import snapshot_at

    there = snapshot_at(folder, ref)
    try:
        return read_governance(
            {name: there.read(name) for name in governing_files(there.paths).values()}
        )
    except GovernanceError as error:
        # The same file is read twice here, so the message names which text is wrong.
        raise GovernanceError(
            error.message, file=f"{ref}:{error.file}", line=error.line, key=error.key
        ) from None


def _document(found: "Impact", changes: Sequence["RecordedChange"]) -> JsonDict:
    urls = _urls(changes)
    return {
        "ok": not found.flips,
        "changes": found.changes,
        "not_replayed": list(found.not_replayed),
        "refused": sorted(_refused(found)),
        "rules": [
            {
                "rule": row.rule,
                "title": row.title,
                "status": row.status,
                "edit": row.edit,
                "asked": row.asked,
                "refused": list(row.refused),
                "refused_before": list(row.refused_before) if row.edit else None,
                "cannot_tell": row.cannot_tell,
            }
            for row in found.rules
        ],
        "flips": [
            {
                "change": flip.change,
                "url": urls.get(flip.change, ""),
                "rule": flip.rule,
                "before": flip.before,
                "after": flip.after,
                "message": flip.message,
                "shadow": flip.shadow,
            }
            for flip in found.flips
        ],
    }


def _urls(changes: Sequence["RecordedChange"]) -> Mapping[int, str]:
    return {change.number: change.url for change in changes if change.url}


def _list_refused(found: "Impact", changes: Sequence["RecordedChange"]) -> None:
    """The newest changes that a rule would have stopped, each with its rules, where they have names
    to be found by."""
    from harness.cli.output.terminal import console
    from harness.domain.shortened import in_one_line

    out, names = console(), _names(changes)
    stopped: dict[int, list[str]] = {}
    for row in found.rules:
        # A rule in shadow mode would have stopped nothing.
        for number in row.refused if row.status == "enforce" else ():
            stopped.setdefault(number, []).append(row.rule)
    named = [number for number in sorted(stopped, reverse=True) if names.get(number)]
    for number in named[:SHOWN]:
        out.print(f"  {in_one_line(names[number])}: {', '.join(stopped[number])}", markup=False)
    if len(named) > SHOWN:
        out.print(f"  … and {len(named) - SHOWN} more; --json lists all of them", markup=False)


def _names(changes: Sequence["RecordedChange"]) -> Mapping[int, str]:
    """Where a change can be looked up: its address, or else its title."""
    return {change.number: change.url or change.title for change in changes}


def _show(found: "Impact", changes: Sequence["RecordedChange"], *, compared: bool) -> None:
    from harness.cli.output.terminal import console

    out = console()
    out.print(_span(changes), markup=False)
    out.print()
    out.print(_table(found, compared=compared))
    out.print(
        f"\n{len(_refused(found))} of {found.changes} are refused by a rule that is enforced.",
        markup=False,
    )
    if found.not_replayed:
        out.print(
            "\nNot replayed, because code does not decide them of a change:"
            f" {', '.join(found.not_replayed)}.",
            markup=False,
        )
    if not compared:
        _list_refused(found, changes)
        return
    out.print(f"\n{_counted(found)}", markup=False)
    names = _names(changes)
    for flip in found.flips:
        out.print(_line(flip, names.get(flip.change, "")), markup=False)


def _span(changes: Sequence["RecordedChange"]) -> str:
    if not changes:
        return "No change is recorded there yet, so no rule is asked."
    days = sorted(change.at[:10] for change in changes if change.at)
    when = f", {days[0]} to {days[-1]}" if days else ""
    return f"{len(changes)} recorded {'change' if len(changes) == 1 else 'changes'}{when}"


def _refused(found: "Impact") -> frozenset[int]:
    return frozenset(
        number for row in found.rules if row.status == "enforce" for number in row.refused
    )


def _table(found: "Impact", *, compared: bool) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rule", "asked", "refuses", *(("was",) if compared else ()), "cannot tell"):
        table.add_column(name, justify="left" if name == "rule" else "right")
    remarked = any(_remarks(row) for row in found.rules)
    if remarked:
        table.add_column("")
    for row in found.rules:
        was = (str(len(row.refused_before)),) if compared else ()
        remarks = (_remarks(row),) if remarked else ()
        table.add_row(
            row.rule, str(row.asked), str(len(row.refused)), *was, str(row.cannot_tell), *remarks
        )
    return table


def _remarks(row: "RuleImpact") -> str:
    edit = "" if row.edit in (None, "same") else str(row.edit)
    status = "" if row.status == "enforce" else {"shadow": "in shadow"}.get(row.status, row.status)
    return ", ".join(word for word in (edit, status) if word)


def _counted(found: "Impact") -> str:
    if not found.flips:
        return "Nothing flips."
    numbers = len({flip.change for flip in found.flips})
    return f"{numbers} {'change flips' if numbers == 1 else 'changes flip'}:"


def _line(flip: "Flip", url: str) -> str:
    shadow = " (in shadow)" if flip.shadow else ""
    return (
        f"  #{flip.change}  {flip.rule}{shadow}  {flip.before} → {flip.after}: {flip.message}"
        + (f"  {url}" if url else "")
    )
