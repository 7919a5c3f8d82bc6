"""The factory's `Sandbox` port over the supervisor program.

Each sandbox has a supervisor process, started by the same command as by anyone else. So sandboxes
die with the factory, and the factory's memory never holds what a sandbox prints without end.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from harness.domain.errors import ConfigError, SandboxError
from harness.domain.sandbox import Layer, SandboxResult, SandboxSpec
from harness.programs.sandbox.document import check, result_from, spec_text

COMMAND = (sys.executable, "-I", "-m", "harness.programs.sandbox")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
# In bytes, of each stream: half from its beginning, half from its end.
MOST_OUTPUT = 4 * 1024 * 1024
# Beyond the sandbox's own wall clock; then the supervisor is killed, and its sandbox with it.
STOP_SECONDS = 60
LAYER_SECONDS = 1800
# There are three forms to try, each for at most a minute.
PROBE_SECONDS = 240


class SandboxSupervisor:
    """Runs sandboxes by the supervisor program. `layers` is the folder of prepared dependencies."""

    def __init__(self, layers: Path, *, form: str = "auto") -> None:
        self._layers = layers
        self._form = form
        self._found: str | None = None

    def run(self, spec: SandboxSpec, *, stdin: bytes = b"") -> SandboxResult:
        """Run to the end. Stdout and stderr of the result are capped. Raises SandboxError when no
        sandbox could be made."""
        check(spec)
        with tempfile.TemporaryDirectory(prefix=f"factory-sandbox-{os.getpid()}-") as scratch:
            result, document = Path(scratch, "result.json"), Path(scratch, "spec.json")
            document.write_text(spec_text(spec, result=str(result)), encoding="utf-8")
            # Files, not pipes: a sandbox that prints without end meets its own file limit, and does
            # not fill our memory.
            with (
                tempfile.TemporaryFile() as stdin_file,
                tempfile.TemporaryFile() as out,
                tempfile.TemporaryFile() as err,
            ):
                stdin_file.write(stdin)
                stdin_file.seek(0)
                self._supervise(spec, document, stdin_file=stdin_file, out=out, err=err)
                stderr = _capped(err)
                if not result.exists():
                    raise SandboxError(
                        _message(stderr.decode(errors="replace"))
                        or f"{spec.name}: the supervisor died"
                    )
                return result_from(
                    result.read_text(encoding="utf-8"), stdout=_capped(out), stderr=stderr
                )

    def form(self) -> str:
        """The sandbox form that works on this machine, found by running one; `unsealed` when none
        does. Raises SandboxError when nobody can tell now."""
        if self._form != "auto":
            return self._form
        if self._found is None:
            printed = _output_of(("probe", "--json"), seconds=PROBE_SECONDS)
            self._found = str(json.loads(printed)["chosen"])
        return self._found

    def layer(
        self,
        lock: bytes,
        *,
        name: str,
        wheels: Path,
        read: Callable[[str], bytes | None] = lambda _: None,
        root: str = "",
        seconds: float = LAYER_SECONDS,
    ) -> Layer:
        """The dependencies that a lock file names, prepared once per lock. `name` is its path in
        the repository, `read` gives the repository's other files, and `root` is the prepared root
        file system of what will use them."""
        from harness.programs.sandbox.packages.ecosystems import paths_beside

        with tempfile.TemporaryDirectory(prefix=f"factory-lock-{os.getpid()}-") as folder:
            file, more = Path(folder, "lock"), list[str]()
            file.write_bytes(lock)
            for number, path in enumerate(paths_beside(name)):
                if (content := read(path)) is not None:
                    other = Path(folder, str(number))
                    other.write_bytes(content)
                    more += ["--beside", f"{path}={other}"]
            arguments = (
                "layer",
                *more,
                *(("--root", root) if root else ()),
                "--lock",
                str(file),
                "--name",
                name,
                "--wheels",
                str(wheels),
                "--out",
                str(self._layers),
            )
            printed = _output_of((*arguments, "--form", self.form()), seconds=seconds)
            return Layer(**json.loads(printed))

    def _supervise(
        self,
        spec: SandboxSpec,
        document: Path,
        *,
        stdin_file: BinaryIO,
        out: BinaryIO,
        err: BinaryIO,
    ) -> None:
        try:
            subprocess.run(
                [*COMMAND, "run", "--spec", str(document)],
                env=ENVIRONMENT,
                stdin=stdin_file,
                stdout=out,
                stderr=err,
                pass_fds=[serve.fd for serve in spec.serve],
                start_new_session=True,
                check=False,
                timeout=spec.limits.wall_seconds + STOP_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxError(
                f"{spec.name}: the supervisor did not end in time and was killed"
            ) from error


def _capped(file: BinaryIO) -> bytes:
    size = file.seek(0, 2)
    file.seek(0)
    if size <= MOST_OUTPUT:
        return file.read()
    head = file.read(MOST_OUTPUT // 2)
    file.seek(-(MOST_OUTPUT // 2), 2)
    return head + f"\n[… {size - MOST_OUTPUT} bytes left out …]\n".encode() + file.read()


def _output_of(arguments: tuple[str, ...], *, seconds: float) -> str:
    """What the supervisor prints. The package managers' settings pass through, because `layer` may
    download."""
    from harness.programs.sandbox.packages.environment import fetch_environment

    try:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            env={**ENVIRONMENT, **fetch_environment()},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise SandboxError(f"`{arguments[0]}` took more than {seconds:.0f} s") from error
    if ended.returncode == 2:
        raise ConfigError(_message(ended.stderr))
    if ended.returncode:
        raise SandboxError(_message(ended.stderr) or f"`{arguments[0]}` failed")
    return ended.stdout


def _message(text: str) -> str:
    return text.strip().removeprefix("sandbox: ")
