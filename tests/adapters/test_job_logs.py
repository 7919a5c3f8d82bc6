"""The log of a failed check at the wire: from another host, without our token, and only its end."""

from contextlib import contextmanager, suppress

import pytest

from harness.domain.errors import ForgeError
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.job_logs import MOST_KEPT, MOST_READ
from tests.fakes.http_server import Request, serving

TOKEN = "ghs_secret"
JOB = "/repos/tide/book/actions/jobs/41/logs"


@contextmanager
def server_with(answers):
    """A server with these answers by path: status, headers and body; and what it was asked."""
    asked, sent = [], []

    def answer(request: Request) -> None:
        asked.append((request.path, dict(request.headers)))
        status, headers, body = answers[request.path]
        request.begin(status, headers)
        # Whoever reads may have had enough.
        with suppress(OSError):
            for part in body:
                request.wfile.write(part)
                sent.append(len(part))

    with serving(answer) as server:
        yield server.url, asked, sent


@contextmanager
def github(body, *, status=200):
    """A forge that answers for the log of job 41 with an address elsewhere."""
    with server_with({"/blob": (status, {}, body)}) as (elsewhere, fetched, sent):
        found = {"Location": f"{elsewhere}/blob"}
        with server_with({JOB: (302, found, ())}) as (api, asked, _):
            yield GitHubForge(Access("tide/book", TOKEN, api)), asked, fetched, sent


def test_the_log_is_read_from_where_the_forge_says_and_our_token_stays_here() -> None:
    with github([b"E  assert 3 == 4\n"]) as (forge, asked, fetched, _):
        assert forge.check_log(41) == "E  assert 3 == 4\n"
    assert TOKEN in asked[0][1]["Authorization"]
    ((path, headers),) = fetched
    assert path == "/blob"
    assert TOKEN not in str(headers)
    assert "Authorization" not in headers


def test_of_a_long_log_the_end_is_kept() -> None:
    with github([b"x" * 1000] * 1000 + [b"the end"]) as (forge, *_):
        log = forge.check_log(41)
    assert log.endswith("xthe end")
    assert len(log) == MOST_KEPT


def test_an_endless_log_is_not_read_to_its_end() -> None:
    part = b"y" * 1_000_000
    with github(part for _ in range(100)) as (forge, _, _, sent):
        assert len(forge.check_log(41)) == MOST_KEPT
    assert sum(sent) < 3 * MOST_READ


@pytest.mark.parametrize("status", [301, 403, 500])
def test_a_place_that_does_not_answer_with_the_file_is_no_log(status) -> None:
    with github([b"<html>"], status=status) as (forge, *_):
        assert forge.check_log(41) == ""


@pytest.mark.parametrize("place", ["ftp://127.0.0.1/x", "file:///etc/passwd", ""])
def test_no_other_kind_of_address_is_followed(place) -> None:
    with server_with({JOB: (302, {"Location": place}, ())}) as (api, *_):
        assert GitHubForge(Access("tide/book", TOKEN, api)).check_log(41) == ""


@pytest.mark.parametrize("status", [404, 410])
def test_a_log_that_is_gone_is_none(status) -> None:
    with server_with({JOB: (status, {}, [b"{}"])}) as (api, *_):
        assert GitHubForge(Access("tide/book", TOKEN, api)).check_log(41) == ""


def test_a_forge_that_is_down_is_asked_again() -> None:
    with server_with({JOB: (502, {}, [b"{}"])}) as (api, *_):
        with pytest.raises(ForgeError) as raised:
            GitHubForge(Access("tide/book", TOKEN, api)).check_log(41)
        assert raised.value.retryable
