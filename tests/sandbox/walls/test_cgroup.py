"""Where groups may be made is read from two kernel documents; both versions, and what containers
make of them."""

import os
import signal
import subprocess

import pytest

from harness.domain.sandbox import SandboxLimits
from harness.programs.sandbox.walls.cgroup import (
    Cgroup,
    Group,
    cgroup_for,
    parent_folders,
    remove_stale_groups,
)

V1 = "5:pids:/job\n4:memory,cpu:/job/7\n0::/\n"
V1_MOUNTS = (
    "30 29 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory,cpu\n"
    "31 29 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "32 29 0:29 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n"
    "33 1 8:1 / / rw - ext4 /dev/sda rw\n"
)


def test_version_1_has_a_home_per_controller() -> None:
    found = [
        (str(folder), version, set(controllers))
        for folder, version, controllers in parent_folders(V1, V1_MOUNTS)
    ]
    assert found == [
        ("/sys/fs/cgroup/memory/job/7", 1, {"memory"}),
        ("/sys/fs/cgroup/pids/job", 1, {"pids"}),
    ]


def test_a_mount_that_shows_only_our_part_of_the_tree() -> None:
    mounts = "30 29 0:27 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
    assert [str(folder) for folder, _, _ in parent_folders("4:memory:/docker/ab\n", mounts)] == [
        "/sys/fs/cgroup/memory"
    ]
    assert not list(parent_folders("4:memory:/elsewhere\n", mounts)), (
        "a group outside of what is mounted is not ours to touch"
    )


def test_version_2_takes_the_nearest_group_that_delegates(tmp_path) -> None:
    nearest = tmp_path / "user.slice" / "session.scope"
    nearest.mkdir(parents=True)
    (nearest / "cgroup.subtree_control").write_text("\n")
    (nearest.parent / "cgroup.subtree_control").write_text("cpu memory pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("memory\n")
    mounts = f"30 29 0:27 / {tmp_path} rw - cgroup2 cgroup2 rw\n"
    found = list(parent_folders("0::/user.slice/session.scope\n", mounts))
    assert found == [(nearest.parent, 2, {"memory", "pids"}), (tmp_path, 2, {"memory"})]


@pytest.mark.parametrize(
    ("version", "kills", "peak"),
    [
        (1, "memory.oom_control", "memory.max_usage_in_bytes"),
        (2, "memory.events", "memory.peak"),
    ],
)
def test_numbers_are_read_from_the_files_of_each_version(tmp_path, version, kills, peak) -> None:
    group = Group(tmp_path, version, frozenset({"memory"}))
    assert not Cgroup((group,)).out_of_memory()
    (tmp_path / kills).write_text("under_oom 0\noom_kill 3\n")
    (tmp_path / peak).write_text("1048577\n")
    assert (group.count(kills, "oom_kill"), group.count("memory.max", "oom_kill")) == (3, 0)
    assert Cgroup((group,)).peak_memory_mb() == 2
    assert Cgroup((group,)).out_of_memory()
    assert not Cgroup((group,)).out_of_pids()


def test_a_limit_is_never_written_to_a_file_that_the_kernel_did_not_make(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        Group(tmp_path, 1, frozenset({"memory"})).limit(SandboxLimits())
    assert not list(tmp_path.iterdir())


def test_groups_that_are_made_are_removed() -> None:
    made = cgroup_for(SandboxLimits())
    assert all(group.folder.is_dir() for group in made.groups)
    made.kill()
    made.remove()
    assert not any(group.folder.exists() for group in made.groups)


def test_what_a_dead_supervisor_left_is_swept_and_nothing_else(tmp_path) -> None:
    # no process of Linux has this number, nor will one have it in a moment
    gone = 1 << 22
    kept = [
        tmp_path / f"sandbox-{os.getpid()}-0badcafe",
        tmp_path / "sandbox-of-somebody-else",
        tmp_path / "other",
    ]
    for folder in (*kept, tmp_path / f"sandbox-{gone}-0badcafe"):
        folder.mkdir()
    remove_stale_groups(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)


SIZE = str(7 << 20)


@pytest.mark.parametrize(
    ("version", "controllers", "written"),
    [
        (
            1,
            {"memory", "pids"},
            {"memory.limit_in_bytes": SIZE, "memory.memsw.limit_in_bytes": SIZE, "pids.max": "13"},
        ),
        (2, {"memory", "pids"}, {"memory.max": SIZE, "memory.swap.max": "0", "pids.max": "13"}),
        (2, {"memory"}, {"memory.max": SIZE, "memory.swap.max": "0"}),
        (1, {"pids"}, {"pids.max": "13"}),
    ],
)
def test_each_limit_is_written_where_its_version_has_it(
    tmp_path, version, controllers, written
) -> None:
    for name in (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.max",
        "memory.swap.max",
        "pids.max",
    ):
        (tmp_path / name).touch()
    Group(tmp_path, version, frozenset(controllers)).limit(SandboxLimits(memory_mb=7, pids=9))
    assert {
        file.name: file.read_text() for file in tmp_path.iterdir() if file.read_text()
    } == written


def test_a_kernel_that_does_not_account_swap_is_asked_for_the_rest(tmp_path) -> None:
    for name in ("memory.max", "pids.max"):
        (tmp_path / name).touch()
    Group(tmp_path, 2, frozenset({"memory", "pids"})).limit(SandboxLimits(memory_mb=7, pids=9))
    assert (tmp_path / "pids.max").read_text() == "13"


@pytest.mark.parametrize(
    ("name", "text", "memory", "pids"),
    [
        ("memory.events", "oom 1\noom_kill 1\n", True, False),
        ("memory.events", "oom 1\noom_kill 0\n", False, False),
        ("memory.oom_control", "under_oom 1\noom_kill 0\n", False, False),
        ("pids.events", "max 1\n", False, True),
        ("pids.events", "max 0\n", False, False),
    ],
)
def test_what_a_sandbox_ran_into_is_read_from_the_kernels_counts(
    tmp_path, name, text, memory, pids
) -> None:
    (tmp_path / name).write_text(text)
    both = Cgroup((Group(tmp_path, 2, frozenset({"memory", "pids"})),))
    neither = Cgroup((Group(tmp_path, 2, frozenset()),))
    assert (both.out_of_memory(), both.out_of_pids()) == (memory, pids)
    assert (neither.out_of_memory(), neither.out_of_pids()) == (False, False)


def test_everything_in_a_group_is_killed_and_nothing_forks_meanwhile(tmp_path) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        (tmp_path / "cgroup.procs").write_text(f"{process.pid}\n")
        (tmp_path / "pids.max").touch()
        group = Cgroup((Group(tmp_path, 1, frozenset({"pids"})),))
        assert group.tasks() == (process.pid,)
        # it stays in a file that is none of the kernel's
        group.kill(seconds=0.01)
        assert process.wait() == -signal.SIGKILL
    assert (tmp_path / "pids.max").read_text() == "0"
