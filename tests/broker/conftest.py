"""A session served in this process, whose waits take no time; the brokers of `tests/agents`; and
the official SDKs in front."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import prices
from harness.programs.broker.providers import ANTHROPIC, OPENAI, Provider
from harness.programs.broker.recording import Recorder
from harness.programs.broker.script import Script
from harness.programs.broker.session import BrokerSession
from harness.programs.broker.sessions import Guarded, listener, server_of
from harness.programs.broker.upstream.breaker import BreakerStore, ProviderBreaker
from harness.programs.broker.upstream.client import Upstream
from harness.programs.broker.upstream.exchange import Timeouts
from harness.programs.broker.wire import wire
from harness.programs.broker.wirelog import WireLog
from harness.programs.broker.wires.registry import DIALECTS
from tests.agents.conftest import (  # noqa: F401 - fixtures
    KEY,
    MODEL,
    SECONDS,
    Answer,
    _nothing_left_planned,
    brokers,
    forwarding,
    provider,
    replaying,
    sdk,
    text,
)
from tests.agents.conftest import Provider as Endpoint
from tests.fakes.sdks import openai

if TYPE_CHECKING:
    from openai import OpenAI

NUMBERS = count(1)
PRICES = prices()
CHAT = DIALECTS[OPENAI][0]
DEAR = {
    "exchanges": [
        {
            "response": {
                "content": [text("Hello.")],
                "usage": {"input_tokens": 2800, "output_tokens": 10},
            }
        }
    ]
}


class Clock:
    """It stands still until somebody sleeps."""

    def __init__(self) -> None:
        # Mon, 02 Nov 2026 12:00:00 GMT
        self.at = 1_793_620_800.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@dataclass
class OpenedSession:
    """One session on a socket, and what a test can see of it."""

    session: BrokerSession
    socket: Path
    meter: Meter
    clock: Clock
    breaker: ProviderBreaker
    notices: list[str]
    file: Path
    loop: asyncio.AbstractEventLoop

    @property
    def usage(self) -> dict[str, Any]:
        """What the session has used, read in the broker's own loop, so after its current step."""

        async def asked() -> dict[str, Any]:
            return self.session.usage()

        return asyncio.run_coroutine_threadsafe(asked(), self.loop).result(SECONDS)

    @property
    def cost(self) -> Decimal:
        """US dollars, what is held among them."""
        return Decimal(self.usage["cost_usd"])

    @property
    def recorded(self) -> dict[str, Any]:
        """What was recorded of it."""
        assert self.usage
        return json.loads(self.file.read_text("utf-8"))


@dataclass
class Bench:
    """Serves sessions from an event loop of its own. Each has its own meter, clock and breaker."""

    folder: Path
    endpoint: Endpoint
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _closing: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(SECONDS)

    def open(
        self,
        api: str = ANTHROPIC,
        *,
        url: str = "",
        model: str = MODEL,
        script: dict[str, Any] | None = None,
        timeouts: Timeouts | None = None,
        body_seconds: float = 60,
        http: type[Guarded] = Guarded,
        home: Path | None = None,
        beside: OpenedSession | None = None,
        issue: int | None = None,
        **caps: Any,
    ) -> OpenedSession:
        """A session of a provider of the wire `api`, or one that plays `script`. `beside` is
        another one, whose broker it shares."""
        return self.run(
            self._open(
                api, url, model, script, timeouts, body_seconds, http, home, beside, issue, caps
            )
        )

    async def _open(
        self,
        api: str,
        url: str,
        model: str,
        script: dict[str, Any] | None,
        timeouts: Timeouts | None,
        body_seconds: float,
        http: type[Guarded],
        home: Path | None,
        beside: OpenedSession | None,
        issue: int | None,
        caps: dict[str, Any],
    ) -> OpenedSession:
        number = next(NUMBERS)
        clock, notices = (beside.clock, beside.notices) if beside else (Clock(), list[str]())
        home = home or self.folder / f"bench-{number}"
        home.mkdir(exist_ok=True)
        meter = Meter(home / "broker.sqlite", PRICES, clock=clock)
        breaker = (
            beside.breaker
            if beside
            else ProviderBreaker(
                "acme", BreakerStore(meter.engine), clock=clock, notify=notices.append
            )
        )
        base = (url or self.endpoint.url) + ("/v1" if api == OPENAI else "")
        source: Script | Upstream = (
            Script("played", {"model": model, **script})
            if script
            else Upstream(
                Provider("acme", api, base, key_from="ACME_KEY"),
                KEY,
                breaker,
                clock=clock,
                sleep=clock.sleep,
                jitter=lambda: 0,
                timeouts=timeouts,
            )
        )
        identity = SessionIdentity(
            f"s{number}", f"run-{number}", "implementer", issue or number, 1, model
        )
        rates = meter.prices.rates(MODEL, day="2026-11-02")
        room = SessionCaps(**{"calls": 50, "usd": Decimal(50), "rates": rates, **caps})
        meter.open(identity, room)
        recorded = home / "recorded.json"
        session = BrokerSession(
            identity,
            room,
            meter=meter,
            source=source,
            log=WireLog(home / f"{number}.jsonl", secret=KEY),
            model=model.removeprefix("acme/"),
            clock=clock,
            recorder=None if script else Recorder(recorded, about="", model=model),
        )
        socket = self.folder / f"{number}.sock"
        server = server_of(wire(session, body_seconds=body_seconds), http=http)
        serving = asyncio.create_task(server.serve(sockets=[listener(socket)]))

        async def close() -> None:
            server.should_exit = True
            await serving
            if isinstance(source, Upstream):
                await source.close()
            meter.close()

        self._closing.append(close)
        return OpenedSession(session, socket, meter, clock, breaker, notices, recorded, self.loop)

    def close(self) -> None:
        async def all_of_them() -> None:
            await asyncio.gather(*(close() for close in self._closing))

        self.run(all_of_them())
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def _bench(tmp_path_factory: pytest.TempPathFactory, provider: Endpoint) -> Iterator[Bench]:  # noqa: F811
    found = Bench(tmp_path_factory.mktemp("bench"), provider)
    yield found
    found.close()


@pytest.fixture
def bench(_bench: Bench, provider: Endpoint) -> Bench:  # noqa: F811 - so that what was planned must be used up
    return _bench


@pytest.fixture
def gpt() -> Iterator[Callable[[Path], "OpenAI"]]:
    """The official SDK of the OpenAI wire, on a socket."""
    clients: list[OpenAI] = []

    def client(socket: Path) -> "OpenAI":
        import httpx

        plain = httpx.HTTPTransport(uds=str(socket), verify=False)
        http = httpx.Client(transport=plain, timeout=SECONDS, trust_env=False)
        clients.append(
            openai.OpenAI(
                base_url="http://broker/v1",
                api_key="of-the-sandbox",
                max_retries=0,
                http_client=http,
            )
        )
        return clients[-1]

    yield client
    for each in clients:
        each.close()


def streamed(dialect: Any, message: dict[str, Any], body: dict[str, Any]) -> list[bytes]:
    """A message as the pieces that a provider of the dialect would send, its count of tokens
    included."""
    return [
        dialect.encoded(event)
        for event in dialect.events(message, {**body, "stream_options": {"include_usage": True}})
    ]


def planned(
    dialect: Any, message: dict[str, Any], body: dict[str, Any], *, upto: int | None = None
) -> Answer:
    """The provider's answer: whole, or streamed as `body` asks, or cut after so many pieces."""
    if not body.get("stream"):
        return Answer(dialect.answer(message, body))
    return Answer(pieces=streamed(dialect, message, body)[:upto])
