"""The owner's two brakes: what may be spent, and stop."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from harness.agents.line import line
from harness.agents.sessions import BrokerClient
from harness.agents.start import start
from harness.domain.errors import BudgetExhausted, FactoryStop
from harness.domain.events import CommandGiven
from harness.domain.lifecycle import State
from harness.factory.records.history import RESUME
from harness.factory.settings.config import read_config
from harness.operations.drill.attack import Attack, Seen, held, open_
from harness.ports.model import Session, SessionRequest
from harness.programs.broker.options import Options

if TYPE_CHECKING:
    from harness.operations.drill.pipeline import Lap
    from harness.operations.drill.scene import Ground

SUBJECT = "the owner's brakes"
GREEDY, ALLOWED = 5, 2
_ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "content": [{"type": "text", "text": "more"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 10},
}


class _Provider(BaseHTTPRequestHandler):
    """Answers whatever it is asked, and counts."""

    asked = 0

    def do_POST(self) -> None:
        type(self).asked += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({**_ANSWER, "model": body["model"]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def provider() -> Iterator[tuple[str, type[_Provider]]]:
    """A provider on loopback for as long as the block lasts: its address, and where it counts."""
    counting = type("Counting", (_Provider,), {"asked": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", counting
    finally:
        server.shutdown()
        server.server_close()


def spent(ground: "Ground", *, allowed: int = ALLOWED) -> Seen:
    """An agent that asks a model on and on, at the real broker, under the user's caps less all but
    `allowed` calls."""
    config = read_config(ground.law["factory.toml"])
    caps = config.caps
    request = SessionRequest(
        run="drill-1",
        role="implementer",
        issue=1,
        attempt=1,
        model=config.models.implementer[0].model,
        calls=min(allowed, caps.calls_per_run),
        usd=caps.usd_per_run,
        usd_issue=caps.usd_per_issue,
        usd_day=caps.usd_per_day,
    )
    with (
        provider() as (url, counting),
        TemporaryDirectory(prefix="factory-drill-", dir="/tmp") as short,
    ):
        options = Options(home=Path(short), control=Path(short, "c.sock"), upstream=url)
        with start(options, key="none") as broker:
            codes, why = _asking(BrokerClient(broker.control), request)
    if counting.asked > request.calls:
        return open_(f"{counting.asked} calls reached the provider, {request.calls} were allowed")
    if not why or 200 not in codes:
        return open_(f"the broker answered {codes} and gave no budget as its reason")
    return held(f"{GREEDY} calls asked, {counting.asked} reached the provider; {why[:70]}")


def _asking(client: BrokerClient, request: SessionRequest) -> tuple[list[int], str]:
    codes: list[int] = []
    try:
        with client.open(request) as session:
            codes += [_call(session) for _ in range(GREEDY)]
    except BudgetExhausted as stop:
        return codes, str(stop)
    return codes, ""


def _call(session: Session) -> int:
    body = {
        "model": session.model,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "go on"}],
    }
    with line(session.socket, seconds=30) as http:
        return int(http.request("POST", "/v1/messages", json=body).status_code)


def stopped(ground: "Ground") -> Seen:
    """The owner says stop while the agent works. Afterwards, as the control, the stop is lifted."""
    lap = ground.lap("stopped")
    before: list[object] = []

    def owner_says_stop() -> None:
        before.append(_visible(lap, 1))
        (lap.home / "STOP").write_text("we are looking into something\n", "utf-8")

    lap.agent.meanwhile = owner_says_stop
    issue = lap.file()
    with suppress(FactoryStop):
        lap.tick()
    if not before:
        return open_(f"the agent was never at work: {lap.last_words(issue)}")
    if _visible(lap, issue) != before[0]:
        return open_("something was written on the forge after the stop")
    return _resumed(lap, issue)


def _resumed(lap: "Lap", issue: int) -> Seen:
    lap.agent.meanwhile = lambda: None
    (lap.home / "STOP").unlink()
    lap.ledger.append(CommandGiven(RESUME), "command/0/resume")
    lap.tick()
    if lap.history(issue).state is not State.MERGED:
        return open_(
            "without the stop it does not land either, so nothing was shown:"
            f" {lap.last_words(issue)}"
        )
    return held("no push, label, comment or merge after the stop; after the resume it landed")


def _visible(lap: "Lap", issue: int) -> object:
    """All that a person can see of an issue and its change on the forge."""
    shown = lap.ask("GET", f"/issues/{issue}", by=lap.owner.token)
    comments = lap.ask("GET", f"/issues/{issue}/comments", by=lap.owner.token)
    return (
        lap.tip(),
        lap.tip(f"factory/issue-{issue}"),
        shown["state"],
        sorted(one["name"] for one in shown["labels"]),
        [one["body"] for one in comments],
        len(lap.ask("GET", "/pulls?state=all", by=lap.owner.token)),
    )


ATTACKS = (
    Attack(
        "a model asked for ever",
        SUBJECT,
        (94,),
        "[budget]",
        f"asks {GREEDY} times where {ALLOWED} are allowed",
        spent,
    ),
    Attack(
        "stop, in the middle",
        SUBJECT,
        (110,),
        "factory stop",
        "sets the owner's stop while the agent works",
        stopped,
    ),
)
