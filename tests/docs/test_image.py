"""The image that the Dockerfile describes, built as root file systems with Debian's own tools: what
is in it is enough for `factory doctor`, as the user that it names."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docs.dockerfile import apt_packages, environment, last, stage, without_apt
from tests.docs.pages import ROOT
from tests.scenarios.waiting import LONG

pytestmark = pytest.mark.soak("builds two root file systems; test_deploy reads the file")

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")
WHEELS = "/wheels"


@dataclass
class Image:
    """One stage of the file, as a folder. What pip would ask an index for lies in `wheels`."""

    root: Path
    wheels: Path
    folder: str = "/"
    user: str = ""
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, as its user."""
        variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **self.env}
        variables |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": WHEELS}
        as_user = ("setpriv", "--reuid", self.user, "--regid", self.user, "--clear-groups")
        return subprocess.run(
            (
                *AS_ROOT, "bwrap", "--bind", str(self.root), "/", "--proc", "/proc",
                "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", str(self.wheels), WHEELS,
                "--unshare-pid", "--clearenv",
                *(word for one in variables.items() for word in ("--setenv", *one)),
                "--chdir", self.folder, *(as_user if self.user else ()), *command,
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG,
        )  # fmt: skip

    def copy(self, rest: str, others: dict[str, "Image"]) -> None:
        """COPY, from this repository or from an earlier stage."""
        words = rest.split()
        source = ROOT
        if words[0].startswith("--from="):
            source = others[words.pop(0).partition("=")[2]].root
        target = self.root / os.path.join(self.folder, words[-1]).lstrip("/")
        for name in words[:-1]:
            found = source / name.lstrip("/")
            into = target if found.is_dir() else target / found.name
            subprocess.run([*AS_ROOT, "mkdir", "-p", str(into.parent)], check=True)
            subprocess.run([*AS_ROOT, "cp", "-a", "-T", str(found), str(into)], check=True)


def built(number: int, folder: Path, wheels: Path, others: dict[str, Image]) -> Image:
    """One stage, instruction by instruction."""
    image = Image(folder, wheels)
    for word, rest in stage(number):
        match word:
            case "FROM":
                assert rest.startswith("debian:12-slim")
                packages = ",".join(sorted(apt_packages(number)))
                done = subprocess.run(
                    (*AS_ROOT, "mmdebstrap", "--quiet", "--variant=minbase",
                     f"--include={packages}", "bookworm", str(folder)),
                    capture_output=True, text=True, check=False, timeout=LONG,
                )  # fmt: skip
                assert done.returncode == 0, done.stderr[-2000:]
                subprocess.run([*AS_ROOT, "mkdir", "-p", f"{folder}{WHEELS}"], check=True)
            case "RUN" if command := without_apt(rest):
                done = image.run("sh", "-e", "-c", command)
                assert done.returncode == 0, f"{command}\n{done.stderr[-2000:]}"
            case "COPY":
                image.copy(rest, others)
            case "WORKDIR":
                image.folder = rest
                subprocess.run([*AS_ROOT, "mkdir", "-p", f"{folder}{rest}"], check=True)
            case "ENV":
                image.env |= environment(rest)
            case "USER":
                image.user = rest
    return image


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    under = tmp_path_factory.mktemp("image")
    wheels = under / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes",
         "--only-binary=:all:", "-r", ROOT / "requirements.txt", "-d", wheels],
        check=True, timeout=LONG,
    )  # fmt: skip
    build = built(0, under / "build", wheels, {})
    yield built(1, under / "final", wheels, {"build": build})
    shutil.rmtree(under, ignore_errors=True)


def test_the_factory_in_it_looks_at_itself_and_finds_nothing_lacking(image) -> None:
    done = image.run(*json.loads(last("ENTRYPOINT")), "doctor", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    lacking = {name for name, one in found.items() if one["level"] == "fail"}
    assert not lacking, done.stdout
    assert found["sandbox"]["level"] == "ok"
    assert found["browser"]["level"] == "ok"
    assert "/opt/factory/bin" in found["python"]["message"]


def test_the_tools_of_development_are_not_in_it(image) -> None:
    for module, code in (("harness", 0), ("pytest", 1), ("mypy", 1)):
        assert image.run("/opt/factory/bin/python", "-c", f"import {module}").returncode == code
