"""The systemd units name only what exists, and leave out what would break the boxes."""

import re
import shutil
import subprocess

import pytest

from harness.__main__ import INTERRUPTED
from harness.home.state import from_systemd
from harness.shipped import shipped
from tests.docs.pages import ROOT
from tests.docs.program import refuse_unknown

DEPLOY = ROOT / "examples" / "deploy"
SERVICES = ("factory.service", "factory-tick.service")
UNITS = (*SERVICES, "factory-tick.timer")
BREAKS_THE_BOXES = {
    "ProtectKernelTunables",
    "ProtectKernelLogs",
    "ProtectControlGroups",
    "ProtectProc",
    "ProcSubset",
    "ProtectHostname",
    "RestrictNamespaces",
    "PrivateUsers",
    "MemoryDenyWriteExecute",
    "RootDirectory",
    "DynamicUser",
}
PREFIX = "[-@:+!]*"


def settings(unit):
    """(name, value) of every line of a unit that sets something."""
    lines = (DEPLOY / unit).read_text("utf-8").splitlines()
    return [tuple(line.split("=", 1)) for line in lines if line and not line.startswith(("#", "["))]


def value(unit, name):
    (found,) = [given for key, given in settings(unit) if key == name]
    return found


def test_a_pass_that_needs_a_person_or_was_stopped_is_no_unit_that_failed() -> None:
    assert value("factory-tick.service", "SuccessExitStatus") == f"3 {INTERRUPTED}"


def seconds(span):
    number, unit = re.fullmatch(r"(\d+)(s|min|h)", span).groups()
    return int(number) * {"s": 1, "min": 60, "h": 3600}[unit]


@pytest.mark.parametrize("unit", SERVICES)
def test_every_command_exists_and_takes_what_it_is_given(unit) -> None:
    commands = [given for key, given in settings(unit) if key.startswith("Exec")]
    assert commands
    for command in commands:
        refuse_unknown(tuple(re.sub(f"^{PREFIX}", "", command).split()))


@pytest.mark.parametrize("unit", SERVICES)
def test_nothing_is_forbidden_that_a_box_is_made_of(unit) -> None:
    assert not {name for name, _ in settings(unit)} & BREAKS_THE_BOXES


def test_what_is_left_out_is_named_where_a_reader_would_add_it() -> None:
    said = (DEPLOY / "factory.service").read_text("utf-8").partition("[Unit]")[0]
    assert {
        "ProtectKernelTunables",
        "ProtectHostname",
        "RestrictNamespaces",
        "MemoryDenyWriteExecute",
    } <= set(re.findall(r"\w+", said))


@pytest.mark.parametrize("unit", UNITS)
def test_no_path_of_one_machine_is_in_it(unit) -> None:
    assert [given for _, given in settings(unit) if re.search(r"(^|[\s=])/", given)] == []


@pytest.mark.parametrize("unit", SERVICES)
def test_the_filter_of_system_calls_takes_away_only_what_no_box_needs(unit) -> None:
    """bubblewrap mounts, pivots, unshares and drops privileges; Chromium traces its own children
    and sets limits."""
    groups = value(unit, "SystemCallFilter")
    assert groups.startswith("~")
    assert not {
        "@mount",
        "@privileged",
        "@debug",
        "@resources",
        "@process",
        "@setuid",
        "@system-service",
    } & set(groups.removeprefix("~").split())


@pytest.mark.parametrize("unit", SERVICES)
def test_secrets_come_as_credentials_and_are_taken_by_the_names_that_the_program_asks_for(
    unit, tmp_path, monkeypatch
) -> None:
    assert value(unit, "LoadCredential") == "factory:%E/lights-out-factory/credentials"
    for name in ("ANTHROPIC_API_KEY", "FACTORY_DATABASE", "FACTORY_HOME_KEY"):
        monkeypatch.delenv(name, raising=False)
        (tmp_path / f"factory_{name}").write_text(f"secret of {name}\n")
    (tmp_path / "factory_PATH").write_text("/evil")
    assert from_systemd(
        {"CREDENTIALS_DIRECTORY": str(tmp_path), "FACTORY_DATABASE": "of the environment"}
    ) == {
        "ANTHROPIC_API_KEY": "secret of ANTHROPIC_API_KEY",
        "FACTORY_HOME_KEY": "secret of FACTORY_HOME_KEY",
    }
    assert from_systemd({}) == {}


