"""The command line: `judge`, `observe` and `author` for the factory; `new`, `record`, `try`,
`prove`, `check`, `store` and `verify` for people.

Exit 0: it ran, and the outcome is in the file. 1: a finding (a journey with problems, a verdict
that does not verify). 2: the caller must change something first. 5, of `try`: the journey could not
be performed. Any other exit than 0 from `judge` means inconclusive."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from validators import store_wiring, wiring
from validators.domain.errors import ValidatorsError
from validators.domain.stops import UsageError

if TYPE_CHECKING:
    from validators.authoring.local_request import LocalApp

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    # Sandboxes with another uid read what is exported. Secrets get their own modes.
    os.umask(0o022)
    signal.signal(signal.SIGTERM, _interrupted)
    arguments = _parser().parse_args(argv)
    if getattr(arguments, "lifeline", False):
        threading.Thread(
            target=_stop_at_the_end_of, args=(sys.stdin.fileno(),), name="lifeline", daemon=True
        ).start()
    try:
        code: int = arguments.command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _unread()
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    except ValidatorsError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; no verdict was written", file=sys.stderr)
        return 130
    return code


def _unread() -> int:
    """The exit code, as a shell has it, when the reader of standard output has gone, as `head`
    does. Any other broken pipe is raised again."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    raise


