"""Addresses, the model key and tokens: what goes where, and what is refused before anything is
asked."""

import os
import stat

import pytest

from harness.domain.errors import ConfigError
from harness.factory.run.services import Places
from harness.home.document import HomeFile
from harness.home.programs import (
    KEY,
    NO_KEY,
    PROVIDER,
    api_of,
    broker_of,
    endpoint,
    forge_of,
    keep_token,
    model_key,
    offline_address,
    provider,
)
from harness.wiring import validator_of

ELSEWHERE = HomeFile(
    owner="o",
    name="n",
    forge="https://git.example.org",
    port=0,
    number=0,
    token_file="keys/forge.token",
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch) -> None:
    for name in (KEY, "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("web", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.example.org", "https://git.example.org/api/v3"),
        ("http://localhost:8300", "http://localhost:8300/api/v3"),
    ],
)
def test_the_api_of_each_kind_of_forge(web, api) -> None:
    assert api_of(web) == api


def test_a_forge_elsewhere_is_not_started(tmp_path) -> None:
    with forge_of(tmp_path, ELSEWHERE) as forge:
        assert (forge.url, forge.api) == (
            "https://git.example.org",
            "https://git.example.org/api/v3",
        )
    assert list(tmp_path.iterdir()) == []


def test_an_audit_looks_only_at_this_machine(tmp_path) -> None:
    assert offline_address(tmp_path, ELSEWHERE, Places(tmp_path, "o.n")).startswith("file:///")


def test_the_key_is_out_of_our_environment_for_the_block_and_back_after_it(monkeypatch) -> None:
    monkeypatch.setenv(KEY, "sk-canary")
    with model_key() as key:
        assert key == "sk-canary"
        assert KEY not in os.environ
    assert os.environ[KEY] == "sk-canary"
    monkeypatch.delenv(KEY)
    with model_key() as key:
        assert key == ""
    assert KEY not in os.environ


def test_the_judge_is_given_where_things_are_and_no_secret_of_ours(tmp_path, monkeypatch) -> None:
    for name in (KEY, "DATABASE_URL", "PYTHONPATH", "GIT_DIR", "PIP_INDEX_URL"):
        monkeypatch.setenv(name, "canary")
    given = validator_of(Places(tmp_path, "o.n")).environment
    assert [name for name, value in given.items() if value == "canary"] == ["PIP_INDEX_URL"]
    others = given.keys() - {"PATH", "LANG", "HOME"}
    assert all(name.startswith(("PIP_", "XDG_")) for name in others)


def test_which_endpoint_is_asked_with_which_key(monkeypatch) -> None:
    assert provider("", "sk") == (PROVIDER, "sk")
    assert provider("https://models.example.org/", "sk") == ("https://models.example.org", "sk")
    assert provider("http://localhost:8000", "") == ("http://localhost:8000", NO_KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    assert provider("", "") == ("http://127.0.0.1:9", NO_KEY)
    assert provider("https://models.example.org", "sk") == ("https://models.example.org", "sk")


def test_without_a_model_the_three_ways_to_have_one_are_named(tmp_path) -> None:
    with (
        pytest.raises(ConfigError) as refused,
        broker_of(tmp_path, ELSEWHERE, Places(tmp_path, "o.n")),
    ):
        pass
    assert refused.value.exit_code == 2
    assert all(way in str(refused.value) for way in (KEY, "--endpoint", "--replay"))


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.org",
        "ftp://x",
        "models.example.org",
        "",
        "https://",
        "https://name:sk-secret@models.example.org",
        "https://models.example.org?key=sk-secret",
    ],
)
def test_an_endpoint_that_would_show_the_key_is_refused_and_not_repeated(url) -> None:
    with pytest.raises(ConfigError) as refused:
        endpoint(url)
    assert "sk-secret" not in str(refused.value)


def test_a_token_is_its_owners_alone_and_takes_the_place_of_an_older_one(tmp_path) -> None:
    path = tmp_path / "keys" / "forge.token"
    path.parent.mkdir()
    path.write_text("old")
    path.chmod(0o644)
    keep_token(path, "new")
    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["forge.token"]
