"""Dependencies from a lock: prepared once, by real pip, from a real index on loopback, without
running a package."""

import json
import os
import shutil
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError
from harness.programs.sandbox.packages.environment import NAMES, fetch_environment
from harness.programs.sandbox.packages.layer import layer_name
from harness.programs.sandbox.packages.lockfile import Pin, pins
from tests.sandbox.index import index, trap, wheel
from tests.sandbox.layers import prepare

DIGEST = "a" * 64
NO_INDEX = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}


def test_a_layer_from_wheels_that_are_there_is_importable_in_a_sandbox(sandboxes) -> None:
    lock = f"tidetable==1.0 --hash=sha256:{wheel(sandboxes.place('wheels'))}\n"
    sandboxes.place("layers")
    done = prepare(sandboxes, lock)
    assert done.returncode == 0, done
    made = Path(json.loads(done.stdout)["folder"])
    assert made == sandboxes.folder / "layers" / layer_name(lock.encode(), "lock.txt")
    ended = sandboxes.run(
        "python",
        "-c",
        "import tidetable; print(tidetable.HIGH, tidetable.__file__)",
        env={"PYTHONPATH": "/layer"},
        binds=[{"source": str(made), "target": "/layer"}],
    )
    # without mounts a place keeps its name
    seen = made if sandboxes.form == "landlock" else Path("/layer")
    assert ended.text == f"7 {seen}/tidetable/__init__.py\n", ended
    assert list(made.glob("tidetable/__pycache__/*.pyc")), (
        "compiled once here, not at each start of an app"
    )
    assert not [path for path in made.rglob("*") if path.stat().st_mode & 0o022]
    assert [path.name for path in made.parent.iterdir()] == [made.name], "nothing half-made is left"


def test_an_account_that_keeps_its_files_to_itself_has_sandboxes_that_can_read_their_packages(
    sandboxes,
) -> None:
    """With umask 077 everything was 0600, and as root the sandbox's own uid could read none of
    it."""
    wheels = sandboxes.place("wheels")
    lock = f"tidetable==1.0 --hash=sha256:{wheel(wheels)}\n"
    # as a download under that umask has left them
    for path in (wheels, *wheels.iterdir()):
        sandboxes.own(path)
        path.chmod(0o700 if path.is_dir() else 0o600)
    sandboxes.wrapper = ("sh", "-c", 'umask 077; exec "$@"', "sh", *sandboxes.wrapper)
    done = prepare(sandboxes, lock)
    assert done.returncode == 0, done
    made = json.loads(done.stdout)["folder"]
    code = (
        "import os, tidetable, httpx; open('new', 'w').close(); print(oct(os.stat('new').st_mode &"
        " 0o777))"
    )
    ended = sandboxes.run(
        "python",
        "-c",
        code,
        cwd="/tmp",
        env={"PYTHONPATH": "/layer"},
        distributions=["httpx"],
        binds=[{"source": made, "target": "/layer"}],
    )
    assert ended.text == "0o644\n", ended


def test_the_same_lock_is_prepared_once_and_another_elsewhere(sandbox) -> None:
    wheels = sandbox.place("wheels")
    first = prepare(sandbox, f"tidetable==1.0 --hash=sha256:{wheel(wheels)}\n")
    made = Path(json.loads(first.stdout)["folder"])
    (made / "proof").write_text("not made again")
    again = prepare(sandbox, f"tidetable==1.0 --hash=sha256:{wheel(wheels)}\n")
    assert again.stdout == first.stdout
    assert (made / "proof").exists()
    assert layer_name(b"another", "lock.txt") != layer_name(b"lock", "lock.txt")


def test_another_home_takes_what_was_prepared_for_one_and_neither_changes_the_others(
    sandbox,
) -> None:
    wheels, one = sandbox.place("wheels"), sandbox.place("layers")
    lock = f"tidetable==1.0 --hash=sha256:{wheel(wheels)}\n"
    made = Path(json.loads(prepare(sandbox, lock).stdout)["folder"])
    (made / "tidetable" / "__init__.py").write_text("HIGH = 0\n")
    one.rename(sandbox.folder / "one-home")
    shutil.rmtree(wheels)
    again = prepare(sandbox, lock, around=NO_INDEX)
    assert again.returncode == 0, again
    assert json.loads(again.stdout)["folder"] == str(made)
    assert "HIGH = 7" in (made / "tidetable" / "__init__.py").read_text()
    assert list(made.glob("tidetable/__pycache__/*.pyc"))
    assert [path.name for path in made.parent.iterdir()] == [made.name]


def test_what_cannot_be_taken_from_another_home_is_installed(sandbox) -> None:
    lock = f"tidetable==1.0 --hash=sha256:{wheel(sandbox.place('wheels'))}\n"
    kept = sandbox.folder / "installed" / layer_name(lock.encode(), "lock.txt")
    kept.mkdir(parents=True)
    (kept / "half").write_text("")
    os.mkfifo(kept / "no-file")
    made = Path(json.loads(prepare(sandbox, lock).stdout)["folder"])
    assert "HIGH = 7" in (made / "tidetable" / "__init__.py").read_text()
    assert not (made / "half").exists()


def test_what_is_missing_is_downloaded_and_kept(sandbox) -> None:
    index_folder = sandbox.folder / "simple" / "tidetable"
    index_folder.mkdir(parents=True)
    lock = f"tidetable==1.0 --hash=sha256:{wheel(index_folder)}\n"
    with index(sandbox.folder) as settings:
        done = prepare(sandbox, lock, around=settings)
    assert done.returncode == 0, done
    assert [path.name for path in (sandbox.folder / "wheels").iterdir()] == [
        "tidetable-1.0-py3-none-any.whl"
    ]


