"""The open sessions of a broker, each on a socket of its own."""

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from harness.domain.plain import JsonDict
from harness.http_server import PatientProtocol, Server
from harness.programs.broker.caps import SessionCaps, SessionIdentity
from harness.programs.broker.meter import Meter
from harness.programs.broker.options import Options
from harness.programs.broker.providers import provider_and_model
from harness.programs.broker.recording import Recorder, RecordingError
from harness.programs.broker.refusal import PROVIDER, Refusal, paused
from harness.programs.broker.script import Script, script
from harness.programs.broker.session import BrokerSession
from harness.programs.broker.upstream.client import Upstream
from harness.programs.broker.wire import wire
from harness.programs.broker.wirelog import WireLog
from harness.programs.broker.wires.registry import DIALECTS

SOCKET = "model.sock"
MOST_CONNECTIONS = 32
"""To one session's socket at once."""
HEAD_SECONDS = 20
"""From a connection's beginning to the end of its first request's head."""
# How long nothing is asked where a model and its role do not fit.
_SET_UP_SECONDS = 600
# Bytes in a unix socket's address, without its final zero.
_PATH_LIMIT = 107


class Guarded(PatientProtocol):
    """Of whoever is in a sandbox. A connection costs a descriptor, and all sessions share the
    broker's."""

    head_seconds = HEAD_SECONDS
    most_connections = MOST_CONNECTIONS


def server_of(app: ASGIApp, *, http: type[H11Protocol] = H11Protocol) -> Server:
    return Server(
        uvicorn.Config(
            app,
            http=http,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            # asyncio accepts this many before it closes the first of them.
            backlog=MOST_CONNECTIONS,
            proxy_headers=False,
            timeout_graceful_shutdown=1,
        )
    )


