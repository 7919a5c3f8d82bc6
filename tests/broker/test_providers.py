"""The list of providers that a broker gets, and how a model's name names its provider."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.agents.start import start
from harness.agents.unix_http import unix_http_client
from harness.domain.errors import ModelError, ModelsPaused
from harness.programs.broker.options import Options
from harness.programs.broker.providers import (
    DEFAULT_PROVIDER,
    Provider,
    ProvidersError,
    provider_and_model,
    read_providers,
)
from tests.agents.conftest import SECONDS, Broker, request

ACME = {"wire": "openai", "base_url": "http://127.0.0.1:9/v1", "key_from": "ACME_KEY"}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("claude-opus-5-5", (DEFAULT_PROVIDER, "claude-opus-5-5")),
        ("acme/qwen/qwen3-coder", ("acme", "qwen/qwen3-coder")),
        # as resellers of the usual wire write it
        ("anthropic/claude-opus-5-5", (DEFAULT_PROVIDER, "anthropic/claude-opus-5-5")),
        ("acme/", (DEFAULT_PROVIDER, "acme/")),
        ("acme", (DEFAULT_PROVIDER, "acme")),
        ("/acme", (DEFAULT_PROVIDER, "/acme")),
    ],
)
def test_a_models_name_may_begin_with_its_providers(name: str, found: tuple[str, str]) -> None:
    assert provider_and_model(name, {"acme"}) == found


def test_a_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"acme": ACME}))
    assert read_providers(tmp_path / "p.json") == {
        "acme": Provider("acme", "openai", "http://127.0.0.1:9/v1", "ACME_KEY")
    }


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ([], "not of type 'object'"),
        ({"acme": {}}, "'wire' is a required property"),
        ({"acme": ACME | {"wire": "x"}}, r"\$.acme.wire"),
        ({"acme": ACME | {"key": "sk"}}, "'key' was unexpected"),
        ({"ac/me": ACME}, "ac/me"),
        ({"acme": ACME | {"base_url": "ftp://x"}}, r"\$.acme.base_url"),
    ],
)
def test_a_list_that_cannot_be_read_names_the_entry(
    tmp_path: Path, document: Any, named: str
) -> None:
    (tmp_path / "p.json").write_text(json.dumps(document))
    with pytest.raises(ProvidersError, match=f"p.json: .*{named}"):
        read_providers(tmp_path / "p.json")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "Expecting property name"), (None, "No such file")]
)
def test_a_list_that_is_none_names_the_file(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "p.json").write_text(text)
    with pytest.raises(ProvidersError, match=rf"p\.json: .*{message}"):
        read_providers(tmp_path / "p.json")


def test_a_broker_without_a_providers_key_does_not_start_and_names_it(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"acme": ACME}))
    with pytest.raises(
        ModelError, match="no key for acme in the environment variable FACTORY_MODEL_KEYS"
    ):
        start(
            Options(home=tmp_path, control=tmp_path / "c", providers=tmp_path / "p.json"),
            seconds=SECONDS,
        )


def test_where_there_is_no_usual_provider_a_model_has_to_name_its_own(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"acme": ACME}))
    broker = brokers(providers=tmp_path / "p.json", keys={"acme": "sk"})
    with pytest.raises(
        ModelsPaused, match=r"is of no provider that is known here; .*name it as acme/"
    ) as paused:
        broker.client.open(request()).__enter__()
    assert paused.value.cause == "provider"
    with broker.client.open(request(model="acme/m")) as session:
        assert session.model == "acme/m"


def test_a_session_of_one_api_gets_no_other_and_a_provider_without_it_pauses_the_factory(
    brokers: Callable[..., Broker], tmp_path: Path
) -> None:
    """A role that is asked by Messages cannot be played by a model of the other wire, which is no
    issue's fault. And who may ask by one API alone can provoke nothing at another."""
    (tmp_path / "p.json").write_text(json.dumps({"acme": {**ACME, "wire": "openai"}}))
    broker = brokers(providers=tmp_path / "p.json", keys={"acme": "sk"})
    with pytest.raises(ModelsPaused, match="asked by the API /messages") as paused:
        broker.client.open(request(model="acme/m", api="/messages")).__enter__()
    assert paused.value.cause == "provider"
    with (
        broker.client.open(request(model="acme/m", api="/responses")) as session,
        unix_http_client(session.socket, seconds=SECONDS) as http,
    ):
        assert http.post("/v1/chat/completions", json={}).status_code == 404
        assert http.post("/v1/responses", json={}).status_code == 400
