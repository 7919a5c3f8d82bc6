"""`factory rules`: the governance files, looked at as a person edits them."""

import subprocess
from pathlib import Path

import click

from harness.cli.options import as_json, emit

FOLDER = click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")


@click.group()
def rules() -> None:
    """Look at the governance files.

    As they stand in a folder, before they bind: at work the factory reads them at the tip of the default branch.

    \b
    Examples:
      factory rules lint          # form, ids, promises that nothing keeps
      factory rules test          # every rule against its own cases
    """


@rules.command()
@FOLDER
@as_json
def lint(folder: Path, as_json: bool) -> int:
    """Check the form of the governance files, and that no promise is empty.

    Reads mission.md, factory_rules.md and CLAUDE.md in FOLDER (default: the current one) and, where it is a git
    repository, the names of its files. Finds unknown keys, duplicate and dangling ids, sentences with MUST that no
    block keeps, limits that contradict, globs that match nothing, rules without a case. Writes nothing.

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
    from harness.factory.comments import ALL_LABELS
    from harness.factory.steering import WORKFLOWS
    from harness.governance import governance_in
    from harness.governance import lint as findings

    found = findings(governance_in(folder), known_workflows=WORKFLOWS, known_labels=set(ALL_LABELS), paths=_paths(folder))
    if as_json:
        emit({"ok": not found, "findings": [{"file": f.file, "line": f.line, "code": f.code, "says": f.says} for f in found]})
    else:
        for finding in found:
            click.echo(f"{finding.file}:{finding.line}: {finding.code}: {finding.says}")
        click.echo(f"{len(found)} findings" if found else "clean")
    return 1 if found else 0


@rules.command()
@FOLDER
@as_json
def test(folder: Path, as_json: bool) -> int:
    """Put every rule's own cases to the rule.

    Reads the governance files in FOLDER (default: the current one), decides each case in them by code, and compares
    with what the case expects. No model is asked, nothing is written.

    \b
    Exit codes:
      0  every case holds
      1  one does not; each is named with its file and line

    \b
    Examples:
      factory rules test
      factory rules test examples/tidebook
    """
    from harness.governance import governance_in, run_cases

    results = run_cases(governance_in(folder))
    failed = [result for result in results if not result.held]
    if as_json:
        emit({"ok": not failed, "cases": len(results), "failed": [
            {"rule": result.rule, "line": result.source.line, "expected": result.expected, "got": result.got,
             "says": result.says} for result in failed]})
    else:
        for result in failed:
            click.echo(f"{result.source.file}:{result.source.line}: {result.rule}: expected {result.expected}, "
                       f"got {result.got}: {result.says}")
        click.echo(f"{len(results) - len(failed)} of {len(results)} cases hold")
    return 1 if failed else 0


def _paths(folder: Path) -> list[bytes] | None:
    """The files that git knows in the folder; None outside a repository, and then globs are not tried on them."""
    done = subprocess.run(["git", "-C", str(folder), "ls-files", "-z"], capture_output=True, check=False, timeout=30)
    return [path for path in done.stdout.split(b"\0") if path] if done.returncode == 0 else None
