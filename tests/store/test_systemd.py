"""What systemd receives, on a real socket."""

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


def test_it_reports_ready_status_and_stopping(systemd) -> None:
    listening, environment = systemd
    notifier = Notifier(environment)
    notifier.ready("at work")
    notifier.status("down since 02:17: a\nWATCHDOG=1")
    notifier.stopping()
    assert heard(listening) == [
        "READY=1\nSTATUS=at work",
        "STATUS=down since 02:17: a WATCHDOG=1",
        "STOPPING=1",
    ]


def test_alive_is_sent_at_most_twice_a_period(systemd) -> None:
    listening, environment = systemd
    notifier = Notifier(environment)
    for _ in range(100):
        notifier.alive()
    assert heard(listening) == ["WATCHDOG=1"]


def test_it_keeps_on_being_alive(systemd) -> None:
    listening, environment = systemd
    notifier = Notifier({**environment, "WATCHDOG_USEC": "2"})
    for _ in range(3):
        notifier.alive()
    assert heard(listening) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize(
    "other", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}]
)
def test_a_watchdog_that_waits_for_another_process_gets_nothing(systemd, other) -> None:
    listening, environment = systemd
    Notifier({**environment, **other}).alive()
    assert heard(listening) == []


def test_nobody_listens_and_nothing_fails(tmp_path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        Notifier(environment).ready("at work")
