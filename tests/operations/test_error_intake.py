"""The error intake at a home: its keys are made by a command, `factory up` runs it and starts it
again, and the doctor tries each DSN."""

import http.client
import json
import os
import signal
import stat
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.domain.errors import ConfigError
from harness.home.document import SQLITE, HomeFile, read_home, write_home
from harness.home.error_intake import (
    KEYS,
    WayToIntake,
    add_service,
    base_url,
    error_intake,
    intake_keys,
    new_dsn,
    set_intake,
    spool_of,
    way_to_intake,
)
from harness.log import Log
from harness.operations.doctor.error_intake import error_intake as check
from harness.operations.doctor.finding import Severity
from harness.programs.error_intake.keys import MOST_KEYS, Service
from harness.programs.error_intake.reports import report_of
from tests.error_intake.conftest import envelope, event
from tests.fakes.log import LogEntries

SECONDS = 60.0


@pytest.fixture
def home(tmp_path, monkeypatch):
    write_home(
        tmp_path,
        HomeFile("acme", "shop", "embedded", 0, 1, "keys/forge.token", database=SQLITE),
    )
    monkeypatch.setenv("FACTORY_HOME", str(tmp_path))
    return tmp_path


def run(*arguments, **more):
    found = CliRunner().invoke(cli, ["errors", *arguments], **more)
    assert found.exit_code == 0, found.output
    return found.output.strip()


def port_of(log):
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if found := [one.message for one in log.of("errors")]:
            return urlsplit(found[-1].partition(" at ")[2]).port, len(found)
        time.sleep(0.05)
    raise AssertionError("the intake did not start")


def report(port, dsn, number=1):
    parts = urlsplit(dsn)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    path = f"/api{parts.path}/envelope/?sentry_key={parts.username}"
    connection.request("POST", path, envelope(event(number)))
    return connection.getresponse().status


def test_a_dsn_is_made_and_kept_where_only_this_account_reads(home) -> None:
    first = run("dsn", "--listen", "127.0.0.1:8477", "--url", "https://errors.test/in/")
    second = run("dsn")
    for number, dsn in enumerate((first, second), start=1):
        parts = urlsplit(dsn)
        assert (parts.scheme, parts.hostname) == ("https", "errors.test")
        assert parts.path == f"/in/{number}"
        assert intake_keys(home).is_dsn(str(number), parts.username)
    assert first.split("@")[0] != second.split("@")[0]
    assert stat.S_IMODE((home / KEYS).stat().st_mode) == 0o600
    assert read_home(home).errors == "127.0.0.1:8477"


def test_services_get_an_address_and_sentrys_secret_is_in_no_argument(home) -> None:
    address = run("webhook", "sentry", input="a-client-secret-of-sentry\n")
    assert address == "http://127.0.0.1:8400/webhooks/sentry"
    assert intake_keys(home).of(Service.SENTRY) == (b"a-client-secret-of-sentry",)
    document = json.loads(run("webhook", "bugsink", "--json"))
    secret = document["address"].rpartition("/")[2]
    assert intake_keys(home).is_secret(Service.BUGSINK, secret)


def test_a_secret_that_is_too_short_shuts_nobody_out(home) -> None:
    set_intake(home, listen="8477", url="")
    new_dsn(home)
    before = (home / KEYS).read_text()
    with pytest.raises(ConfigError):
        add_service(home, Service.SENTRY, "short")
    with pytest.raises(ConfigError):
        add_service(home, Service.SENTRY, "x" * 20 + "\ndsn 9 " + "0" * 32)
    assert (home / KEYS).read_text() == before
    for _ in range(MOST_KEYS - 1):
        new_dsn(home)
    with pytest.raises(ConfigError, match="already"):
        new_dsn(home)


@pytest.mark.parametrize("listen", ["x", "70000", "8400 "])
def test_an_address_that_is_none_is_an_operators_mistake(home, listen) -> None:
    with pytest.raises(ConfigError):
        set_intake(home, listen=listen, url="")
    with pytest.raises(ConfigError):
        set_intake(home, listen="8400", url="errors.test")
    assert read_home(home).errors == ""


def test_it_runs_while_the_factory_works_is_started_again_and_the_doctor_tries_it(home) -> None:
    assert check(home).level is Severity.OK
    set_intake(home, listen="0", url="")
    assert check(home).level is Severity.WARN
    dsn, log = new_dsn(home), LogEntries()
    assert base_url(read_home(home)) == "http://127.0.0.1:0"
    with error_intake(home, log=Log(log)):
        port, times = port_of(log)
        assert report(port, dsn) == 200
        set_intake(home, listen=str(port), url="")
        found = check(home)
        assert (found.level, times) == (Severity.OK, 1)
        assert "1 DSNs" in found.message
        assert spool_of(home).groups()[0].count == 1
        # Killed, it is started again, and goes on with what it had.
        pids = [int(one) for one in os.listdir("/proc") if one.isdigit() and is_intake(one, home)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + SECONDS
        while port_of(log)[1] < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        port, times = port_of(log)
        assert times == 2
        assert report(port, dsn, 2) == 200
        assert spool_of(home).groups()[0].count == 2
    assert check(home).level is Severity.WARN
    assert dsn.partition("@")[0].rpartition("/")[2] not in repr(log.written)


def is_intake(pid, home):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            line = file.read()
    except OSError:
        return False
    return b"harness.programs.error_intake" in line and os.fsencode(home) in line


def test_without_an_address_nothing_is_started(home) -> None:
    log = LogEntries()
    with error_intake(home, log=Log(log)):
        pass
    assert log.written == []


def test_what_was_reported_is_listed(home) -> None:
    assert "No error was reported" in run()
    now = datetime(2030, 5, 4, tzinfo=UTC)
    spool_of(home).add(report_of(event(1, release="1.0"), source="dsn 1"), at=now)
    assert "ValueError: no such walk: 1" in run()
    document = json.loads(run("--json"))
    (group,) = document["groups"]
    assert (group["count"], group["issue"], group["landed"]) == (1, 0, 0)
    assert document["waiting"] == 1
    status = CliRunner().invoke(cli, ["status"]).output
    assert "ERRORS of the running app: 1, of which 1 have no issue" in status
    found = json.loads(CliRunner().invoke(cli, ["status", "--json"]).output)
    assert found["errors"] == {"groups": 1, "waiting": 1}


def test_an_app_of_this_machine_reports_with_the_first_dsn_and_without_one_nothing_is_let_out(home):
    assert way_to_intake(home) == WayToIntake()
    set_intake(home, listen="8399", url="https://errors.example.org")
    assert way_to_intake(home) == WayToIntake()
    dsn = urlsplit(new_dsn(home))
    new_dsn(home)
    way = way_to_intake(home)
    assert way.lets_out == {8400: 8399}
    assert way.variables == {"SENTRY_DSN": f"http://{dsn.username}@127.0.0.1:8400/1"}
    assert dsn.username not in repr(way)


def test_keys_that_cannot_be_read_keep_no_release_from_being_taken_back(home):
    set_intake(home, listen="8399", url="")
    new_dsn(home)
    (home / KEYS).chmod(0o644)
    assert way_to_intake(home) == WayToIntake()


def test_an_intake_at_another_address_than_loopback_is_not_reached_through_it(home):
    set_intake(home, listen="10.0.0.7:8399", url="")
    new_dsn(home)
    assert way_to_intake(home) == WayToIntake()
