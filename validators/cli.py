"""The command line: `judge` and `author` for the factory; `try`, `prove`, `check`, `store` and
`verify` for people.

Exit 0: it ran, and the outcome is in the file. 1: a finding (a journey that does not lint, a
verdict that does not verify). 2: something must be changed before it can run. Anything but 0 from
`judge` means inconclusive."""

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

from validators import wiring
from validators.domain.errors import ValidatorsError
from validators.domain.stops import UsageError

if TYPE_CHECKING:
    from validators.authoring.local_request import LocalApp


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    os.umask(0o022)  # boxes of another uid read what is exported; secrets are given their own modes
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
    """Whoever read the answer has seen enough, as `head` does; any other broken pipe is raised
    again. As a shell names it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # the interpreter flushes once more as it ends
        return 128 + signal.SIGPIPE
    raise


def _stop_at_the_end_of(pipe: int) -> None:
    """Whoever asked is gone once their end of the pipe is closed, and with them whoever would read
    the answer."""
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
    _add_check(commands)
    _add_verify(commands)
    _add_key(commands)
    _add_store(commands)
    return parser


def _request(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--request", type=Path, required=True, metavar="FILE", help="request.json")


def _add_prove(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    prove = commands.add_parser(
        "prove",
        help="show that journeys can fail (on base) and can pass (on a reference); seal nothing",
    )
    prove.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="journeys; the proof is written beside each",
    )
    prove.add_argument(
        "--request", type=Path, metavar="FILE", help="request.json, instead of folders"
    )
    prove.add_argument(
        "--base",
        type=Path,
        metavar="FOLDER",
        help="the app before the change; left out for a regression",
    )
    prove.add_argument("--reference", type=Path, metavar="FOLDER", help="the app as it should be")
    prove.add_argument(
        "--kind",
        choices=("bug", "feature"),
        default="bug",
        help="a feature may be red by what is missing",
    )
    _started(prove)
    prove.add_argument(
        "--rounds", type=int, default=3, metavar="N", help="how many seeds must agree (3)"
    )
    prove.add_argument(
        "--unless-proved",
        action="store_true",
        help="not again where the proof is of this file and these trees",
    )
    prove.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep pictures, traces and logs of every round here",
    )
    prove.add_argument("--json", action="store_true", help="print a report with every run")
    prove.set_defaults(command=_prove)
    once = commands.add_parser(
        "try", help="perform one journey once and say what each step and look saw"
    )
    once.add_argument("file", type=Path, metavar="FILE")
    once.add_argument(
        "--base",
        "--app",
        dest="base",
        type=Path,
        metavar="FOLDER",
        help="the app, as it is to be tried",
    )
    once.add_argument(
        "--url", default="", help="or an app that runs already, like http://127.0.0.1:8001"
    )
    _started(once)
    once.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep pictures, the trace and logs here"
    )
    once.set_defaults(command=_try)


def _started(parser: argparse.ArgumentParser) -> None:
    """How the app in a folder is started; what is left out is read from a factory.toml in it."""
    parser.add_argument(
        "--start",
        default="",
        metavar="COMMAND",
        help="as for sh, in the folder: 'python -m app --port $PORT'",
    )
    parser.add_argument(
        "--port-env",
        default="",
        metavar="NAME",
        help="the variable that tells the app its port (PORT)",
    )
    parser.add_argument(
        "--ready", default="", metavar="PATH", help="answers once the app is ready (/)"
    )
    parser.add_argument(
        "--ready-seconds", type=int, default=0, metavar="N", help="how long that may take (30)"
    )
    parser.add_argument(
        "--env",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="for the app; may be repeated",
    )
    parser.add_argument(
        "--packages", type=Path, metavar="FOLDER", help="installed packages, put on PYTHONPATH"
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="what each fresh app starts from; it is told APP_DATA",
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="the first seed, to see the same again"
    )


def _ground(arguments: argparse.Namespace) -> LocalApp:
    from validators.authoring.local_request import LocalApp

    named = {
        one.name: getattr(arguments, one.name)
        for one in fields(LocalApp)
        if hasattr(arguments, one.name)
    }
    return LocalApp(**{**named, "env": tuple(arguments.env)})


def _prove(arguments: argparse.Namespace) -> int:
    from validators.authoring.prove import ProofOptions

    how = ProofOptions(arguments.rounds, arguments.seed, arguments.keep, arguments.unless_proved)
    local_app = _ground(arguments)
    return wiring.prove(
        arguments.files, how, request=arguments.request, local_app=local_app, as_json=arguments.json
    )


def _try(arguments: argparse.Namespace) -> int:
    local_app = _ground(arguments)
    return wiring.try_(
        arguments.file,
        local_app=local_app,
        url=arguments.url,
        seed=arguments.seed,
        keep=arguments.keep,
    )


def _add_check(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    check = commands.add_parser("check", help="lint journeys")
    check.add_argument("files", type=Path, nargs="+", metavar="FILE")
    check.set_defaults(command=lambda a: wiring.check(a.files))


def _add_verify(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
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


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    key = commands.add_parser(
        "key", help="print the id of a signing key, to be pinned; it is made at first use"
    )
    key.add_argument("--signing-key", type=Path, required=True, metavar="FILE")
    key.set_defaults(command=lambda a: wiring.key(a.signing_key))


def _add_store(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    store = commands.add_parser(
        "store", help="what is sealed; supersede or retire a journey"
    ).add_subparsers(metavar="ACTION", required=True)
    digest = store.add_parser(
        "digest", help="the digest of an issue's journeys, as JSON, and nothing about them"
    )
    _request(digest)
    digest.set_defaults(command=lambda a: wiring.store_digest(a.request))
    listed = store.add_parser("list", help="the history of every journey")
    _request(listed)
    listed.set_defaults(command=lambda a: wiring.store_list(a.request))
    show = store.add_parser("show", help="one sealed journey, and what it has shown")
    _request(show)
    show.add_argument(
        "--digest", required=True, help="of the journey; its first letters are enough"
    )
    show.set_defaults(command=lambda a: wiring.store_show(a.request, a.digest))
    add = store.add_parser("add", help="seal a journey of a maintainer's own, once it is proved")
    _request(add)
    add.add_argument("--journey", type=Path, required=True, metavar="FILE")
    add.add_argument("--actor", required=True, help="who decided")
    add.add_argument("--reason", required=True, help="why, in a sentence")
    add.set_defaults(
        command=lambda a: wiring.store_add(a.request, a.journey, actor=a.actor, reason=a.reason)
    )
    evidence = store.add_parser(
        "evidence", help="hash the evidence behind verdicts again; what does not hold, as JSON"
    )
    evidence.add_argument("--sealed", type=Path, required=True, metavar="DIR", help="the store")
    evidence.add_argument("--public-key", type=Path, required=True, metavar="FILE")
    evidence.add_argument("verdicts", type=Path, nargs="+", metavar="VERDICT")
    evidence.set_defaults(
        command=lambda a: wiring.store_evidence(a.sealed, a.public_key, a.verdicts)
    )
    retire = store.add_parser("retire", help="a journey no longer binds; it is kept for ever")
    supersede = store.add_parser("supersede", help="put a proved journey in the place of another")
    supersede.add_argument(
        "--journey", type=Path, required=True, metavar="FILE", help="the new one"
    )
    for parser in (retire, supersede):
        _request(parser)
        parser.add_argument("--digest", required=True, help="of the journey that goes")
        parser.add_argument("--actor", required=True, help="who decided")
        parser.add_argument("--reason", required=True, help="why, in a sentence")
    retire.set_defaults(
        command=lambda a: wiring.retire(a.request, a.digest, actor=a.actor, reason=a.reason)
    )
    supersede.set_defaults(
        command=lambda a: wiring.supersede(
            a.request, a.digest, a.journey, actor=a.actor, reason=a.reason
        )
    )


def _judge(arguments: argparse.Namespace) -> int:
    return wiring.judge(arguments.request, arguments.out)


def _author(arguments: argparse.Namespace) -> int:
    return wiring.author(arguments.request, arguments.out)
