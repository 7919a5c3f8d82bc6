"""Pinning a key: it is there afterwards, and nothing else has changed."""

import tomllib

import pytest

from harness.domain.errors import ConfigError
from harness.operations.setup.pin_key import pinned

TEXTS = {
    "no table": 'schema = 1\n\n[app]\nstart = ["x"]  # so\n',
    "an empty list": (
        'schema = 1\n[seal]\ntrusted_keys = []      # pin it here\n[tests]\ncommand = ["y"]\n'
    ),
    "another key": "schema = 1\n[seal]\ntrusted_keys = [\n    'other',  # of another home\n]\n",
    "a table without the key": "schema = 1\n[seal]\n# nothing yet\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_key_is_added_and_the_rest_stays(text) -> None:
    found = pinned(text, "abc")
    before, after = tomllib.loads(text), tomllib.loads(found)
    kept = before.pop("seal", {}).get("trusted_keys", [])
    assert after.pop("seal")["trusted_keys"] == [*kept, "abc"]
    assert after == before
    assert all(
        comment in found
        for comment in (line.split("#")[1] for line in text.splitlines() if "#" in line)
    )
    assert pinned(found, "abc") == found


@pytest.mark.parametrize("text", ["seal = 1\n", "[seal]\ntrusted_keys = 'abc'\n"])
def test_another_kind_of_thing_is_named(text) -> None:
    with pytest.raises(ConfigError, match=r"seal\.trusted_keys"):
        pinned(text, "abc")


def test_what_is_no_toml_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"factory\.toml"):
        pinned("[app\n", "abc")
