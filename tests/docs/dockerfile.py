"""The Dockerfile, read as an engine reads it."""

import re
import shlex

from tests.docs.pages import ROOT

DEPLOY = ROOT / "examples" / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")


def instructions() -> list[tuple[str, str]]:
    """(keyword, the rest) of each line that is not a comment, continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [
        (word, " ".join(rest.split()))
        for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)
    ]


def last(keyword: str) -> str:
    """The rest of the last line with this keyword."""
    return [rest for word, rest in instructions() if word == keyword][-1]


def stage(number: int) -> list[tuple[str, str]]:
    """The instructions of one stage, from its FROM."""
    starts = [at for at, (word, _) in enumerate(instructions()) if word == "FROM"] + [None]
    return instructions()[starts[number] : starts[number + 1]]


def apt_packages(number: int) -> set[str]:
    """What a stage installs of the distribution."""
    commands = " && ".join(rest for word, rest in stage(number) if word == "RUN").split("&&")
    (install,) = [command for command in commands if "apt-get install" in command]
    return {word for word in install.split()[2:] if not word.startswith("-")}


def without_apt(command: str) -> str:
    """A RUN without what the distribution's own tools do for it."""
    parts = (part.strip() for part in command.split("&&"))
    return " && ".join(
        part for part in parts if not part.startswith("apt-get") and "/var/lib/apt" not in part
    )


def environment(rest: str) -> dict[str, str]:
    """The variables of an ENV line."""
    return dict(word.split("=", 1) for word in shlex.split(rest))
