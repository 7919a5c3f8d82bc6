"""`factory rules`: inspect the governance files while a person edits them."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit
from harness.cli.output.terminal import echo
from harness.cli.rules.changes import HISTORY, history_file
from harness.cli.rules.coverage import coverage
from harness.cli.rules.explain import explain
from harness.cli.rules.export import export
from harness.cli.rules.impact import impact
from harness.cli.rules.import_prose import import_
from harness.cli.rules.suggest import suggest

if TYPE_CHECKING:
    from harness.domain.facts import ChangeFacts
    from harness.domain.governance import Governance

FOLDER = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)


@click.group()
def rules() -> None:
    """Inspect the governance files.

    These commands read the files of a folder, before they are in force. When it works, the factory
    reads them at the tip of the default branch.

    \b
    Examples:
      factory rules lint          # form, ids, promises without a check
      factory rules test          # every rule against its own cases
      factory rules import        # which prose could become rules, and its contradictions
      factory rules export labels # the rules in the forge's own formats
    """


@rules.command()
@FOLDER
@as_json
def lint(folder: Path, as_json: bool) -> int:
    """Check the form of the governance files, and that no promise is empty.

    Reads mission.md, factory_rules.md and CLAUDE.md in FOLDER (default: the current one), nested
    factory_rules.md below it and, where it is a git repository, the names of its files and of those
    in history.json. Finds unknown keys, duplicate and dangling ids, invalid blocks, sentences with
    MUST that have no check, contradicting limits, globs that match nothing, and rules that never
    matter or have no case. In prose, also in AGENTS.md and CONTRIBUTING.md, it finds the
    contradictions that `factory rules import` lists. Prints a note on standard error when the
    built-in list of tools' configuration files is older than a year. Writes nothing.

    \b
    Exit codes:
      0  clean
      1  findings, one a line: file, line, code, words
      2  a file cannot be read as governance at all

    \b
    Examples:
      factory rules lint
      factory rules lint examples/tidebook --json
    """
    from harness.factory.reporting.shown import ALL_LABELS
    from harness.factory.run.policy_snapshot import WORKFLOWS
    from harness.governance import governance_in
    from harness.governance import lint as findings
    from harness.governance.tool_configs import age_of_list
    from harness.operations.setup.prose import findings_at

    # Not a finding: the list ships with the factory, so nobody can fix it in their own files.
    if note := age_of_list(datetime.now(UTC).date().isoformat()):
        echo(note, err=True)
    paths = _paths(folder)
    found = findings(
        governance_in(folder, paths=paths),
        known_workflows=WORKFLOWS,
        known_labels=set(ALL_LABELS),
        paths=paths,
    )
    found = (*found, *findings_at(folder, beside=found))
    if as_json:
        emit(
            {
                "ok": not found,
                "findings": [
                    {"file": f.file, "line": f.line, "code": f.code, "message": f.message}
                    for f in found
                ],
            }
        )
    else:
        for finding in found:
            echo(f"{finding.file}:{finding.line}: {finding.code}: {finding.message}")
        echo(f"{len(found)} findings" if found else "clean")
    return 1 if found else 0


@rules.command()
@FOLDER
@history_file
@as_json
def test(folder: Path, file: Path | None, as_json: bool) -> int:
    """Run every rule against its own cases.

    Reads the governance files in FOLDER (default: the current one), decides each case by code, and
    compares the answer with the expected one. A case that names a recorded pull request uses the
    facts of that one: from FILE, else from history.json in FOLDER, else from the ledger of
    $FACTORY_HOME. Asks no model and writes nothing.

    \b
    Exit codes:
      0  every case holds
      1  at least one does not; each is named with its file and line
      2  the files or the history cannot be read

    \b
    Examples:
      factory rules test
      factory rules test examples/tidebook
      factory rules test --history examples/public-factory/history.json examples/public-factory
    """
    from harness.governance import governance_in, run_cases

    governance = governance_in(folder, paths=_paths(folder))
    results = run_cases(governance, history=_history(governance, folder, file))
    failed = [result for result in results if not result.held]
    if as_json:
        emit(
            {
                "ok": not failed,
                "cases": len(results),
                "failed": [
                    {
                        "rule": result.rule,
                        "line": result.source.line,
                        "expected": result.expected,
                        "got": result.got,
                        "message": result.message,
                    }
                    for result in failed
                ],
            }
        )
    else:
        for result in failed:
            echo(
                f"{result.source.file}:{result.source.line}: {result.rule}: expected"
                f" {result.expected}, got {result.got}: {result.message}"
            )
        echo(f"{len(results) - len(failed)} of {len(results)} cases hold")
    return 1 if failed else 0


def _history(
    governance: "Governance", folder: Path, file: Path | None
) -> "Mapping[int, ChangeFacts]":
    """The last facts of each pull request that cases ask for by number. Nothing is opened if no
    case does."""
    from harness.cli.rules.changes import recorded

    wanted = any(case.pull_request is not None for rule in governance.rules for case in rule.cases)
    beside = folder / HISTORY
    # Rules must be testable where there is no factory, and so no ledger.
    if file is None and not wanted:
        return {}
    return {
        change.number: change.facts
        for change in recorded(file or (beside if beside.is_file() else None))
    }


def _paths(folder: Path) -> list[bytes] | None:
    """The files that git tracks in the folder, and the files of recorded changes beside the rules.
    Outside a git repository it is None, and globs are not tested."""
    from harness.repository.environment import environment

    done = subprocess.run(
        # New files count too: a rule is often written together with the file that it is about.
        ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
        timeout=30,
        env=environment(),
    )
    return (
        [path for path in done.stdout.split(b"\0") if path] + _recorded_paths(folder)
        if done.returncode == 0
        else None
    )


def _recorded_paths(folder: Path) -> list[bytes]:
    from harness.cli.rules.changes import read
    from harness.domain.facts import UNKNOWN

    changes = read(folder / HISTORY) if (folder / HISTORY).is_file() else ()
    return [
        file.path
        for change in changes
        if change.facts.files is not UNKNOWN
        for file in change.facts.files
    ]


rules.add_command(coverage)
rules.add_command(explain)
rules.add_command(export)
rules.add_command(impact)
rules.add_command(import_)
rules.add_command(suggest)
