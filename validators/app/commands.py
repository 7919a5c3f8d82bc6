"""Run further commands in the sandbox of an instance, for the judge's driver.

The sandbox's first program starts them (`harness.programs.sandbox.walls.commands`); the descriptors
of their streams stay here. So a tool has no process of the judge beside it, and what it prints is
bounded before anybody reads it. The driver's sandbox reaches one socket for each run, and a call
names nothing but a command, its input and its files.

Properties:
- Nothing that comes from the sandbox is believed: every packet is one of a few words, a file is a
  plain one, and everything is read up to a bound and within a time.
- What a driver asks for can do nothing but run a command in that one sandbox."""

from __future__ import annotations

import os
import select
import socket
import stat
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from time import monotonic

from validators.app.side import TREE
from validators.domain.errors import DocumentInvalid
from validators.domain.journeys.command_result import shown_text
from validators.domain.journeys.wording import folded
from validators.performance.command_json import (
    LONGEST_CALL,
    CommandAnswer,
    CommandCall,
    Ended,
    answer_line,
    read_call,
)

MOST_OUTPUT, MOST_FILE = 1 << 20, 4 << 20
"""Bytes of one stream, and of one file that was left."""
LONGEST_PACKET, PIECE = 4096, 65536
DEATH_SECONDS, READ_SECONDS, IDLE_SECONDS = 10.0, 30.0, 1.0
END_OF_INPUT = b"\x04"
UNSEEN = "/nothing"


@dataclass(frozen=True, slots=True)
class CommandWorld:
    """What a command finds around it: the account's name and its home, the folder in which it runs,
    its environment, the host's name, and the files of its home by their names. `parent`: the shell
    that is its parent; empty: the sandbox's first program. `behind`: the size of a terminal behind
    its pipes, None for none."""

    user: str
    home: str
    cwd: str
    hostname: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    behind: tuple[int, int] | None = None


class NotRun(Exception):
    """A command could not be run; the text has the reason."""


@dataclass(slots=True)
class CommandServer:
    """Answers the driver's calls for one instance, one after another, over `listening`.

    `line` leads to the sandbox's first program. `named` has the argv of each command that the
    repository names. `beside` starts what commands need beside them and ends; empty: nothing."""

    listening: socket.socket
    world: CommandWorld
    named: Mapping[str, tuple[str, ...]]
    beside: tuple[str, ...] = ()
    line: socket.socket | None = None
    _runs: bool = False
    _begun: CommandAnswer | None = None

    def connect(self, line: socket.socket) -> None:
        """Ask over this line from now on, which leads to a sandbox that is being started."""
        if self.line is not None:
            self.line.close()
        self.line, self._runs, self._begun = line, False, None
        # Answered as soon as the sandbox's first program runs.
        place = _words(UNSEEN)
        with suppress(OSError):
            socket.send_fds(line, [b"get"], [place])
        os.close(place)

    def ready(self, seconds: float) -> bool:
        """Whether the sandbox runs, and what is `beside` the commands, which has that many seconds
        to start. Raises NotRun with what it printed where it does not."""
        if self.line is None:
            return False
        if not self._runs:
            try:
                self._runs = bool(self.line.recv(LONGEST_PACKET, socket.MSG_DONTWAIT))
            except OSError:
                return False
            if self._runs and self.beside:
                threading.Thread(target=self._begin, args=(seconds,), daemon=True).start()
        if not self.beside or self._begun is None:
            return self._runs and not self.beside
        if self._begun.exit_code != 0:
            raise NotRun(self._begun.reason or self._begun.errors.decode("utf-8", "replace"))
        return True

    def start(self) -> None:
        """Answer in the background, until `close`."""
        threading.Thread(target=self._serve, name="commands", daemon=True).start()

    def close(self) -> None:
        """Answer no more; the sandbox's first program sees the end of its line."""
        for one in (self.listening, self.line):
            if one is not None:
                with suppress(OSError):
                    # Closing alone would not wake the thread that waits there.
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _begin(self, seconds: float) -> None:
        # Without a terminal, whose end would end all that was started at it.
        world = replace(self.world, parent="", behind=None)
        self._begun = self._answered(CommandCall(self.beside, seconds), world)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self.listening.accept()
                with closing(visitor), suppress(OSError):
                    visitor.settimeout(READ_SECONDS)
                    visitor.sendall(answer_line(self._answer(visitor)).encode())

    def answer(self, call: CommandCall) -> CommandAnswer:
        """What came of a command, or why it could not be run. One call at a time."""
        return self._answered(self._resolved(call), self.world)

    def _answered(self, call: CommandCall, world: CommandWorld) -> CommandAnswer:
        try:
            if self.line is None:
                raise NotRun("the sandbox has not started")
            return CommandRunner(self.line, world).answer(call)
        except (NotRun, OSError, ValueError) as error:
            return CommandAnswer(Ended.NOT_RUN, reason=str(error)[:300])

    def _answer(self, visitor: socket.socket) -> CommandAnswer:
        try:
            return self.answer(read_call(_line(visitor)))
        except (DocumentInvalid, OSError, ValueError) as error:
            return CommandAnswer(Ended.NOT_RUN, reason=str(error)[:300])

    def _resolved(self, call: CommandCall) -> CommandCall:
        """The call with the command that the repository names, if it names this one."""
        if (words := self.named.get(call.argv[0])) is None:
            return call
        own = (f"{TREE}/{word[2:]}" if word.startswith("./") else word for word in words)
        return replace(call, argv=(*own, *call.argv[1:]))


