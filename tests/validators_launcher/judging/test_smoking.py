"""A smoke: the mission's sealed journeys on a place that runs already, by the real program."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness.domain.errors import ValidatorError
from harness.validator.envelope import verified_observation
from tests.fakes.ports import free_port
from tests.validators_launcher import seaside
from tests.validators_launcher.world import AMPLE, MISSION, World, world_at
from validators.domain.stops import Inconclusive, UsageError
from validators.judging.smoking import smoke_suite
from validators.language.reader import read
from validators.launcher.living import Address, living_address, refuse_on_living_place

NAME = "book-a-large-group"


@contextmanager
def running(source: str, folder: Path) -> Iterator[str]:
    """The address of the app, which runs outside of every sandbox, with whatever it has kept."""
    folder.mkdir()
    (folder / "seaside.py").write_text(source)
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "seaside.py"],
        cwd=folder,
        env={"PATH": os.defpath, "PORT": str(port), "SEASIDE_DATA": str(folder)},
        stdout=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"http://localhost:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = world_at(tmp_path_factory.mktemp("smoke"))
    made.issue |= {"number": 0, "title": "The mission", "kind": "chore"}
    made.seal(made.request(made.source.commit(seaside.BASE)), seaside.JOURNEY)
    return made


def smoke(world: World, name: str, url: str, *promises: str) -> tuple[Any, str]:
    """The verified observation, and all that leaves."""
    commit = world.source.commit(seaside.BASE)
    living = {"url": url, "environment": "staging", "promises": list(promises)}
    world.extra = {"run": name, "living": living, "limits": AMPLE}
    out = world.home / name
    done = world.validators("observe", "--request", world.request(commit), "--out", out)
    assert done.returncode == 0, done.stderr
    key = world.home / "keys" / "validator.key.pub"
    found = verified_observation(out / "observation.json", key, run=name)
    assert (found.commit, found.url, found.environment) == (commit.commit, url, "staging")
    return found, done.stdout + (out / "observation.json").read_text()


def test_a_living_place_is_looked_at_by_what_the_maintainers_named_and_the_answer_binds_it(
    world: World, tmp_path: Path
) -> None:
    with running(seaside.FIXED["seaside.py"], tmp_path / "app") as url:
        found, leaves = smoke(world, "green", url, "M-BOOK")
        kept = (tmp_path / "app" / "bookings.json").read_text()
    assert [(one.standing, one.words) for one in found.shown] == [
        ("green", MISSION.splitlines()[3])
    ]
    assert NAME not in leaves
    # Two visitors, each with data of its own, and it was the living place that kept both.
    assert kept.count("name") == 2


def test_what_is_broken_there_is_red_twice_with_other_data_and_nothing_sealed_leaves(
    world: World, tmp_path: Path
) -> None:
    with running(seaside.SOURCE, tmp_path / "app") as url:
        found, leaves = smoke(world, "red", url, "M-BOOK")
    (red,) = found.shown
    assert (red.standing, found.reason) == ("red", "")
    assert NAME not in leaves
    assert (world.home / "sealed" / "seaside" / "judged" / "red-1").is_dir()


def test_no_answer_and_an_unknown_promise_are_no_pass_and_say_why(world: World) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        silent, _ = smoke(world, "silent", f"http://localhost:{port}", "M-BOOK")
        unknown, _ = smoke(world, "unknown", f"http://localhost:{port}", "M-BOOK", "M-PAY")
    assert silent.shown == unknown.shown == ()
    assert f"nothing answers at localhost:{port}" in silent.reason
    assert "no journey of the mission is sealed for the promise 'M-PAY'" in unknown.reason
    with pytest.raises(ValidatorError, match="of run 'silent', not of 'unknown'"):
        verified_observation(
            world.home / "silent" / "observation.json",
            world.home / "keys" / "validator.key.pub",
            run="unknown",
        )


def test_a_journey_that_an_author_wrote_for_an_issue_is_never_performed_on_a_living_place(
    tmp_path: Path,
) -> None:
    world = world_at(tmp_path)
    request = world.request(world.source.commit(seaside.BASE))
    world.seal(request, seaside.JOURNEY)
    with pytest.raises(Inconclusive, match="no journey of the mission"):
        smoke_suite(world.context(request), promises=("M-BOOK",))


def test_a_journey_that_needs_what_nobody_does_to_a_living_place_is_refused() -> None:
    plain = read(seaside.JOURNEY)
    refuse_on_living_place((plain,))
    with pytest.raises(Inconclusive, match="needs data of its own"):
        refuse_on_living_place((read(seaside.JOURNEY + "needs: {seed: full}\n"),))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:8100", Address("localhost", 8100)),
        ("https://tide.example/", Address("tide.example", 443, tls=True)),
        ("http://tide.example", Address("tide.example", 80)),
    ],
)
def test_the_address_is_the_one_that_is_named(url: str, address: Address) -> None:
    assert living_address(url) == address


@pytest.mark.parametrize(
    "url", ["ftp://a.example", "http://a.example/shop", "http://ada:x@a.example", "http://a:99999"]
)
def test_what_is_no_address_of_a_place_is_refused_and_no_password_is_repeated(url: str) -> None:
    with pytest.raises(UsageError, match=r"living\.url") as refused:
        living_address(url)
    assert "ada:x" not in str(refused.value)
