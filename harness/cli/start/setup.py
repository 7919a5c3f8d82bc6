"""Setting up: init drafts what steers a factory, doctor proves that this machine and this home can
run one."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.options import as_json, emit, home
from harness.cli.rules.import_prose import as_document
from harness.domain.errors import ConfigError

if TYPE_CHECKING:
    from harness.onboarding import Survey
    from harness.operations.doctor.doctor import Examined
    from harness.operations.setup.init import Begun

COLOURS: Mapping[str, str] = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option(
    "--strike",
    default="",
    metavar="N,N",
    help="Leave these proposals out of mission.md, by number.",
)
@click.option("--yes", is_flag=True, help="Ask nothing; keep every proposal that is not struck.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "--runner",
    default="",
    metavar="OWNER/NAME@COMMIT",
    help="Draft a workflow for a hosted runner as well, with the factory from there.",
)
@click.option(
    "--github",
    default="",
    metavar="OWNER/NAME",
    help="Draft nothing: make a GitHub App and connect as it.",
)
@click.option(
    "--org",
    default="",
    metavar="ORG",
    help="With --github: the app is this organisation's, not yours.",
)
@click.option(
    "--host",
    default="",
    metavar="URL",
    help="With --github: an Enterprise server or a running embedded forge.",
)
@click.option(
    "--webhooks-at",
    default="",
    metavar="URL",
    help="With --github: where webhooks reach `factory up --webhooks`.",
)
@as_json
def init(
    path: Path,
    strike: str,
    yes: bool,
    dry_run: bool,
    runner: str,
    github: str,
    org: str,
    host: str,
    webhooks_at: str,
    as_json: bool,
) -> None:
    """Draft what steers a factory for the git repository at PATH.

    PATH is the current folder unless given. Looks at the files that git tracks, and runs none of
    them. Writes mission.md, factory_rules.md, CLAUDE.md, factory.toml, issue forms and labels,
    where they are missing; nothing that is there is overwritten. Prose that governs already becomes
    rules in shadow, beside it. Each guess says what it stands on.

    Seven things that the product should perhaps never become are proposed. Strike what does not
    fit: when you are asked, by --strike, or by deleting the paragraph later.

    With --runner a workflow is drafted as well, .github/workflows/factory.yml: one pass on a hosted
    runner, by a factory from that commit. Its state is in a PostgreSQL, and it wants three secrets;
    docs/operations.md says which.

    With --github nothing is drafted: a page on this machine asks GitHub for an app with what the
    factory needs and no more, its key is kept in $FACTORY_HOME, and once you have installed it the
    home serves that repository. Said again, it goes on with the app that is there.

    \b
    Exit codes:
      0  the drafts are written, or nothing was missing; with --github, connected
      2  there is no repository here to work on, or a draft could not be written; with
         --github, nobody made or installed the app in time, or it lacks a permission
      5  git cannot read the repository, or the forge did not answer

    \b
    Examples:
      factory init
      factory init --dry-run
      factory init ~/src/shop --strike 3,5
      factory init --runner acme/lights-out-factory@0123456789012345678901234567890123456789
      factory init --github tidehouse/tidebook --org tidehouse
    """
    from harness.operations.setup.init import begun

    if github:
        if strike or dry_run or yes or runner:
            raise ConfigError(
                "--github drafts nothing, so --strike, --yes, --runner and --dry-run have no"
                " meaning with it"
            )
        from harness.cli.start.connect import with_a_new_app

        with_a_new_app(
            github,
            org=org,
            host=host or "https://github.com",
            webhooks=webhooks_at,
            as_json=as_json,
        )
        return
    if org or host or webhooks_at:
        raise ConfigError("--org, --host and --webhooks-at belong to --github OWNER/NAME")

    struck = _numbers(strike)
    here = home() if (home() / "home.json").exists() else None
    if not (yes or dry_run or as_json or struck) and sys.stdin.isatty() and sys.stdout.isatty():
        look = begun(path, home=here, write=False)
        struck = (
            _asked(look.survey)
            if any(draft.path.startswith("mission.") for draft in look.wrote)
            else ()
        )
    found = begun(path, strike=struck, home=here, write=not dry_run, runner=runner)
    if as_json:
        emit(_document(found, dry_run=dry_run))
    elif dry_run:
        _print_texts(found)
    else:
        _print(found)


@click.command()
@as_json
def doctor(as_json: bool) -> int:
    """Prove line by line that this machine, and the home on it, can run a factory.

    Each line did the thing itself: a commit fetched and verified, a box closed, a page opened in
    Chromium inside one, the ledger read to its signed head. A line that warns or fails says how to
    put it right. Without a home only the machine is looked at. Secrets are named, never shown.
    Writes nothing that stays.

    \b
    Exit codes:
      0  nothing fails
      1  something does

    \b
    Examples:
      factory doctor
      FACTORY_HOME=/srv/tidebook factory doctor --json
    """
    from harness.operations.doctor.doctor import examined, is_healthy

    found = examined(home())
    if as_json:
        emit(
            {
                "ok": is_healthy(found),
                "checks": [
                    {
                        "name": one.name,
                        "level": one.finding.level,
                        "says": one.finding.says,
                        "fix": one.finding.fix,
                    }
                    for one in found
                ],
            }
        )
    else:
        _print_findings(found)
    return 0 if is_healthy(found) else 1


def _numbers(text: str) -> tuple[int, ...]:
    words = [word for word in text.replace(",", " ").split() if word]
    if not all(word.isdecimal() for word in words):
        raise ConfigError(
            f"expected the numbers of proposals, such as 3,5, found {text[:60]!r}", key="--strike"
        )
    return tuple(int(word) for word in words)


def _asked(survey: "Survey") -> tuple[int, ...]:
    """What the maintainer strikes, asked on the terminal."""
    from harness.onboarding.nevers import nevers_of

    click.echo(f"{survey.name} should perhaps never become:\n")
    for number, never in enumerate(nevers_of(survey), 1):
        click.echo(f"  {number}  {never.title}")
    return _numbers(
        click.prompt(
            "\nStrike which? Numbers, or nothing to keep them all", default="", show_default=False
        )
    )


def _document(found: "Begun", *, dry_run: bool) -> dict[str, Any]:
    survey = found.survey
    return {
        "ok": True,
        "folder": str(found.top),
        "name": survey.name,
        "product": survey.product,
        "default_branch": survey.branch,
        "languages": {language.name: language.percent for language in survey.languages},
        "written": [] if dry_run else [draft.path for draft in found.wrote],
        "drafts": [
            {
                "path": draft.path,
                "guesses": list(draft.guesses),
                **({"text": draft.text} if dry_run else {}),
            }
            for draft in found.wrote
        ],
        "kept": list(found.kept),
        "missing": list(found.missing),
        "notes": list(found.notes),
        "contradictions": [as_document(contradiction) for contradiction in found.contradictions],
    }


def _print_texts(found: "Begun") -> None:
    """What would be written, file by file, then the rest as after writing."""
    for draft in found.wrote:
        click.secho(f"--- {draft.path}", bold=True)
        click.echo(draft.text)
    _print(found, verb="would write")


def _print(found: "Begun", *, verb: str = "wrote") -> None:
    from harness.cli.output.terminal import console, section, shown

    out, survey = console(), found.survey
    shares = ", ".join(f"{language.name} {language.percent} %" for language in survey.languages[:3])
    facts = " · ".join(filter(None, (survey.product, shares, f"branch {survey.branch}")))
    out.print(f"[bold]{shown(survey.name)}[/]  {shown(facts)}")
    section(out, verb, [draft.path for draft in found.wrote])
    section(out, "kept", found.kept)
    section(out, "guessed", [guess for draft in found.wrote for guess in draft.guesses])
    section(
        out,
        "contradictions in the prose",
        [str(contradiction) for contradiction in found.contradictions],
    )
    section(out, "could not find, or refused", found.missing)
    section(out, "mind", found.notes)
    if not found.wrote:
        out.print("\nNothing to draft: what steers a factory is all here.")
    section(out, "next", _next(found))


def _next(found: "Begun") -> list[str]:
    """The three commands that come now."""
    folder = [] if found.top == Path.cwd() else [str(found.top)]
    git = shlex.join(["git", *(["-C", *folder] if folder else [])])
    paths = shlex.join(draft.path for draft in found.wrote)
    commit = [f'{git} add {paths} && {git} commit -m "Steer a factory"'] if paths else []
    trial = shlex.join(["factory", "try", *(folder or ["."]), "--issues"])
    return [shlex.join(["factory", "rules", "lint", *folder]), *commit, f"{trial} DIR"]


def _print_findings(found: "tuple[Examined, ...]") -> None:
    from rich.padding import Padding

    from harness.cli.output.terminal import console, shown

    out = console()
    for one in found:
        level, finding = one.finding.level, one.finding
        out.print(
            f"[{COLOURS[level]}]{level:<4}[/]  [bold]{one.name:<10}[/]  {shown(finding.says)}"
        )
        if finding.fix:
            fix = f"→ {shown(finding.fix)}"
            out.print(Padding(fix, (0, 0, 0, 18)) if out.is_terminal else f"{'':18}{fix}")
