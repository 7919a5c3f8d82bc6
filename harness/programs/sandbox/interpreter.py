"""The Python of sandboxes: the supervisor's own interpreter, without the packages installed in
it."""

import os
import sys
from dataclasses import dataclass

from harness.domain.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`executable` exists in the sandbox. `prefix` must be bound there unless it is None (then it
    is under /usr).

    `masked` are its folders of installed packages. A sandbox hides them: an operator's packages are
    no part of it.
    """

    executable: str
    prefix: str | None
    masked: tuple[str, ...]


def interpreter() -> Interpreter:
    """The base interpreter under the supervisor's environment. Raises SandboxError when it lies
    outside its prefix."""
    prefix = os.path.realpath(sys.base_prefix)
    executable = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    if not executable.startswith((prefix + "/", "/usr/")):
        raise SandboxError(
            f"the interpreter {executable} lies outside its prefix {prefix}; use a plain build"
        )
    inside_usr = prefix == "/usr" or prefix.startswith("/usr/")
    return Interpreter(executable, None if inside_usr else prefix, _package_folders(prefix))


def _package_folders(prefix: str) -> tuple[str, ...]:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    names = (
        f"lib/{version}/site-packages",
        f"lib64/{version}/site-packages",
        f"lib/{version}/dist-packages",
        "lib/python3/dist-packages",
        # Debian's and Ubuntu's own places
        f"local/lib/{version}/dist-packages",
    )
    return tuple(
        folder
        for name in names
        if os.path.isdir(folder := f"{prefix}/{name}") and not os.path.islink(folder)
    )
