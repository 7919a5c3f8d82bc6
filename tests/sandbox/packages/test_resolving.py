"""Making a lock: names and versions in, wheels with their hashes out, and nothing else of a
stranger's lines obeyed."""

import hashlib
import zipfile

import pytest

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.lockfile import pins
from harness.programs.sandbox.packages.resolving import locked, requirements_in


def wheel(folder, name, version, *needs):
    path = folder / f"{name}-{version}-py3-none-any.whl"
    facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n" + "".join(
        f"Requires-Dist: {need}\n" for need in needs
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-{version}.dist-info/METADATA", facts)
        archive.writestr(
            f"{name}-{version}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def offered(tmp_path, monkeypatch):
    """An index of our own: a folder of wheels, and no network."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_lock_pins_what_is_wanted_and_what_that_needs(offered) -> None:
    walk, tide = wheel(offered, "walk", "2.0", "tide>=1"), wheel(offered, "tide", "1.5")
    wheel(offered, "walk", "3.0")
    text = locked(("walk<3",))
    assert text == f"tide==1.5 --hash=sha256:{tide}\nwalk==2.0 --hash=sha256:{walk}\n"
    assert [pin.name for pin in pins(text.encode())] == ["tide", "walk"]


def test_a_package_that_would_have_to_be_built_is_not_taken(offered, tmp_path) -> None:
    (offered / "walk-1.0.tar.gz").write_bytes(b"")
    with pytest.raises(SandboxError, match="no versions were found"):
        locked(("walk",))


def test_files_are_read_as_they_include_each_other(tmp_path) -> None:
    (tmp_path / "requirements.txt").write_text(
        "Flask>=3  # the web\n\n# words\nclick[extra]==8.*; python_version > '3'\n"
    )
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\npytest\n")
    assert requirements_in(tmp_path, ("requirements.txt", "requirements-dev.txt")) == (
        "Flask>=3",
        'click[extra]==8.*; python_version > "3"',
        "pytest",
    )


def test_a_project_names_its_own_and_those_of_an_extra_or_a_group(tmp_path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["flask"]\n[project.optional-dependencies]\n'
        'tests = ["pytest"]\n[dependency-groups]\ndev = ["ruff"]\n'
    )
    assert requirements_in(tmp_path, ("pyproject.toml", "--extra", "tests", "--group", "dev")) == (
        "flask",
        "pytest",
        "ruff",
    )


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--index-url https://evil.example",
        "--extra-index-url=https://evil.example",
        "./local",
        "file:///etc/passwd",
        "walk @ https://evil.example/walk.whl",
        "git+https://evil.example/walk.git",
        "-c constraints.txt",
        "-r ../outside.txt",
        "-r requirements.txt",
        "walk --hash=sha256:00",
        "walk; import os",
        "$HOME/walk",
        "--trusted-host evil.example",
    ],
)
def test_any_other_line_is_refused_before_pip_sees_it(tmp_path, line) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("walk\n")
    (folder / "requirements.txt").write_text(f"flask\n{line}\n")
    with pytest.raises(ConfigError):
        requirements_in(folder, ("requirements.txt",))
