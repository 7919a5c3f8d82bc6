"""The command line: `judge` and `author` for the factory; `prove`, `check`, `store` and `verify` for people.

Exit 0: it ran, and the outcome is in the file. 1: a finding (a journey that does not lint, a verdict that does not
verify). 2: something must be changed before it can run. Anything but 0 from `judge` means inconclusive.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from validators import wiring
from validators.domain.errors import ValidatorsError
from validators.domain.stops import UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the return value is the exit code."""
    os.umask(0o022)  # boxes of another uid read what is exported; secrets are given their own modes
    signal.signal(signal.SIGTERM, _interrupted)
    arguments = _parser().parse_args(argv)
    if getattr(arguments, "lifeline", False):
        threading.Thread(target=_stop_at_the_end_of, args=(sys.stdin.fileno(),), name="lifeline", daemon=True).start()
    try:
        code: int = arguments.command(arguments)
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


def _stop_at_the_end_of(pipe: int) -> None:
    """Whoever asked is gone once their end of the pipe is closed, and with them whoever would read the answer."""
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
        asked.add_argument("--out", type=Path, required=True, metavar="DIR", help="where what may leave is written")
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
    prove = commands.add_parser("prove", help="perform journeys on base, and on the candidate if there is one; seal nothing")
    _request(prove)
    prove.add_argument("files", type=Path, nargs="+", metavar="FILE", help="journeys")
    prove.set_defaults(command=lambda a: wiring.prove(a.request, a.files))


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
    verify.set_defaults(command=lambda a: wiring.verify(a.verdict, a.public_key, key_id=a.key_id, evidence=a.evidence))


def _add_key(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    key = commands.add_parser("key", help="print the id of a signing key, to be pinned; it is made at first use")
    key.add_argument("--signing-key", type=Path, required=True, metavar="FILE")
    key.set_defaults(command=lambda a: wiring.key(a.signing_key))


def _add_store(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    store = commands.add_parser("store", help="what is sealed; supersede or retire a journey").add_subparsers(
        metavar="ACTION", required=True
    )
    digest = store.add_parser("digest", help="the digest of an issue's journeys, as JSON, and nothing about them")
    _request(digest)
    digest.set_defaults(command=lambda a: wiring.store_digest(a.request))
    listed = store.add_parser("list", help="the history of every journey")
    _request(listed)
    listed.set_defaults(command=lambda a: wiring.store_list(a.request))
    retire = store.add_parser("retire", help="a journey no longer binds; it is kept for ever")
    supersede = store.add_parser("supersede", help="put a proved journey in the place of another")
    supersede.add_argument("--journey", type=Path, required=True, metavar="FILE", help="the new one")
    for parser in (retire, supersede):
        _request(parser)
        parser.add_argument("--digest", required=True, help="of the journey that goes")
        parser.add_argument("--actor", required=True, help="who decided")
        parser.add_argument("--reason", required=True, help="why, in a sentence")
    retire.set_defaults(command=lambda a: wiring.retire(a.request, a.digest, actor=a.actor, reason=a.reason))
    supersede.set_defaults(command=lambda a: wiring.supersede(a.request, a.digest, a.journey, actor=a.actor, reason=a.reason))


def _judge(arguments: argparse.Namespace) -> int:
    return wiring.judge(arguments.request, arguments.out)


def _author(arguments: argparse.Namespace) -> int:
    return wiring.author(arguments.request, arguments.out)
