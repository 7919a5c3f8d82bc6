"""The outcome of each issue, as a table for people."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.domain.plain import JsonObject
from harness.domain.shortened import in_one_line

if TYPE_CHECKING:
    from rich.table import Table

_COLUMNS = (
    ("issue", "left"),
    ("outcome", "left"),
    ("by", "left"),
    ("attempts", "right"),
    ("time", "right"),
    ("cost", "right"),
)


def outcomes(lines: Iterable[JsonObject]) -> "Table":
    """One row for each issue, from `harness.factory.reporting.report.issue_line`."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, justify in _COLUMNS:
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for line in lines:
        table.add_row(
            # A title comes from outside: it may look like markup, or control a terminal.
            escape(f"#{line['number']} {in_one_line(line['title'])[:44]}"),
            line["shown"],
            escape(_by(line)),
            str(line["attempts"]),
            f"{line['seconds']:.1f}s",
            f"${line['cost_usd']:.4f}",
        )
    return table


def outcome_line(line: JsonObject) -> str:
    """An issue and what has become of it, without the table."""
    return f"#{line['number']} {in_one_line(line['title'])[:60]}: {line['shown']}"


def _by(line: JsonObject) -> str:
    """What decided the outcome: the verdicts in their order, the older issue, or the rules; else
    the last reason."""
    from harness.domain.shortened import shortened

    match line["outcome"]:
        case "merged":
            return f"verdict {', '.join(line['verdicts'])}"
        case "duplicate":
            return f"#{line['duplicate_of']}"
        case _:
            return ", ".join(line["cites"]) or shortened(line["message"], 60) or "nobody yet"
