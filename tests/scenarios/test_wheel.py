"""The wheel, installed where nothing else is, does what the checkout does: its templates, workflows
and examples are in it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness.programs.sandbox.distributions import closure
from tests.scenarios.conftest import ROOT, SECONDS, Said, copy_of_ourselves, known_to_git
from tests.scenarios.waiting import LONG

pytestmark = pytest.mark.soak(
    "builds wheels and an environment; architecture/ compares imports with what is declared"
)

PIP = (sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "--no-input", "-q")
OFFLINE = ("--no-deps", "--no-index", "--no-build-isolation")
BESIDE = ("workflows/", "examples/")


def in_wheel(name: str) -> str:
    return f"harness/{name}" if name.startswith(BESIDE) else name


def built(source: Path, folder: Path) -> Path:
    subprocess.run([*PIP, "wheel", *OFFLINE, "-w", folder, source], check=True, timeout=LONG)
    (wheel,) = folder.glob("*.whl")
    return wheel


def backed(hook: str, *, source: Path, folder: Path) -> Path:
    """What a hook of the build backend (PEP 517) makes of `source`, in `folder`."""
    build = (
        "import sys, setuptools.build_meta as backend; getattr(backend, sys.argv[1])(sys.argv[2])"
    )
    subprocess.run(
        [sys.executable, "-c", build, hook, folder],
        cwd=source,
        check=True,
        capture_output=True,
        timeout=LONG,
    )
    (made,) = [path for path in folder.iterdir() if path.suffix in (".whl", ".gz")]
    return made


def digests(wheel: Path) -> dict[str, str]:
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: hashlib.sha256(archive.read(name)).hexdigest()
            for name in archive.namelist()
            if not name.endswith(".dist-info/RECORD")
        }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The files that git knows, and what using a checkout leaves beside them, which nobody wants in
    a wheel."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_of_ourselves(folder)
    for leftover in (
        "examples/tidebook/data/tidebook.db",
        "examples/tidebook/tidebook/__pycache__/app.cpython-311.pyc",
        "harness/__pycache__/shipped.cpython-311.pyc",
        "build/lib/harness/long_gone.py",
    ):
        (folder / leftover).parent.mkdir(parents=True, exist_ok=True)
        (folder / leftover).write_bytes(b"left over")
    return folder


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory):
    return built(checkout, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """A new environment with the wheel in it and the packages that it asks for, and nothing
    else."""
    venv = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", venv], check=True)
    subprocess.run(
        [*PIP, "--python", venv / "bin" / "python", "install", *OFFLINE, wheel],
        check=True,
        timeout=LONG,
    )
    site = venv / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    for package in closure(
        asked_for(wheel)
    ):  # boxes are given packages one by one, so they must lie in here
        (site / Path(package).name).symlink_to(package)
    return venv


def asked_for(wheel: Path) -> tuple[str, ...]:
    """What an installer would fetch with the wheel: its requirements that no extra hides."""
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        lines = archive.read(metadata).decode().splitlines()
    needs = [line.partition(": ")[2] for line in lines if line.startswith("Requires-Dist: ")]
    return tuple(need for need in needs if "extra ==" not in need)


@pytest.fixture
def run(elsewhere, tmp_path):
    """Run a program of that environment in an empty folder, for an account whose home is empty."""
    folder, home = tmp_path / "empty folder", tmp_path / "account"
    folder.mkdir()
    home.mkdir()
    cache = os.environ.get("XDG_CACHE_HOME") or str(
        Path.home() / ".cache"
    )  # the example's wheels: there is no network
    env = {
        "PATH": os.defpath,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": cache,
        "TMPDIR": str(tmp_path),
    }
    if browsers := os.environ.get("PLAYWRIGHT_BROWSERS_PATH"):
        env["PLAYWRIGHT_BROWSERS_PATH"] = browsers

    def ran(program: str, *arguments: str) -> Said:
        done = subprocess.run(
            [elsewhere / "bin" / program, *arguments],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )
        assert list(folder.iterdir()) == [], "the current folder was written to"
        return Said(done.returncode, done.stdout, done.stderr)

    return ran


def test_every_file_of_the_programs_is_in_the_wheel_byte_for_byte(checkout, wheel) -> None:
    """A peer's wheel shipped without its templates."""
    found = digests(wheel)
    expected = {
        in_wheel(name): hashlib.sha256((checkout / name).read_bytes()).hexdigest()
        for name in known_to_git()
        if name.startswith(("harness/", "validators/", *BESIDE))
    }
    missing = {name for name, digest in expected.items() if found.get(name) != digest}
    assert missing == set()
    assert {name for name in found if name not in expected and ".dist-info/" not in name} == set()


