"""`factory rules export`: the governance files in the forge's own formats."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit
from harness.cli.output.terminal import echo, echo_file

if TYPE_CHECKING:
    from harness.governance.export import Exported

FORMATS = ("codeowners", "issue-forms", "labels", "ruleset")


@click.command()
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the files below DIR.",
)
@click.option(
    "--check", is_flag=True, help="Write nothing; list what in FOLDER differs from the export."
)
@click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="@NAME",
    help="codeowners: who is asked for a review; may be repeated.",
)
@click.option(
    "--require",
    "checks",
    multiple=True,
    metavar="CHECK",
    help="ruleset: the name of a check that must succeed; may be repeated.",
)
@click.option(
    "--lands-as",
    "lander",
    default="",
    metavar="KIND:ID",
    help="ruleset: the account that the factory pushes as: app:ID or user:ID.",
)
@as_json
def export(
    format_: str,
    folder: Path,
    out: Path | None,
    check: bool,
    owners: tuple[str, ...],
    checks: tuple[str, ...],
    lander: str,
    as_json: bool,
) -> int:
    """Export the governance files in a format of the forge.

    Reads the governance files in FOLDER (default: the current one). They stay the only source:
    nothing has to be kept in step by hand.

    \b
    codeowners   the protected paths, with --owner or `owners:` in the front matter of
                 factory_rules.md
    issue-forms  forms that name what the mission leaves out
    labels       the labels that the factory sets
    ruleset      JSON for the forge's REST API, one file for each ruleset

    Prints the FORMAT's files, or writes them with --out, over older ones. What the format cannot
    express is listed on standard error, each with the reason. With --check nothing is written, and
    each file in FOLDER that differs is named: for CI.

    \b
    Exit codes:
      0  exported; or nothing differs
      1  with --check: something differs
      2  the governance files cannot be read, or an owner is not valid

    \b
    Examples:
      factory rules export codeowners --owner @mara --out .
      factory rules export issue-forms --check
      factory rules export ruleset --lands-as app:12345 --out .
    """
    from harness.domain.errors import ConfigError
    from harness.governance import governance_in
    from harness.operations.setup import policy_exports

    if check and out:
        raise ConfigError("writes nothing, and --out writes; give one of the two", key="--check")
    options = policy_exports.ExportOptions(owners=owners, checks=checks, lander=lander)
    exported = policy_exports.FORMATS[format_](governance_in(folder), options)
    differing = policy_exports.drifted_paths(folder, exported.files) if check else ()
    wrote = policy_exports.write_exports(out, exported.files) if out else ()
    if as_json:
        _emit(exported, differing=differing, wrote=wrote)
    elif check:
        _print_differing(differing, format_)
    else:
        _print(exported, wrote=wrote, out=out)
    return 1 if differing else 0


def _emit(exported: "Exported", *, differing: tuple[str, ...], wrote: tuple[str, ...]) -> None:
    emit(
        {
            "ok": not differing,
            "files": [{"path": file.path, "text": file.text} for file in exported.files],
            "left": [
                {"rule": left.rule, "what": left.what, "because": left.because}
                for left in exported.left
            ],
            "differs": list(differing),
            "written": list(wrote),
        }
    )


def _print_differing(differing: tuple[str, ...], format_: str) -> None:
    for path in differing:
        echo(
            f"{path} differs from the governance files; `factory rules export {format_} --out .`"
            " writes it again"
        )
    if not differing:
        echo("nothing differs")


def _print(exported: "Exported", *, wrote: tuple[str, ...], out: Path | None) -> None:
    """Print the files, or which of them were written; and on standard error, what they cannot
    express."""
    for file in exported.files:
        if out:
            echo(f"{'wrote' if file.path in wrote else 'same'}  {file.path}")
        elif len(exported.files) > 1:
            echo(f"--- {file.path}\n{file.text}")
        else:
            # Nothing is added, so that the output can be redirected into the file's place.
            echo_file(file.text)
    for left in exported.left:
        echo(f"not exported: {left}", err=True)
