"""`factory rules suggest`: drafts for maintainers, from what people did against the rules."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home

if TYPE_CHECKING:
    from harness.governance.past.suggest import Draft


@click.command()
@click.argument(
    "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default="."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the drafts to FILE, which must not exist, instead of printing them.",
)
@click.option(
    "--at-least",
    "enough",
    type=click.IntRange(min=1),
    default=2,
    metavar="TIMES",
    help="How many overrides or accepted appeals a draft stands on; without it, 2.",
)
@as_json
def suggest(folder: Path, out: Path | None, enough: int, as_json: bool) -> None:
    """Draft rules from what people overrode and appealed against.

    Reads the governance files in FOLDER (default: the current one) and the ledger of $FACTORY_HOME.
    A rule that refused what people then merged, or had done again until it landed, gets a draft
    with the smallest limit that lets those changes through, or with a file that each of them has
    left out. An entry of the mission whose rejections were appealed against and then let go on gets
    a draft in the words of those issues.

    A draft is a section of Markdown to paste or to leave, of a rule in shadow beside the one that
    binds. It says which entries of the ledger and which changes it stands on. Nothing here writes
    to a governance file, and the factory can merge none of it: LAW-PROTECTED keeps what steers it
    out of its hands.

    \b
    Examples:
      factory rules suggest
      factory rules suggest --at-least 5 --out drafts.md
    """
    from harness.factory.policy_gate.recorded import recorded_answers, recorded_cites
    from harness.governance import governance_in
    from harness.governance.past.coverage import coverage
    from harness.governance.past.suggest import drafts
    from harness.home.state import open_ledger

    governance = governance_in(folder)
    with open_ledger(home()) as ledger:
        entries = ledger.entries()
    found = drafts(
        governance,
        coverage(governance, recorded_answers(entries), recorded_cites(entries)),
        enough=enough,
    )
    if out is not None:
        _write(out, found)
    if as_json:
        emit(
            {
                "drafts": [
                    {
                        "file": one.file,
                        "about": one.about,
                        "text": one.text,
                        "entries": list(one.entries),
                        "changes": list(one.changes),
                    }
                    for one in found
                ],
                "wrote": str(out) if out else None,
            }
        )
    else:
        click.echo(f"{len(found)} drafts in {out}" if out else _page(found))


def _page(found: "tuple[Draft, ...]") -> str:
    if not found:
        return (
            "Nothing to suggest: people did not go on often enough with what a rule or an entry had"
            " refused."
        )
    return "\n".join(f"<!-- for {one.file}: about {one.about} -->\n\n{one.text}" for one in found)


def _write(out: Path, found: "tuple[Draft, ...]") -> None:
    """Raises ConfigError for a name that steers the factory, under any look, and for a file that is
    there."""
    from harness.domain.errors import ConfigError
    from harness.governance.law import PROTECTED
    from harness.governance.paths import resembles

    inside = tuple(pattern for pattern in PROTECTED if not pattern.startswith("/"))
    named = tuple(pattern.strip("/") for pattern in PROTECTED)
    whole = str(out.resolve()).lstrip("/").encode("utf-8", "surrogateescape")
    if resembles(inside, whole) or resembles(named, out.name.encode("utf-8", "surrogateescape")):
        raise ConfigError(
            f"{out} is for people to edit; name a file of its own for the drafts, such as"
            " drafts.md",
            key="--out",
        )
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(_page(found))
    except FileExistsError:
        raise ConfigError(
            f"{out} is there already, and nothing is written over; name a new file", key="--out"
        ) from None
