"""The agent CLIs that are installed in a home: `agents/KIND/VERSION`, each with a description
beside it."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.domain.errors import ConfigError
from harness.domain.model_choice.agents import AgentChoice, AgentKind
from harness.programs.agent_clis.releases import released

FOLDER, ABOUT = "agents", "about.json"


@dataclass(frozen=True, slots=True)
class Program:
    """An installed CLI.

    Its sandbox sees `folder`; `path` is the program's path in it. `integrity` is the pinned digest
    of its package (in the form of Subresource Integrity).
    """

    kind: AgentKind
    version: str
    folder: Path
    path: str
    package: str
    integrity: str

    @property
    def name(self) -> str:
        """Its name for people: `codex 0.169.0`."""
        return f"{self.kind} {self.version}"


class Programs:
    """What is installed below `home`."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def place(self, kind: AgentKind, version: str) -> Path:
        """The folder of that version, whether it is installed or not."""
        return self._folder / kind / version

    def installed(self) -> tuple[Program, ...]:
        """All of them, by kind and version."""
        return tuple(self._found())

    def chosen(self, choice: AgentChoice) -> Program:
        """The program of a choice. Raises ConfigError, with the command that installs it, when
        it is not there."""
        version = choice.version or released(choice.kind).version
        for program in self._found():
            if (program.kind, program.version) == (choice.kind, version):
                return program
        wanted = f"{choice.kind}@{choice.version}" if choice.version else choice.kind
        raise ConfigError(
            f"{choice.kind} {version} is not installed in this home; `factory agents install"
            f" {wanted}` does that",
            file="factory.toml",
            key="agents",
        )

    def write_about(self, program: Program) -> None:
        """Write a program's description beside it. This is the last step of an installation."""
        document = {**asdict(program), "folder": None}
        about = program.folder.with_name(f"{program.version}.{ABOUT}")
        draft = about.with_suffix(".unfinished")
        draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        os.replace(draft, about)

    def remove(self, kind: AgentKind, version: str) -> bool:
        """Remove a version; False when it is not there."""
        place = self.place(kind, version)
        about = place.with_name(f"{version}.{ABOUT}")
        if not about.exists():
            return False
        # First: a folder without its description does not count as installed.
        about.unlink()
        shutil.rmtree(place)
        return True

    def _found(self) -> Iterator[Program]:
        for about in sorted(self._folder.glob(f"*/*.{ABOUT}")):
            document = json.loads(about.read_text(encoding="utf-8"))
            folder = about.with_name(about.name.removesuffix(f".{ABOUT}"))
            if folder.is_dir():
                yield Program(**document | {"kind": AgentKind(document["kind"]), "folder": folder})
