"""`factory rules suggest`: draft rules for maintainers from what people overrode."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo

if TYPE_CHECKING:
    from harness.governance.past.suggest import SuggestedRule


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
    help="How many overrides or accepted appeals a draft needs; the default is 2.",
)
@as_json
def suggest(folder: Path, out: Path | None, enough: int, as_json: bool) -> None:
    """Draft rules from what people overrode and appealed against.

    Reads the governance files in FOLDER (default: the current one) and the ledger of $FACTORY_HOME.
    Suppose a rule refused changes, and people merged them anyway or retried until something landed.
    Then the draft has the smallest limit that lets those changes through, or an exception for a
    file that all of them touched. Suppose issues were rejected by an entry of the mission, people
    appealed, and the issues went on. Then the draft uses the words of those issues.

    A draft is a section of Markdown to paste or to ignore: a rule in shadow mode, beside the one in
    force. It names the ledger entries and the changes that support it. This command writes to no
    governance file. The factory cannot merge a draft either: LAW-PROTECTED forbids it to change its
    own configuration.

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
        echo(f"{len(found)} drafts in {out}" if out else _page(found))


def _page(found: "tuple[SuggestedRule, ...]") -> str:
    if not found:
        return (
            "Nothing to suggest: people did not go on often enough with what a rule or an entry had"
            " refused."
        )
    return "\n".join(f"<!-- for {one.file}: about {one.about} -->\n\n{one.text}" for one in found)


def _write(out: Path, found: "tuple[SuggestedRule, ...]") -> None:
    """Write the drafts to a new file.

    Raises ConfigError for a file that exists, and for any spelling of a name that configures the
    factory.
    """
    from harness.domain.errors import ConfigError
    from harness.governance.built_in import PROTECTED
    from harness.governance.paths import resembles

    inside = tuple(pattern for pattern in PROTECTED if not pattern.startswith("/"))
    named = tuple(pattern.strip("/") for pattern in PROTECTED)
    # Resolved, because a link could lead to a file that governs.
    whole = str(out.resolve()).lstrip("/").encode("utf-8", "surrogateescape")
    if resembles(inside, whole) or resembles(named, out.name.encode("utf-8", "surrogateescape")):
        raise ConfigError(
            f"{out} is for people to edit; name a file of its own for the drafts, such as"
            " drafts.md",
            key="--out",
        )
    try:
        # Opened for a new file only, so nothing can appear between a check and the write.
        with out.open("x", encoding="utf-8") as file:
            file.write(_page(found))
    except FileExistsError:
        raise ConfigError(
            f"{out} is there already, and nothing is written over; name a new file", key="--out"
        ) from None
