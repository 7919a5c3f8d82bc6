"""The form that holds nothing runs, and reports that."""

import json
import os
import secrets
import signal
import subprocess

from harness.domain.sandbox import Bind, Form, SandboxSpec
from harness.programs.sandbox.forms import UNSEALED
from harness.programs.sandbox.walls.unsealed import translated
from tests.sandbox.sandboxes import (
    AS_ROOT,
    LINGER,
    NEVER_ENDS,
    SUPERVISOR,
    a_marker,
    groups_of,
    running_with,
    until,
)


def test_it_reports_everything_that_it_does_not_hold(unsealed) -> None:
    ended = unsealed.run("true")
    assert ended.result["form"] == "unsealed"
    assert ended.result["unheld"][: len(UNSEALED)] == list(UNSEALED)
    for wall in ("files", "network", "processes", "environment", "user", "disk"):
        assert any(text.startswith(f"{wall}:") for text in ended.result["unheld"]), wall


def test_only_the_other_forms_count_as_sealed() -> None:
    assert [form for form in Form if not form.sealed] == [Form.UNSEALED]


def test_places_in_the_sandbox_become_places_of_the_host(unsealed) -> None:
    inside = unsealed.place("inside")
    (inside / "module.py").write_text("print('found')")
    code = "import os, sys; import module; print(os.getcwd(), sys.argv[1], os.environ['DATA'])"
    env = {"PYTHONPATH": "/app", "DATA": "/app/db:/other"}
    ended = unsealed.run(
        "python",
        "-c",
        code,
        "/app/data",
        cwd="/app",
        env=env,
        binds=[{"source": str(inside), "target": "/app"}],
    )
    assert ended.text.split() == ["found", str(inside), f"{inside}/data", f"{inside}/db:/other"]


def test_the_longest_place_counts_and_only_whole_names_do() -> None:
    spec = SandboxSpec("t", ("true",), binds=(Bind("/h", "/app"), Bind("/h2", "/app/data")))
    words = ("/app", "/app/x", "/app/data/x", "/application", "app")
    assert [translated(word, spec) for word in words] == [
        "/h",
        "/h/x",
        "/h2/x",
        "/application",
        "app",
    ]


def test_the_environment_is_still_only_what_was_given(unsealed) -> None:
    ended = unsealed.run("env", env={"TIDE": "low"}, around={"SECRET": secrets.token_hex(8)})
    assert sorted(ended.text.splitlines()) == [
        "HOME=/tmp",
        "LANG=C.UTF-8",
        "PATH=/usr/bin:/bin",
        "TIDE=low",
    ]


def test_limits_and_endings_hold_as_far_as_they_can(unsealed) -> None:
    assert unsealed.run("sh", "-c", "exit 42").code == 42
    ended = unsealed.run("sleep", "600", limits={"wall_seconds": unsealed.a_while()})
    assert (ended.code, ended.result["killed_by"]) == (137, "wall")
    assert unsealed.run("sh", "-c", "ulimit -n", limits={"open_files": 77}).text == "77\n"


def test_what_stays_in_its_group_dies_with_the_supervisor(unsealed) -> None:
    marker = a_marker()
    process, _ = unsealed.start("sh", "-c", f"sleep {marker} & echo ready; wait")
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGKILL)
    until(lambda: not running_with(marker))
    until(lambda: not groups_of(process.pid))


def test_what_leaves_its_group_dies_too_where_there_are_control_groups(unsealed) -> None:
    marker = a_marker()
    # what it leaves would hold a pipe open
    process, result = unsealed.start("python", "-I", "-c", LINGER, marker, "0")
    process.wait(timeout=NEVER_ENDS)
    if not any(text.startswith("memory:") for text in json.loads(result.read_text())["unheld"]):
        assert running_with(marker) == []
        return
    # The form's report names this: a process that leaves its group may outlive it.
    for pid in until(lambda: running_with(marker)):
        os.kill(pid, signal.SIGKILL)


def test_auto_falls_back_to_it_where_no_sandbox_holds(tmp_path) -> None:
    """A machine without bubblewrap, as far as the supervisor can see, for root, whom Landlock does
    not hold."""
    spec = {"name": "t", "argv": ["true"], "result": str(tmp_path / "r.json")}
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    without = (
        "unshare",
        "--mount",
        *(() if AS_ROOT else ("--map-root-user",)),
        "sh",
        "-c",
        'mount --bind /dev/null "$(command -v bwrap)" && exec "$@"',
        "sh",
    )
    supervisor, env = [*without, *SUPERVISOR], {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*supervisor, "run", "--spec", str(tmp_path / "spec.json")], env=env, capture_output=True
    )
    assert done.returncode == 0, done
    assert json.loads((tmp_path / "r.json").read_text())["form"] == "unsealed"
    found = json.loads(
        subprocess.run([*supervisor, "probe", "--json"], env=env, capture_output=True).stdout
    )
    assert found["chosen"] == "unsealed"
    assert [one["works"] for one in found["forms"]] == [False, False, False, True]
    assert "install the package bubblewrap" in found["forms"][1]["why"]