@dataclass(slots=True)
class _Flow:
    """What came out of one descriptor."""

    descriptor: int
    content: bytearray = field(default_factory=bytearray)
    ended: bool = False

    def read(self) -> None:
        """Take what is there, up to a little more than the bound."""
        while not self.ended and len(self.content) <= MOST_OUTPUT:
            try:
                part = os.read(self.descriptor, PIECE)
            except BlockingIOError:
                return
            except OSError:
                # A terminal that nobody holds any more.
                part = b""
            self.ended = not part
            self.content += part


@dataclass(slots=True)
class CommandRunner:
    """Runs one command over the line to a sandbox's first program."""

    line: socket.socket
    world: CommandWorld
    typed: int = 0
    _seen: int = 0
    _open: list[int] = field(default_factory=list)

    def answer(self, call: CommandCall) -> CommandAnswer:
        """Put the files there, run the command, collect what it left. Raises NotRun or OSError."""
        self.line.settimeout(READ_SECONDS)
        try:
            for file in call.files:
                self._ask("put", _words(self._place(file.name)), _readable(file.content))
                self._expect("done")
            answer = self._run(call)
            left = tuple((name, self._file(name)) for name in call.collect)
        finally:
            for one in self._open:
                os.close(one)
            self._open.clear()
        return CommandAnswer(
            answer.ended, answer.exit_code, answer.output, answer.errors, self.typed, left
        )

    def _run(self, call: CommandCall) -> CommandAnswer:
        out, err = self._start(call)
        until, master = monotonic() + call.seconds, out if call.terminal else None
        flows = [out, *([err] if err else [])]
        ended, word = Ended.ITSELF, ""
        while not word:
            left = until - monotonic()
            if left <= 0 or any(len(one.content) > MOST_OUTPUT for one in flows):
                ended = Ended.TIME if left <= 0 else Ended.TOO_MUCH
                self._ask("kill")
                word = self._ending(DEATH_SECONDS)
                break
            ready = self._ready(flows, min(left, IDLE_SECONDS))
            for one in flows:
                one.read()
            if master:
                self._type(call, master, idle=not ready)
            if self.line.fileno() in ready:
                word = self._ending(READ_SECONDS)
        for one in flows:
            one.read()
        code = _code(word) if ended is Ended.ITSELF else None
        cut = [bytes(one.content[:MOST_OUTPUT]) for one in flows]
        return CommandAnswer(ended, code, cut[0], cut[1] if err else b"")

    def _start(self, call: CommandCall) -> tuple[_Flow, _Flow | None]:
        """What the command prints: output and errors; at a terminal the first is all that it
        shows."""
        size = call.terminal or self.world.behind
        given, taken = list[int](), ""
        if call.input is not None or not call.terminal:
            given.append(_readable(call.input) if call.input is not None else self._nothing())
            taken += "i"
        out = err = None
        if not call.terminal:
            out = self._pipe(given)
            taken += "o"
        if not call.terminal or call.apart:
            err = self._pipe(given)
            taken += "e"
        env = self._environment(call)
        variables = [f"{name}={value}" for name, value in env.items()]
        columns, rows = size or (0, 0)
        head = (self.world.cwd, self.world.parent, taken, str(columns), str(rows))
        words = _words(*head, str(len(variables)), *variables, *call.argv)
        self._ask("run", words, *given, close=True)
        if size:
            _, terminal = self._received("terminal")
            if terminal is None:
                raise NotRun("the sandbox gave no terminal")
            os.set_blocking(terminal, False)
            self._open.append(terminal)
            if call.terminal:
                out = _Flow(terminal)
        assert out is not None
        return out, err

    def _environment(self, call: CommandCall) -> dict[str, str]:
        env = dict(self.world.env)
        if call.terminal:
            env.setdefault("TERM", "xterm-256color")
        return env

    def _type(self, call: CommandCall, master: _Flow, *, idle: bool) -> None:
        """Type the next answer once what it waits for was printed; after the last one, the end of
        the input."""
        typing = b""
        if self.typed < len(call.typed):
            answer = call.typed[self.typed]
            shown = folded(shown_text(bytes(master.content[self._seen :])))
            if not answer.after or folded(answer.after) in shown:
                typing = answer.text.encode() + b"\n"
                self.typed, self._seen = self.typed + 1, len(master.content)
        elif call.input is None and (idle or not self._seen):
            # A tool that reads on learns that nothing more comes; again, should it have been
            # thrown away.
            self._seen = max(1, self._seen)
            typing = END_OF_INPUT
        if typing:
            with suppress(OSError):
                os.write(master.descriptor, typing)

    def _ready(self, flows: list[_Flow], seconds: float) -> set[int]:
        poll = select.poll()
        for one in (self.line.fileno(), *(one.descriptor for one in flows if not one.ended)):
            poll.register(one, select.POLLIN)
        return {one for one, _ in poll.poll(seconds * 1000)}

    def _ending(self, seconds: float) -> str:
        self.line.settimeout(seconds)
        word, descriptor = self._packet()
        if descriptor is not None:
            os.close(descriptor)
        if not word.startswith(("exit ", "signal ")):
            raise NotRun(word or "the sandbox has ended")
        return word

    def _file(self, name: str) -> bytes | None:
        """The content of a file that the command left. Raises NotRun for one that is too large, or
        no plain file."""
        self._ask("get", _words(self._place(name)), close=True)
        word, descriptor = self._packet()
        if word == "absent":
            return None
        if descriptor is None or word != "file":
            raise NotRun(f"{name}: {word}")
        with open(descriptor, "rb") as file:
            # The descriptor comes from the sandbox: it may be anything.
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotRun(f"{name} is no plain file")
            content = file.read(MOST_FILE + 1)
        if len(content) > MOST_FILE:
            raise NotRun(f"{name} has more than {MOST_FILE >> 20} MiB")
        return content

    def _place(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/") or not name or "\0" in name:
            raise NotRun(f"{name!r} is no name in the command's folder")
        return f"{self.world.cwd}/{name}"

    def _ask(self, verb: str, *descriptors: int, close: bool = True) -> None:
        try:
            socket.send_fds(self.line, [verb.encode()], list(descriptors))
        finally:
            for one in descriptors if close else ():
                os.close(one)

    def _expect(self, wanted: str) -> None:
        word, _ = self._received(wanted)
        assert word == wanted

    def _received(self, wanted: str) -> tuple[str, int | None]:
        word, descriptor = self._packet()
        if word != wanted:
            raise NotRun(word or "the sandbox has ended")
        return word, descriptor

    def _packet(self) -> tuple[str, int | None]:
        data, descriptors, _, _ = socket.recv_fds(
            self.line, LONGEST_PACKET, 4, socket.MSG_CMSG_CLOEXEC
        )
        for extra in descriptors[1:]:
            os.close(extra)
        return data.decode("utf-8", "replace"), descriptors[0] if descriptors else None

    def _pipe(self, given: list[int]) -> _Flow:
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(ours, False)
        self._open.append(ours)
        given.append(theirs)
        return _Flow(ours)

    def _nothing(self) -> int:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)


def _code(word: str) -> int:
    kind, _, number = word.partition(" ")
    if not number.isdecimal() or int(number) > 255:
        raise NotRun(f"a command ended with {word!r}")
    return int(number) + (128 if kind == "signal" else 0)


def _words(*words: str) -> int:
    return _readable(b"".join(os.fsencode(word) + b"\0" for word in words))


def _readable(content: bytes) -> int:
    """A descriptor that reads as this content."""
    descriptor = os.memfd_create("stdin", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _line(visitor: socket.socket) -> str:
    came = bytearray()
    while not came.endswith(b"\n"):
        part = visitor.recv(PIECE)
        came += part
        if not part or len(came) > LONGEST_CALL:
            raise DocumentInvalid("the call is cut off, or too long")
    return came.decode()
