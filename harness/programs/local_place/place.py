"""One place: a proxy on loopback in front of releases, each in a sandbox of its own.

Properties:
- A switch is one assignment: a new connection goes to the old release or to the new one, and one
  that is open stays where it is.
- A release that was live stays up until it is retired, so that a switch back starts nothing.
- Whoever may use the control socket is the account that runs the factory; the socket lies in a
  folder that only this account can open. One question, one JSON line; one answer, one JSON line.
- Sandboxes end with this process, however it ends. One that is live and ends by itself is started
  again."""

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.programs.local_place.releases import Release, carried, started

CONTROL, STATE = "control.sock", "live.json"
LARGEST_QUESTION = 1024 * 1024
RESTART_SECONDS = 1.0


@dataclass(slots=True)
class Place:
    """Serves `port` of loopback, with all state in `folder`."""

    folder: Path
    port: int
    supervisor: tuple[str, ...]
    releases: dict[str, Release] = field(default_factory=dict)
    live: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    resumed: asyncio.Event = field(default_factory=asyncio.Event)

    async def served(self) -> None:
        """Serve until it is asked to end. Raises OSError when the port is another program's."""
        proxy = await asyncio.start_server(self._visited, "127.0.0.1", self.port)
        control = self.folder / CONTROL
        control.unlink(missing_ok=True)
        # By way of a descriptor: the kernel bounds the path of a socket, and a home's may be long.
        folder = os.open(self.folder, os.O_PATH)
        asked = await asyncio.start_unix_server(
            self._asked, f"/proc/self/fd/{folder}/{CONTROL}", limit=LARGEST_QUESTION
        )
        await self._resume()
        self.resumed.set()
        watch = asyncio.create_task(self._watched())
        try:
            await self.ended.wait()
        finally:
            watch.cancel()
            control.unlink(missing_ok=True)
            asked.close()
            proxy.close()
            for release in self.releases.values():
                await release.stop()

    async def answered(self, question: dict[str, Any]) -> dict[str, Any]:
        """What a question is answered with. Raises ValueError for one that cannot be done."""
        if question["do"] == "running" and not self.resumed.is_set():
            raise ValueError("what was live is being started")
        # Whatever else is asked, what was live before comes first.
        await self.resumed.wait()
        match question:
            case {"do": "prepare", "commit": str(commit), "start": dict(start)}:
                await self._prepared(commit, start)
                return {}
            case {"do": "switch", "commit": str(commit)}:
                if commit not in self.releases or not self.releases[commit].is_up:
                    raise ValueError(f"{commit:.12} is not up here; prepare it first")
                self._serve(commit)
                return {}
            case {"do": "running"}:
                live = self.releases.get(self.live)
                return {"commit": self.live if live and live.is_up else "", "up": self._up()}
            case {"do": "retire", "keep": list(keep)}:
                for commit in set(self.releases) - {*map(str, keep), self.live}:
                    await self.releases.pop(commit).stop()
                return {"up": self._up()}
            case {"do": "end"}:
                self.ended.set()
                return {}
        raise ValueError("expected prepare, switch, running, retire or end")

    def _up(self) -> list[str]:
        return sorted(commit for commit, one in self.releases.items() if one.is_up)

    async def _prepared(self, commit: str, start: dict[str, Any]) -> None:
        """The release is up when this returns; one that is up already is left alone."""
        if (known := self.releases.get(commit)) and known.is_up:
            return
        if known:
            await known.stop()
        self.releases[commit] = await started(
            start, folder=self.folder / "releases" / commit, supervisor=self.supervisor
        )

    def _serve(self, commit: str) -> None:
        document = {"commit": commit, "start": self.releases[commit].start}
        draft = self.folder / f"{STATE}.new"
        draft.write_text(json.dumps(document), "utf-8")
        # On disk first: after a crash, this place comes back with what was live.
        draft.replace(self.folder / STATE)
        self.live = commit

    async def _resume(self) -> None:
        """Start what was live when the last process of this place ended."""
        try:
            document = json.loads((self.folder / STATE).read_text("utf-8"))
            commit, start = document["commit"], document["start"]
        except (OSError, ValueError, KeyError, TypeError):
            return
        with contextlib.suppress(ValueError, OSError):
            await self._prepared(commit, start)
            self.live = commit

    async def _watched(self) -> None:
        """Start the live release again whenever it has ended by itself."""
        while True:
            await asyncio.sleep(RESTART_SECONDS)
            live = self.releases.get(self.live)
            if live and not live.is_up:
                with contextlib.suppress(ValueError, OSError):
                    await self._prepared(self.live, live.start)

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            try:
                answer = {"ok": True, **await self.answered(json.loads(await reader.readline()))}
            except (ValueError, LookupError, TypeError, OSError) as error:
                answer = {"ok": False, "message": str(error)[:500]}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()

    async def _visited(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection to what is live now."""
        with contextlib.closing(writer), contextlib.suppress(OSError):
            release = self.releases.get(self.live)
            if release is None:
                return
            back, forth = await asyncio.open_unix_connection(release.socket)
            with contextlib.closing(forth):
                await asyncio.gather(carried(reader, forth), carried(back, writer))
