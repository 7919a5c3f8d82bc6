"""One call of one token for each model: through the broker's own code to an endpoint of this
machine, which answers as each wrong set-up does."""

import asyncio
import socket
from pathlib import Path

import pytest

from harness.home.document import HomeFile, write_home
from harness.home.providers import Endpoint
from harness.operations.doctor.finding import Severity
from harness.operations.doctor.model_calls import RoleModel, call_models
from harness.programs.broker.meter import Meter
from harness.programs.broker.prices import prices
from harness.programs.broker.providers import ANTHROPIC, Provider
from harness.programs.broker.upstream.exchange import Exchange, Timeouts
from harness.programs.broker.upstream.faults import ProviderFault, provider_fault
from harness.programs.broker.wires.registry import MESSAGES
from tests.agents.conftest import (  # noqa: F401 - fixtures
    KEY,
    MODEL,
    Answer,
    _nothing_left_planned,
    message,
    provider,
    text,
)
from tests.fakes.ports import deaf_port

TRIAGE = RoleModel(MODEL, ("triage",), "/messages")
CHAT = {
    "id": "c",
    "model": "m",
    "choices": [{"message": {"content": "."}, "finish_reason": "length"}],
    "usage": {"prompt_tokens": 8, "completion_tokens": 1},
}
RESPONSE = {
    "id": "r",
    "model": "m",
    "status": "incomplete",
    "output": [],
    "usage": {"input_tokens": 8, "output_tokens": 16},
}


@pytest.fixture
def home(tmp_path, provider, monkeypatch):  # noqa: F811 - fixtures
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ACME_KEY", KEY)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
    made_at(tmp_path, provider.url)
    return tmp_path


def made_at(home: Path, url: str) -> None:
    acme = Endpoint("acme", "openai", f"{url}/v1", key_env="ACME_KEY")
    document = HomeFile(
        owner="o",
        name="n",
        forge="embedded",
        port=0,
        number=1,
        token_file="t",
        upstream=url,
        providers=(acme,),
    )
    write_home(home, document)


def called(home: Path, *models: RoleModel):
    return [finding for _, finding in call_models(home, models)]


def refused(status: int, kind: str, words: str) -> Answer:
    error = {"type": kind, "code": kind, "message": f"{words}, reports {KEY}"}
    return Answer({"type": "error", "error": error}, status=status)


def test_each_model_is_asked_once_by_its_own_api_and_counted_for_no_issue(
    home,
    provider,  # noqa: F811
) -> None:
    provider.plan(message(text("."), output_tokens=1))
    (found,) = called(home, TRIAGE)
    assert found.level is Severity.OK
    assert found.message.startswith(f"{MODEL} (triage) answered in ")
    provider.plan(Answer(CHAT))
    (found,) = called(home, RoleModel("acme/m", ("implementer",), ""))
    assert found.level is Severity.OK
    provider.plan(Answer(RESPONSE))
    assert called(home, RoleModel("acme/m", ("implementer",), "/responses"))[0].level == "ok"

    assert [one["path"] for one in provider.seen] == [
        "/v1/messages",
        "/v1/chat/completions",
        "/v1/responses",
    ]
    first, second, third = (one["body"] for one in provider.seen)
    assert (first["max_tokens"], first["model"]) == (1, MODEL)
    assert (second["max_completion_tokens"], second["model"]) == (1, "m")
    assert (third["max_output_tokens"], third["store"]) == (16, False)
    meter = Meter(home / "broker" / "broker.sqlite", prices())
    lines = meter.lines()
    meter.close()
    assert {(line.issue, line.role, line.calls) for line in lines} == {(0, "probe", 1)}
    assert sum(line.output_tokens for line in lines) == 18
    assert all(line.settled and not line.open for line in lines)


