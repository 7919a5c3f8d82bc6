"""Answers that no provider should give, and some give: what is in them is counted, and harms
nobody."""

import json
from decimal import Decimal
from typing import Any

from harness.agents.unix_http import unix_http_client
from tests.agents.conftest import MODEL, SECONDS, Answer, Provider, message, text
from tests.broker.conftest import Bench, OpenedSession

ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 100,
    "messages": [{"role": "user", "content": "Hello"}],
}
# 100 × 2, 20 × 10 a million
COST = Decimal("0.0004")


def answered(served: OpenedSession, path: str, content: bytes) -> tuple[int, str]:
    """The status and the text that the sandbox gets."""
    with unix_http_client(served.socket, seconds=SECONDS) as http:
        found = http.post(path, content=content)
    return found.status_code, found.text


def test_half_a_character_comes_through_and_is_settled_and_in_a_refusal_named(
    bench: Bench, provider: Provider
) -> None:
    """JSON can hold a lone surrogate, and UTF-8 cannot."""
    served = bench.open()
    provider.plan(message(text("a\ud800b")), Answer({"input_tokens": 1, "x": "\ud800"}))
    status, words = answered(served, "/v1/messages", json.dumps(ASK).encode())
    assert (status, json.loads(words)["content"]) == (200, [text("a\ud800b")])
    assert served.cost == COST
    count = json.dumps({name: ASK[name] for name in ("model", "messages")}).encode()
    assert answered(served, "/v1/messages/count_tokens", count)[0] == 200
    status, words = answered(served, "/v1/messages", rb'{"a\ud800b": 1}')
    assert status == 400
    assert "a\ud800b" in json.loads(words)["error"]["message"]
