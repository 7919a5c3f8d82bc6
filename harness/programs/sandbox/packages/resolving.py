"""Makes a lock for requirements that have none: what the index offers today, as wheels with hashes.

A stranger wrote the repository's own requirement lines. Only names and versions are taken from
them; pip gets no index, link, path, editable or variable. No package is built, so nothing of theirs
runs.
"""

import json
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from harness.domain.errors import ConfigError, SandboxError
from harness.programs.sandbox.packages.pip import QUIET, ask_pip

# How deep requirement files may include each other.
_DEEPEST = 5


def locked(requirements: Iterable[str]) -> str:
    """The text of a hash-locked requirements file for this machine's Python. Raises SandboxError
    with pip's own error."""
    with tempfile.TemporaryDirectory(prefix="factory-lock-") as scratch:
        wanted, report = Path(scratch) / "wanted.txt", Path(scratch) / "report.json"
        wanted.write_text("".join(f"{line}\n" for line in requirements), "utf-8")
        ended = ask_pip(
            "install", "--dry-run", "--ignore-installed", "--only-binary=:all:", *QUIET, "--quiet",
            "--report", str(report), "-r", str(wanted),
            doing="finding versions",
        )  # fmt: skip
        if ended.returncode:
            raise SandboxError(
                f"no versions were found: {ended.stderr.strip().rpartition('ERROR: ')[2][:300]}",
                retryable=True,
            )
        return "".join(
            sorted(_pin(item) for item in json.loads(report.read_text("utf-8"))["install"])
        )


def _pin(item: dict[str, Any]) -> str:
    about, hashes = item["metadata"], item["download_info"]["archive_info"]["hashes"]
    return f"{about['name']}=={about['version']} --hash=sha256:{hashes['sha256']}\n"


def requirements_in(folder: Path, inputs: Iterable[str]) -> tuple[str, ...]:
    """The plain requirements that `inputs` name, as the arguments of `uv pip compile` would.

    These are requirement files, and `pyproject.toml` with `--extra NAME` or `--group NAME` after
    it. Raises ConfigError for any other kind of line.
    """
    words, found = iter(inputs), list[str]()
    for word in words:
        if word in ("--extra", "--group"):
            found += _project(folder, option=word, name=next(words, ""))
        elif word == "pyproject.toml":
            found += _project(folder, option="", name="")
        else:
            found += _file(folder, word, depth=0)
    return tuple(dict.fromkeys(_plain(line) for line in found))


def _project(folder: Path, *, option: str, name: str) -> list[str]:
    document = tomllib.loads(_text(folder, "pyproject.toml"))
    project = document.get("project", {})
    tables = {
        "--extra": project.get("optional-dependencies", {}),
        "--group": document.get("dependency-groups", {}),
    }
    return [
        str(item)
        for item in (tables[option].get(name, []) if option else project.get("dependencies", []))
    ]


def _file(folder: Path, name: str, *, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise ConfigError("requirement files include each other without end", file=name)
    for line in _text(folder, name).replace("\\\n", " ").splitlines():
        bare = line.split(" #")[0].strip()
        if bare.startswith(("-r ", "--requirement ")):
            yield from _file(
                folder, str(PurePosixPath(name).parent / bare.split(maxsplit=1)[1]), depth=depth + 1
            )
        elif bare and not bare.startswith("#"):
            yield bare


def _text(folder: Path, name: str) -> str:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise ConfigError("is not a file of the repository", file=name)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8 text", file=name) from error


def _plain(line: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = Requirement(line)
    except InvalidRequirement as error:
        raise ConfigError(
            f"`{line[:80]}` is more than a name and versions, so it is not locked here"
        ) from error
    if wanted.url:
        raise ConfigError(f"`{line[:80]}` names an address, so it is not locked here")
    return str(wanted)