def test_systemd_counts_less_exposure_than_before_the_boxes_allowed_it(tmp_path) -> None:
    """Its own count, of 10, where it is installed: 5.4 before families and system calls were
    restricted."""
    analyze = shutil.which("systemd-analyze")
    for unit in SERVICES if analyze else ():
        (tmp_path / unit).write_text((DEPLOY / unit).read_text("utf-8"), "utf-8")
        done = subprocess.run(
            [
                str(analyze),
                "security",
                "--offline=true",
                "--threshold=41",
                "--no-pager",
                str(tmp_path / unit),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("unit", SERVICES)
def test_what_it_writes_is_private_and_no_secret_is_in_it(unit) -> None:
    assert (value(unit, "StateDirectoryMode"), value(unit, "UMask")) == ("0700", "0077")
    assert value(unit, "EnvironmentFile").startswith("-%E/")
    assert not re.search(r"(KEY|TOKEN|SECRET)=", (DEPLOY / unit).read_text("utf-8"))


def test_told_to_stop_it_has_longer_than_it_gives_its_work() -> None:
    from harness.cli.work.daemon import SHUTDOWN_SECONDS

    assert seconds(value("factory.service", "TimeoutStopSec")) > SHUTDOWN_SECONDS
    assert value("factory.service", "KillMode") == "mixed"


def test_the_service_is_ended_when_it_is_silent_and_not_started_again_on_a_wrong_configuration() -> (
    None
):
    assert value("factory.service", "Type") == "notify"
    assert seconds(value("factory.service", "WatchdogSec")) >= 60
    assert value("factory.service", "RestartPreventExitStatus") == "2"


def test_both_services_are_hardened_alike() -> None:
    first, second = ({line for line in settings(unit) if line[0] in HARDENING} for unit in SERVICES)
    assert first == second
    assert len(first) == len(HARDENING)


HARDENING = (
    "NoNewPrivileges",
    "CapabilityBoundingSet",
    "AmbientCapabilities",
    "ProtectSystem",
    "ProtectHome",
    "PrivateTmp",
    "ProtectKernelModules",
    "LockPersonality",
    "RestrictRealtime",
    "RestrictSUIDSGID",
    "SystemCallArchitectures",
    "KeyringMode",
    "RestrictAddressFamilies",
    "SystemCallFilter",
    "SystemCallErrorNumber",
    "RemoveIPC",
    "LoadCredential",
    "LimitCORE",
    "OOMPolicy",
    "Delegate",
    "UMask",
    "StateDirectoryMode",
)


def test_the_timer_keeps_the_hour_of_our_own_triage() -> None:
    text = (shipped("workflows") / "triage.yaml").read_text("utf-8")
    minute, hour, *rest = re.search(r'schedule: "([^"]+)"', text)[1].split()
    assert rest == ["*", "*", "*"]
    assert value("factory-tick.timer", "OnCalendar") == f"*-*-* {int(hour):02}:{int(minute):02}:00"
    assert value("factory-tick.timer", "Persistent") == "yes"


def test_systemd_itself_finds_nothing_wrong_where_it_is_installed(tmp_path) -> None:
    """A machine without systemd reads the names against the manual's list that is kept here."""
    known = {
        "Description",
        "Wants",
        "After",
        "WantedBy",
        "Type",
        "ExecStart",
        "ExecStartPost",
        "User",
        "Environment",
        "EnvironmentFile",
        "StateDirectory",
        "CacheDirectory",
        "WatchdogSec",
        "Restart",
        "RestartSec",
        "RestartPreventExitStatus",
        "SuccessExitStatus",
        "KillMode",
        "TimeoutStopSec",
        "TimeoutStartSec",
        "TasksMax",
        "LimitNOFILE",
        "OnCalendar",
        "Persistent",
        *HARDENING,
    }
    assert {name for unit in UNITS for name, _ in settings(unit)} <= known
    analyze = shutil.which("systemd-analyze")
    if analyze is not None:
        for unit in UNITS:
            text = (DEPLOY / unit).read_text("utf-8")
            (tmp_path / unit).write_text(re.sub(r"=factory \S+.*", "=/bin/true", text), "utf-8")
        done = subprocess.run(
            [analyze, "verify", "--man=no", *(tmp_path / unit for unit in UNITS)],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
