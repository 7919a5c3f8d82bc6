"""`python -m harness.programs.broker`: the model broker as a program. `control.py` is its API.

Exit 0 after a signal, or after standard input ended under --tethered; 2 when it cannot be set up as
asked; 5 when another broker uses the same home, or the meter's database does not answer.
"""

import argparse
import asyncio
import fcntl
import gc
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from harness.programs.broker.options import Options
from harness.programs.broker.providers import (
    ANTHROPIC,
    DEFAULT_PROVIDER,
    Provider,
    ProvidersError,
    read_providers,
)

if TYPE_CHECKING:
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.upstream.client import Upstream

KEY = "ANTHROPIC_API_KEY"
KEYS = "FACTORY_MODEL_KEYS"
"""The environment variable with the keys of the other providers: a JSON object, a key by name."""
DATABASE = "FACTORY_DATABASE"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped."""
    parser = _parser()
    given = vars(parser.parse_args(arguments))
    tethered = given.pop("tethered")
    options = Options(**given)
    live, recorded = options.upstream or options.providers, options.replay or options.replay_sealed
    if live and recorded:
        parser.error(
            "--replay and --upstream (or --providers) exclude each other: answers come from"
            " recordings or from a provider"
        )
    if not live and not recorded:
        parser.error(
            "give --replay DIR, to answer from recordings, or --upstream URL or --providers FILE,"
            " to forward to a provider"
        )
    # Taken out of the environment, so that no child process inherits a secret.
    key, keys, database = (os.environ.pop(name, "") for name in (KEY, KEYS, DATABASE))
    if options.upstream and not key:
        parser.error(
            f"--upstream needs a key in the environment variable {KEY}; any text, where there are"
            " no keys"
        )
    return _run(
        options,
        json.loads(keys or "{}") | ({DEFAULT_PROVIDER: key} if options.upstream else {}),
        database,
        tethered=tethered,
    )


def _run(options: Options, keys: Mapping[str, str], database: str, *, tethered: bool) -> int:
    # What the libraries make is no garbage: collecting took a tenth of the start.
    gc.disable()
    from sqlalchemy.exc import DBAPIError

    from harness.programs.broker.prices import PricesError

    try:
        options.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Two brokers on one home would settle each other's calls as lost.
        with (options.home / "broker.lock").open("w") as lock:
            if _locked(lock):
                asyncio.run(_serve(options, keys, database, tethered=tethered))
                return 0
        print(
            f"another broker is running on {options.home}; stop it, or choose another --home",
            file=sys.stderr,
        )
        return 5
    except (OSError, PricesError, ProvidersError) as error:
        print(error, file=sys.stderr)
        return 2
    # The error's own text shows the address. The driver's message is enough.
    except DBAPIError as error:
        print(
            f"the meter's database does not answer: {str(error.orig).strip().splitlines()[0]}",
            file=sys.stderr,
        )
        return 5


async def _serve(
    options: Options, keys: Mapping[str, str], database: str, *, tethered: bool
) -> None:
    from harness.http_server import call_at_end
    from harness.programs.broker.control import control
    from harness.programs.broker.meter import Meter
    from harness.programs.broker.prices import prices
    from harness.programs.broker.sessions import Sessions, listener, server_of

    gc.freeze()
    gc.enable()
    table = prices(options.prices) if options.prices else prices()
    if warning := table.warning(datetime.now(UTC).date()):
        print(warning, file=sys.stderr)
    meter = Meter(
        options.home / "broker.sqlite", table, database=database, replays=options.mode == "replay"
    )
    # This process holds the lock on the home, so nobody else has a call in flight.
    meter.settle_lost()
    upstreams = _upstreams(options, keys, meter)
    sessions = Sessions(options, meter, upstreams, secrets=keys)
    # A killed broker left this socket: its lock is ours now.
    options.control.unlink(missing_ok=True)
    server = server_of(control(sessions, meter, mode=options.mode))
    stop = asyncio.Event()
    call_at_end(stop.set, lifeline=tethered)
    serving = asyncio.create_task(server.serve(sockets=[listener(options.control)]))
    await stop.wait()
    # The control socket ends first, so that no session is opened while the others close.
    server.stop()
    await serving
    await sessions.close_all()
    for upstream in upstreams.values():
        await upstream.close()
    meter.close()
    options.control.unlink(missing_ok=True)


def _upstreams(options: Options, keys: Mapping[str, str], meter: "Meter") -> "dict[str, Upstream]":
    """The providers that may be asked, by name. Raises ProvidersError when one has no key."""
    from harness.programs.broker.probe import counted_by
    from harness.programs.broker.upstream.breaker import BreakerStore, ProviderBreaker
    from harness.programs.broker.upstream.client import Upstream

    providers = read_providers(options.providers) if options.providers else {}
    if options.upstream:
        providers[DEFAULT_PROVIDER] = Provider(
            DEFAULT_PROVIDER, ANTHROPIC, options.upstream, key_from=KEY
        )
    if lacking := [name for name in providers if not keys.get(name)]:
        raise ProvidersError(
            f"no key for {', '.join(lacking)} in the environment variable {KEYS}; any text, where"
            " there is none"
        )
    troubles = BreakerStore(meter.engine)
    return {
        name: Upstream(
            provider, keys[name], ProviderBreaker(name, troubles), smallest_call=counted_by(meter)
        )
        for name, provider in providers.items()
    }


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m harness.programs.broker", description="The model broker."
    )
    add = parser.add_argument
    add(
        "--home",
        type=Path,
        required=True,
        metavar="DIR",
        help="the folder of the table of calls and of the wire logs",
    )
    add(
        "--control",
        type=Path,
        required=True,
        metavar="SOCK",
        help="the unix socket of the control API",
    )
    add("--replay", type=Path, metavar="DIR", help="answer from the recordings in DIR")
    add("--replay-sealed", type=Path, metavar="DIR", help="the same, for the roles that judge")
    add(
        "--upstream",
        metavar="URL",
        help=f"forward to this provider, with the key in the environment variable {KEY}",
    )
    add(
        "--providers",
        type=Path,
        metavar="FILE",
        help=f"forward to these as well, with the keys in {KEYS}; see providers.py",
    )
    add("--record", type=Path, metavar="DIR", help="write recordings to DIR while forwarding")
    add("--record-sealed", type=Path, metavar="DIR", help="the same, for the roles that judge")
    add(
        "--sealed-log",
        type=Path,
        metavar="DIR",
        help="for the wire logs of the roles that judge; without it, none",
    )
    add("--prices", type=Path, metavar="FILE", help="a price table in place of the built-in one")
    add("--tethered", action="store_true", help="stop when standard input ends")
    return parser


if __name__ == "__main__":
    sys.exit(main())
