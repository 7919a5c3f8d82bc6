"""Setting up: `init` drafts the configuration of a factory, `doctor` checks that this machine and
this home can run one.
"""

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import as_json, at_a_terminal, emit, home
from harness.cli.output.terminal import ask, echo, echo_file
from harness.cli.rules.import_prose import as_document
from harness.domain.errors import ConfigError
from harness.domain.plain import JsonDict

if TYPE_CHECKING:
    from harness.onboarding import Survey
    from harness.operations.doctor.finding import CheckResult
    from harness.operations.readiness import Readiness
    from harness.operations.setup.init import InitResult
    from harness.operations.setup.rules_on_history import RulesOnHistory

ANSWERS: Mapping[str, str] = {"yes": "green", "not tried": "yellow", "no": "red"}
COLOURS: Mapping[str, str] = {"ok": "green", "warn": "yellow", "fail": "red"}


def _print_schema(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from harness.factory.settings.reference import SCHEMA_FILE

        echo_file(SCHEMA_FILE.read_text("utf-8"))
        context.exit()


@click.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Draft nothing: print the JSON schema of factory.toml, for editors.",
)
@click.option(
    "--keep",
    default="",
    metavar="N,N",
    help="Write these proposals into mission.md, by number.",
)
@click.option(
    "--yes", is_flag=True, help="Ask nothing; write only the proposals that --keep names."
)
@click.option("--dry-run", is_flag=True, help="Print what would be written, and write nothing.")
@click.option(
    "--runner",
    default="",
    metavar="OWNER/NAME@COMMIT",
    help="Also draft a workflow for a hosted runner, with the factory at that commit.",
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
    help="With --github: an Enterprise server or a running local forge.",
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
    keep: str,
    yes: bool,
    dry_run: bool,
    runner: str,
    github: str,
    org: str,
    host: str,
    webhooks_at: str,
    as_json: bool,
) -> None:
    """Draft the configuration of a factory for the git repository at PATH.

    PATH is the current folder unless given. The command reads the files that git tracks and runs
    none of them. It writes mission.md, factory_rules.md, CLAUDE.md, factory.toml, issue forms and
    labels, where they are missing. It overwrites nothing. Rules that existing prose states are
    drafted in shadow mode, beside the prose. Each guess names its source.

    At the end it replays the newest 200 changes under the rules that are there then, and counts how
    many they would have stopped. Its last lines say whether anything can merge here, and the one
    next step.

    It proposes things that the product should perhaps never become, and writes none of them unless
    you name it: when you are asked, or with --keep.

    With --runner it also drafts a workflow, .github/workflows/factory.yml. This runs one pass on a
    hosted runner, with a factory from that commit. The state is an encrypted file on a branch, or
    in a PostgreSQL; docs/operator.md lists the secrets that each needs.

    With --github nothing is drafted. A page on this machine asks GitHub for an app that has exactly
    the permissions the factory needs. The app's key is stored in $FACTORY_HOME. Once you have
    installed the app, the home serves that repository. Run it again to continue with the same app.

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
      factory init ~/src/shop --keep 3,5
      factory init --runner acme/lights-out-factory@0123456789012345678901234567890123456789
      factory init --github tidehouse/tidebook --org tidehouse
    """
    if github:
        if keep or dry_run or yes or runner:
            raise ConfigError(
                "--github drafts nothing, so --keep, --yes, --runner and --dry-run have no"
                " meaning with it"
            )
        from harness.cli.start.connect import with_a_new_app

        host = host or "https://github.com"
        with_a_new_app(github, org=org, host=host, webhooks=webhooks_at, as_json=as_json)
        return
    if org or host or webhooks_at:
        raise ConfigError("--org, --host and --webhooks-at belong to --github OWNER/NAME")
    # A question on standard output would break the one document of --json.
    asks = not (yes or dry_run or as_json)
    _draft(path, _numbers(keep), runner, asks=asks, dry_run=dry_run, as_json=as_json)


