"""The factory's side of the supervisor: the `Sandbox` port over the same command as everybody's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, SandboxError
from harness.domain.sandbox import Bind, Form, SandboxLimits, SandboxSpec
from harness.ports.sandbox import Sandbox
from harness.programs.sandbox.client import MOST_OUTPUT, SandboxSupervisor
from harness.programs.sandbox.walls.identity import FIRST_UID, SLOTS, take_slot
from tests.sandbox.index import wheel
from tests.sandbox.sandboxes import AS_ROOT, SUPERVISOR


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return SandboxSupervisor(tmp_path / "layers")


def test_a_sandbox_is_run_and_its_output_comes_back(sandbox) -> None:
    result = sandbox.run(
        SandboxSpec("t", ("sh", "-c", "cat; echo aside >&2; exit 3")), stdin=b"in\0"
    )
    assert (result.stdout, result.stderr, result.exit_code, result.ok) == (
        b"in\0",
        b"aside\n",
        3,
        False,
    )
    assert result.form in list(Form)
    assert sandbox.run(SandboxSpec("t", ("true",))).ok


def test_output_without_end_is_cut_in_the_middle(sandbox) -> None:
    result = sandbox.run(
        SandboxSpec("t", ("sh", "-c", "echo begin; head -c 20000000 /dev/zero; echo end"))
    )
    assert result.stdout.startswith(b"begin\n")
    assert result.stdout.endswith(b"end\n")
    assert b"bytes left out" in result.stdout
    assert len(result.stdout) < MOST_OUTPUT + 100


def test_output_beyond_the_file_limit_ends_the_command(sandbox) -> None:
    result = sandbox.run(SandboxSpec("t", ("cat", "/dev/zero"), limits=SandboxLimits(file_mb=2)))
    assert (result.reached, result.ok) == (("file",), False)


def test_a_sandbox_that_cannot_be_made_is_an_error_with_the_reason(sandbox) -> None:
    with pytest.raises(SandboxError, match=r"t: .*'/nowhere'"):
        sandbox.run(SandboxSpec("t", ("true",), cwd="/nowhere"))
    with pytest.raises(SandboxError, match="/nowhere does not exist"):
        sandbox.run(SandboxSpec("t", ("true",), binds=(Bind("/nowhere", "/app"),)))


def test_the_form_is_found_by_running_one(sandbox, tmp_path) -> None:
    assert sandbox.form() == ("bwrap-root" if AS_ROOT else "bwrap-userns")
    assert SandboxSupervisor(tmp_path, form="unsealed").form() == "unsealed"


def test_a_layer_is_prepared_and_a_bad_lock_is_the_operators_to_mend(sandbox, tmp_path) -> None:
    (tmp_path / "wheels").mkdir()
    lock = f"tidetable==1.0 --hash=sha256:{wheel(tmp_path / 'wheels')}"
    made = sandbox.layer(lock.encode(), name="requirements.txt", wheels=tmp_path / "wheels")
    assert (Path(made.folder) / "tidetable" / "__init__.py").exists()
    assert (made.variable, made.within) == ("PYTHONPATH", "")
    with pytest.raises(ConfigError, match="lock:1: `tidetable` is not pinned"):
        sandbox.layer(b"tidetable", name="requirements.txt", wheels=tmp_path / "wheels")


def test_the_probe_names_every_form_the_browser_and_what_every_sandbox_can_read() -> None:
    done = subprocess.run([*SUPERVISOR, "probe", "--json"], env={}, capture_output=True, check=True)
    found = json.loads(done.stdout)
    assert [one["form"] for one in found["forms"]] == list(Form)
    assert all(one["why"] for one in found["forms"] if not one["works"])
    assert "/usr" in found["visible"]
    assert os.access(found["browser"], os.X_OK)
    words = subprocess.run(
        [*SUPERVISOR, "probe"], env={}, capture_output=True, text=True, check=True
    ).stdout
    assert words.startswith(f"sandboxes here are {found['chosen']}\n")


def test_two_slots_are_never_the_same() -> None:
    # an ordinary account has no uids to give
    if not AS_ROOT:
        with pytest.raises(SandboxError):
            take_slot()
        return
    slots = [take_slot() for _ in range(3)]
    assert len({slot.uid for slot in slots}) == 3
    assert all(FIRST_UID <= slot.uid < FIRST_UID + SLOTS for slot in slots)
    for slot in slots:
        slot.close()


TAKES = """
from harness.programs.sandbox.walls.identity import take_slot
slots = [take_slot() for _ in range(3)]
slots[1].close()
print(*(slot.uid for slot in slots), take_slot().uid)
"""


def test_a_slot_that_was_let_go_is_taken_again() -> None:
    """In a view of the machine where no other sandbox takes one meanwhile, and where an ordinary
    account is root for once."""
    as_root = () if AS_ROOT else ("--unshare-user", "--uid", "0")
    alone = (
        "bwrap",
        *as_root,
        "--dev-bind",
        "/",
        "/",
        "--tmpfs",
        "/run",
        "--",
        sys.executable,
        "-I",
        "-c",
        TAKES,
    )
    done = subprocess.run(alone, capture_output=True, text=True, check=True)
    first, second, third, again = map(int, done.stdout.split())
    assert (first, second, third, again) == (FIRST_UID, FIRST_UID + 1, FIRST_UID + 2, second)