WRONG = {
    "a wrong key": (
        refused(401, "authentication_error", "no"),
        "does not accept our key (401)",
        "put a valid one into ANTHROPIC_API_KEY",
    ),
    "no permission": (
        refused(403, "permission_error", "no"),
        f"has no permission for {MODEL} (403)",
        "give the account behind ANTHROPIC_API_KEY that right",
    ),
    "no such model": (
        refused(404, "not_found_error", "model: x"),
        f"has no model {MODEL} (404)",
        "compare the name in factory.toml",
    ),
    "another path": (
        Answer(status=404, pieces=[b"<h1>Not found</h1>"]),
        "is an endpoint of another kind (404)",
        "give as ANTHROPIC_BASE_URL, or `upstream` in home.json, what",
    ),
    "no POST": (
        Answer(status=405, pieces=[b""]),
        "is an endpoint of another kind (405)",
        "give as ANTHROPIC_BASE_URL, or `upstream` in home.json, what",
    ),
    "a page": (
        Answer(headers={"content-type": "text/html"}, pieces=[b"<h1>Welcome</h1>"]),
        "is an endpoint of another kind (200 with a web page)",
        "give as ANTHROPIC_BASE_URL, or `upstream` in home.json, what",
    ),
    "no JSON": (
        Answer(pieces=[b"hello"]),
        "is an endpoint of another kind (200 with something that is no JSON)",
        "give as ANTHROPIC_BASE_URL, or `upstream` in home.json, what",
    ),
    "other JSON": (
        Answer(CHAT),
        "is an endpoint of another kind (200 with JSON that cannot be understood",
        "give as ANTHROPIC_BASE_URL, or `upstream` in home.json, what",
    ),
    "not implemented": (
        refused(501, "api_error", "Unsupported method"),
        "does not implement this call (501)",
        "look whether ANTHROPIC_BASE_URL, or `upstream` in home.json, serves",
    ),
    "no credit": (
        refused(400, "invalid_request_error", "Your credit balance is too low"),
        "what is paid for is used up",
        "look at the account behind ANTHROPIC_API_KEY",
    ),
    "overloaded": (refused(529, "overloaded_error", "no"), "it is overloaded", "wait"),
    "failing": (refused(500, "api_error", "oops"), "it fails (500)", "wait"),
}


@pytest.mark.parametrize(("answer", "words", "fix"), WRONG.values(), ids=WRONG)
def test_each_wrong_set_up_has_its_own_words_costs_nothing_and_shows_no_key(
    home,
    provider,  # noqa: F811
    answer,
    words,
    fix,
) -> None:
    provider.plan(answer)
    (found,) = called(home, TRIAGE)
    assert found.level is Severity.FAIL
    assert words in found.message
    assert found.fix.startswith(fix)
    assert KEY not in found.message + found.fix
    assert len(provider.seen) == 1


def test_an_address_where_nobody_listens_is_named(home) -> None:
    with deaf_port() as port:
        made_at(home, f"http://127.0.0.1:{port}")
        (found,) = called(home, TRIAGE)
    assert found.level is Severity.FAIL
    assert f"127.0.0.1:{port}: no connection to it can be made (ConnectError)" in found.message
    assert "look at ANTHROPIC_BASE_URL" in found.fix


def test_an_endpoint_without_tls_where_tls_is_expected_is_named(home) -> None:
    """A plain server answers the greeting of TLS with words."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"https://127.0.0.1:{server.getsockname()[1]}"

        async def asked():
            exchange = Exchange(
                Provider("anthropic", ANTHROPIC, url), KEY, clock=lambda: 0.0, timeouts=Timeouts()
            )
            asking = asyncio.create_task(exchange.smallest(MESSAGES, MODEL))
            line, _ = await asyncio.to_thread(server.accept)
            with line:
                line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                failed = await asking
            await exchange.close()
            return failed

        failed = asyncio.run(asked())
    assert provider_fault(failed.status, failed.kind, "") is ProviderFault.UNREACHABLE
    assert "TLS: " in failed.message


def test_a_model_that_is_silent_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"

        async def asked():
            timeouts = Timeouts(smallest=0.2)
            exchange = Exchange(
                Provider("anthropic", ANTHROPIC, url), KEY, clock=lambda: 0.0, timeouts=timeouts
            )
            failed = await exchange.smallest(MESSAGES, MODEL)
            await exchange.close()
            return failed

        failed = asyncio.run(asked())
    assert (failed.status, failed.message) == (504, "the provider did not answer within 0.2 s")
    assert Timeouts().smallest == 10


def test_a_model_of_another_wire_or_of_nobody_is_named_without_a_call(
    home,
    provider,  # noqa: F811
) -> None:
    (found,) = called(home, RoleModel("acme/m", ("triage",), "/messages"))
    assert found.level is Severity.FAIL
    assert "is asked by the API /messages, and its provider acme has /chat" in found.message
    assert provider.seen == []


def test_a_request_that_is_refused_proves_nothing(
    home,
    provider,  # noqa: F811
) -> None:
    provider.plan(refused(400, "invalid_request_error", "temperature is needed"))
    (found,) = called(home, TRIAGE)
    assert found.level is Severity.WARN
    assert "nobody knows whether it answers" in found.message
    assert KEY not in found.message


def test_a_model_that_needs_more_room_than_one_token_knows_us(
    home,
    provider,  # noqa: F811
) -> None:
    words = "Could not finish the message because max_tokens or model output limit was reached."
    provider.plan(refused(400, "invalid_request_error", words))
    (found,) = called(home, RoleModel("acme/m", ("implementer",), ""))
    assert found.level is Severity.OK
