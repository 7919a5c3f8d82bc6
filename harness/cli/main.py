"""The `factory` command. It imports a subcommand only when the subcommand is called, so `--help`
answers at once.
"""

import importlib
import json
import os
import sys
from collections.abc import Sequence

import click
from click.exceptions import NoSuchCommand
from click.shell_completion import CompletionItem

from harness.cli.output.terminal import echo, write_every_letter
from harness.domain.errors import ConfigError, FactoryError, FactoryStop, Interrupted

SECTIONS = {
    "Start": {
        "demo": (
            "harness.cli.start.demo:demo",
            "Run the whole pipeline on the example app, without an API key.",
        ),
        "init": (
            "harness.cli.start.setup:init",
            "Draft the configuration of a factory for the git repository at PATH.",
        ),
        "doctor": (
            "harness.cli.start.setup:doctor",
            "Check that this machine, and the home on it, can run a factory.",
        ),
        "drill": (
            "harness.cli.start.drill:drill",
            "Trip every brake on purpose, and report which ones held.",
        ),
        "try": (
            "harness.cli.start.trial:try_",
            "Run the pipeline on a copy of a repository; the original stays untouched.",
        ),
        "connect": (
            "harness.cli.start.connect:connect",
            "Make $FACTORY_HOME serve OWNER/NAME on a forge.",
        ),
    },
    "Work": {
        "up": (
            "harness.cli.work.daemon:up",
            "Run continuously, on the workflows' own schedules, until stopped.",
        ),
        "plan": (
            "harness.cli.work.plan:plan",
            "Do a dry run for ISSUE, and list what the issue leaves open.",
        ),
        "tick": (
            "harness.cli.work.tick:tick",
            "Run one pass: read the forge, then advance every issue as far as possible.",
        ),
        "triage": ("harness.cli.work.tick:triage", "Triage every issue that waits for triage."),
        "run": ("harness.cli.work.tick:run", "Advance ISSUE as far as possible."),
        "validate": (
            "harness.cli.work.tick:validate",
            "Validate pull request PR again, on the current base.",
        ),
    },
    "Inspect": {
        "status": (
            "harness.cli.inspect.look:status",
            "Show which factory is at work, what it waits for, and the state of every issue.",
        ),
        "why": (
            "harness.cli.inspect.look:why",
            "Explain the state of ISSUE, or why COMMIT is served.",
        ),
        "logs": ("harness.cli.inspect.look:logs", "Show what happened in RUN, node by node."),
        "replay": (
            "harness.cli.inspect.replay:replay",
            "Run RUN again, offline, and compare its decisions.",
        ),
        "digest": (
            "harness.cli.work.daemon:digest",
            "Show what was done, and what needs a person.",
        ),
        "cost": (
            "harness.cli.inspect.cost:cost",
            "Show what models cost: by issue, role, model, day or run.",
        ),
        "trust": (
            "harness.cli.inspect.trust:trust",
            "Show how far the factory can be trusted, and the facts behind it.",
        ),
        "audit": (
            "harness.cli.inspect.look:audit",
            "Verify ledger, verdicts and landed trees, offline.",
        ),
    },
    "Control": {
        "stop": ("harness.cli.control.brakes:stop", "Stop before the next side effect."),
        "resume": (
            "harness.cli.control.brakes:resume",
            "Lift a stop, a pause, or a freeze.",
        ),
        "releases": (
            "harness.cli.control.releases:releases",
            "List the releases of what has landed; hold and resume them.",
        ),
        "errors": (
            "harness.cli.control.errors:errors",
            "List the errors that the running app reported, by group.",
        ),
        "revert": ("harness.cli.control.revert:revert", "Revert what landed for ISSUE."),
        "rules": ("harness.cli.rules.group:rules", "Inspect the governance files."),
        "journeys": (
            "harness.cli.control.journeys:journeys",
            "Draft and try a journey; read, add, supersede and retire sealed ones.",
        ),
        "lessons": (
            "harness.cli.control.lessons:lessons",
            "Read, pin and retire lessons that runs noted for later runs.",
        ),
        "workflow": (
            "harness.cli.control.workflow:workflow",
            "Check, show, draw and run workflows.",
        ),
    },
    "Maintain": {
        "forge": (
            "harness.cli.maintain.forge:forge",
            "The local forge: serve it, import into it, back it up, restore it.",
        ),
        "gc": (
            "harness.cli.maintain.gc:gc",
            "Delete what no open issue needs; never what is not merged.",
        ),
        "home": (
            "harness.cli.maintain.home:home",
            "Move a home's state, or back it up and fetch it elsewhere.",
        ),
        "agents": (
            "harness.cli.maintain.agents:agents",
            "Manage agent CLIs that a role may use instead of the built-in agent.",
        ),
        "completion": (
            "harness.cli.maintain.completion:completion",
            "Print the completion script of a shell.",
        ),
    },
}
COMMANDS = {name: found for section in SECTIONS.values() for name, found in section.items()}


