"""Services beside a command: begun in order, new each time, and ended with it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.sandbox import Service
from harness.programs.services import with_services
from harness.programs.services.run import FAILED
from tests.fakes.postgres import program
from tests.sandbox.sandboxes import PATIENT

RUN = Path(__file__).parents[2] / "harness" / "programs" / "services" / "run.py"
# It is ready once the file is there, and says so in another file when it ends.
SERVICE = """
import pathlib, signal, sys, time
data = pathlib.Path(sys.argv[1])
def end(*_):
    (data / "ended").touch()
    sys.exit()
signal.signal(signal.SIGTERM, end)
(data / "up").touch()
time.sleep(600)
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf')\n"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code, *arguments)


def run(tmp_path, *services: Service, command=("true",), stop: float = 20, within: str = ""):
    plan = {
        "folder": str(tmp_path / "services"),
        "within": within,
        "stop": stop,
        "services": [
            {
                "name": one.name,
                "start": one.start,
                "ready": one.ready,
                "ready_seconds": one.ready_seconds,
                "prepare": one.prepare,
                "setup": one.setup,
            }
            for one in services
        ],
    }
    return subprocess.run(
        (sys.executable, "-I", "-S", str(RUN), json.dumps(plan), *command),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={"PATH": os.environ["PATH"], "APP_DATA": str(tmp_path / "app")},
    )


def ready(name: str) -> tuple[str, ...]:
    return ("test", "-e", "{data}/" + name)


def test_it_is_prepared_once_and_ended_before_its_data_is_copied(tmp_path) -> None:
    noting = "open('{data}/steps', 'a').write(%r)"
    service = Service(
        "db",
        python(SERVICE, "{data}"),
        ready=ready("up"),
        prepare=python(noting % "prepared "),
        setup=python(noting % "set-up "),
    )
    for _ in range(2):
        done = run(tmp_path, service, command=("test", "-e", str(tmp_path / "services/db/up")))
        assert (done.returncode, done.stderr) == (0, "")
    data = tmp_path / "services" / "db"
    assert (data / "steps").read_text() == "prepared set-up "
    assert (data / "ended").exists()


def test_the_command_s_own_exit_code_and_output_are_kept(tmp_path) -> None:
    done = run(tmp_path, Service("db", python(SERVICE, "{data}")), command=python("exit('no')"))
    assert (done.returncode, done.stderr) == (1, "no\n")


CHILDREN = """
import os, pathlib
mine = pathlib.Path("/proc/self/task", str(os.getpid()), "children").read_text().split()
print(len(mine))
for one in mine:
    os.kill(int(one), 15)
"""


def test_without_an_end_the_command_takes_the_place_of_the_program(tmp_path) -> None:
    """What waited for the app would otherwise stand between it and whoever ends it."""
    service = Service("db", python(SERVICE, "{data}"), ready=ready("up"))
    assert run(tmp_path, service, command=python(CHILDREN), stop=0).stdout == "1\n"


def test_its_data_may_stand_beside_the_app_s(tmp_path) -> None:
    (tmp_path / "app").mkdir()
    service = Service("db", python(SERVICE, "{data}"), ready=ready("up"))
    assert run(tmp_path, service, within="APP_DATA").returncode == 0
    assert (tmp_path / "app" / "services" / "db" / "up").exists()


