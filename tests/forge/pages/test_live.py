"""Live pages: a beat after each change, streams that end, and no data for people
without the right."""

import asyncio
import signal
import threading

import httpx
import pytest

from harness.programs.local_forge.events import event_stream
from harness.programs.local_forge.events.event_stream import EventStream
from tests.forge.waiting import SECONDS, start


def heard(act, *, quiet, most):
    """What a listener gets after `act` used the event stream, which it may do from any thread."""

    async def listen():
        heart, found = EventStream(), []
        beats = heart.beats(quiet=quiet)
        following = asyncio.ensure_future(anext(beats))
        await asyncio.sleep(0)
        act(heart)
        while len(found) < most:
            beat = await following
            # A busy machine may take long before the first beat: that silence does not count.
            if beat or found:
                found.append(beat)
            following = asyncio.ensure_future(anext(beats))
        following.cancel()
        await asyncio.wait([following])
        await beats.aclose()
        return found, heart

    return asyncio.run(listen())


def test_many_writes_at_once_are_one_beat_and_silence_is_reported() -> None:
    found, heart = heard(lambda heart: [heart.beat() for _ in range(50)], quiet=0.1, most=2)
    assert found == [True, False]
    assert not heart._listeners


def test_a_write_from_another_thread_while_a_page_looks_is_not_missed() -> None:
    def act(heart) -> None:
        heart.beat()
        threading.Timer(event_stream.REST_SECONDS / 2, heart.beat).start()

    assert heard(act, quiet=SECONDS, most=2)[0] == [True, True]


def test_every_stream_ends_when_the_server_leaves() -> None:
    async def listen():
        heart = EventStream()
        beats = heart.beats()
        waiting = asyncio.ensure_future(anext(beats))
        await asyncio.sleep(0)
        heart.end()
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(waiting, SECONDS)
        return heart.is_full

    assert asyncio.run(listen())


def test_a_page_learns_that_something_was_written_and_not_what(place) -> None:
    with place.client.stream("GET", "/-/live") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert "default-src 'none'" in stream.headers["content-security-policy"]
        lines = stream.iter_lines()
        assert next(lines).startswith("retry: ")
        place.file("A secret plan", "of mine")
        report = [line for line in (next(lines) for _ in range(4)) if line]
    assert report == ["event: written", "data: "]


def test_an_open_page_does_not_hold_up_a_server_that_shall_stop(tmp_path) -> None:
    forge = start(tmp_path / "home")
    with (
        httpx.Client(base_url=forge.url, trust_env=False, verify=False, timeout=SECONDS) as client,
        client.stream("GET", "/-/live") as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        forge.process.send_signal(signal.SIGTERM)
        list(
            lines
            # raises where the answer was cut off: it was not, so nobody waited for the end of its three
            # seconds
        )
        assert forge.process.wait(SECONDS) == 0
    forge.stop()
    # Or uvicorn would say what it had to cancel.
    assert (tmp_path / "home" / "forge.log").read_text() == ""