def test_the_source_distribution_builds_the_same_wheel(checkout, wheel, tmp_path) -> None:
    sdist = backed("build_sdist", source=checkout, folder=tmp_path)
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = built(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "again")
    assert digests(again) == digests(wheel)


def test_an_editable_install_reads_them_where_they_are(checkout, tmp_path) -> None:
    mine, venv = tmp_path / "checkout", tmp_path / "venv"
    shutil.copytree(checkout, mine)
    editable = backed("build_editable", source=mine, folder=tmp_path)
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", venv], check=True)
    subprocess.run(
        [*PIP, "--python", venv / "bin" / "python", "install", *OFFLINE, editable],
        check=True,
        timeout=LONG,
    )
    where = "from harness.shipped import shipped; print(shipped('workflows'), shipped('examples'))"
    done = subprocess.run(
        [venv / "bin" / "python", "-I", "-c", where],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == [str(mine / "workflows"), str(mine / "examples")]


def test_nothing_comes_from_the_checkout(run, elsewhere) -> None:
    where = (
        "import harness, validators; from harness.shipped import shipped; print(harness.__file__,"
        " validators.__file__, shipped('workflows'), shipped('examples'), sep='\\n')"
    )
    said = run("python", "-I", "-c", where)
    assert said.err == ""
    assert all(line.startswith(str(elsewhere)) for line in said.out.splitlines())


def test_every_package_that_a_module_imports_is_asked_for(run) -> None:
    """Late imports, too: what only the development environment has would end a command in
    somebody's hands."""
    said = run("python", "-I", "-c", MISSING)
    assert (said.out, said.err) == ("", "")


MISSING = """
import ast, harness, validators
from importlib.util import find_spec
from pathlib import Path

for package in (harness, validators):
    for path in Path(package.__file__).parent.rglob("*.py"):
        # `pytest_run.py` runs with a project's own pytest.
        if "examples" in path.parts or path.name == "pytest_run.py":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else \\
                    [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            for name in names:
                if find_spec(name.partition(".")[0]) is None:
                    print(path, name)
"""


@pytest.mark.parametrize(
    "program",
    [
        ("factory",),
        ("python", "-m", "harness"),
        ("python", "-m", "validators"),
        ("python", "-I", "-m", "harness.programs.sandbox"),
    ],
    ids=" ".join,
)
def test_each_program_starts(run, program) -> None:
    said = run(*program, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.lower().startswith("usage: ")


def test_the_version_is_the_wheels(run, wheel) -> None:
    assert run("factory", "--version").out == f"factory, version {wheel.name.split('-')[1]}\n"


def test_init_drafts_what_a_repository_lacks(run, tmp_path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "app.py").write_text("print('hello')\n")
    for command in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "a"),
    ):
        subprocess.run(["git", "-C", repository, *command], check=True)
    said = run("factory", "init", "--yes", "--json", str(repository))
    assert (said.code, said.err) == (0, "")
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md", "factory.toml"):
        assert (repository / name).read_text("utf-8").strip(), name
    assert run("factory", "rules", "test", str(repository)).code == 0


def test_the_demo_runs_to_its_end_and_its_audit_is_sound(run, tmp_path) -> None:
    said = run("factory", "demo", "--issue", "1", "--json", "--home", str(tmp_path / "home"))
    assert said.code == 0, said.err
    assert json.loads(said.out)["ok"] is True


@pytest.mark.parametrize(
    "command",
    [
        ("uv", "tool", "install", "--quiet", "--constraints", "requirements.txt"),
        ("pipx", "install", "--quiet"),
    ],
    ids=["uv", "pipx"],
)
def test_people_s_own_tools_install_it_as_a_command(wheel, tmp_path, command) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "tools"], check=True, timeout=LONG)
    tools = tmp_path / "tools" / "bin"
    subprocess.run([tools / "pip", "install", "-q", command[0]], check=True, timeout=LONG)
    places = {
        "UV_TOOL_DIR": "uv",
        "UV_TOOL_BIN_DIR": "bin",
        "UV_CACHE_DIR": "cache",
        "PIPX_HOME": "pipx",
        "PIPX_BIN_DIR": "bin",
    }
    env = {**os.environ, **{name: str(tmp_path / place) for name, place in places.items()}}
    subprocess.run(
        [tools / command[0], *command[1:], wheel], cwd=ROOT, env=env, check=True, timeout=LONG
    )
    version = subprocess.run(
        [tmp_path / "bin" / "factory", "--version"], check=True, capture_output=True, text=True
    ).stdout
    assert version.startswith("factory, version ")