def _draft(
    path: Path, keep: tuple[int, ...], runner: str, *, asks: bool, dry_run: bool, as_json: bool
) -> None:
    from harness.cli.output.terminal import console
    from harness.operations.setup.init import init_repository
    from harness.operations.setup.init_readiness import init_readiness
    from harness.operations.setup.rules_on_history import rules_on_history

    # Without a home there is no launcher yet, so no key can be pinned.
    here = home() if (home() / "home.json").exists() else None
    if asks and not keep and at_a_terminal():
        # The first survey writes nothing: a person chooses among its proposals.
        preview = init_repository(path, home=here, write=False)
        if any(draft.path.startswith("mission.") for draft in preview.wrote):
            keep = _asked(preview.survey)
    found = init_repository(path, keep=keep, home=here, write=not dry_run, runner=runner)
    # Drafts that were not written bind nothing, so there is nothing to replay. Large changes take
    # long to read, and a person wants to know what is being waited for.
    with console(stderr=True).status("replaying the newest changes under these rules"):
        history = None if dry_run else rules_on_history(found.top)
    table = init_readiness(found, home=here)
    if as_json:
        emit({**_document(found, history, dry_run=dry_run), "readiness": table.as_json()})
        return
    if dry_run:
        _print_texts(found)
    else:
        _print(found, history)
    echo()
    _print_readiness(table)


@click.command()
@as_json
def doctor(as_json: bool) -> int:
    """Check that this machine, and the home on it, can run a factory.

    It begins with a short table: can triage work, can a change be built, can it be judged, can
    anything merge here, and the one next step. What nobody has done yet is "not tried".

    Each line after it is the result of a real attempt: a commit fetched and verified, a sandbox
    started, a page opened in Chromium inside one, the ledger read up to its signed head. Each model
    that a role names is called once for one token, by the broker's own code and with the home's
    keys; `factory cost` has it under no issue. A line that warns or fails names the remedy.
    Without a home the machine is checked, and the table is about the repository here. Secrets are
    named, never shown.

    \b
    Exit codes:
      0  nothing fails
      1  at least one check fails, or nothing can merge into the repository of the home

    \b
    Examples:
      factory doctor
      FACTORY_HOME=/srv/tidebook factory doctor --json
    """
    from harness.home.document import FILE
    from harness.operations.doctor.doctor import is_healthy, run_checks
    from harness.operations.doctor.home_readiness import home_readiness
    from harness.operations.readiness import Answer

    found = run_checks(home())
    table = home_readiness(home(), found, here=Path.cwd())
    is_well = is_healthy(found) and not ((home() / FILE).exists() and table.can_merge is Answer.NO)
    if as_json:
        emit(
            {
                "ok": is_well,
                "readiness": table.as_json(),
                "checks": [
                    {
                        "name": one.name,
                        "level": one.finding.level,
                        "message": one.finding.message,
                        "fix": one.finding.fix,
                    }
                    for one in found
                ],
            }
        )
    else:
        _print_readiness(table)
        echo()
        _print_findings(found)
    return 0 if is_well else 1


def _numbers(text: str) -> tuple[int, ...]:
    words = [word for word in text.replace(",", " ").split() if word]
    if not all(word.isdecimal() for word in words):
        raise ConfigError(
            f"expected the numbers of proposals, such as 3,5, found {text[:60]!r}", key="--keep"
        )
    return tuple(int(word) for word in words)


def _asked(survey: "Survey") -> tuple[int, ...]:
    """The numbers of the proposals that the maintainer keeps, asked on the terminal."""
    from harness.domain.shortened import in_one_line
    from harness.onboarding.nevers import nevers_of

    echo(f"{in_one_line(survey.name)} should perhaps never become:\n")
    for number, never in enumerate(nevers_of(survey), 1):
        echo(f"  {number}  {in_one_line(never.title)}")
    echo()
    return _numbers(ask("Write which into mission.md? Numbers, or nothing for none"))


