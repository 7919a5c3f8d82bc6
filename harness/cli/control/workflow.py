"""`factory workflow`: the workflows in force: the repository's own where it has one, else the
built-in ones.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo, echo_file
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict
from harness.domain.shortened import count, in_one_line

if TYPE_CHECKING:
    from harness.factory.settings.workflows import EffectiveWorkflows, WorkflowFile

_T = TypeVar("_T")
FORMS = ("text", "mermaid", "dot")
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
from_path = click.option(
    "--path",
    "folder",
    type=FOLDER,
    help="A working copy to read instead of the home's repository.",
)


@dataclass(frozen=True, slots=True)
class View:
    """The workflows in force, and where they were read. `digest` covers everything that configures
    the factory; it exists only at a base commit.
    """

    where: str
    effective_workflows: "EffectiveWorkflows"
    digest: str | None = None


@click.group()
def workflow() -> None:
    """Check, show, draw and run workflows.

    Four documents define what the factory does with an issue: triage, implement, validate, merge. A
    copy of one of them under workflows/ in your repository, at the base commit, replaces the
    built-in one, file by file. A document of any other name there is a workflow of your own.
    docs/workflows.md teaches the language.

    \b
    Examples:
      factory workflow check               # every problem of a working copy
      factory workflow show                # which documents are in force, and their digests
      factory workflow graph implement     # a picture of one
      factory workflow run release-train   # one of your own, now
    """


@workflow.command()
@click.argument("folder", type=FOLDER, default=".", metavar="[PATH]")
@as_json
def check(folder: Path, as_json: bool) -> int:
    """List every problem in the workflows of a working copy.

    Reads workflows/*.yaml and workflows/prompts/*.j2 in PATH (default: the current folder) as the
    factory would read them at the base commit. It checks their form, the names in them, and the
    promises that no workflow can take away. Writes nothing.

    \b
    Exit codes:
      0  clean
      1  problems, one a line: file, line, key, words

    \b
    Examples:
      factory workflow check
      factory workflow check examples/workflows/library --json
    """
    found = _in_folder(folder).effective_workflows
    if as_json:
        emit(
            {
                "ok": not found.faults,
                "workflows": [_row(one) for one in (*found.documents, *found.own)],
                "problems": [
                    {
                        "file": fault.file,
                        "line": fault.line,
                        "key": fault.key,
                        "message": fault.message,
                    }
                    for fault in found.faults
                ],
            }
        )
    else:
        for fault in found.faults:
            echo(str(fault))
        echo(count(len(found.faults), "problem") if found.faults else _clean(found))
    return 1 if found.faults else 0


def _all(found: "EffectiveWorkflows") -> "tuple[WorkflowFile, ...]":
    return (*found.documents, *found.own, *found.prompts)


def _clean(found: "EffectiveWorkflows") -> str:
    theirs = [one.path for one in _all(found) if one.is_override]
    if theirs:
        return f"clean: {', '.join(theirs)}"
    return "clean: no workflow of its own, the built-in ones are in force"


@workflow.command()
@click.argument("name", required=False)
@from_path
@as_json
def show(name: str | None, folder: Path | None, as_json: bool) -> None:
    """Show which workflows and prompts are in force, and whose they are.

    With NAME (`validate`, `implement.md.j2`) it prints the text of that one. Reads the base commit
    of the repository that $FACTORY_HOME serves, as it was last fetched. Where there is no factory,
    or with --path, it reads a working copy. Only a base commit has a digest of the whole
    configuration. Writes nothing.

    \b
    Exit codes:
      0  shown
      2  there is no workflow of that name, or the configuration is not valid
      5  no branch was fetched yet

    \b
    Examples:
      factory workflow show
      factory workflow show validate --path examples/workflows/docs
      factory workflow show --json
    """
    view = _view(folder)
    documents = _all(view.effective_workflows)
    if name is not None:
        found = _named(name, {one.name: one for one in documents})
        if as_json:
            emit({"where": view.where, **_row(found), "text": found.text})
        else:
            # Byte for byte, so that the output can be saved as a file of one's own.
            echo_file(found.text)
    elif as_json:
        emit(
            {
                "where": view.where,
                "digest": view.digest,
                "documents": [_row(one) for one in documents],
            }
        )
    else:
        digest = f", the whole configuration: {view.digest:.19}" if view.digest else ""
        echo(f"{view.where}{digest}")
        for one in documents:
            echo(
                f"  {one.name:<17} {'its own' if one.is_override else 'built in':<9}"
                f" {_digest(one):.19}  {one.path}"
            )


@workflow.command()
@click.argument("name", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="text",
    show_default=True,
    help="The output form: for a terminal, for a forge's pages, or for Graphviz.",
)
@from_path
@as_json
def graph(name: str | None, form: str, folder: Path | None, as_json: bool) -> None:
    """Draw a workflow, or all of them.

    NAME is one of triage, implement, validate, merge, or one of your own. Reads what `factory
    workflow show` reads. Writes nothing.

    \b
    Exit codes:
      0  drawn
      2  there is no workflow of that name, or it is not valid
      5  no branch was fetched yet

    \b
    Examples:
      factory workflow graph
      factory workflow graph validate --format mermaid
      factory workflow graph --path examples/workflows/docs --format dot
    """
    from harness.workflow import drawn

    view = _view(folder)
    if view.effective_workflows.faults:
        raise view.effective_workflows.faults[0]
    found = view.effective_workflows
    workflows = {**found.workflows, **found.own_workflows}
    chosen = (_named(name, {one: one for one in workflows}),) if name else tuple(workflows)
    pictures = {one: drawn(workflows[one], form) for one in chosen}
    if as_json:
        emit({"where": view.where, "format": form, "pictures": pictures})
    else:
        echo_file("\n".join(pictures.values()))


@workflow.command()
@click.argument("name")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="KEY=VALUE",
    help="A text that the workflow declares under `input`; may be repeated.",
)
@as_json
def run(name: str, inputs: tuple[str, ...], as_json: bool) -> int:
    """Run NAME, a workflow of your own, now.

    Reads it at the tip of the default branch. It runs until it has ended, or only waits: for a
    time, or for a person. `factory up` and `factory tick` go on from there. If another factory
    works on this home, that one starts it at its next pass. The four built-in workflows start
    by themselves. Writes the ledger, and what the rules grant to the workflow.

    \b
    Exit codes:
      0  it succeeded, it waits, or the factory at work will start it
      1  it failed, or a person did not approve
      2  it was not started: there is no such workflow, or its last run is still under way
      5  the forge does not answer

    \b
    Examples:
      factory workflow run nightly-links
      factory workflow run announce --input version=1.3 --json
    """
    from uuid import uuid4

    from harness.domain.events import WorkflowRequested
    from harness.home.state import open_ledger

    key = f"{WorkflowRequested.kind}/{uuid4().hex}"
    with open_ledger(home()) as ledger:
        ledger.append(WorkflowRequested(name, _input_of(inputs)), key)
    found = _driven(key, quiet=as_json)
    if as_json:
        emit({"ok": found["status"] not in NOT_WELL, "workflow": name, **found})
    else:
        words = in_one_line(str(found["message"]))
        echo(f"{found['run'] or name}: {found['status']}" + (f", {words}" if words else ""))
    return NOT_WELL.get(str(found["status"]), 0)


NOT_WELL = {"failed": 1, "blocked": 1, "cancelled": 1, "refused": 2}
"""The exit codes of ends that are no success."""


def _input_of(texts: tuple[str, ...]) -> JsonDict:
    for text in texts:
        if "=" not in text:
            raise ConfigError(f"expected KEY=VALUE, found `{text}`", key="--input")
    return dict(text.split("=", 1) for text in texts)


def _driven(key: str, *, quiet: bool) -> JsonDict:
    """What became of the request of this key."""
    from harness.cli.output.progress import Progress
    from harness.domain.errors import Busy
    from harness.factory.pipeline.tick import drive_own_runs
    from harness.factory.records.own_runs import OwnRunIndex
    from harness.log import Log
    from harness.wiring import open_factory

    try:
        with (
            Progress(quiet=quiet) as progress,
            open_factory(home(), log=Log(progress)) as works,
        ):
            drive_own_runs(works.services, works.dispatch)
            return OwnRunIndex(works.services.ledger).outcome_of(key)
    except Busy:
        message = "the factory that works on this home starts it at its next pass"
        return {"run": "", "status": "requested", "message": message}


def _view(folder: Path | None) -> View:
    """A working copy if one was named, else the home's base, else the current folder."""
    from harness.home.document import FILE

    if folder is not None:
        return _in_folder(folder)
    return _at_base() if (home() / FILE).exists() else _in_folder(Path())


def _in_folder(folder: Path) -> View:
    from harness.factory.settings.workflows import FOLDER as WORKFLOWS
    from harness.factory.settings.workflows import effective_workflows_in

    # People name the folder workflows/ itself as often as the one around it.
    if folder.resolve().name == WORKFLOWS and not (folder / WORKFLOWS).exists():
        folder = folder.resolve().parent
    return View(f"working copy {folder}", effective_workflows_in(folder))


def _at_base() -> View:
    from harness.factory.run.policy_snapshot import governance_at, read_policy
    from harness.factory.settings.workflows import effective_workflows
    from harness.wiring import open_archive

    with open_archive(home()) as archive:
        repository, base = archive.repository, archive.base
        found = effective_workflows(
            repository.files(base),
            lambda path: repository.read(base, path),
            lambda: governance_at(repository, base).grants,
        )
        return View(
            f"base {base:.10} of {archive.branch}",
            found,
            # A configuration with faults is not in force, so it has no digest.
            None if found.faults else read_policy(repository, base).digest,
        )


def _named(name: str, found: Mapping[str, _T]) -> _T:
    from harness.workflow import nearest

    if name not in found:
        raise ConfigError(f"there is no such workflow; {nearest(name, found)}", key=name)
    return found[name]


def _row(one: "WorkflowFile") -> JsonDict:
    return {"name": one.name, "file": one.path, "own": one.is_override, "sha256": _digest(one)}


def _digest(one: "WorkflowFile") -> str:
    return f"sha256:{hashlib.sha256(one.text.encode('utf-8')).hexdigest()}"