class LazyGroup(click.Group):
    """A click group that lists its commands by name and imports a command only when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            # Completion must not end in an error, and click itself explains a wrong option.
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
        """Names and summaries come from the table, so pressing tab imports no command."""
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

    All state is in $FACTORY_HOME. If that is not set, it is in the folder lights-out-factory below
    $XDG_STATE_HOME or ~/.local/state. No command writes to the current folder unless its help page
    names the file.

    \b
    Exit codes:
      0    done
      1    a finding, a refusal
      2    usage or configuration
      3    needs a person, or the owner's stop is set
      4    a budget is used up
      5    something is unavailable, or another factory is at work
      70   a fault of ours
      130  interrupted; the message names the command that goes on

    \b
    Examples:
      factory demo                # the whole pipeline, in a few minutes
      factory tick --help         # every command has a page: what it does, how it ends, examples
    """


def run(argv: Sequence[str]) -> int:
    """Run the program and return its exit code. A known error prints one message on standard
    error; a fault of ours keeps its traceback.
    """
    write_every_letter()
    try:
        # systemd passes secrets in files.
        if "CREDENTIALS_DIRECTORY" in os.environ:
            from harness.home.state import from_systemd

            os.environ.update(from_systemd(os.environ))
        # Not standalone: click would end the process itself, with exit codes of its own.
        answer = cli.main(args=list(argv), prog_name="factory", standalone_mode=False)
        # A command that has only one way to end returns nothing.
        return answer if isinstance(answer, int) else 0
    except (click.exceptions.Abort, KeyboardInterrupt):
        from harness.cli.interruption import interrupted_words

        return _report_error(Interrupted(interrupted_words()), argv)
    except click.ClickException as error:
        _emit_error(error, error.format_message(), argv)
        error.show()
        return error.exit_code
    except (FactoryError, FactoryStop) as error:
        return _report_error(error, argv)
    except OSError as error:
        # An OSError with a file name is an unusable path, which the user can correct. One without
        # is a fault of ours and keeps its traceback.
        if not error.filename:
            raise
        complaint = ConfigError(
            f"{error.strerror}; it must be a place that this account can use",
            file=_shown(error.filename),
        )
        return _report_error(complaint, argv)


def _report_error(error: FactoryError | FactoryStop, argv: Sequence[str]) -> int:
    _emit_error(error, str(error), argv)
    # It may quote a server that somebody only named.
    echo(f"factory: {error}", err=True)
    return error.exit_code


def _emit_error(error: BaseException, message: str, argv: Sequence[str]) -> None:
    # Looked for as text, because the arguments may be what is wrong.
    if "--json" in argv:
        echo(json.dumps({"ok": False, "error": type(error).__name__, "message": message}))
        # The message on standard error follows, and must not overtake this one.
        sys.stdout.flush()


def _shown(filename: str | bytes) -> str:
    return filename if isinstance(filename, str) else filename.decode(errors="backslashreplace")
