"""However a sandbox ends, its result is true and nothing of it is left."""

import os
import secrets
import signal
import subprocess
import time

import pytest

from harness.domain.errors import SandboxError
from harness.programs.sandbox.launch import RunningSandbox
from harness.programs.sandbox.walls.cgroup import Cgroup
from harness.programs.sandbox.watch import descendants
from tests.sandbox.sandboxes import (
    LINGER,
    NEVER_ENDS,
    a_marker,
    children,
    groups_of,
    running_with,
    until,
)


@pytest.mark.parametrize("code", [0, 1, 42, 125, 255])
def test_exit_codes_pass_through(sandbox, code) -> None:
    ended = sandbox.run("sh", "-c", f"exit {code}")
    assert (ended.code, ended.result["exit_code"]) == (code, code)
    assert (ended.result["signal"], ended.result["killed_by"]) == (None, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE])
def test_a_signal_is_not_taken_for_an_exit_code(sandbox, number) -> None:
    ended = sandbox.run("sh", "-c", f"kill -{int(number)} $$")
    assert (ended.code, ended.result["exit_code"], ended.result["signal"]) == (
        128 + number,
        128 + number,
        number,
    )
    plain = sandbox.run("sh", "-c", f"exit {128 + number}")
    assert (plain.code, plain.result["signal"]) == (128 + number, None)


def test_every_form_reports_how_it_ended(sandboxes) -> None:
    began = time.monotonic()
    ended = sandboxes.run("sh", "-c", "kill -TERM $$")
    assert (ended.code, ended.result["signal"], ended.result["form"]) == (143, 15, sandboxes.form)
    assert 0 < ended.result["seconds"] <= time.monotonic() - began
    assert ended.result["unheld"], "no form holds a disk quota"


def test_a_command_that_is_not_there_is_127_and_one_that_cannot_run_is_126(sandbox) -> None:
    missing = sandbox.run("no-such-command")
    assert (missing.code, missing.result["exit_code"]) == (127, 127)
    assert b"no-such-command" in missing.err
    assert sandbox.run("/etc/passwd").code == 126


def test_a_sandbox_that_cannot_be_made_is_125_with_no_result_and_a_reason(sandbox) -> None:
    ended = sandbox.run("true", cwd="/nowhere")
    assert (ended.code, ended.result) == (125, None)
    assert b"/nowhere" in ended.err


def test_one_that_does_not_die_is_named_and_is_no_fault_of_the_program() -> None:
    """A process that leads no group is not reached by the signal to its group."""
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            with pytest.raises(SandboxError, match="does not die"):
                RunningSandbox(process, None, -1, Cgroup(())).kill(seconds=0.1)
        finally:
            process.kill()


def test_an_old_result_is_not_taken_for_this_one(sandbox) -> None:
    command, result = sandbox.command("true", cwd="/nowhere")
    result.write_text('{"exit_code": 0}')
    os.spawnv(os.P_WAIT, command[0], command)
    assert not result.exists()


def test_bytes_pass_exactly(sandboxes) -> None:
    data = secrets.token_bytes(3_000_000)
    ended = sandboxes.run("sh", "-c", "cat; printf '\\000\\377' >&2", stdin=data)
    assert (ended.out == data, ended.err, ended.code) == (True, b"\0\xff", 0)


def test_what_the_command_left_running_is_gone_when_the_supervisor_is(sandboxes) -> None:
    marker = a_marker()
    # returns only when nothing holds its streams
    ended = sandboxes.python(LINGER, marker, "0")
    assert ended.text == "ready\n"
    assert running_with(marker) == []


def test_wall_clock(sandboxes) -> None:
    marker, long_enough = a_marker(), sandboxes.a_while()
    ended = sandboxes.python(LINGER, marker, "600", limits={"wall_seconds": long_enough})
    assert (ended.code, ended.result["killed_by"], ended.result["signal"]) == (137, "wall", 9)
    assert long_enough <= ended.result["seconds"] < 300, "it would have gone on for 600"
    assert running_with(marker) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_ends_the_sandbox_and_is_reported(sandbox, number) -> None:
    marker = a_marker()
    process, result = sandbox.start("python", "-I", "-c", LINGER, marker, "60")
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(timeout=NEVER_ENDS) == 137
    assert '"killed_by": "stopped"' in result.read_text()
    assert running_with(marker) == []


def test_repeated_stop_signals_still_get_a_result(sandbox) -> None:
    """Seen: a sandbox was dismissed and then stopped, and the second signal came between its
    death and its result."""
    process, result = sandbox.start("sh", "-c", "echo ready; exec sleep 60")
    assert process.stdout.readline() == b"ready\n"
    while not result.exists() and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.0005)
    process.wait(timeout=NEVER_ENDS)
    assert '"killed_by": "stopped"' in result.read_text()


@pytest.mark.parametrize("stands_still", [False, True])
def test_kill_9_of_the_supervisor_leaves_nothing(sandboxes, stands_still) -> None:
    """Nor where it dies while all that it holds together stands still, for a look at its
    folders."""
    marker = a_marker()
    process, result = sandboxes.start("python", "-I", "-c", LINGER, marker, "60")
    assert process.stdout.readline() == b"ready\n"
    supervisor = sandboxes.supervisor_of(process)
    assert running_with(marker)
    for child in children(supervisor) if stands_still else ():
        for pid in descendants(child)[1:]:
            os.kill(pid, signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: not running_with(marker))
    until(lambda: not groups_of(supervisor))
    assert process.stdout.read() == b"", "somebody still held the pipe"
    assert not result.exists()


def test_kill_9_at_any_moment_of_the_start_leaves_nothing(sandbox) -> None:
    killed = []
    for moment in range(8):
        marker = a_marker()
        process, _ = sandbox.start("sleep", marker)
        time.sleep(moment * 0.015)
        process.kill()
        process.wait()
        until(lambda marker=marker: not running_with(marker))
        killed.append(process.pid)
    # One that died when its group was made and nobody to clean up after it yet: whoever makes the
    # next sandbox sweeps the group.
    assert sandbox.run("true").code == 0
    until(lambda: not any(map(groups_of, killed)))


def test_a_command_that_kills_the_first_program_ends_its_own_sandbox(sandbox) -> None:
    marker = a_marker()
    ended = sandbox.run("sh", "-c", f"setsid sleep {marker} & kill -9 2; sleep 60")
    assert (ended.code, ended.result["signal"]) == (137, 9)
    assert running_with(marker) == []


def test_a_stopped_first_program_does_not_save_the_sandbox(sandbox) -> None:
    marker = a_marker()
    process, _ = sandbox.start("sh", "-c", f"kill -STOP 2; echo ready; exec sleep {marker}")
    assert process.stdout.readline() == b"ready\n"
    process.kill()
    until(lambda: not running_with(marker))
