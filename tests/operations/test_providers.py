"""Providers of models in `home.json`: read, refused, written again, and their keys."""

import json
import os
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from harness.domain.errors import ConfigError
from harness.home.document import HomeFile, read_home, write_home
from harness.home.providers import NO_KEY, Endpoint, provider_keys, write_providers
from harness.operations.doctor.finding import Severity
from harness.operations.doctor.home_checks import model
from harness.programs.broker.providers import Provider, read_providers

ACME = Endpoint("acme", "openai", "https://models.example.org/v1", key_env="ACME_KEY")
LOCAL = Endpoint("local", "anthropic", "http://127.0.0.1:9")
DOCUMENT = HomeFile(
    owner="o", name="n", forge="embedded", port=0, number=1, token_file="t", providers=(ACME, LOCAL)
)


def test_what_was_written_is_read_and_no_key_is_in_it(tmp_path) -> None:
    write_home(tmp_path, DOCUMENT)
    assert read_home(tmp_path) == DOCUMENT
    assert json.loads((tmp_path / "home.json").read_text())["providers"]["acme"] == {
        "wire": "openai",
        "base_url": "https://models.example.org/v1",
        "key_env": "ACME_KEY",
    }


def test_the_broker_is_given_them_without_their_keys(tmp_path) -> None:
    assert read_providers(write_providers(tmp_path / "p.json", DOCUMENT.providers)) == {
        "acme": Provider("acme", "openai", "https://models.example.org/v1", "ACME_KEY"),
        "local": Provider("local", "anthropic", "http://127.0.0.1:9", "its key"),
    }


GOOD = ACME.document()
WRONG: dict[str, tuple[Any, str]] = {
    "a list": ([], "`providers`: expected an object of a provider for each name"),
    "a name that is no name": (
        {"Ac/me": GOOD},
        "`providers.Ac/me`: expected a name of small letters",
    ),
    "the usual one's name": ({"anthropic": GOOD}, "which is the default one's"),
    "an entry that is none": (
        {"acme": "x"},
        "`providers.acme`: expected an object with some of wire, base_url",
    ),
    "an unknown key": (
        {"acme": GOOD | {"key": "sk-secret"}},
        "`providers.acme`: expected an object with some of",
    ),
    "no wire": (
        {"acme": {"base_url": "https://x.example"}},
        "`providers.acme.wire`: expected anthropic or openai, found None",
    ),
    "no address": (
        {"acme": {"wire": "openai"}},
        "`providers.acme.base_url`: a model endpoint is an https address",
    ),
    "an address in the clear": (
        {"acme": GOOD | {"base_url": "http://models.example.org"}},
        "would show the key",
    ),
    "a key in the address": (
        {"acme": GOOD | {"base_url": "https://sk-secret@x.example"}},
        "holds no name, secret or query",
    ),
    "a key for the name of its variable": (
        {"acme": GOOD | {"key_env": "sk-secret"}},
        "the key itself does not belong here",
    ),
    "a file elsewhere": ({"acme": GOOD | {"key_file": "../x"}}, "expected a file below the home"),
    "two places for a key": (
        {"acme": GOOD | {"key_file": "keys/x"}},
        "expected `key_env` or `key_file`, not both",
    ),
}


@pytest.mark.parametrize(("entry", "message"), WRONG.values(), ids=WRONG)
def test_a_provider_that_cannot_be_asked_is_named_and_its_key_not_repeated(
    tmp_path, entry, message
) -> None:
    write_home(tmp_path, DOCUMENT)
    document = json.loads((tmp_path / "home.json").read_text()) | {"providers": entry}
    (tmp_path / "home.json").write_text(json.dumps(document))
    with pytest.raises(ConfigError) as refused:
        read_home(tmp_path)
    assert message in str(refused.value)
    assert "sk-secret" not in str(refused.value)


def test_keys_are_taken_out_of_our_environment_for_as_long_as_something_runs(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "sk-acme ")
    with provider_keys(tmp_path, DOCUMENT) as keys:
        assert keys == {"acme": "sk-acme", "local": NO_KEY}
        assert "ACME_KEY" not in os.environ
    assert os.environ["ACME_KEY"] == "sk-acme "
    with provider_keys(tmp_path, replace(DOCUMENT, models="replay")) as keys:
        assert keys == {}


def test_a_key_that_is_not_there_is_named_and_nothing_is_lost(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("ACME_KEY", "sk")
    missing = replace(DOCUMENT, providers=(ACME, replace(LOCAL, key_env="LOCAL_KEY")))
    with (
        pytest.raises(ConfigError, match="the provider local needs a key: set LOCAL_KEY"),
        ExitStack() as stack,
    ):
        stack.enter_context(provider_keys(tmp_path, missing))
    assert os.environ["ACME_KEY"] == "sk"


@pytest.mark.parametrize(
    ("mode", "content", "message"),
    [
        (0o644, "sk-file", "others may read it, and it holds the key of the provider local"),
        (0o600, "\n", "is expected here, and nothing is"),
        (None, "", "is expected here, and nothing is"),
    ],
    ids=["open to others", "empty", "missing"],
)
def test_a_key_in_a_file_is_its_owners_alone(tmp_path, mode, content, message) -> None:
    path = tmp_path / "local.key"
    if mode is not None:
        path.write_text(content)
        path.chmod(mode)
    document = replace(DOCUMENT, providers=(replace(LOCAL, key_file="local.key"),))
    with pytest.raises(ConfigError, match=message) as refused, ExitStack() as stack:
        stack.enter_context(provider_keys(tmp_path, document))
    assert "sk-file" not in str(refused.value)
    path.write_text("sk-file\n")
    path.chmod(0o600)
    with provider_keys(tmp_path, document) as keys:
        assert keys == {"local": "sk-file"}


def test_the_doctor_names_the_provider_that_does_not_answer_and_needs_no_usual_one(
    tmp_path, monkeypatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    write_home(tmp_path, replace(DOCUMENT, providers=(LOCAL,)))
    found = model(tmp_path)
    assert (found.level, found.message) == (
        Severity.FAIL,
        "local is called without a key; http://127.0.0.1:9 does not answer (ConnectError)",
    )
