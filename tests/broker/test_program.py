"""The broker as a program: how it starts, who may start it, and what it leaves when it ends."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from harness.agents.sessions import BrokerClient
from harness.agents.start import start
from harness.agents.unix_http import unix_http_client
from harness.domain.errors import BudgetExhausted, ModelError, ModelsPaused
from harness.ports.model import Session
from harness.programs.broker.options import Options
from tests.agents.conftest import (
    KEY,
    MODEL,
    SECONDS,
    Answer,
    Broker,
    Provider,
    eventually,
    request,
    text,
)
from tests.broker.conftest import DEAR
from tests.fakes.sdks import anthropic

if TYPE_CHECKING:
    from anthropic import Anthropic

ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
ONE = {
    "exchanges": [
        {
            "response": {
                "content": [text("Hello.")],
                "usage": {"input_tokens": 10, "output_tokens": 2},
            }
        }
    ]
}


def posted(broker: Broker, body: Any) -> httpx2.Response:
    with unix_http_client(broker.options.control, seconds=SECONDS) as http:
        return http.post("/sessions", json=body)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_reaches_the_control_socket_and_only_a_sandbox_that_binds_it_a_sessions(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = brokers(replay=tmp_path)
    broker.record({"exchanges": []})
    with broker.client.open(request()) as session:
        assert mode(broker.options.control) == 0o600
        assert mode(session.socket) == 0o666
        assert mode(session.socket.parent) == mode(broker.options.home) == 0o700
    assert not session.socket.exists()
    with (
        pytest.raises(httpx2.ConnectError),
        unix_http_client(session.socket, seconds=SECONDS) as http,
    ):
        http.get("/")


def test_two_sessions_at_once_are_distinguished_by_their_sockets(
    brokers: Callable[..., Broker], tmp_path: Path, sdk: Callable[[Session], "Anthropic"]
) -> None:
    broker = brokers(replay=tmp_path)
    for issue in (1, 2):
        broker.record(
            {"exchanges": [{"response": {"content": [text(f"I am {issue}.")]}}]}, issue=issue
        )
    with (
        broker.client.open(request(issue=1)) as first,
        broker.client.open(request(issue=2)) as second,
    ):
        claim = {"x-session": first.id, "authorization": f"Bearer {first.id}"}
        answers = [
            sdk(second).messages.create(**ASK, extra_headers=claim),
            sdk(first).messages.create(**ASK),
        ]
    assert [answer.content[0].text for answer in answers] == ["I am 2.", "I am 1."]


def test_an_issues_budget_survives_a_broker_that_is_killed(
    brokers: Callable[..., Broker], tmp_path: Path, sdk: Callable[[Session], "Anthropic"]
) -> None:
    # the first call may cost 0.006, and costs 0.00004
    cap = Decimal("0.0061")
    broker = brokers(replay=tmp_path)
    broker.record(DEAR)
    with broker.client.open(request(usd_issue=cap)) as session:
        sdk(session).messages.create(**ASK)
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.stop()
    again = brokers(replay=tmp_path)
    assert again.client.spent_on(1).cost_usd == Decimal("0.0057")
    again.record(DEAR, attempt=2)
    opened = again.client.open(request(attempt=2, usd_issue=cap))
    with pytest.raises(Exception, match="budget_exhausted"):
        sdk(opened.__enter__()).messages.create(**ASK)
    with pytest.raises(BudgetExhausted, match="for this issue 1 would be crossed"):
        opened.__exit__(None, None, None)
    # with nothing left at all there is not even a session
    with pytest.raises(BudgetExhausted):
        again.client.open(request(attempt=2, usd_issue=Decimal("0.0057"))).__enter__()


def test_a_second_broker_on_the_same_home_is_refused(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    first = brokers(replay=tmp_path)
    elsewhere = Options(home=first.options.home, control=tmp_path / "other.sock", replay=tmp_path)
    with pytest.raises(ModelError, match="another broker is running"):
        start(elsewhere, seconds=SECONDS)
    # and the first one has not noticed
    assert first.client.spent_on(1).calls == 0


def test_a_broker_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    starter = (
        "import sys, time; from pathlib import Path; from harness.agents.start import start; from"
        " harness.programs.broker.options import Options; home = Path(sys.argv[1]);"
        f" print(start(Options(home=home, control=home / 'c', replay=home), seconds={SECONDS}).pid,"
        f" flush=True); time.sleep({SECONDS})"
    )
    with subprocess.Popen(
        [sys.executable, "-c", starter, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert BrokerClient(tmp_path / "c").spent_on(1).calls == 0
        process.kill()
    assert eventually(lambda: over(pid)), "the broker outlived its starter"


def over(pid: int) -> bool:
    """Whether a process has come to its end, reaped or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_it_stops_on_a_signal_and_leaves_no_socket(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = brokers(replay=tmp_path)
    broker.record({"exchanges": []})
    opened = broker.client.open(request())
    opened.__enter__()
    os.kill(broker.process.pid, signal.SIGTERM)
    assert eventually(lambda: over(broker.process.pid))
    broker.process.stop()
    with pytest.raises(ModelError, match="is it running"):
        opened.__exit__(None, None, None)
    assert not any(file.is_socket() for file in broker.options.home.rglob("*"))
    assert (broker.options.home / "broker.log").read_text() == ""


def test_a_home_with_a_long_path_has_its_sockets_elsewhere(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    broker = brokers(home=tmp_path / ("x" * 60), control=tmp_path / "c.sock", replay=tmp_path)
    broker.record({"exchanges": []})
    with broker.client.open(request()) as session:
        assert session.socket.is_socket()
        assert broker.options.home not in session.socket.parents
    os.kill(broker.process.pid, signal.SIGTERM)
    assert eventually(lambda: over(broker.process.pid))
    broker.process.stop()
    assert not session.socket.parent.parent.exists()


def test_a_replaying_broker_is_not_even_given_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    with start(
        Options(home=tmp_path, control=tmp_path / "c", replay=tmp_path),
        key="sk-canary",
        seconds=SECONDS,
    ) as process:
        assert b"sk-canary" not in Path(f"/proc/{process.pid}/environ").read_bytes()


def test_a_forwarding_broker_is_given_the_key_by_hand_and_never_takes_one_from_its_starter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-of-the-starter")
    options = Options(home=tmp_path, control=tmp_path / "c", upstream="http://127.0.0.1:1")
    with start(options, key="sk-canary", seconds=SECONDS) as process:
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"ANTHROPIC_API_KEY=sk-canary" in environment
        assert b"sk-of-the-starter" not in environment
        assert b"sk-canary" not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    with pytest.raises(ModelError, match="needs a key"):
        start(options, seconds=SECONDS)


def test_a_quota_end_pauses_by_name_and_time_and_the_next_broker_knows_it(
    brokers: Callable[..., Broker], provider: Provider, sdk: Callable[[Session], "Anthropic"]
) -> None:
    error = {
        "type": "error",
        "error": {"type": "billing_error", "message": "Your account is out of funds."},
    }
    broker = brokers(upstream=provider.url, key=KEY)
    # The broker's own call meets it, too.
    provider.plan(Answer(error, status=402), Answer(error, status=402))
    opened, before = broker.client.open(request(issue=1)), datetime.now(UTC)
    with pytest.raises(anthropic.InternalServerError, match="what is paid for is used up"):
        sdk(opened.__enter__()).messages.create(**ASK)
    with pytest.raises(ModelsPaused) as paused:
        opened.__exit__(None, None, None)
    assert paused.value.cause == "provider"
    # The answer has whole seconds.
    ten_minutes, second = timedelta(minutes=10), timedelta(seconds=1)
    assert (
        before + ten_minutes - second
        <= paused.value.again_at
        <= datetime.now(UTC) + ten_minutes + second
    )
    os.kill(broker.process.pid, signal.SIGKILL)
    broker.process.stop()
    again = brokers(upstream=provider.url, key=KEY)
    with pytest.raises(
        ModelsPaused, match="is not asked now: what is paid for is used up"
    ) as still:
        again.client.open(request(issue=3)).__enter__()
    assert still.value.again_at == paused.value.again_at
    with unix_http_client(again.options.control, seconds=SECONDS) as http:
        [answer] = http.get("/").json()["paused"]
    assert answer["provider"] == "anthropic"
    assert answer["again_at"] == paused.value.again_at.isoformat()
    assert again.client.spent_on(1).cost_usd == 0
    assert len(provider.seen) == 2


SETUPS = [
    ([], "give --replay DIR, to answer from recordings, or --upstream URL"),
    (["--replay", "r", "--upstream", "http://127.0.0.1:1"], "exclude each other"),
    (
        ["--upstream", "http://127.0.0.1:1"],
        "needs a key in the environment variable ANTHROPIC_API_KEY",
    ),
    (["--replay", "r", "--prices", "/nowhere.yaml"], "/nowhere.yaml"),
    (["--replay", "r", "--home", "/dev/null/home"], "Not a directory"),
    (["--replay", "r", "--control", "x" * 120], "a unix socket's path may have 107 bytes"),
]


@pytest.mark.parametrize(("arguments", "said"), SETUPS, ids=[said for _, said in SETUPS])
def test_a_broker_that_cannot_be_set_up_prints_why_and_exits_2(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "harness.programs.broker",
            "--home",
            str(tmp_path),
            "--control",
            str(tmp_path / "c"),
            *arguments,
        ],
        capture_output=True,
        text=True,
        env={},
        timeout=SECONDS,
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_listener_that_drops_its_lines_is_no_broker_that_answers(tmp_path: Path) -> None:
    """A killed broker's listener takes lines until its process has ended: one was taken for the
    next broker's, and dropped the first question."""
    options = Options(home=tmp_path, control=tmp_path / "c.sock", replay=tmp_path / "r")

    def serving_nothing(_: list[str], **how: Any) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(["/bin/cat"], **how)  # it ends with its input

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(options.control))
        listener.listen()
        dropping = threading.Thread(target=lambda: listener.accept()[0].close())
        dropping.start()
        with pytest.raises(ModelError, match=r"did not start: it did not answer within 0\.5 s$"):
            start(options, seconds=0.5, popen=serving_nothing)
        dropping.join()


def test_the_starter_passes_on_why_it_did_not_start(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("nothing")
    with pytest.raises(
        ModelError, match=r"did not start: .*expected the keys `as_of` and `models`"
    ):
        start(
            Options(home=tmp_path, control=tmp_path / "c", replay=tmp_path, prices=prices),
            seconds=SECONDS,
        )


OPEN = {
    "run": "r",
    "role": "implementer",
    "issue": 1,
    "attempt": 1,
    "model": MODEL,
    "caps": {"calls": 1, "usd": 1},
}


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        OPEN | {"more": 1},
        OPEN | {"role": "../../author"},
        OPEN | {"role": "author/"},
        OPEN | {"run": "a\n"},
        OPEN | {"issue": -1},
        OPEN | {"issue": "1"},
        OPEN | {"attempt": 1.5},
        OPEN | {"caps": {"calls": 1}},
        OPEN | {"caps": {"calls": 1, "usd": "much"}},
        OPEN | {"caps": {"calls": 1, "usd": -1}},
        OPEN | {"caps": {"calls": 1, "usd": "1", "usd_week": 3}},
    ],
)
def test_a_session_that_is_not_well_asked_for_is_not_opened(replaying: Broker, body: Any) -> None:
    refused = posted(replaying, body)
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_judging_role_is_refused_where_there_is_no_sealed_folder(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"no folder for the role author; .*--replay-sealed"):
        brokers(replay=tmp_path).client.open(request(role="author")).__enter__()


def test_a_sealed_log_is_written_only_where_the_option_names_a_folder(
    brokers: Callable[..., Broker], tmp_path: Path, sdk: Callable[[Session], "Anthropic"]
) -> None:
    broker = brokers(
        replay=tmp_path / "open", replay_sealed=tmp_path / "sealed", sealed_log=tmp_path / "log"
    )
    broker.record(ONE, role="author")
    with broker.client.open(request(role="author")) as session:
        sdk(session).messages.create(**ASK)
    assert (tmp_path / "log" / f"{session.id}.jsonl").exists()
    assert not (broker.options.home / "wire").exists()


def test_a_broker_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"does not answer at /nowhere/control\.sock") as error:
        BrokerClient(Path("/nowhere/control.sock")).open(request()).__enter__()
    assert error.value.retryable