@pytest.mark.parametrize(
    ("service", "words"),
    [
        (
            Service("db", python("import time; print('hm', flush=True); time.sleep(600)"),
                    ready=("sh", "-c", "until [ -s {data}.log ]; do sleep 0.05; done; false"),
                    ready_seconds=1),
            "service db was not ready within 1 s: `ready` never ended with 0; it printed: hm",
        ),
        (
            Service("db", python("exit('no such folder')"), ready=("false",)),
            "service db ended with 1 before it was ready: it printed: no such folder",
        ),
        (
            Service("db", ("/nowhere/postgres",)),
            "service db: `start` cannot be started: /nowhere/postgres: No such file or directory."
            " A sandbox sees the programs of the machine that are below /usr",
        ),
        (
            Service("db", python(SERVICE, "{data}"), prepare=python("exit(3)")),
            "service db: `prepare` ended with 3, not with 0: it printed nothing",
        ),
        (
            Service("db", python(SERVICE, "{data}"), setup=python("exit('no table')")),
            "service db: `setup` ended with 1, not with 0: it printed: no table",
        ),
    ],
)  # fmt: skip
def test_a_service_that_cannot_be_used_is_named_with_what_it_printed(
    tmp_path, service, words
) -> None:
    done = run(tmp_path, service, command=("echo", "begun"))
    assert (done.returncode, done.stdout, done.stderr.strip()) == (FAILED, "", words)


def test_data_of_a_service_that_had_to_be_killed_is_not_used(tmp_path) -> None:
    deaf = python(DEAF + "open('{data}/up', 'w'); time.sleep(60)")
    done = run(tmp_path, Service("db", deaf, ready=ready("up")), stop=0.2)
    assert done.returncode == FAILED
    assert "service db did not end within 0.2 s after SIGTERM" in done.stderr


POSTGRES = Service(
    "db",
    (program("postgres"), "-D", "{data}/pg", "-k", "/tmp", "-h", "127.0.0.1", "-c", "fsync=off"),
    ready=(program("pg_isready"), "-q", "-h", "127.0.0.1"),
    ready_seconds=120,
    prepare=(program("initdb"), "-D", "{data}/pg", "-U", "app", "--auth=trust", "--no-sync"),
    setup=(program("createdb"), "-h", "127.0.0.1", "-U", "app", "shop"),
)
REDIS = Service(
    "cache",
    ("redis-server", "--dir", "{data}", "--save", ""),
    ready=("redis-cli", "ping"),
    ready_seconds=120,
)
MARIADB = Service(
    "db",
    ("/usr/sbin/mariadbd", "--no-defaults", "--datadir={data}/m", "--socket=/tmp/m.sock",
     "--bind-address=127.0.0.1"),
    ready=("mariadb", "--socket=/tmp/m.sock", "-uroot", "-e", "select 1"),
    ready_seconds=240,
    prepare=("mariadb-install-db", "--no-defaults", "--datadir={data}/m", "--skip-test-db",
             "--auth-root-authentication-method=normal"),
    setup=("mariadb", "--socket=/tmp/m.sock", "-uroot", "-e", "create database shop"),
)  # fmt: skip


def asked(views, service: Service, *command: str):
    """What a command prints beside a real service, in a sandbox."""
    return views.run(*with_services(command, (service,)), limits=PATIENT)


def test_postgresql_works_in_a_sandbox_and_is_new_each_time(views) -> None:
    for _ in range(2):
        ended = asked(
            views, POSTGRES, program("psql"), "-h", "127.0.0.1", "-U", "app", "-A", "-t", "shop",
            "-c", "create table once (n int); select count(*) from once",
        )  # fmt: skip
        assert (ended.code, ended.text.split()[-1]) == (0, "0"), ended.err


@pytest.mark.soak("PostgreSQL shows the same of services; these show that two more servers do")
@pytest.mark.parametrize(
    ("service", "command", "words"),
    [
        (REDIS, ("redis-cli", "set", "a", "b"), "OK"),
        (
            MARIADB,
            ("mariadb", "--socket=/tmp/m.sock", "-uroot", "-N", "-e", "show databases like 'shop'"),
            "shop",
        ),
    ],
    ids=["redis", "mariadb"],
)
def test_a_server_works_in_a_sandbox(views, service, command, words) -> None:
    assert shutil.which(command[0]), f"install the server of {command[0]}"
    ended = asked(views, service, *command)
    assert (ended.code, ended.text.split()) == (0, [words]), ended.err
