"""Closures are read from the metadata of installed wheels, here of an environment laid out by
hand."""

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.domain.errors import SandboxError
from harness.programs.sandbox.distributions import Requirement, closure, requirement
from tests.sandbox.sandboxes import PROJECT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("httpx", Requirement("httpx", frozenset(), "")),
        ("HTTP_x.y (>=1.0)", Requirement("http-x-y", frozenset(), "")),
        (
            "securesystemslib[crypto, PySPX]>=1 ; python_version<'4'",
            Requirement("securesystemslib", frozenset({"crypto", "pyspx"}), "python_version<'4'"),
        ),
    ],
)
def test_a_requirement_from_its_text(text, expected) -> None:
    assert requirement(text) == expected


def test_an_extra_counts_only_when_asked_for() -> None:
    need = requirement("cryptography>=40; extra == 'crypto'")
    assert not need.applies(frozenset())
    assert need.applies(frozenset({"crypto"}))
    assert requirement("six; sys_platform == 'win32'").applies(frozenset())


def test_a_closure_is_what_the_standard_library_would_say() -> None:
    found = {Path(path).name for path in closure(("anthropic",))}
    for name in ("anthropic", "anyio", "pydantic", "pydantic-core", "typing-extensions"):
        files = importlib.metadata.files(name) or []
        tops = {file.parts[0] for file in files} - {"..", "__pycache__"}
        assert tops <= found, name
    assert not any(re.match("playwright|pytest", name) for name in found)


def test_extras_bring_more() -> None:
    assert len(closure(("securesystemslib[crypto]",))) > len(closure(("securesystemslib",)))


def test_what_is_not_installed_is_named_with_who_needs_it(sandbox) -> None:
    ended = sandbox.run("true", distributions=["no-such-distribution"])
    assert ended.code == 125
    assert (
        ended.err == b"sandbox: t: the sandbox needs the distribution no-such-distribution,"
        b" which is not installed here\n"
    )


def test_an_editable_install_is_refused_because_it_would_show_its_source() -> None:
    """This project itself is installed so when it is developed."""
    with pytest.raises(SandboxError, match="lights-out-factory is an editable install"):
        closure(("lights-out-factory",))


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with three distributions: `a` needs `b`, which needs what is missing,
    and `d` needs `c` only for an extra."""
    subprocess.run([sys.executable, "-I", "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    site = next(tmp_path.glob("lib/python*/site-packages"))
    for name, needs in (
        ("a", ["b", "c; sys_platform == 'plan9'"]),
        ("b", ["missing>=2"]),
        ("d", ["c ; extra == 'x'"]),
    ):
        (site / name).mkdir()
        (site / f"{name}.pth").write_text("import os")
        info = site / f"{name}-1.dist-info"
        info.mkdir()
        required = "".join(f"Requires-Dist: {need}\n" for need in needs)
        (info / "METADATA").write_text(
            f"Name: {name}\n{required}\nRequires-Dist: only-a-word-of-the-description\n"
        )
        files = (
            f"{name}/__init__.py",
            f"{info.name}/METADATA",
            f"{name}.pth",
            "../../../bin/x",
            "__pycache__/x.pyc",
        )
        (info / "RECORD").write_text("".join(f'"{file}",,\n' for file in files))
    return tmp_path


def closure_in(environment: Path, name: str) -> str:
    code = (
        f"import sys; sys.path.append({str(Path(__file__).resolve().parents[2])!r})\n"
        f"from harness.programs.sandbox.distributions import closure\n"
        f"print([path.rsplit('/', 1)[1] for path in closure(({name!r},))])"
    )
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-I", "-c", code], capture_output=True, text=True
    )
    return (done.stdout or done.stderr).strip().splitlines()[-1]


def test_a_requirement_for_another_platform_may_be_missing(environment) -> None:
    assert closure_in(environment, "d") == "['d', 'd-1.dist-info']"


def test_a_requirement_that_counts_may_not_be_missing(environment) -> None:
    assert closure_in(environment, "a").endswith(
        "b needs the distribution missing, which is not installed here"
    )


@pytest.mark.parametrize("closed_to_others", [True, False])
def test_packages_that_the_boxs_own_uid_could_not_read_are_named(
    environment, sandbox, closed_to_others
) -> None:
    """As root the sandbox has a uid of its own, and an account with a strict umask installs for
    itself alone."""
    (package,) = environment.glob("lib/python*/site-packages/d")
    package.chmod(0o700 if closed_to_others else 0o755)
    command, _ = sandbox.command("true", distributions=["d"])
    code = (
        f"import sys; sys.path.append({str(PROJECT)!r})\n"
        "from harness.programs.sandbox.__main__ import main\nsys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [str(environment / "bin" / "python"), "-I", "-c", code, *command[4:]],
        capture_output=True,
        text=True,
    )
    refused = closed_to_others and sandbox.form == "bwrap-root"
    assert done.returncode == (125 if refused else 0), done
    assert (
        f"may not read {package}: open it (chmod -R a+rX {package.parent})" in done.stderr
    ) == refused
