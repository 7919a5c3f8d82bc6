"""Runs further commands in a sandbox, for whoever holds the other end of a unix socket.

The sandbox's first program (`init`) gets this text by a descriptor, and executes it only where a
specification asks for `commands`. It runs inside, under the uid of what it starts, so it is trusted
with nothing that those commands do not already have. Whoever asks outside must believe none of its
answers more than the output of a command, and must bound what it reads from the descriptors.

One packet (SOCK_SEQPACKET) is one request: a verb, with descriptors beside it. The first one reads
as words, each ended by a zero byte. One command runs at a time.

    run WORDS STREAMS…       words: cwd, parent, streams, columns, rows, the number of variables,
                             the variables (NAME=VALUE), the command. Answers `exit N` or `signal N`
                             when it has ended. With columns, the command has a controlling terminal
                             of that size, whose other end comes at once, beside the packet
                             `terminal`. `streams` has a letter (i, o, e) for each of STREAMS; the
                             others are that terminal. `parent` is a shell that is to be the
                             command's parent, or empty.
    put WORDS CONTENT        words: path. Writes the file and the folders that it needs.
    get WORDS                words: path. `file` with a descriptor of a plain file, or `absent`.
    kill                     Kills the command and what it has started in its session.

Any of them may answer `failed REASON`.
"""

import array
import contextlib
import errno
import fcntl
import os
import resource
import shlex
import signal
import socket
import stat
import struct
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

LONGEST, MOST_DESCRIPTORS = 4096, 4
REASON, MOST_ROUNDS = 300, 2000
STREAMS = "ioe"
SHELLS = ("/bin/bash", "/usr/bin/bash", "/bin/sh")


class Commands:
    """The commands of one sandbox. `watch` makes the caller's loop call `advance` for a
    descriptor."""

    def __init__(
        self, line: int, limits: "list[tuple[int, int]]", watch: "Callable[[int, int], None]"
    ) -> None:
        os.set_inheritable(line, False)
        self.line = socket.socket(fileno=line)
        self.limits = limits
        self.watch = watch
        self.child = 0
        self.over = -1
        watch(line, 1)

    def advance(self, descriptor: int) -> bool:
        """Handle what a ready descriptor brings. False once nobody is there to ask for commands."""
        if descriptor == self.over:
            self._report_end()
            return True
        if descriptor != self.line.fileno():
            return True
        packet, ancillary, _, _ = self.line.recvmsg(
            LONGEST, socket.CMSG_SPACE(MOST_DESCRIPTORS * 4), socket.MSG_CMSG_CLOEXEC
        )
        descriptors = _descriptors(ancillary)
        if not packet:
            # A line that has ended would be ready for ever.
            self.watch(descriptor, 0)
            return False
        try:
            self._handle(packet.decode(), descriptors)
        except (OSError, ValueError, IndexError) as error:
            self._answer(f"failed {error}"[:REASON])
        finally:
            for one in descriptors:
                os.close(one)
        return True

    def _handle(self, verb: str, descriptors: list[int]) -> None:
        if verb == "kill":
            if self.child:
                _kill(self.child)
            return
        words = _words(descriptors[0])
        if verb == "run":
            self._run(words, descriptors[1:])
        elif verb == "put":
            _put(words[0], descriptors[1])
            self._answer("done")
        elif verb == "get":
            self._get(words[0])
        else:
            raise ValueError(f"no verb {verb}")

    def _run(self, words: list[str], streams: list[int]) -> None:
        if self.child:
            raise ValueError("a command is running")
        cwd, parent, taken, columns, rows, count = words[:6]
        variables, command = words[6 : 6 + int(count)], words[6 + int(count) :]
        given = dict(zip(taken, streams, strict=True))
        environ = dict(pair.split("=", 1) for pair in variables)
        master = terminal = -1
        if int(columns):
            master, terminal = os.openpty()
            size = struct.pack("HHHH", int(rows), int(columns), 0, 0)
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
        try:
            self.child = os.fork()
            if not self.child:
                sources = [given.get(one, terminal) for one in STREAMS]
                self._become(command, environ, cwd, parent, sources, terminal)
            if int(columns):
                self._answer("terminal", master)
        finally:
            for one in (master, terminal):
                if one >= 0:
                    os.close(one)
        self.over = os.pidfd_open(self.child)
        self.watch(self.over, 1)

    def _become(
        self,
        command: list[str],
        environ: dict[str, str],
        cwd: str,
        parent: str,
        sources: list[int],
        terminal: int,
    ) -> "NoReturn":
        """The new process becomes the command. One that cannot start prints why and ends with 127
        or 126, as in a shell."""
        try:
            os.setsid()
            if terminal >= 0:
                fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
            # Moved out of the way first: a source may have the number of a target.
            places = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in sources]
            for number, place in enumerate(places):
                os.dup2(place, number)
            os.chdir(cwd)
            self._limit()
            shell = next((one for one in SHELLS if os.path.exists(one)), "") if parent else ""
            if shell:
                os.dup2(_script(command, places), 0)
                os.execve(shell, [parent], environ)  # noqa: S606 - its input is quoted
            os.closerange(3, 256)
            os.execvpe(command[0], command, environ)  # noqa: S606 - there is no shell, on purpose
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError):
                os.write(2, f"{command[0]}: {error}\n".encode(errors="backslashreplace"))
            os._exit(127 if isinstance(error, FileNotFoundError) else 126)

    def _limit(self) -> None:
        for which, value in self.limits:
            hard = resource.getrlimit(which)[1]
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (value, value))
        for inherited in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(inherited, signal.SIG_DFL)

    def _get(self, path: str) -> None:
        try:
            # O_NONBLOCK: opening a pipe that nobody writes to would block for ever.
            found = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                self._answer("absent")
                return
            raise
        try:
            if not stat.S_ISREG(os.fstat(found).st_mode):
                raise ValueError("not a plain file")
            self._answer("file", found)
        finally:
            os.close(found)

    def _report_end(self) -> None:
        self.watch(self.over, 0)
        os.close(self.over)
        _, status = os.waitpid(self.child, 0)
        self.child, self.over = 0, -1
        if os.WIFSIGNALED(status):
            self._answer(f"signal {os.WTERMSIG(status)}")
        else:
            self._answer(f"exit {os.WEXITSTATUS(status)}")

    def _answer(self, text: str, descriptor: int = -1) -> None:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))]
        # Whoever asked may be gone; the end of the line then ends the sandbox.
        with contextlib.suppress(OSError):
            self.line.sendmsg([text.encode(errors="replace")], rights if descriptor >= 0 else [])


