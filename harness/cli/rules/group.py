"""`factory rules`: the governance files, looked at as a person edits them."""

import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit
from harness.cli.rules.changes import HISTORY, history_file

if TYPE_CHECKING:
    from harness.domain.facts import ChangeFacts
    from harness.domain.governance import Governance

FOLDER = click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)


@click.group()
def rules() -> None:
    """Look at the governance files.

    As they stand in a folder, before they bind: at work the factory reads them at the tip of the
    default branch.

    \b
    Examples:
      factory rules lint          # form, ids, promises that nothing keeps
      factory rules test          # every rule against its own cases
      factory rules import        # what prose could bind, and where it contradicts itself
      factory rules export labels # the law in the forge's own formats
    """


@rules.command()
@FOLDER
@as_json
def lint(folder: Path, as_json: bool) -> int:
    """Check the form of the governance files, and that no promise is empty.

    Reads mission.md, factory_rules.md and CLAUDE.md in FOLDER (default: the current one), nested
    factory_rules.md below it and, where it is a git repository, the names of its files and of those
    in history.json. Finds unknown keys, duplicate and dangling ids, blocks that are none, sentences
    with MUST that no block keeps, limits that contradict, globs that match nothing, rules that
    never matter or have no case; and in prose, AGENTS.md and CONTRIBUTING.md too, what `factory
    rules import` calls contradictions. Says on standard error when the built-in list of files that
    tools obey is older than a year. Writes nothing.

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
    from harness.factory.reporting.comments import ALL_LABELS
    from harness.factory.run.policy_snapshot import WORKFLOWS
    from harness.governance import governance_in
    from harness.governance import lint as findings
    from harness.governance.tool_configs import age_of_list
    from harness.operations.setup.prose import findings_at

    if says := age_of_list(datetime.now(UTC).date().isoformat()):
        click.echo(says, err=True)  # no finding: nobody mends it in their files
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
                    {"file": f.file, "line": f.line, "code": f.code, "says": f.says} for f in found
                ],
            }
        )
    else:
        for finding in found:
            click.echo(f"{finding.file}:{finding.line}: {finding.code}: {finding.says}")
        click.echo(f"{len(found)} findings" if found else "clean")
    return 1 if found else 0


@rules.command()
@FOLDER
@history_file
@as_json
def test(folder: Path, file: Path | None, as_json: bool) -> int:
    """Put every rule's own cases to the rule.

    Reads the governance files in FOLDER (default: the current one), decides each case in them by
    code, and compares with what the case expects. A case that names a recorded pull request is put
    the facts of that one: from FILE, else from history.json in FOLDER, else from the ledger of
    $FACTORY_HOME. No model is asked, nothing is written.

    \b
    Exit codes:
      0  every case holds
      1  one does not; each is named with its file and line
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
                        "says": result.says,
                    }
                    for result in failed
                ],
            }
        )
    else:
        for result in failed:
            click.echo(
                f"{result.source.file}:{result.source.line}: {result.rule}: expected"
                f" {result.expected}, got {result.got}: {result.says}"
            )
        click.echo(f"{len(results) - len(failed)} of {len(results)} cases hold")
    return 1 if failed else 0


def _history(
    governance: "Governance", folder: Path, file: Path | None
) -> "Mapping[int, ChangeFacts]":
    """The facts that cases ask for by a number, of each pull request as it was last; nothing is
    opened for none."""
    from harness.cli.rules.changes import recorded

    wanted = any(case.pull_request is not None for rule in governance.rules for case in rule.cases)
    beside = folder / HISTORY
    if file is None and not wanted:
        return {}
    return {
        change.number: change.facts
        for change in recorded(file or (beside if beside.is_file() else None))
    }


def _paths(folder: Path) -> list[bytes] | None:
    """The files that git knows in the folder, and those that recorded changes beside the rules
    speak of; None outside a repository, and then globs are not tried on them."""
    from harness.repository.environment import environment

    done = subprocess.run(
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


from harness.cli.rules.coverage import coverage  # noqa: E402
from harness.cli.rules.explain import explain  # noqa: E402
from harness.cli.rules.export import export  # noqa: E402
from harness.cli.rules.impact import impact  # noqa: E402
from harness.cli.rules.import_prose import import_  # noqa: E402
from harness.cli.rules.suggest import suggest  # noqa: E402

rules.add_command(coverage)
rules.add_command(explain)
rules.add_command(export)
rules.add_command(impact)
rules.add_command(import_)
rules.add_command(suggest)
