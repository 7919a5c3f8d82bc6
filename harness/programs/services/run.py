"""Starts services beside a command, within the command's own sandbox: a database, a cache.

Its own process, standard library only: `python -I -S -c SOURCE PLAN COMMAND…`. PLAN is JSON:
{"folder": where services keep their data, "within": a variable that names a folder for it instead,
"stop": the seconds that they have to end after the command, or 0, "services": [{"name", "prepare",
"start", "ready", "ready_seconds", "setup"}, …]}. In every argument `{data}` stands for the
service's own folder.

A service without a folder is new: `prepare` runs before its first start, `setup` after. It is ready
once `ready` ends with 0. With `stop` the services are ended in order, so that their folders can be
copied; without it this process becomes the command.
"""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any, BinaryIO

FAILED = 70
"""The exit code of a command whose services could not be used; standard error names the reason."""
ASKING_SECONDS, PREPARING_SECONDS = 5.0, 120.0
PAUSE = 0.05
SHOWN = 600


class ServiceError(Exception):
    """A service cannot be used; the message names it."""


class Service:
    """One service of the plan, and its process once it runs."""

    def __init__(self, given: dict[str, Any], folder: str) -> None:
        self.name, self.seconds = given["name"], given["ready_seconds"]
        self.data = os.path.join(folder, self.name)
        self.log = self.data + ".log"
        self.argv = {
            step: [word.replace("{data}", self.data) for word in given[step]]
            for step in ("prepare", "start", "ready", "setup")
        }
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it and wait until it is ready. Raises ServiceError."""
        is_new = not os.path.isdir(self.data)
        if is_new:
            os.makedirs(self.data, mode=0o700)
            self._run("prepare")
        with open(self.log, "ab") as log:
            self.process = self._popen("start", log)
        self._await_ready(self.process)
        if is_new:
            self._run("setup")

    def end(self, seconds: float) -> None:
        """End it, so that its folder is whole. Raises ServiceError if it has to be killed."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise ServiceError(
                f"service {self.name} did not end within {seconds:g} s after SIGTERM, so its"
                " data cannot be copied; start it in the foreground, as one process"
            ) from None

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        until = time.monotonic() + self.seconds
        while True:
            if process.poll() is not None:
                raise ServiceError(
                    f"service {self.name} ended with {process.returncode} before it was ready:"
                    f" {self._tail()}"
                )
            if not self.argv["ready"] or self._asked() == 0:
                return
            if time.monotonic() > until:
                raise ServiceError(
                    f"service {self.name} was not ready within {self.seconds:g} s: `ready` never"
                    f" ended with 0; {self._tail()}"
                )
            time.sleep(PAUSE)

    def _asked(self) -> int:
        with open(os.devnull, "wb") as nowhere:
            asked = self._popen("ready", nowhere)
            try:
                return asked.wait(ASKING_SECONDS)
            except subprocess.TimeoutExpired:
                asked.kill()
                return asked.wait()

    def _run(self, step: str) -> None:
        if not self.argv[step]:
            return
        with open(self.log, "ab") as log:
            done = self._popen(step, log)
            try:
                code = done.wait(PREPARING_SECONDS)
            except subprocess.TimeoutExpired:
                done.kill()
                raise ServiceError(
                    f"service {self.name}: `{step}` took more than {PREPARING_SECONDS:g} s"
                ) from None
        if code:
            raise ServiceError(
                f"service {self.name}: `{step}` ended with {code}, not with 0: {self._tail()}"
            )

    def _popen(self, step: str, output: BinaryIO) -> subprocess.Popen[bytes]:
        argv = self.argv[step]
        try:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.data
            )
        except OSError as error:
            raise ServiceError(
                f"service {self.name}: `{step}` cannot be started: {argv[0]}: {error.strerror}."
                " A sandbox sees the programs of the machine that are below /usr"
            ) from None

    def _tail(self) -> str:
        try:
            with open(self.log, "rb") as file:
                file.seek(max(0, os.path.getsize(self.log) - SHOWN))
                printed = file.read().decode("utf-8", "replace")
        except OSError:
            printed = ""
        words = " ".join(printed.split())
        return f"it printed: {words}" if words else "it printed nothing"


def main(plan: str, command: list[str]) -> int:
    """Start the services, then run the command. Returns its exit code; FAILED if a service cannot
    be used."""
    given = json.loads(plan)
    folder = given["folder"]
    if given["within"]:
        folder = os.path.join(os.environ[given["within"]], "services")
    os.makedirs(folder, exist_ok=True)
    services = [Service(one, folder) for one in given["services"]]
    try:
        for service in services:
            service.begin()
        if not given["stop"]:
            # The services are children of the command from here on, and end with the sandbox.
            os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
        code = subprocess.call(command)
        for service in reversed(services):
            service.end(given["stop"])
    except ServiceError as error:
        return _failed(services, str(error))
    except OSError as error:
        return _failed(services, f"{command[0]}: {error.strerror}")
    return code if code >= 0 else 128 - code


def _failed(services: list[Service], message: str) -> int:
    print(message, file=sys.stderr, flush=True)
    for service in services:
        if service.process is not None:
            service.process.kill()
    return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