def _script(command: list[str], places: list[int]) -> int:
    """A descriptor that reads as the shell's input: the command, with its streams in their
    places."""
    redirected = " ".join(
        f"{number}{'<' if number == 0 else '>'}&{place}" for number, place in enumerate(places)
    )
    closed = " ".join(f"{place}>&-" for place in sorted(set(places)))
    # With a line after it, the shell stays: else the command would take its place.
    text = f"{shlex.join(command)} {redirected} {closed}\nexit $?\n"
    script = os.memfd_create("script")
    os.write(script, os.fsencode(text))
    os.lseek(script, 0, os.SEEK_SET)
    return script


def _kill(child: int) -> None:
    """Kill the child and every process of its session."""
    # Itself by its number: it may not have a session yet.
    os.kill(child, signal.SIGKILL)
    # Again, because one of them may have started another meanwhile. What still does not die does so
    # with the sandbox.
    for _ in range(MOST_ROUNDS):
        if not any(_killed(int(name), child) for name in os.listdir("/proc") if name.isdigit()):
            return


def _killed(process: int, session: int) -> bool:
    """Whether this was a living process of the session."""
    try:
        # One that has ended keeps its session until its parent asks for it.
        with open(f"/proc/{process}/stat", "rb") as facts:
            state, _, _, own = facts.read().rpartition(b")")[2].split()[:4]
        if int(own) == session and state not in b"ZX":
            os.kill(process, signal.SIGKILL)
            return True
    except OSError:
        pass
    return False


def _put(path: str, content: int) -> None:
    if folder := os.path.dirname(path):
        os.makedirs(folder, exist_ok=True)
    with open(path, "wb") as file, os.fdopen(os.dup(content), "rb") as source:
        while part := source.read(1 << 16):
            file.write(part)


def _words(descriptor: int) -> list[str]:
    with os.fdopen(os.dup(descriptor), "rb") as text:
        return [os.fsdecode(word) for word in text.read().split(b"\0")[:-1]]


def _descriptors(ancillary: "list[tuple[int, int, bytes]]") -> list[int]:
    found = array.array("i")
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return list(found)
