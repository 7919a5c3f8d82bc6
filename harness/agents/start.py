"""Starts the broker as a process, waits for it, and stops it, also when this process dies."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from harness.domain.errors import ModelError
from harness.programs.broker.options import Options

# A second is usual. A broker that has ended is noticed at once, so only a busy machine waits.
_START_SECONDS, _STOP_SECONDS = (60, 30)
KEY, KEYS = "ANTHROPIC_API_KEY", "FACTORY_MODEL_KEYS"
DATABASE = "FACTORY_DATABASE"
# What a forwarding broker needs of the environment. Nothing else is passed on, and nothing at all
# to a replaying one.
PASSED = ("HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR")


class BrokerProcess:
    """A running broker. Leave the `with` block, or call `stop`, to end it. It prints to
    `home/broker.log`."""

    def __init__(self, process: subprocess.Popen[bytes], control: Path) -> None:
        self._process, self.control = process, control

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        """End it in good order: its open calls are settled. Stopping twice is fine."""
        # The broker is tethered: the end of its standard input is the signal to stop.
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    options: Options,
    *,
    key: str = "",
    keys: Mapping[str, str] | None = None,
    database: str = "",
    seconds: float = _START_SECONDS,
    popen: "Callable[..., subprocess.Popen[bytes]]" = subprocess.Popen,
) -> BrokerProcess:
    """Start a broker and wait until it answers. Raises ModelError, with the broker's own message,
    when it does not.

    `key` is the default provider's and `keys` are the others', by name, for a forwarding broker.
    `database` is the address of the PostgreSQL of its meter, when that is not in `home`. None of
    them is ever an argument of the process. The broker is tethered: when this process ends, by
    whatever means, so does the broker. `popen` starts the process.
    """
    options.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = options.home / "broker.log"
    command = [
        sys.executable,
        # Isolated, so that no variable or folder of the caller decides what is imported.
        "-I",
        "-m",
        "harness.programs.broker",
        "--tethered",
        *_arguments(options),
    ]
    with log.open("wb") as out:
        process = popen(
            command,
            env=_environment(options, key, keys or {}, database),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    broker = BrokerProcess(process, options.control)
    deadline = time.monotonic() + seconds
    while not _answers(options.control):
        if process.poll() is not None or time.monotonic() > deadline:
            broker.stop()
            printed = log.read_text(encoding="utf-8", errors="replace").strip()
            reason = printed.rpartition("\n")[2] or f"it did not answer within {seconds:g} s"
            raise ModelError(f"the broker did not start: {reason}")
        time.sleep(0.02)
    return broker


def _arguments(options: Options) -> list[str]:
    given = {name: getattr(options, name) for name in Options.__slots__}
    return [
        word
        for name, value in given.items()
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def _environment(
    options: Options, key: str, keys: Mapping[str, str], database: str
) -> dict[str, str]:
    basic = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        **({DATABASE: database} if database else {}),
    }
    if options.mode == "replay":
        return basic
    secrets = ({KEY: key} if key else {}) | ({KEYS: json.dumps(dict(keys))} if keys else {})
    return basic | {name: os.environ[name] for name in PASSED if name in os.environ} | secrets


def _answers(control: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(1)
        try:
            line.connect(os.fspath(control))
            # A killed broker that is still about to end takes a line, too, and then drops it.
            line.sendall(b"GET / HTTP/1.1\r\nHost: broker\r\nConnection: close\r\n\r\n")
            return bool(line.recv(1))
        except OSError:
            return False
