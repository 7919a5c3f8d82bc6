"""The `Sandbox` port over the box supervisor: every box is a process of its own, started by the
same command as by anyone else, so that the factory's own death takes its boxes along and its memory
never holds what a box prints."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

from harness.domain.errors import ConfigError, SandboxError
from harness.domain.sandbox import SandboxResult, SandboxSpec
from harness.programs.sandbox.document import check, result_from, spec_text

COMMAND = (sys.executable, "-I", "-m", "harness.programs.sandbox")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
# bytes kept of each stream: the beginning and the end
MOST_OUTPUT = 4 * 1024 * 1024
# beyond a box's own wall clock; the supervisor is killed then, and its box with it
STOP_SECONDS = 60
LAYER_SECONDS = 1800


class SandboxSupervisor:
    """Runs boxes by the supervisor program. `layers` is where prepared dependencies are kept."""

    def __init__(self, layers: Path, *, form: str = "auto") -> None:
        self._layers = layers
        self._form = form
        self._found: str | None = None

    def run(self, spec: SandboxSpec, *, stdin: bytes = b"") -> SandboxResult:
        """Run to the end; stdout and stderr come back capped. Raises SandboxError when no box could
        be made."""
        check(spec)
        with tempfile.TemporaryDirectory(prefix=f"factory-box-{os.getpid()}-") as scratch:
            result, document = Path(scratch, "result.json"), Path(scratch, "spec.json")
            document.write_text(spec_text(spec, result=str(result)), encoding="utf-8")
            # Files, not pipes: a box that prints without end runs into its own file limit, not into
            # our memory.
            with (
                tempfile.TemporaryFile() as given,
                tempfile.TemporaryFile() as out,
                tempfile.TemporaryFile() as err,
            ):
                given.write(stdin)
                given.seek(0)
                self._supervise(spec, document, given=given, out=out, err=err)
                said = _capped(err)
                if not result.exists():
                    raise SandboxError(
                        _complaint(said.decode(errors="replace"))
                        or f"{spec.name}: the supervisor died"
                    )
                return result_from(
                    result.read_text(encoding="utf-8"), stdout=_capped(out), stderr=said
                )

    def form(self) -> str:
        """The form of box that holds on this machine, found by running one; `unsealed` when none
        does."""
        if self._form != "auto":
            return self._form
        if self._found is None:
            self._found = str(json.loads(_answer(("probe", "--json"), seconds=60))["chosen"])
        return self._found

    def layer(self, lock: bytes, *, wheels: Path) -> Path:
        """The folder with the dependencies of a hash-locked requirements file, prepared once per
        lock digest."""
        with tempfile.NamedTemporaryFile(prefix=f"factory-lock-{os.getpid()}-") as file:
            file.write(lock)
            file.flush()
            arguments = (
                "layer",
                "--lock",
                file.name,
                "--wheels",
                str(wheels),
                "--out",
                str(self._layers),
            )
            return Path(_answer((*arguments, "--form", self.form()), seconds=LAYER_SECONDS).strip())

    def _supervise(
        self, spec: SandboxSpec, document: Path, *, given: BinaryIO, out: BinaryIO, err: BinaryIO
    ) -> None:
        try:
            subprocess.run(
                [*COMMAND, "run", "--spec", str(document)],
                env=ENVIRONMENT,
                stdin=given,
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


def _answer(arguments: tuple[str, ...], *, seconds: float) -> str:
    """What the supervisor prints. pip's settings pass through, because `layer` may have to
    download."""
    from harness.programs.sandbox.packages.layer import pip_environment

    try:
        ended = subprocess.run(
            [*COMMAND, *arguments],
            env={**ENVIRONMENT, **pip_environment()},
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
        raise ConfigError(_complaint(ended.stderr))
    if ended.returncode:
        raise SandboxError(_complaint(ended.stderr) or f"`{arguments[0]}` failed")
    return ended.stdout


def _complaint(text: str) -> str:
    return text.strip().removeprefix("box: ")
