"""The form without walls: the command runs on the host, with limits and a process group of its own.

It exists so that a machine where no sandbox works can show what would happen, and report that.
Nothing that ran in it may be believed. There are no mounts. So the sandbox's paths in the
specification are replaced by those of the host wherever an argument or a variable begins with one,
or an argument has one after its first "=".
"""

from harness.domain.sandbox import SandboxSpec
from harness.programs.sandbox import browser as browsers
from harness.programs.sandbox.distributions import package_folders
from harness.programs.sandbox.interpreter import interpreter
from harness.programs.sandbox.walls.bubblewrap import FIRST_PROGRAM


def first_program() -> list[str]:
    """The command line of the first program. Its options and the command follow."""
    return [interpreter().executable, "-I", "-S", "-B", str(FIRST_PROGRAM)]


def argv(spec: SandboxSpec) -> tuple[str, ...]:
    """The command with the host's paths."""
    first = interpreter().executable if spec.argv[0] == "python" else spec.argv[0]
    return tuple(translated(word, spec) for word in (first, *spec.argv[1:]))


def environment(spec: SandboxSpec) -> dict[str, str]:
    """The environment with the host's paths. Every installed distribution can be imported here."""
    found = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108 - named in the contract
    if spec.browser and (path := browsers.browser_path()):
        found["LOF_BROWSER"] = path
    for name, value in spec.env.items():
        found[name] = ":".join(translated(part, spec) for part in value.split(":"))
    if spec.distributions:
        found["PYTHONPATH"] = ":".join(filter(None, (*package_folders(), found.get("PYTHONPATH"))))
    return found


def translated(word: str, spec: SandboxSpec) -> str:
    """`word` with the sandbox's path in it replaced by the host's. The longest path counts."""
    option, equals, value = word.partition("=")
    if not equals or "/" in option:
        option, equals, value = "", "", word
    for bind in sorted(spec.binds, key=lambda bind: -len(bind.target)):
        if value == bind.target or value.startswith(bind.target + "/"):
            return option + equals + bind.source + value[len(bind.target) :]
    return word