def test_an_index_with_other_bytes_is_refused_by_the_packages_name(sandbox) -> None:
    index_folder = sandbox.folder / "simple" / "tidetable"
    index_folder.mkdir(parents=True)
    digest = wheel(index_folder)
    with index(sandbox.folder) as settings:
        done = prepare(sandbox, f"tidetable==1.0 --hash=sha256:{DIGEST}\n", around=settings)
    assert done.returncode == 125
    assert "the index has other bytes than the lock pins: tidetable==1.0 from" in done.stderr
    assert f"Expected sha256 {DIGEST} Got {digest}" in done.stderr


def test_a_wheel_with_another_hash_is_refused(sandbox) -> None:
    wheel(sandbox.place("wheels"))
    done = prepare(sandbox, f"tidetable==1.0 --hash=sha256:{DIGEST}\n", around=NO_INDEX)
    assert done.returncode == 125
    assert "cannot be downloaded" in done.stderr
    assert not list((sandbox.folder / "layers").iterdir())


def test_nothing_of_a_package_runs_when_only_its_source_is_offered(sandbox) -> None:
    index_folder, marker = sandbox.folder / "simple" / "tidetable", sandbox.folder / "marker"
    index_folder.mkdir(parents=True)
    lock = f"tidetable==1.0 --hash=sha256:{trap(index_folder, marker)}\n"
    with index(sandbox.folder) as settings:
        # With the tools of the environment at hand, a build would get as far as running the
        # package's own code.
        done = prepare(sandbox, lock, around={**settings, "PIP_NO_BUILD_ISOLATION": "false"})
    assert done.returncode == 125
    assert not marker.exists()
    assert not list((sandbox.folder / "layers").iterdir())


def test_only_pips_settings_reach_pip(monkeypatch) -> None:
    for name in (
        "PIP_INDEX_URL",
        "HTTPS_PROXY",
        "PYTHONPATH",
        "ANTHROPIC_API_KEY",
        "LD_PRELOAD",
        "GIT_SSH_COMMAND",
    ):
        monkeypatch.setenv(name, "x")
    passed = fetch_environment()
    assert (
        {"PIP_INDEX_URL", "HTTPS_PROXY"}
        <= passed.keys()
        <= {*NAMES, *(n for n in passed if n[:4] == "PIP_" or n.lower()[:11] == "npm_config_")}
    )


def test_a_bad_lock_names_its_line_and_prepares_nothing(sandbox) -> None:
    done = prepare(sandbox, "# pinned\ntidetable==1.0\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr
        == "sandbox: lock:2: `tidetable==1.0` has no sha256 hash; regenerate the lock with hashes\n"
    )
    assert not (sandbox.folder / "layers").exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("flask", "not pinned"),
        ("flask>=2 --hash=sha256:" + DIGEST, "not pinned"),
        ("flask==2.0", "no sha256 hash"),
        ("flask==2.0 --hash=md5:" + DIGEST, "no sha256 hash"),
        ("flask==2.0 --hash=sha256:abc", "not a plain"),
        ("flask==2.* --hash=sha256:" + DIGEST, "not a plain"),
        ("--index-url https://index.invalid/simple", "is an option"),
        ("--extra-index-url=https://index.invalid/simple", "is an option"),
        ("--find-links ./here", "is an option"),
        ("--no-binary :all:", "is an option"),
        ("-r other.txt", "is an option"),
        ("-e .", "is an option"),
        ("flask @ https://index.invalid/f.whl --hash=sha256:" + DIGEST, "link or a path"),
        ("https://index.invalid/f.whl --hash=sha256:" + DIGEST, "link or a path"),
        ("git+ssh://host.invalid/f --hash=sha256:" + DIGEST, "link or a path"),
        ("./flask-2.0.whl --hash=sha256:" + DIGEST, "link or a path"),
        ("flask==${VERSION} --hash=sha256:" + DIGEST, "not a plain"),
        ("flask==2.0 --hash=sha256:" + DIGEST + " --global-option=x", "not a plain"),
        ("flask==2.0 --hash=sha256:" + DIGEST + " \\\n --index-url x", "not a plain"),
    ],
)
def test_what_a_lock_may_not_contain(line, message) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        pins(f"ok==1 --hash=sha256:{DIGEST}\n{line}\n".encode())
    assert caught.value.line == 2


def test_what_a_lock_may_say() -> None:
    text = f"""
# a comment
Flask[async]==2.0.1 ; python_version >= "3.8" and sys_platform == 'linux' \\
    --hash=sha256:{DIGEST} \\
    --hash=sha256:{"b" * 64}    # why
    # via something
six==1.16 ; python_full_version == '3.13.*' --hash=sha256:{DIGEST}
"""
    assert pins(text.encode()) == (
        Pin("Flask", "2.0.1", (DIGEST, "b" * 64)),
        Pin("six", "1.16", (DIGEST,)),
    )


def test_a_lock_that_is_not_text() -> None:
    with pytest.raises(ConfigError, match="not UTF-8"):
        pins(b"\xff\xfe")


def test_this_projects_own_lock_is_one() -> None:
    lock = (Path(__file__).resolve().parents[3] / "requirements.txt").read_bytes()
    assert len(pins(lock)) > 20
