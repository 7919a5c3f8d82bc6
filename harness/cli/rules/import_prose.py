"""`factory rules import`: read existing prose as rules, and find where it contradicts itself."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit

if TYPE_CHECKING:
    from harness.onboarding import Contradiction
    from harness.onboarding.rules import RuleDraft
    from harness.onboarding.survey import Clause


@click.command("import")
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@as_json
def import_(folder: Path, as_json: bool) -> int:
    """Read governing prose: what could become a rule, and what contradicts what.

    Reads mission.md, factory_rules.md, CLAUDE.md, AGENTS.md, CONTRIBUTING.md and the workflow files
    in FOLDER (default: the current one), and runs none of them. A sentence that a check can enforce
    is listed with the rule that `factory init` drafts from it, in shadow mode. Contradictions are:
    limits that differ, missing sections and workflows, promises about every node that a node
    breaks, protected paths that do not exist, two documents that each claim to be the only
    authority, labels and commands without effect. Each names both places. Writes nothing.

    \b
    Exit codes:
      0  nothing contradicts anything
      1  there is a contradiction
      2  there is no folder to read

    \b
    Examples:
      factory rules import
      factory rules import ~/src/shop --json
    """
    from harness.onboarding.rules import rules_of, unchecked_in
    from harness.operations.setup.init import survey_folder
    from harness.operations.setup.prose import contradictions_at

    survey = survey_folder(folder)
    drafted = [rule for rule in rules_of(survey) if rule.clauses]
    unchecked, contradictions = unchecked_in(survey), contradictions_at(folder)
    if as_json:
        emit(
            {
                "ok": not contradictions,
                "rules": [_rule(rule) for rule in drafted],
                "unchecked": [
                    {"place": clause.place, "message": clause.quote} for clause in unchecked
                ],
                "contradictions": [as_document(found) for found in contradictions],
            }
        )
    else:
        _print(drafted, unchecked, contradictions)
    return 1 if contradictions else 0


def as_document(found: "Contradiction") -> dict[str, object]:
    """A contradiction for `--json`: its kind, its message, and both places with their words."""
    here, there = found.here, found.there
    return {
        "kind": found.kind.value,
        "message": found.message,
        "here": {"file": here.file, "line": here.line, "quote": here.quote},
        "there": {"file": there.file, "line": there.line, "quote": there.quote} if there else None,
    }


def _rule(rule: "RuleDraft") -> dict[str, object]:
    return {
        "id": rule.id,
        "status": rule.status,
        "check": rule.check,
        "said": [{"place": clause.place, "message": clause.quote} for clause in rule.clauses],
    }


def _print(
    drafted: "list[RuleDraft]",
    unchecked: "tuple[Clause, ...]",
    contradictions: "tuple[Contradiction, ...]",
) -> None:
    from harness.cli.output.terminal import console, section

    out = console()
    section(
        out,
        "could bind",
        [
            f"{rule.id} {rule.check}, because of {clause.place}: “{clause.quote}”"
            for rule in drafted
            for clause in rule.clauses
        ],
    )
    section(
        out, "no check holds this yet", [f"{clause.place} “{clause.quote}”" for clause in unchecked]
    )
    section(out, "contradictions", [str(found) for found in contradictions])
    out.print(
        f"\n{len(contradictions)} contradictions"
        if contradictions
        else "\nNothing contradicts anything."
    )
