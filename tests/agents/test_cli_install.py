"""Installing an agent CLI: what is pinned is what is unpacked, and nothing of it runs until it is
in a sandbox."""

import base64
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.domain.errors import ConfigError, PortError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.operations.doctor.agent_clis import (
    KINDS,
    agent_clis,
    check_agents,
    install_cli,
    remove_cli,
)
from harness.programs.agent_clis.install import fetched_by_npm, install
from harness.programs.agent_clis.installed import Programs
from harness.programs.agent_clis.releases import Release, another, released

VERSION = "9.8.7"
PROGRAM_TEXT = f"#!/bin/sh\necho 'codex-cli {VERSION}'\n"


def packed(**files: str) -> bytes:
    """A package as the registry has them. The names of files are given with `__` for `/`."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as package:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/{name.replace('__', '/')}")
            member.size, member.mode = len(text.encode()), 0o755 if text.startswith("#!") else 0o644
            package.addfile(member, io.BytesIO(text.encode()))
    return raw.getvalue()


def holding(*names: str, link: str = "") -> bytes:
    """A package of empty files, whatever they are called, and of a link to what is nobody's
    business."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as package:
        for name in names:
            package.addfile(tarfile.TarInfo(name), io.BytesIO())
        if link:
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/shadow"
            package.addfile(entry)
    return raw.getvalue()


def digest(package: bytes) -> str:
    return "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()


THERE = released(AgentKind.CODEX).program
"""Where a package of Codex has its program, on the machine that this is."""

PACKAGE = packed(
    bin__codex=PROGRAM_TEXT,
    bin__helper="#!/bin/sh\n",
    package_json='{"scripts": {"postinstall": "touch /ran"}}',
)


LEADS_OUT = holding("package/bin/../../out")


def release(package: bytes = PACKAGE, **changes: object) -> Release:
    given = {
        "kind": AgentKind.CODEX,
        "version": VERSION,
        "package": f"codex@{VERSION}",
        "integrity": digest(package),
        "program": "bin/codex",
        "keeps": ("bin",),
    }
    return Release(**given | changes)  # type: ignore[arg-type]


def bringing(package: bytes) -> Callable[[str, Path], Path]:
    def fetch(name: str, folder: Path) -> Path:
        (folder / "it.tgz").write_bytes(package)
        return folder / "it.tgz"

    return fetch


def refused(name: str, folder: Path) -> Path:
    raise AssertionError(f"{name} was asked for, and is there")


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_kept_of_a_package_is_installed_for_any_uid(tmp_path: Path) -> None:
    before = os.umask(0o077)
    program = install(release(), Programs(tmp_path), fetch=bringing(PACKAGE))
    os.umask(before)
    assert below(program.folder) == ["bin/codex", "bin/helper"]
    assert {
        oct(path.stat().st_mode & 0o7777) for path in (program.folder, *program.folder.rglob("*"))
    } == {"0o755"}
    assert (program.name, program.integrity) == (f"codex {VERSION}", digest(PACKAGE))
    assert Programs(tmp_path).installed() == (program,)


def test_what_is_there_is_not_fetched_again(tmp_path: Path) -> None:
    first = install(release(), Programs(tmp_path), fetch=bringing(PACKAGE))
    assert install(release(), Programs(tmp_path), fetch=refused) == first


def test_a_version_with_another_digest_replaces_the_one_that_is_there(tmp_path: Path) -> None:
    install(release(), Programs(tmp_path), fetch=bringing(PACKAGE))
    other = packed(bin__codex=PROGRAM_TEXT)
    program = install(release(other), Programs(tmp_path), fetch=bringing(other))
    assert below(program.folder) == ["bin/codex"]
    assert Programs(tmp_path).installed() == (program,)


