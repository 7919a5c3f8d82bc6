"""A PostgreSQL of our own on a unix socket: real, empty, and gone afterwards. The server refuses to
run as root, so there it runs as another account."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

SECONDS = 300
UNSAFE_AND_FAST = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=60")
"""Nobody pulls the plug of a test's server."""


@dataclass
class Server:
    """A running server; each call of `database` is a new, empty database's address."""

    folder: Path
    _numbers: Iterator[int] = field(default_factory=count)

    def address(self, name: str) -> str:
        return f"postgresql://owner@/{name}?host={self.folder}"

    def database(self) -> str:
        name = f"factory_{next(self._numbers)}"
        with psycopg.connect(self.address("postgres"), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def sql(self, address: str, *statements: str) -> list[tuple]:
        """What the owner of a database may do to it; the rows of the last statement."""
        with psycopg.connect(address, autocommit=True) as session:
            for statement in statements:
                done = session.execute(statement)
            return done.fetchall() if done.description else []

    def end_sessions(self, address: str, name: str = "%") -> int:
        """Cut every session on a database whose name is like this one, as a restart of the server
        would, and wait until they are gone: a session tells its client that it ends before it lets
        go of its locks."""
        with psycopg.connect(self.address("postgres"), autocommit=True) as session:
            ended = session.execute(
                "SELECT pg_terminate_backend(pid, %s) FROM pg_stat_activity WHERE datname = %s "
                "AND application_name LIKE %s",
                (SECONDS * 1000, conninfo_to_dict(address)["dbname"], name),
            )
            return sum(is_gone for (is_gone,) in ended.fetchall())


def program(name: str) -> str:
    """A program of the server: on PATH, or where Debian puts the newest."""
    debians = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")))
    found = shutil.which(name) or (debians[-1] if debians else "")
    assert found, f"no {name} is here; .ci/setup installs PostgreSQL"
    return found


@contextmanager
def serving() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    account = "nobody" if os.geteuid() == 0 else None
    if account:
        shutil.chown(folder, account)
    data = folder / "data"

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            user=account,
            cwd=folder,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        )
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(
            program("initdb"),
            "--pgdata",
            str(data),
            "--username=owner",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--no-instructions",
        )
        options = f"-k {folder} -c listen_addresses= " + " ".join(
            f"-c {setting}" for setting in UNSAFE_AND_FAST
        )
        run(
            program("pg_ctl"),
            "--pgdata",
            str(data),
            "--wait",
            "--timeout",
            str(SECONDS),
            "--silent",
            "--log",
            str(folder / "log"),
            "--options",
            options,
            "start",
        )
        yield Server(folder)
        run(program("pg_ctl"), "--pgdata", str(data), "--mode=immediate", "--silent", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
