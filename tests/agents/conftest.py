"""A real broker in its own process, a provider of our own behind it, and the real SDK in front."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.agents.sessions import BrokerClient
from harness.agents.start import BrokerProcess, start
from harness.agents.unix_http import unix_http_client
from harness.ports.model import Session, SessionRequest
from harness.programs.broker.options import Options
from harness.programs.broker.sse import encoded, events_of
from tests import warm
from tests.fakes.http_server import Request, serving
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

MODEL = "claude-sonnet-5-5"
KEY = "sk-test-0123456789-canary"
# nothing that goes well waits for their end
SECONDS = 180


def message(
    *content: dict[str, Any], stop_reason: str = "end_turn", **usage: int
) -> dict[str, Any]:
    """A whole message as a provider sends it."""
    counted = {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
    }
    return {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": counted | usage,
    }


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def request(**changes: Any) -> SessionRequest:
    """A session request with room to work in."""
    given: dict[str, Any] = {
        "run": "run-1",
        "role": "implementer",
        "issue": 1,
        "attempt": 1,
        "model": MODEL,
        "calls": 50,
        "usd": Decimal(5),
        "usd_issue": Decimal(50),
        "usd_day": Decimal(500),
    }
    return SessionRequest(**given | changes)


def eventually(true: Callable[[], bool]) -> bool:
    """Whether it becomes true: another process has to notice. Only what never does waits for the
    end of the minute."""
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


@dataclass
class Answer:
    """What the provider will say once: a status, a body, or raw pieces of a stream after which it
    hangs up."""

    body: dict[str, Any] | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] | None = None
    # waited for after the first piece
    pause: threading.Event | None = None


class Provider:
    """An endpoint that speaks the Messages API, with answers that a test plans and requests that it
    can look at."""

    def __init__(self) -> None:
        self.planned: list[Answer] = []
        self.url = ""
        # For every request that nothing is planned for.
        self.otherwise: Answer | None = None
        self.seen: list[dict[str, Any]] = []

    def plan(self, *answers: Answer | dict[str, Any]) -> None:
        """Answer the next requests so. A dictionary is a message, streamed when the request asks
        for it."""
        self.planned += [
            answer if isinstance(answer, Answer) else Answer(answer) for answer in answers
        ]

    def answer(self, request: Request) -> None:
        body = json.loads(request.content())
        self.seen.append({"path": request.path, "headers": dict(request.headers), "body": body})
        answer = self.planned.pop(0) if self.planned or not self.otherwise else self.otherwise
        if answer.body is not None and body.get("stream") and answer.status == 200:
            answer.pieces = [encoded(event) for event in events_of(answer.body)]
        if answer.pieces is None:
            request.reply(answer.status, json.dumps(answer.body).encode(), answer.headers)
            return
        stream = {"content-type": "text/event-stream", "connection": "close"}
        request.begin(answer.status, {**stream, **answer.headers})
        request.close_connection = True
        # the broker may hang up on us: some tests are about that
        with suppress(ConnectionError):
            for number, piece in enumerate(answer.pieces):
                request.wfile.write(piece)
                request.wfile.flush()
                if number == 0 and answer.pause is not None:
                    answer.pause.wait(300)


@dataclass
class Broker:
    """A running broker, the folders it was given, and ways to talk to it."""

    process: BrokerProcess
    options: Options
    client: BrokerClient

    def record(
        self,
        document: dict[str, Any],
        *,
        issue: int = 1,
        role: str = "implementer",
        attempt: int = 1,
    ) -> None:
        """Put a recording where the broker looks for it."""
        sealed = role in ("author", "judge", "actor")
        folder = self.options.replay_sealed if sealed else self.options.replay
        assert folder is not None
        file = folder / f"issue-{issue}" / f"{role}-{attempt}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"model": MODEL} | document), encoding="utf-8")

    def log(self, session: Session) -> list[dict[str, Any]]:
        """The session's wire log, as far as it is written: a line that is just being written has no
        end yet."""
        file = self.options.home / "wire" / f"{session.id}.jsonl"
        written = file.read_bytes() if file.exists() else b""
        return [json.loads(line) for line in written.split(b"\n")[:-1]]


@pytest.fixture(scope="session")
def provider() -> Iterator[Provider]:
    provider = Provider()
    with serving(provider.answer, keep_alive=True) as server:
        provider.url = server.url
        yield provider


@pytest.fixture(autouse=True)
def _nothing_left_planned(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that plans answers must use them up, and sees only its own requests."""
    yield
    if "provider" in request.fixturenames:
        found: Provider = request.getfixturevalue("provider")
        left, found.planned, found.seen, found.otherwise = found.planned, [], [], None
        assert not left, f"{len(left)} planned answers were not asked for"


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Starts brokers of a test's own."""
    running: list[BrokerProcess] = []

    def run(**options: Any) -> Broker:
        home, key, keys = (
            options.pop("home", tmp_path / "home"),
            options.pop("key", ""),
            options.pop("keys", None),
        )
        given = Options(**{"home": home, "control": home / "control.sock"} | options)
        running.append(start(given, key=key, keys=keys, seconds=SECONDS, popen=warm.Server))
        return Broker(running[-1], given, BrokerClient(given.control))

    yield run
    for process in running:
        process.stop()


@pytest.fixture(scope="session")
def replaying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """One replaying broker for many tests: each uses an issue number of its own."""
    folder = tmp_path_factory.mktemp("replaying")
    options = Options(
        home=folder / "home",
        control=folder / "control.sock",
        replay=folder / "replay",
        replay_sealed=folder / "sealed",
    )
    with start(options, seconds=SECONDS, popen=warm.Server) as process:
        yield Broker(process, options, BrokerClient(options.control))


@pytest.fixture(scope="session")
def forwarding(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Broker]:
    """One recording, forwarding broker for many tests: each uses an issue number of its own."""
    folder = tmp_path_factory.mktemp("forwarding")
    options = Options(
        home=folder / "home",
        control=folder / "control.sock",
        upstream=provider.url,
        record=folder / "recorded",
        record_sealed=folder / "recorded-sealed",
    )
    with start(options, key=KEY, seconds=SECONDS, popen=warm.Server) as process:
        yield Broker(process, options, BrokerClient(options.control))


@pytest.fixture
def sdk() -> Iterator[Callable[[Session], "Anthropic"]]:
    """The real SDK on the socket of a session, or of what is opened for one."""
    clients: list[Anthropic] = []

    def client(session: Session) -> "Anthropic":
        http = unix_http_client(session.socket, seconds=SECONDS)
        clients.append(
            anthropic.Anthropic(
                base_url="http://broker", api_key="of-the-sandbox", max_retries=0, http_client=http
            )
        )
        return clients[-1]

    yield client
    for each in clients:
        each.close()