@pytest.mark.parametrize(
    ("came", "changes", "message"),
    [
        (packed(bin__codex="#!/bin/sh\nevil"), {}, "is not what is pinned: expected sha512-"),
        (PACKAGE, {"integrity": "sha512-"}, "expected a digest such as sha512-…"),
        (PACKAGE, {"integrity": "sha1-abc"}, "expected a digest such as sha512-…"),
        (PACKAGE, {"program": "bin/other"}, "has no program bin/other"),
        (
            b"no archive",
            {"integrity": digest(b"no archive")},
            "is not a package that may be unpacked",
        ),
        (
            PACKAGE[: len(PACKAGE) // 2],
            {"integrity": digest(PACKAGE[: len(PACKAGE) // 2])},
            "is not a package that may be unpacked",
        ),
        (LEADS_OUT, {"integrity": digest(LEADS_OUT)}, "may be unpacked: 'bin/../../out'"),
    ],
)
def test_what_is_not_as_pinned_leaves_nothing(
    tmp_path: Path, came: bytes, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        install(release(**changes), Programs(tmp_path), fetch=bringing(came))
    assert below(tmp_path) == []
    assert Programs(tmp_path).installed() == ()


def test_links_and_what_is_beside_the_package_are_not_unpacked(tmp_path: Path) -> None:
    package = holding(
        "package/bin/codex", "/package/bin/abs", "elsewhere/bin/x", link="package/bin/link"
    )
    program = install(release(package), Programs(tmp_path), fetch=bringing(package))
    assert below(tmp_path / "agents") == ["codex/9.8.7.about.json", "codex/9.8.7/bin/codex"]
    assert not any(path.is_symlink() for path in program.folder.rglob("*"))


def fake_npm(folder: Path, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)


def test_npm_is_asked_for_the_package_alone_and_gets_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(tmp_path / "bin", 'printf "%s\\n" "$@" > asked; env > env; echo package > it.tgz')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-canary")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1/")
    assert fetched_by_npm("@openai/codex@1.2.3", tmp_path).read_text() == "package\n"
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[:3] == ["pack", "@openai/codex@1.2.3", "--ignore-scripts"]
    environment = (tmp_path / "env").read_text()
    assert "npm_config_registry=http://127.0.0.1:1/" in environment
    assert "sk-canary" not in environment


def test_npm_has_its_say_when_it_brings_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(tmp_path / "bin", "echo 'npm error code E404' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    with pytest.raises(PortError, match="did not bring codex@1: npm error code E404") as error:
        fetched_by_npm("codex@1", tmp_path)
    assert error.value.retryable


def test_without_npm_the_error_names_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"npm is not on PATH.*apt-get install npm"):
        fetched_by_npm("codex@1", tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_release_is_pinned_to_a_package_of_its_machine(kind: AgentKind) -> None:
    found = released(kind, machine="x86_64")
    assert found.package.rpartition("@")[2].startswith(found.version)
    assert len(base64.b64decode(found.integrity.removeprefix("sha512-"), validate=True)) == 64


def test_a_machine_that_none_is_made_for_is_named() -> None:
    with pytest.raises(
        ConfigError, match="there is no codex for riscv64; there is one for aarch64, x86_64"
    ):
        released(AgentKind.CODEX, machine="riscv64")


def test_another_version_needs_a_digest_of_its_operator() -> None:
    with pytest.raises(
        ConfigError, match=r"codex 0\.0\.1 is not the version that is pinned here.*--integrity"
    ):
        another(AgentKind.CODEX, version="0.0.1", integrity="")
    ours = released(AgentKind.CODEX)
    assert another(AgentKind.CODEX, version=ours.version, integrity="") == ours
    assert another(
        AgentKind.CODEX, version="0.0.1", integrity="sha512-x"
    ).package == ours.package.replace(ours.version, "0.0.1")


def test_a_choice_that_is_not_installed_names_the_command_that_installs_it(tmp_path: Path) -> None:
    programs = Programs(tmp_path)
    install(release(), programs, fetch=bringing(PACKAGE))
    assert programs.chosen(AgentChoice(AgentKind.CODEX, VERSION)).version == VERSION
    with pytest.raises(ConfigError, match="`factory agents install codex` does that"):
        programs.chosen(AgentChoice(AgentKind.CODEX))
    with pytest.raises(ConfigError, match=r"`factory agents install opencode@1\.2\.3` does that"):
        programs.chosen(AgentChoice(AgentKind.OPENCODE, "1.2.3"))


def test_what_is_installed_is_started_once_in_a_sandbox(tmp_path: Path) -> None:
    package = packed(**{THERE: PROGRAM_TEXT})
    program, message = install_cli(
        tmp_path, f"codex@{VERSION}", integrity=digest(package), fetch=bringing(package)
    )
    assert (program.version, message) == (VERSION, f"codex-cli {VERSION}")
    assert [one.installed for one in agent_clis(tmp_path) if one.kind == "codex"] == [(program,)]
    finding = check_agents(tmp_path)
    assert (
        finding.level,
        f"codex {VERSION}" in finding.message,
        "is not the version that is pinned" in finding.message,
    ) == ("warn", True, True)
    assert remove_cli(tmp_path, "codex") == (f"codex {VERSION}",)
    assert below(tmp_path) == []
    assert check_agents(tmp_path).level == "ok"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho codex-cli 1.0.0\n", "does not start in a sandbox here: codex-cli 1.0.0"),
        (
            "#!/bin/sh\necho no such library >&2\nexit 127\n",
            "does not start in a sandbox here: no such library",
        ),
    ],
)
def test_what_does_not_start_is_not_kept(tmp_path: Path, script: str, message: str) -> None:
    package = packed(**{THERE: script})
    with pytest.raises(ConfigError, match=message):
        install_cli(
            tmp_path, f"codex@{VERSION}", integrity=digest(package), fetch=bringing(package)
        )
    assert Programs(tmp_path).installed() == ()


def test_a_program_that_no_longer_starts_is_what_doctor_finds(tmp_path: Path) -> None:
    package = packed(**{THERE: PROGRAM_TEXT})
    program, _ = install_cli(
        tmp_path, f"codex@{VERSION}", integrity=digest(package), fetch=bringing(package)
    )
    (program.folder / program.path).write_text("#!/bin/sh\nexit 1\n")
    finding = check_agents(tmp_path)
    assert (finding.level, finding.message) == (
        "fail",
        f"codex {VERSION} does not start in a sandbox here: exit 1",
    )


@pytest.mark.parametrize("name", ["built-in", "Codex", "codecs@1", ""])
def test_what_is_no_agent_cli_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no agent CLI.*claude-code, codex, opencode"):
        install_cli(tmp_path, name, fetch=refused)


def test_a_record_without_its_program_is_no_program(tmp_path: Path) -> None:
    program = install(release(), Programs(tmp_path), fetch=bringing(PACKAGE))
    about = json.loads((program.folder.parent / f"{VERSION}.about.json").read_text())
    assert about["folder"] is None
    os.rename(program.folder, tmp_path / "gone")
    assert Programs(tmp_path).installed() == ()
