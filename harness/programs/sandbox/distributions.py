"""The files that make a Python distribution importable: its own, and those of all it requires.

They are read by hand from the metadata of the supervisor's environment, because a sandbox starts in
milliseconds and `importlib.metadata` alone costs twenty. Only installed wheels can be bound. An
editable install is refused by name: it would show the project's own source, its examples and its
recordings to what runs in the sandbox.
"""

import csv
import functools
import os
import re
import site
from collections.abc import Iterator
from dataclasses import dataclass

from harness.domain.errors import SandboxError

REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?")
EXTRA_MARKER = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement, as far as a closure needs it. Markers other than `extra` are decided by what
    is installed."""

    name: str
    extras: frozenset[str]
    marker: str

    def applies(self, extras: frozenset[str]) -> bool:
        """Whether it counts for a distribution that was requested with these extras."""
        named = {_normal(extra) for extra in EXTRA_MARKER.findall(self.marker)}
        return not named or bool(named & extras)


def package_folders() -> tuple[str, ...]:
    """The folders of installed packages of the supervisor's environment."""
    return tuple(folder for folder in site.getsitepackages() if os.path.isdir(folder))


@functools.cache
def closure(names: tuple[str, ...]) -> tuple[str, ...]:
    """The top-level packages, modules and metadata folders (host paths) that make `names`
    importable.

    Cached for the process. A name may carry extras, as in "securesystemslib[crypto]". Raises
    SandboxError when one is not installed, or is an editable install.
    """
    installed = dict(_installed())
    found: dict[str, None] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    queue = [(requirement(name), "the sandbox") for name in names]
    while queue:
        wanted, asker = queue.pop()
        if (wanted.name, wanted.extras) in seen:
            continue
        seen.add((wanted.name, wanted.extras))
        folder = installed.get(wanted.name)
        if folder is None:
            # Its marker is for another platform or version.
            if wanted.marker:
                continue
            raise SandboxError(
                f"{asker} needs the distribution {wanted.name}, which is not installed here"
            )
        found.update(dict.fromkeys(_top_levels(folder, wanted.name)))
        queue += [
            (need, wanted.name) for need in _requirements(folder) if need.applies(wanted.extras)
        ]
    return tuple(sorted(found))


def requirement(text: str) -> Requirement:
    """A requirement from its text. Raises SandboxError when it does not begin with a name."""
    named, _, marker = text.partition(";")
    match = REQUIREMENT.match(named.strip())
    if not match:
        raise SandboxError(f"`{text}` does not name a distribution")
    extras = frozenset(
        _normal(extra.strip()) for extra in (match[2] or "").split(",") if extra.strip()
    )
    return Requirement(_normal(match[1]), extras, marker.strip())


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installed() -> Iterator[tuple[str, str]]:
    # Reversed, so that the first folder wins, as it does on the import path.
    for folder in reversed(package_folders()):
        for entry in os.listdir(folder):
            if entry.endswith(".dist-info"):
                yield _normal(entry.split("-", 1)[0]), f"{folder}/{entry}"


def _requirements(folder: str) -> Iterator[Requirement]:
    with open(f"{folder}/METADATA", encoding="utf-8") as lines:
        for line in lines:
            if not line.strip():
                return
            if line.startswith("Requires-Dist:"):
                yield requirement(line.partition(":")[2])


def _top_levels(folder: str, name: str) -> Iterator[str]:
    if os.path.exists(f"{folder}/direct_url.json"):
        with open(f"{folder}/direct_url.json", encoding="utf-8") as origin:
            if '"editable": true' in origin.read():
                raise SandboxError(
                    f"{name} is an editable install; its source must not be seen in a sandbox"
                )
    base = os.path.dirname(folder)
    with open(f"{folder}/RECORD", encoding="utf-8", newline="") as record:
        tops = {row[0].split("/", 1)[0] for row in csv.reader(record) if row}
    for top in tops - {"..", "", "__pycache__"}:
        if not top.endswith(".pth") and os.path.exists(f"{base}/{top}"):
            yield f"{base}/{top}"
