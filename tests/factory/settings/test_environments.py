"""`[[environments]]`: what is read, and what is refused by name."""

import pytest

from harness.domain.deployment import DeployKind, seconds_in
from harness.domain.errors import ConfigError
from harness.factory.settings.environments import environments_in

STAGING = {"name": "staging", "deploy": "local", "url": "http://localhost:8100"}
PRODUCTION = {"name": "production", "deploy": "command", "url": "https://walks.example.org"}


def test_they_are_read_in_their_order_with_one_spelling_of_each_address() -> None:
    first, last = environments_in(
        [
            {**STAGING, "url": "HTTP://LocalHost:8100/", "soak": "90s", "smoke": ["M-BOOK"]},
            PRODUCTION,
        ]
    )
    assert (first.url, first.soak_seconds, first.smoke) == (
        "http://localhost:8100",
        90,
        ("M-BOOK",),
    )
    assert (last.name, last.deploy) == ("production", DeployKind.COMMAND)
    assert last.identity, "a place says what it is unless somebody decides otherwise"


def test_without_any_there_is_none() -> None:
    assert environments_in([]) == ()


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        ({"deploy": "locla"}, "environments.1.deploy", "did you mean `local`"),
        ({"deploy": ["local"]}, "environments.1.deploy", "expected `local`"),
        ({"name": "Staging"}, "environments.1.name", "small letters"),
        ({"name": ""}, "environments.1.name", "small letters"),
        ({"url": "localhost:8100"}, "environments.1.url", "without a path"),
        ({"url": "http://localhost:8100/app"}, "environments.1.url", "without a path"),
        ({"url": "http://key@localhost"}, "environments.1.url", "without a path"),
        ({"url": "http://localhost:99999999"}, "environments.1.url", "without a path"),
        ({"url": "http://[half"}, "environments.1.url", "without a path"),
        ({"health": "up"}, "environments.1.health", "a path"),
        ({"health": "/up?x=1"}, "environments.1.health", "a path"),
        ({"soak": "half an hour"}, "environments.1.soak", "a duration"),
        ({"soak": "721h"}, "environments.1.soak", "at most 720h"),
        ({"health_every": 0}, "environments.1.health_every", "from 1"),
        ({"unhealthy": True}, "environments.1.unhealthy", "expected a whole number"),
        ({"sokes": "1m"}, "environments.1.sokes", "no such key"),
    ],
)
def test_a_mistake_is_named_with_its_key(change, key, words) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        environments_in([{**STAGING, **change}])
    assert refused.value.key == key


@pytest.mark.parametrize(
    "other", [{"name": "staging"}, {"url": "http://LOCALHOST:8100/"}], ids=["name", "url"]
)
def test_two_places_are_two(other) -> None:
    with pytest.raises(ConfigError, match="give each its own"):
        environments_in([STAGING, {**PRODUCTION, **other}])


@pytest.mark.parametrize("given", ["staging", {"name": "x"}, ["x"], [STAGING] * 9])
def test_only_a_few_tables_are_taken(given) -> None:
    with pytest.raises(ConfigError, match="environments"):
        environments_in(given)


@pytest.mark.parametrize(("text", "seconds"), [("0s", 0), ("90s", 90), ("30m", 1800), ("2h", 7200)])
def test_durations(text, seconds) -> None:
    assert seconds_in(text) == seconds
