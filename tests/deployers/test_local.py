"""Places of this machine: what a visitor of one notices of a switch, a crash and a lie."""

import asyncio
import http.client
import os
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.deployers.asking import PlaceHealth
from harness.deployers.local import LocalDeployer
from harness.domain.errors import ConfigError, DeployError
from harness.domain.facts import UNKNOWN
from harness.programs.local_place.releases import answered
from tests.deployers.worlds import (
    ENDS,
    FIRST,
    SECOND,
    THIRD,
    Trees,
    ask,
    environment,
    local_world,
    order,
)
from tests.fakes.http_server import Request, serving
from tests.scenarios.waiting import opened

TRIES, LETTERS = 200, 6000


def test_no_visitor_is_lost_in_a_switch_and_the_old_release_is_up_until_it_is_retired(
    tmp_path: Path,
) -> None:
    with local_world(tmp_path) as world:
        deployer, place = world.deployer, world.place
        deployer.switch(world.order(FIRST))
        before = ask(place)
        port = urlsplit(place.url).port
        staying = http.client.HTTPConnection("127.0.0.1", port or 0)
        staying.request("GET", "/")
        staying.getresponse().read()
        seen, over = [before["version"]], threading.Event()

        def visit() -> None:
            while not over.is_set():
                seen.append(ask(place)["version"])

        visitor = threading.Thread(target=visit)
        visitor.start()
        deployer.switch(world.order(SECOND))
        after = ask(place)
        over.set()
        visitor.join()
        # A failed visit would have ended the thread before it saw the new one.
        assert seen == sorted(seen)
        assert (after["commit"], after["environment"]) == (SECOND, "staging")
        # Who was connected stays with the release that they came to.
        staying.request("GET", "/")
        assert b'"version": "a"' in staying.getresponse().read()
        # The app's data are those of the place, and both releases may write them.
        assert after["visits"] > before["visits"]
        began = time.monotonic()
        # Another factory, which knows nothing but the folder, takes it back.
        other = LocalDeployer(tmp_path / "places", Trees().export)
        other.switch(world.order(FIRST, key="staging/rollback"))
        assert ask(place)["boot"] == before["boot"]
        assert time.monotonic() - began < 60
        other.retire(place, [FIRST])
        assert sorted(one.name for one in (tmp_path / "places/staging/trees").iterdir()) == [FIRST]


def test_a_place_whose_process_is_killed_serves_nothing_and_comes_back_as_it_was(
    tmp_path: Path,
) -> None:
    home = tmp_path / ("home-" * 20)  # longer than the path of a socket may be
    home.mkdir()
    with local_world(home) as world:
        world.deployer.switch(world.order(FIRST))
        boot = ask(world.place)["boot"]
        os.kill(_holder(home / "places/staging/place.lock"), signal.SIGKILL)
        while world.deployer.running(world.place) not in (None, UNKNOWN):
            time.sleep(0.02)
        world.deployer.prepare(world.order(SECOND))
        assert world.commit() == FIRST
        assert ask(world.place)["boot"] != boot


def test_an_app_that_does_not_start_changes_nothing_and_its_last_words_are_in_the_message(
    tmp_path: Path,
) -> None:
    with local_world(tmp_path, trees=Trees({SECOND: ENDS})) as world:
        world.deployer.switch(world.order(FIRST))
        with pytest.raises(DeployError, match="the tide is out"):
            world.deployer.switch(world.order(SECOND))
        assert world.commit() == FIRST


def test_an_app_that_never_answers_is_ended_in_time_and_changes_nothing(tmp_path: Path) -> None:
    with local_world(tmp_path, trees=Trees({SECOND: "import time\ntime.sleep(600)\n"})) as world:
        world.deployer.switch(world.order(FIRST))
        with pytest.raises(DeployError, match="did not answer within 1 s"):
            world.deployer.switch(world.order(SECOND, ready_seconds=1))
        assert (world.commit(), ask(world.place)["version"]) == (FIRST, "a")


def test_the_app_has_no_variable_of_ours_and_reaches_the_one_port_that_is_let_out(
    tmp_path: Path,
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as intake,
        local_world(
            tmp_path, lets_out={9000: intake.getsockname()[1]}, variables={"OUT": "9000"}
        ) as world,
    ):

        def greet() -> None:
            line, _ = intake.accept()
            line.sendall(b"the intake")
            line.close()

        threading.Thread(target=greet, daemon=True).start()
        world.deployer.switch(world.order(FIRST))
        found = ask(world.place, "/out")
        assert found["reached"] == "the intake"
        assert set(found["env"]) & set(os.environ) <= {"PATH", "HOME", "LANG", "PORT", "LC_CTYPE"}


