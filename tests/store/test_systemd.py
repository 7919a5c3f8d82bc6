"""What systemd is told, received on a real socket."""

from __future__ import annotations

import os
import socket

import pytest

from harness.store.systemd import Notifier


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request, tmp_path):
    """The socket that systemd would listen on, and the environment that names it."""
    address = (
        str(tmp_path / "notify") if request.param == "a path" else f"\0factory-test-{os.getpid()}"
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.setblocking(False)
        yield listening, {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "60000000"}


def heard(listening):
    said = []
    while True:
        try:
            said.append(listening.recv(4096).decode())
        except BlockingIOError:
            return said


def test_it_says_that_it_is_ready_what_it_does_and_that_it_stops(systemd) -> None:
    listening, environment = systemd
    told = Notifier(environment)
    told.ready("at work")
    told.status("down since 02:17: a\nWATCHDOG=1")
    told.stopping()
    assert heard(listening) == [
        "READY=1\nSTATUS=at work",
        "STATUS=down since 02:17: a WATCHDOG=1",
        "STOPPING=1",
    ]


def test_it_is_alive_at_most_twice_a_period_however_often_it_says_so(systemd) -> None:
    listening, environment = systemd
    told = Notifier(environment)
    for _ in range(100):
        told.alive()
    assert heard(listening) == ["WATCHDOG=1"]


def test_it_keeps_on_being_alive(systemd) -> None:
    listening, environment = systemd
    told = Notifier({**environment, "WATCHDOG_USEC": "2"})
    for _ in range(3):
        told.alive()
    assert heard(listening) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "other", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}]
)
def test_a_watchdog_that_waits_for_another_is_told_nothing(systemd, other) -> None:
    listening, environment = systemd
    Notifier({**environment, **other}).alive()
    assert heard(listening) == []


def test_nobody_listens_and_nothing_fails(tmp_path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        Notifier(environment).ready("at work")
