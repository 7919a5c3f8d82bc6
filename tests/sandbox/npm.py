"""npm packages, locks that pin them, and a registry of them on loopback."""

import base64
import contextlib
import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fakes.http_server import Request, serving


def archive(files: dict[str, str], *more: tarfile.TarInfo) -> bytes:
    """A package's archive with these files. `more` are members as they are."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size, member.mode = len(text.encode()), 0o644
            made.addfile(member, io.BytesIO(text.encode()))
        for member in more:
            made.addfile(member)
    return stream.getvalue()


def package(name: str, version: str, code: str, **more: Any) -> bytes:
    """A package whose module is `code`."""
    about = {"name": name, "version": version, "main": "index.js", **more}
    return archive({"package.json": json.dumps(about), "index.js": code, "run.js": PROGRAM})


PROGRAM = "#!/usr/bin/env node\nconsole.log('run by name')\n"


def integrity(content: bytes) -> str:
    return f"sha512-{base64.b64encode(hashlib.sha512(content).digest()).decode()}"


def entry(content: bytes, version: str = "1.0.0", **more: Any) -> dict[str, Any]:
    """An entry of a lock for that archive."""
    return {"version": version, "integrity": integrity(content), **more}


def lock(**places: dict[str, Any]) -> str:
    """A lock; each keyword is a place below node_modules."""
    packages = {
        "": {"name": "app"},
        **{f"node_modules/{name}": one for name, one in places.items()},
    }
    return json.dumps({"lockfileVersion": 3, "packages": packages})


@dataclass
class Registry:
    """What it has, by path; a status, or an address to lead to. `asked` are the paths in the order
    of the requests, `shown` the credentials that came with them."""

    has: dict[str, bytes | int | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    shown: list[str | None] = field(default_factory=list)
    address: str = ""

    def settings(self, folder: Path, **more: str) -> dict[str, str]:
        """An environment whose npm knows this registry. The program stands for npm as far as it is
        asked: it looks for a project with settings from its folder upwards, and fails at one.
        Temporary folders are made in such a project."""
        told = json.dumps({"registry": self.address, **more})
        program = folder / "bin" / "npm"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            "#!/bin/sh\n"
            'test "$*" = "config list --json" || exit 9\n'
            'at=$PWD; until [ -e "$at/package.json" ] || [ "$at" = / ]; do at=$(dirname "$at"); done\n'
            'test -e "$at/.npmrc" && exit 8\n'
            f"echo '{told}'\n"
        )
        program.chmod(0o755)
        program.parent.chmod(0o755)
        (folder / "package.json").write_text("{}")
        (folder / ".npmrc").write_text("registry=http://127.0.0.1:9/\n")
        around = {"PATH": f"{program.parent}:/usr/bin:/bin", "HOME": "/nowhere"}
        return {**around, "TMPDIR": str(folder)}


@contextlib.contextmanager
def registry(**has: bytes | int | str) -> Iterator[Registry]:
    """A registry with the archives of these names (with the version 1.0.0)."""
    found = Registry({f"/{name}/-/{name}-1.0.0.tgz": one for name, one in has.items()})

    def answer(request: Request) -> None:
        found.asked.append(request.path)
        found.shown.append(request.headers["authorization"])
        match found.has.get(request.path, 404):
            case bytes() as archive:
                request.begin(200)
                with contextlib.suppress(OSError):
                    request.wfile.write(archive)
            case str() as address:
                request.reply(302, headers={"location": address})
            case status:
                request.reply(status)

    with serving(answer) as server:
        found.address = f"{server.url}/"
        yield found
