"""The `factory` command. Subcommands are imported only when they are called, so that `--help` is
instant."""

import importlib
import json
import os
import sys
from collections.abc import Sequence

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from harness.cli.output.terminal import write_every_letter
from harness.domain.errors import ConfigError, FactoryError, FactoryStop, Interrupted

SECTIONS = {
    "Start": {
        "demo": ("harness.cli.start.demo:demo", "The whole lap on the example app, without a key."),
        "init": (
            "harness.cli.start.setup:init",
            "Draft what steers a factory for the git repository at PATH.",
        ),
        "doctor": (
            "harness.cli.start.setup:doctor",
            "Prove line by line that this machine, and the home on it, can run a factory.",
        ),
        "drill": (
            "harness.cli.start.drill:drill",
            "Trip every brake on purpose, and say which held.",
        ),
        "try": (
            "harness.cli.start.trial:try_",
            "Laps on a copy of any repository; the original is read once and not touched.",
        ),
        "connect": (
            "harness.cli.start.connect:connect",
            "Make $FACTORY_HOME serve OWNER/NAME on a forge.",
        ),
    },
    "Work": {
        "up": (
            "harness.cli.work.daemon:up",
            "Work by the workflows' own schedule until told to stop.",
        ),
        "plan": (
            "harness.cli.work.plan:plan",
            "Think the lap through for ISSUE, and name what it leaves open.",
        ),
        "tick": (
            "harness.cli.work.tick:tick",
            "One pass: take in what happened, move every issue as far as it goes.",
        ),
        "triage": ("harness.cli.work.tick:triage", "Triage every issue that waits for it."),
        "run": ("harness.cli.work.tick:run", "Move ISSUE as far as it goes."),
        "validate": (
            "harness.cli.work.tick:validate",
            "Judge pull request PR again, on today's base.",
        ),
    },
    "Look": {
        "status": ("harness.cli.inspect.look:status", "Where every issue stands."),
        "why": (
            "harness.cli.inspect.look:why",
            "Why ISSUE stands where it does: rule, fact, quote, evidence.",
        ),
        "logs": ("harness.cli.inspect.look:logs", "What happened in RUN, node by node."),
        "replay": (
            "harness.cli.inspect.replay:replay",
            "Run RUN again, offline, and compare what it decides.",
        ),
        "digest": ("harness.cli.work.daemon:digest", "What was done, and what needs a person."),
        "cost": (
            "harness.cli.inspect.cost:cost",
            "What models cost: by issue, role, model, day or run.",
        ),
        "audit": (
            "harness.cli.inspect.look:audit",
            "Verify ledger, verdicts and landed trees, offline.",
        ),
    },
    "Steer": {
        "stop": ("harness.cli.control.brakes:stop", "Stop before the next side effect."),
        "resume": (
            "harness.cli.control.brakes:resume",
            "Lift the stop, a pause, or the freeze after a landing that differed.",
        ),
        "revert": ("harness.cli.control.revert:revert", "Take back what landed for ISSUE."),
        "rules": ("harness.cli.rules.group:rules", "Look at the governance files."),
        "journeys": (
            "harness.cli.control.journeys:journeys",
            "Read, add, supersede and retire sealed journeys.",
        ),
        "lessons": (
            "harness.cli.control.lessons:lessons",
            "Read, pin and retire what runs noted for later ones.",
        ),
        "workflow": (
            "harness.cli.control.workflow:workflow",
            "Check, show and draw the workflows that bind.",
        ),
    },
    "Keep": {
        "forge": (
            "harness.cli.maintain.forge:forge",
            "The forge in the box: serve it, fill it, back it up, put it back.",
        ),
        "gc": (
            "harness.cli.maintain.gc:gc",
            "Free what no open issue needs; never what is not merged.",
        ),
        "home": (
            "harness.cli.maintain.home:home",
            "Move a home's state, or keep it and fetch it elsewhere.",
        ),
        "agents": (
            "harness.cli.maintain.agents:agents",
            "Agent CLIs that a role may pick in place of the built-in agent.",
        ),
        "completion": (
            "harness.cli.maintain.completion:completion",
            "Print the completion script of a shell.",
        ),
    },
}
COMMANDS = {name: found for section in SECTIONS.values() for name, found in section.items()}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing or cmd_name.startswith("-"):
                return None
            raise NoSuchCommand(cmd_name, possibilities=COMMANDS, ctx=ctx)
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), name)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:<10}", words) for name, (_, words) in commands.items()]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names and summaries from the table: whoever presses tab does not wait for imports."""
        named = [
            CompletionItem(name, help=words)
            for name, (_, words) in COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return named + click.Command.shell_complete(self, ctx, incomplete)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="lights-out-factory")
def cli() -> None:
    """A software factory: issues go in, validated code comes out, and nobody is at the keyboard.

    All state lives in $FACTORY_HOME; where that is not set, in lights-out-factory below
    $XDG_STATE_HOME or ~/.local/state. Nothing is written to the current folder unless a command
    says so.

    \b
    Exit codes:
      0  done                     4  a budget is used up
      1  a finding, a refusal     5  something is unavailable, or another factory is at work
      2  usage or configuration   130  interrupted; the same command goes on
      3  needs a person

    \b
    Examples:
      factory demo                # the whole lap, in a few minutes
      factory tick --help         # every command says what it reads and writes
    """


def run(argv: Sequence[str]) -> int:
    """The whole program: an exit code for every way it can end, a message on standard error for
    every error."""
    write_every_letter()
    try:
        if "CREDENTIALS_DIRECTORY" in os.environ:  # under systemd, which hands secrets on in files
            from harness.home.state import from_systemd

            os.environ.update(from_systemd(os.environ))
        answer = cli.main(args=list(argv), prog_name="factory", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _complain(Interrupted("interrupted; the same command goes on from here"), argv)
    except click.ClickException as error:
        _tell_machines(error, error.format_message(), argv)
        error.show()
        return error.exit_code
    except (FactoryError, FactoryStop) as error:
        return _complain(error, argv)
    except OSError as error:
        if not error.filename:
            raise
        return _complain(
            ConfigError(
                f"{error.strerror}; it must be a place that this account can use",
                file=_shown(error.filename),
            ),
            argv,
        )


def _complain(error: FactoryError | FactoryStop, argv: Sequence[str]) -> int:
    _tell_machines(error, str(error), argv)
    click.echo(f"factory: {error}", err=True)
    return error.exit_code


def _tell_machines(error: BaseException, says: str, argv: Sequence[str]) -> None:
    if "--json" in argv:
        click.echo(json.dumps({"ok": False, "error": type(error).__name__, "says": says}))
        sys.stdout.flush()


def _shown(filename: str | bytes) -> str:
    return filename if isinstance(filename, str) else filename.decode(errors="backslashreplace")