def _document(found: "InitResult", history: "RulesOnHistory | None", *, dry_run: bool) -> JsonDict:
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
        "proposals": {str(number): never.title for number, never in found.proposals},
        "kept": list(found.kept),
        "missing": list(found.missing),
        "notes": list(found.notes),
        "contradictions": [as_document(contradiction) for contradiction in found.contradictions],
        "history": history and {**asdict(history), "by_rule": dict(history.by_rule)},
    }


def _print_texts(found: "InitResult") -> None:
    """Print what would be written, file by file, and then the same summary as after writing."""
    for draft in found.wrote:
        echo(f"--- {draft.path}\n{draft.text}")
    _print(found, verb="would write")


def _print(
    found: "InitResult", history: "RulesOnHistory | None" = None, *, verb: str = "wrote"
) -> None:
    from rich.markup import escape

    from harness.cli.output.terminal import console, section

    out, survey = console(), found.survey
    shares = ", ".join(f"{language.name} {language.percent} %" for language in survey.languages[:3])
    facts = " · ".join(filter(None, (survey.product, shares, f"branch {survey.branch}")))
    out.print(f"[bold]{escape(survey.name)}[/]  {escape(facts)}")
    # What is missing comes first: it decides whether anything can merge here.
    section(out, "could not find, or refused", found.missing)
    section(out, verb, [draft.path for draft in found.wrote])
    section(out, "kept", found.kept)
    section(out, "guessed", [guess for draft in found.wrote for guess in draft.guesses])
    section(
        out,
        "contradictions in the prose",
        [str(contradiction) for contradiction in found.contradictions],
    )
    section(
        out,
        "proposed for mission.md, and not written (--keep 1,3 writes two)",
        [f"{number}  {never.title}" for number, never in found.proposals],
    )
    section(out, "mind", found.notes)
    if not found.wrote:
        out.print("\nNothing to draft: what steers a factory is all here.")
    section(
        out, "your history (factory rules impact --from-git)", [str(history)] if history else []
    )
    section(out, "commands", _commands(found))


def _commands(found: "InitResult") -> list[str]:
    """The three commands to run next."""
    folder = [] if found.top == Path.cwd() else [str(found.top)]
    git = shlex.join(["git", *(["-C", *folder] if folder else [])])
    # These lines are made to be pasted into a shell.
    paths = shlex.join(draft.path for draft in found.wrote)
    commit = [f'{git} add {paths} && {git} commit -m "Steer a factory"'] if paths else []
    trial = shlex.join(["factory", "try", *(folder or ["."]), "--issues"])
    return [shlex.join(["factory", "rules", "lint", *folder]), *commit, f"{trial} DIR"]


def _print_readiness(found: "Readiness") -> None:
    from rich.markup import escape
    from rich.padding import Padding

    from harness.cli.output.terminal import console, section

    out = console()
    out.print("[bold]can anything merge here?[/]")
    for one in found.abilities:
        answer = f"[{ANSWERS[one.answer]}]{one.answer:<9}[/]"
        row = f"{one.question:<24}{answer}  {escape(one.because)}"
        out.print(Padding(row, (0, 0, 0, 2)) if out.is_terminal else f"  {row}")
    section(out, "the next step", [found.next_step])


def _print_findings(found: "tuple[CheckResult, ...]") -> None:
    from rich.markup import escape
    from rich.padding import Padding

    from harness.cli.output.terminal import console

    out = console()
    for one in found:
        level, finding = one.finding.level, one.finding
        out.print(
            f"[{COLOURS[level]}]{level:<4}[/]  [bold]{one.name:<10}[/]  {escape(finding.message)}"
        )
        if finding.fix:
            fix = f"→ {escape(finding.fix)}"
            out.print(Padding(fix, (0, 0, 0, 18)) if out.is_terminal else f"{'':18}{fix}")