def test_what_another_program_serves_there_is_not_taken_for_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        place = environment(port=foreign.getsockname()[1])
        deployer = LocalDeployer(tmp_path / "places", Trees().export)
        assert deployer.running(place) is UNKNOWN
        with pytest.raises(DeployError, match="cannot be served"):
            deployer.switch(order(place, FIRST, folder=tmp_path))


@pytest.mark.parametrize(
    "url", ["https://localhost:8100", "http://tide.example:80", "http://localhost"]
)
def test_an_address_that_is_not_of_this_machine_is_refused(tmp_path: Path, url: str) -> None:
    from dataclasses import replace

    deployer = LocalDeployer(tmp_path, Trees().export)
    place = replace(environment(), url=url)
    with pytest.raises(ConfigError, match="http://localhost:8100"):
        deployer.switch(order(place, THIRD, folder=tmp_path))


def _holder(lock: Path) -> int:
    """The process that serves a place, by the lock that it holds."""
    inode = lock.stat().st_ino
    for line in Path("/proc/locks").read_text().splitlines():
        words = line.split()
        # Another file system may have a file of the same number.
        if (
            "FLOCK" in words
            and words[5].endswith(f":{inode}")
            and os.fsencode(lock.resolve()) in opened(Path("/proc", words[4]))
        ):
            return int(words[4])
    raise AssertionError("nobody holds the lock")


def test_health_is_what_the_place_answers_and_anything_else_is_not_well(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = environment(port=silent.getsockname()[1])
        assert PlaceHealth(seconds=0.2).health(place).is_ok is False
    with local_world(tmp_path) as world:
        assert PlaceHealth().health(world.place).is_ok is False
        world.deployer.switch(world.order(FIRST))
        found = PlaceHealth().health(world.place)
        assert (found.is_ok, found.environment, found.commit) == (True, "staging", FIRST)


def test_a_place_that_leads_elsewhere_is_not_well(tmp_path: Path) -> None:
    """A staging whose address leads to production: nobody follows it there."""

    def leads(request: Request) -> None:
        request.reply(302, headers={"Location": elsewhere.url})

    with local_world(tmp_path) as world, serving(leads) as server:
        world.deployer.switch(world.order(FIRST))
        elsewhere = world.place
        found = PlaceHealth().health(environment(port=server.server_port))
    assert (found.is_ok, found.commit) == (False, "")
    assert found.message.startswith("302")


def test_a_place_that_answers_a_letter_now_and_then_is_not_well(tmp_path: Path) -> None:
    """Each of its letters comes in time, and the whole of it a minute later."""
    sent: list[int] = []

    def trickles(request: Request) -> None:
        request.begin(200, {"Content-Length": str(LETTERS)})
        with suppress(OSError):
            for number in range(LETTERS):
                sent.append(number)
                request.wfile.write(b" ")
                time.sleep(0.01)

    with serving(trickles) as server:
        found = PlaceHealth(seconds=0.5).health(environment(port=server.server_port))
        assert (found.is_ok, len(sent) < LETTERS) == (False, True)
        assert found.message == "no whole answer within 0.5 s"


class Refusing:
    """A release whose app takes each connection and ends it, for ever."""

    is_up, start = True, {"ready": "/"}

    def __init__(self, socket: Path) -> None:
        self.socket = str(socket)


def test_the_time_of_a_start_is_over_whatever_ends_in_the_same_moment(tmp_path: Path) -> None:
    """It was lost at times, and a place waited for ever for an app that hung."""

    async def refuses(reader: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def tried() -> int:
        release = Refusing(tmp_path / "app.sock")
        over = 0
        async with await asyncio.start_unix_server(refuses, release.socket):
            for number in range(TRIES):
                start = answered(release, seconds=0.001 + number % 60 * 0.0001, every=0.0005)  # type: ignore[arg-type]
                starting = asyncio.create_task(start)
                await asyncio.wait({starting}, timeout=20)
                if not starting.done():
                    starting.cancel()
                    break
                over += isinstance(starting.exception(), TimeoutError)
        return over

    assert asyncio.run(tried()) == TRIES