def listener(path: Path) -> socket.socket:
    """A listening unix socket at `path`, 0600. Raises OSError that names the limit when the path
    is too long."""
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise OSError(
            f"{path}: a unix socket's path may have {_PATH_LIMIT} bytes; choose a shorter folder"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    # By umask: a chmod after the bind would leave a moment in which others could connect.
    before = os.umask(0o177)
    try:
        listening.bind(os.fspath(path))
    finally:
        os.umask(before)
    listening.listen(128)
    return listening


@dataclass(frozen=True, slots=True)
class _OpenSession:
    session: BrokerSession
    folder: Path
    server: Server
    serving: asyncio.Task[None]


class Sessions:
    """Opens and closes sessions, and remembers what the closed ones used."""

    def __init__(
        self,
        options: Options,
        meter: Meter,
        upstreams: Mapping[str, Upstream],
        *,
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._options, self._meter, self._upstreams, self._secrets = (
            options,
            meter,
            upstreams,
            secrets or {},
        )
        self._folder = _sockets_folder(options.home)
        self._open: dict[str, _OpenSession] = {}
        self._closed: dict[str, JsonDict] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def open(self, identity: SessionIdentity, caps: SessionCaps, *, api: str = "") -> Path:
        """The new session's socket, with one API, or with all of the provider's wire.

        Raises RecordingError, or Refusal when nothing is left to spend or no provider can be asked.
        """
        provider, model = provider_and_model(identity.model, self._upstreams)
        source, recorder = self._source(identity, provider)
        if (
            isinstance(source, Upstream)
            and (pause := source.breaker.pause(identity.issue)) is not None
        ):
            raise pause
        if isinstance(source, Upstream) and api not in ("", *apis_of(source)):
            raise _wrong_set_up(
                f"{identity.model!r:.80} cannot play the role {identity.role}, which is asked by"
                f" the API {api}: its provider has {', '.join(apis_of(source))}; name a model of"
                " another provider"
            )
        self._meter.open(identity, caps)
        logs = self._options.wire_log(identity.role)
        log = WireLog(
            logs and logs / f"{identity.id}.jsonl", secret=self._secrets.get(provider, "")
        )
        session = BrokerSession(
            identity,
            caps,
            meter=self._meter,
            source=source,
            log=log,
            model=model,
            recorder=recorder,
            api=api,
        )
        folder = self._folder / identity.id
        folder.mkdir(mode=0o700)
        path = folder / SOCKET
        listening = listener(path)
        # The folder keeps others out. In a sandbox the socket belongs to another uid.
        path.chmod(0o666)
        server = server_of(wire(session), http=Guarded)
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        self._open[identity.id] = _OpenSession(session, folder, server, serving)
        return path

    def paused(self) -> list[JsonDict]:
        """The providers that are not asked now: {provider, again_at, why} each."""
        return [
            found
            for upstream in self._upstreams.values()
            if (found := upstream.breaker.document()) is not None
        ]

    def usage(self, id: str) -> JsonDict | None:
        """What a session has used so far, or in all; None when this broker never opened it."""
        if id in self._open:
            return self._open[id].session.usage()
        return self._closed.get(id)

    def close(self, id: str) -> JsonDict | None:
        """Close it and return its final usage. The socket is gone at once. Closing again returns
        the same."""
        if id not in self._open:
            return self._closed.get(id)
        ended = self._open.pop(id)
        shutil.rmtree(ended.folder)
        ended.server.stop()
        # asyncio refers to a task only weakly, so one that nobody holds may vanish.
        self._closing.add(ended.serving)
        ended.serving.add_done_callback(self._closing.discard)
        self._closed[id] = ended.session.usage()
        return self._closed[id]

    async def close_all(self) -> None:
        """Close every session, and wait until their servers are done."""
        for id in tuple(self._open):
            self.close(id)
        await asyncio.gather(*self._closing)
        shutil.rmtree(self._folder)

    def _source(
        self, identity: SessionIdentity, provider: str
    ) -> tuple[Script | Upstream, Recorder | None]:
        recordings = self._options.recordings(identity.role)
        name = f"issue-{identity.issue}/{identity.role}-{identity.attempt}.json"
        if self._options.mode != "forward" and recordings is None:
            option = f"--{self._options.mode}"
            raise RecordingError(
                f"{name}: no folder for the role {identity.role}; give {option} for the roles "
                f"that work, {option}-sealed for those that judge"
            )
        if self._options.mode == "replay":
            return script(recordings or Path(), name=name, model=identity.model), None
        upstream = self._upstreams.get(provider)
        if upstream is None:
            names = ", ".join(f"{each}/…" for each in self._upstreams)
            raise _wrong_set_up(
                f"the model {identity.model!r:.80} is of no provider that is known here; "
                f"there is no default provider, so name it as {names}"
            )
        if recordings is None:
            return upstream, None
        about = (
            f"Run {identity.run}: {identity.role}, attempt {identity.attempt} at issue"
            f" {identity.issue}."
        )
        return upstream, Recorder(
            recordings / name,
            about=about,
            model=identity.model,
            secret=self._secrets.get(provider, ""),
        )


def apis_of(upstream: Upstream) -> tuple[str, ...]:
    """The APIs of a provider's wire, by their paths."""
    return tuple(dialect.path for dialect in DIALECTS[upstream.provider.wire])


def _wrong_set_up(words: str) -> Refusal:
    """A pause, and no failure of an issue: only the operator can help."""
    now = time.time()
    fault = paused(words, cause=PROVIDER, again_at=now + _SET_UP_SECONDS, now=now)
    fault.free = True
    return fault


def new_id() -> str:
    """An id that nobody can guess and no other session has."""
    return secrets.token_hex(8)


def _sockets_folder(home: Path) -> Path:
    """An empty folder for the sessions' sockets, 0700: in `home`, unless a socket's path there
    is too long."""
    folder = home.resolve() / "sockets"
    if len(os.fsencode(folder / new_id() / SOCKET)) > _PATH_LIMIT:
        return Path(tempfile.mkdtemp(prefix=f"factory-broker-{os.getpid()}-"))
    # A killed broker left this folder: its lock on `home` is ours now.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    return folder
