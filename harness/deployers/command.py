"""The deployer that is the operator's own program.

Properties:
- It is started from a list of words, without a shell, in a session of its own; the order is JSON on
  its standard input, and no word of it is an argument.
- Its environment is PATH, LANG and what the operator wrote. No value of that leaves in a message.
- It is over when its time is: it and what it started in its session are killed and reaped. What has
  left the session is not: a deployment may start a program that stays. Where the deployment failed,
  or took too long, whatever of it still holds its output is named in the message.
- At most LARGEST_OUTPUT bytes of what it prints are kept; it may print more, and is not stopped.
- Exit code 0 means done, 75 (EX_TEMPFAIL) that it may be tried again, and any other that it failed.
  None of them is believed: `running` looks."""

import json
import os
import re
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.deployers.asking import asked_once
from harness.deployers.operator import FILE, OperatorCommand
from harness.domain.deployment import Deployed, DeployOrder, Environment, Running
from harness.domain.errors import ConfigError, DeployError
from harness.domain.facts import UNKNOWN, Maybe
from harness.domain.issue import CommitSha
from harness.domain.plain import JsonDict
from harness.domain.shortened import in_one_line

TRY_AGAIN = 75
LOOK_SECONDS = 15.0
LARGEST_OUTPUT, SHOWN, PIECE = 64 * 1024, 300, 65536
MOST_NAMED = 5
SHORTEST_SECRET = 4
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CommandDeployer:
    """The port `Deployer` over the operator's programs, by environment."""

    commands: Mapping[str, OperatorCommand]

    def prepare(self, order: DeployOrder) -> Deployed:
        """See the port. A program that cannot prepare ends with 0 and does nothing."""
        return self._ordered("prepare", order)

    def switch(self, order: DeployOrder) -> Deployed:
        """See the port."""
        running = self.running(order.environment)
        if isinstance(running, Running) and running.commit == order.commit:
            return Deployed(order.commit, "it is live already")
        return self._ordered("switch", order)

    def running(self, environment: Environment) -> Maybe[Running | None]:
        """See the port. The place's answer counts, or what the operator's second program prints:
        a commit, `none`, or anything else, which tells nothing."""
        command = self._command(environment)
        try:
            text = (
                _run(command.running, command, {}, seconds=LOOK_SECONDS)
                if command.running
                else asked_once(environment.url + command.version)
            )
        except (DeployError, OSError, ValueError):
            return UNKNOWN
        return running_in(text)

    def retire(self, environment: Environment, keep: Collection[CommitSha]) -> None:
        """See the port."""
        command = self._command(environment)
        document = {"do": "retire", "environment": environment.name, "keep": sorted(keep)}
        _run(command.deploy, command, document, seconds=LOOK_SECONDS)

    def _ordered(self, act: str, order: DeployOrder) -> Deployed:
        command = self._command(order.environment)
        document = {
            "do": act,
            "key": order.key,
            "environment": order.environment.name,
            "url": order.environment.url,
            "commit": order.commit,
            "tree": order.tree,
            "variables": dict(order.variables),
        }
        printed = _run(command.deploy, command, document, seconds=order.seconds)
        return Deployed(order.commit, _shown(printed, command))

    def _command(self, environment: Environment) -> OperatorCommand:
        try:
            return self.commands[environment.name]
        except KeyError:
            raise ConfigError(
                f"environment {environment.name} is deployed by a command, and this home names"
                f" none: add [{environment.name}] to its {FILE}"
            ) from None


def running_in(text: bytes) -> Maybe[Running | None]:
    """What runs by a text: a commit, JSON with one at `commit` or `release`, or `none`."""
    words = text.decode("utf-8", "replace").strip()
    with suppress(ValueError, AttributeError):
        found = json.loads(words)
        words = str(found.get("commit") or found.get("release") or "")
    if _COMMIT.fullmatch(words):
        return Running(CommitSha(words))
    return None if words == "none" else UNKNOWN


def _run(
    argv: Sequence[str], command: OperatorCommand, document: JsonDict, *, seconds: float
) -> bytes:
    """What the program printed, cut. Raises DeployError when it did not end with 0 in time."""
    until = time.monotonic() + seconds
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", **command.env},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise DeployError(f"{argv[0]} cannot be started: {error.strerror}") from error
    try:
        printed, is_over = _conversation(process, json.dumps(document).encode() + b"\n", until)
    finally:
        # It may have left something behind in its session, even where it has ended itself.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        code = process.wait()
        running = _still_running(process) if code else ""
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()
    if not is_over:
        raise DeployError(f"{argv[0]} took longer than {seconds:g} s{running}", retryable=True)
    if code:
        words = _shown(printed, command)
        raise DeployError(
            f"{argv[0]} ended with {code}: {words or 'it printed nothing'}{running}",
            retryable=code == TRY_AGAIN,
        )
    return printed


def _conversation(
    process: "subprocess.Popen[bytes]", question: bytes, until: float
) -> tuple[bytes, bool]:
    """What it printed first, and whether it ended by itself in time."""
    assert process.stdin is not None
    assert process.stdout is not None
    # Smaller than a pipe holds, so that this never waits for a program that reads nothing.
    with suppress(BrokenPipeError):
        process.stdin.write(question)
        process.stdin.close()
    kept = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while process.poll() is None and time.monotonic() < until:
            for _ in waiting.select(min(0.1, max(0.0, until - time.monotonic()))):
                piece = os.read(process.stdout.fileno(), PIECE)
                kept += piece[: LARGEST_OUTPUT - len(kept)]
                if not piece:
                    waiting.unregister(process.stdout)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(max(0.0, until - time.monotonic()))
                    return kept, process.poll() is not None
        # What it printed last may still be in the pipe; a child of it may hold the other end.
        if process.poll() is not None and waiting.select(0):
            kept += os.read(process.stdout.fileno(), PIECE)[: LARGEST_OUTPUT - len(kept)]
    return kept, process.poll() is not None


def _still_running(process: "subprocess.Popen[bytes]") -> str:
    """What has left the ended program's session and holds its output, in words; empty for
    nothing."""
    assert process.stdout is not None
    with select.epoll() as waiting:
        waiting.register(process.stdout, 0)
        # Without a writer there is nothing to look for.
        if any(event & select.EPOLLHUP for _, event in waiting.poll(0)):
            return ""
    pipe = f"pipe:[{os.fstat(process.stdout.fileno()).st_ino}]"
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        # A process may end while it is looked at, and another account's cannot be opened.
        with suppress(OSError):
            number = int(folder.name)
            # What is in its session was killed just now, and may not have ended yet.
            if (
                number != os.getpid()
                and os.getsid(number) != process.pid
                and any(os.readlink(one) == pipe for one in (folder / "fd").iterdir())
            ):
                name = (folder / "comm").read_text("utf-8", errors="replace").strip()
                found.append(f"{name if name.isprintable() else '?'} ({folder.name})")
    return f"; still running: {', '.join(found[:MOST_NAMED])}" if found else ""


def _shown(printed: bytes, command: OperatorCommand) -> str:
    """Its last words on one line, without the operator's values."""
    text = " ".join(printed.decode("utf-8", "replace").split())
    return in_one_line(_without(text, command.env.values()))[-SHOWN:]


def _without(text: str, secrets: Iterable[str]) -> str:
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "…") if len(secret) >= SHORTEST_SECRET else text
    return text
