"""The broker's own program in this process, with a clock that a test moves: what takes hours takes
none."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.agents.sessions import BrokerClient
from harness.programs.broker.control import control
from harness.programs.broker.meter import Meter
from harness.programs.broker.options import Options
from harness.programs.broker.prices import prices
from harness.programs.broker.probe import counted_by
from harness.programs.broker.providers import Provider
from harness.programs.broker.sessions import Sessions, listener, server_of
from harness.programs.broker.upstream.breaker import BreakerStore, ProviderBreaker
from harness.programs.broker.upstream.client import Upstream

SECONDS = 180


@dataclass(frozen=True, slots=True)
class BrokerHere:
    """A broker, its meter, and what it told the operator."""

    client: BrokerClient
    meter: Meter
    notices: list[str]


@contextmanager
def broker_here(
    folder: Path, providers: Mapping[str, Provider], key: str, clock: Callable[[], float]
) -> Iterator[BrokerHere]:
    """Serve sessions of these providers, all with one key, for the time of the block."""
    folder.mkdir()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    options = Options(home=folder, control=folder / "c.sock", upstream="here")
    notices: list[str] = []

    async def no_sleep(_: float) -> None:
        """What is waited for has passed."""

    async def begin() -> tuple[Meter, Callable[[], object]]:
        meter = Meter(folder / "broker.sqlite", prices(), clock=clock)
        store = BreakerStore(meter.engine)
        upstreams = {
            name: Upstream(
                provider,
                key,
                ProviderBreaker(name, store, clock=clock, notify=notices.append),
                clock=clock,
                sleep=no_sleep,
                smallest_call=counted_by(meter),
            )
            for name, provider in providers.items()
        }
        sessions = Sessions(options, meter, upstreams, secrets=dict.fromkeys(providers, key))
        server = server_of(control(sessions, meter, mode="forward"))
        serving = asyncio.create_task(server.serve(sockets=[listener(options.control)]))

        async def end() -> None:
            server.stop()
            await serving
            await sessions.close_all()
            for upstream in upstreams.values():
                await upstream.close()
            meter.close()

        return meter, end

    def run(work):  # type: ignore[no-untyped-def]
        return asyncio.run_coroutine_threadsafe(work, loop).result(SECONDS)

    meter, end = run(begin())
    try:
        yield BrokerHere(BrokerClient(options.control), meter, notices)
    finally:
        run(end())
        loop.call_soon_threadsafe(loop.stop)