def _stop_at_the_end_of(pipe: int) -> None:
    """Stop this program when the caller closes the pipe: then nobody reads the result."""
    while os.read(pipe, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _interrupted(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m validators", description="The sealed judge.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, does, command in (
        ("judge", "judge a candidate and sign the verdict", _judge),
        (
            "observe",
            "perform journeys of landed work on a commit, and sign what they show",
            _observe,
        ),
        ("author", "have journeys written for an issue, prove them and seal them", _author),
    ):
        asked = commands.add_parser(name, help=does)
        _request(asked)
        asked.add_argument(
            "--out", type=Path, required=True, metavar="DIR", help="where what may leave is written"
        )
        asked.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
        asked.set_defaults(command=command)
    _add_prove(commands)
    _add_try(commands)
    _add_new(commands)
    _add_record(commands)
    _add_check(commands)
    _add_verify(commands)
    _add_key(commands)
    _add_store(commands)
    return parser


def _request(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--request", type=Path, required=True, metavar="FILE", help="request.json")


def _add_prove(commands: Commands) -> None:
    prove = commands.add_parser(
        "prove",
        help="show that journeys can fail (on base) and can pass (on a reference); seal nothing",
    )
    add = prove.add_argument
    add("files", type=Path, nargs="+", metavar="FILE", help="journeys; a proof is written beside")
    add("--request", type=Path, metavar="FILE", help="request.json, instead of folders")
    add("--base", type=Path, metavar="FOLDER", help="the app before the change; none: a regression")
    add("--reference", type=Path, metavar="FOLDER", help="the app as it should be")
    add("--kind", choices=("bug", "feature"), default="bug",
        help="a feature may be red by what is missing")  # fmt: skip
    _add_app(prove)
    add("--rounds", type=int, default=3, metavar="N", help="how many seeds must agree (3)")
    add("--unless-proved", action="store_true",
        help="skip a journey whose proof is of this file and these trees")  # fmt: skip
    add("--keep", type=Path, metavar="DIR", help="keep pictures, traces and logs of every round")
    add("--json", action="store_true", help="print a report with every run")
    prove.set_defaults(command=_prove)


def _add_try(commands: Commands) -> None:
    once = commands.add_parser(
        "try", help="perform one journey once and print what each step and look saw"
    )
    add = once.add_argument
    add("file", type=Path, metavar="FILE")
    add("--base", "--app", dest="base", type=Path, metavar="FOLDER", help="the app to try it on")
    add("--url", default="", help="or an app that runs already, like http://127.0.0.1:8001")
    _add_app(once)
    add("--keep", type=Path, metavar="DIR", help="keep pictures, the trace and logs here")
    add("--json", action="store_true", help="print one JSON object with every run, at the end")
    add("--live", action="store_true", help="also print what is underway, in lines that begin ...")
    add("--lifeline", action="store_true", help="stop when standard input ends")
    once.set_defaults(command=_try)


def _add_app(parser: argparse.ArgumentParser) -> None:
    """How the app in a folder is started. What is left out is read from a factory.toml in it."""
    add = parser.add_argument
    add("--start", default="", metavar="COMMAND",
        help="as for sh, in the folder: 'python -m app --port $PORT'")  # fmt: skip
    add("--command", action="append", default=[], dest="commands", metavar="NAME=COMMAND",
        help="a tool that the journey runs: 'walks=python -m walks'; may be repeated")  # fmt: skip
    add("--app-file", type=Path, dest="app", metavar="FILE",
        help="the app as a request has it, in place of factory.toml")  # fmt: skip
    add("--port-env", default="", metavar="NAME", help="the variable with the app's port (PORT)")
    add("--ready", default="", metavar="PATH", help="answers once the app is ready (/)")
    add("--ready-seconds", type=int, default=0, metavar="N", help="how long that may take (30)")
    add("--env", action="append", default=[], metavar="NAME=VALUE",
        help="for the app; may be repeated")  # fmt: skip
    add("--packages", type=Path, metavar="FOLDER", help="installed packages, put on PYTHONPATH")
    add("--data", type=Path, metavar="FOLDER",
        help="what each fresh app starts from; APP_DATA names the app's copy")  # fmt: skip
    add("--seed", type=int, metavar="N", help="the first seed, to see the same again")


def _local_app(arguments: argparse.Namespace) -> LocalApp:
    from validators.authoring.local_request import LocalApp

    named = {
        one.name: getattr(arguments, one.name)
        for one in fields(LocalApp)
        if hasattr(arguments, one.name)
    }
    several = {"env": tuple(arguments.env), "commands": tuple(arguments.commands)}
    return LocalApp(**{**named, **several})


def _prove(arguments: argparse.Namespace) -> int:
    from validators.authoring.prove import ProofOptions

    options = ProofOptions(
        arguments.rounds, arguments.seed, arguments.keep, arguments.unless_proved
    )
    local_app = _local_app(arguments)
    return wiring.prove(
        arguments.files,
        options,
        request=arguments.request,
        local_app=local_app,
        as_json=arguments.json,
    )


def _try(arguments: argparse.Namespace) -> int:
    local_app = _local_app(arguments)
    return wiring.try_(
        arguments.file,
        local_app=local_app,
        url=arguments.url,
        seed=arguments.seed,
        keep=arguments.keep,
        as_json=arguments.json,
        live=arguments.live,
    )


def _add_new(commands: Commands) -> None:
    new = commands.add_parser("new", help="draft a journey from an issue's text, without a model")
    new.add_argument("--issue", type=Path, metavar="FILE", help="the issue, in Markdown")
    new.add_argument("--answers", default="", metavar="JSON", help="what the issue does not show")
    new.add_argument("--json", action="store_true", help="also what the issue shows, and problems")
    new.set_defaults(command=lambda a: wiring.new(a.issue, answers=a.answers, as_json=a.json))


def _add_record(commands: Commands) -> None:
    record = commands.add_parser("record", help="write down what a person does in a browser")
    record.add_argument("--url", required=True, help="the app, like http://127.0.0.1:8001")
    record.add_argument("--name", default="recorded", help="of the journey")
    record.add_argument("--json", action="store_true", help="also problems, on the last line")
    record.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    record.set_defaults(command=lambda a: wiring.record(a.url, name=a.name, as_json=a.json))


def _add_check(commands: Commands) -> None:
    check = commands.add_parser("check", help="lint journeys")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.set_defaults(command=lambda a: wiring.check(a.files))


def _add_verify(commands: Commands) -> None:
    verify = commands.add_parser("verify", help="check a verdict offline and print what it binds")
    verify.add_argument("--verdict", type=Path, required=True, metavar="FILE")
    verify.add_argument("--public-key", type=Path, required=True, metavar="FILE")
    verify.add_argument("--key-id", metavar="ID", help="refuse any other key")
    verify.add_argument("--evidence", type=Path, metavar="DIR", help="also hash the evidence again")
    verify.set_defaults(
        command=lambda a: wiring.verify(
            a.verdict, a.public_key, key_id=a.key_id, evidence=a.evidence
        )
    )


def _add_key(commands: Commands) -> None:
    key = commands.add_parser(
        "key", help="print the id of a signing key, to be pinned; it is made at first use"
    )
    key.add_argument("--signing-key", type=Path, required=True, metavar="FILE")
    key.set_defaults(command=lambda a: wiring.key(a.signing_key))


def _add_store(commands: Commands) -> None:
    store = commands.add_parser("store", help="list, show, seal, supersede or retire journeys")
    actions = store.add_subparsers(metavar="ACTION", required=True)
    digest = actions.add_parser(
        "digest", help="the digest of an issue's journeys, as JSON, and nothing about them"
    )
    _request(digest)
    digest.set_defaults(command=lambda a: store_wiring.store_digest(a.request))
    listed = actions.add_parser("list", help="the history of every journey")
    _request(listed)
    listed.set_defaults(command=lambda a: store_wiring.store_list(a.request))
    show = actions.add_parser("show", help="one sealed journey, and what it has shown")
    _request(show)
    show.add_argument("--digest", required=True, help="of the journey; or its first letters")
    show.set_defaults(command=lambda a: store_wiring.store_show(a.request, a.digest))
    evidence = actions.add_parser(
        "evidence", help="hash the evidence of verdicts again; print differences as JSON"
    )
    add = evidence.add_argument
    add("--sealed", type=Path, required=True, metavar="DIR", help="the store")
    add("--public-key", type=Path, required=True, metavar="FILE")
    add("verdicts", type=Path, nargs="+", metavar="VERDICT")
    evidence.set_defaults(
        command=lambda a: store_wiring.store_evidence(a.sealed, a.public_key, a.verdicts)
    )
    _add_decisions(actions)


def _add_decisions(actions: Commands) -> None:
    """The actions by which a maintainer changes what is in force."""
    add = actions.add_parser("add", help="seal a journey of a maintainer's own, once it is proved")
    retire = actions.add_parser("retire", help="take a journey out of force; the store keeps it")
    supersede = actions.add_parser("supersede", help="put a proved journey in the place of another")
    for parser in (add, retire, supersede):
        _request(parser)
    for parser in (add, supersede):
        parser.add_argument(
            "--journey", type=Path, required=True, metavar="FILE", help="the new one"
        )
    for parser in (retire, supersede):
        parser.add_argument("--digest", required=True, help="of the journey that goes")
    for parser in (add, retire, supersede):
        parser.add_argument("--actor", required=True, help="who decided")
        parser.add_argument("--reason", required=True, help="why, in a sentence")
    add.set_defaults(
        command=lambda a: store_wiring.store_add(
            a.request, a.journey, actor=a.actor, reason=a.reason
        )
    )
    retire.set_defaults(
        command=lambda a: store_wiring.retire(a.request, a.digest, actor=a.actor, reason=a.reason)
    )
    supersede.set_defaults(
        command=lambda a: store_wiring.supersede(
            a.request, a.digest, a.journey, actor=a.actor, reason=a.reason
        )
    )


def _judge(arguments: argparse.Namespace) -> int:
    return wiring.judge(arguments.request, arguments.out)


def _observe(arguments: argparse.Namespace) -> int:
    return wiring.observe(arguments.request, arguments.out)


def _author(arguments: argparse.Namespace) -> int:
    return wiring.author(arguments.request, arguments.out)
