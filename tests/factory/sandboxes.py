"""Sandboxes for a project's own commands: scripted, or, for our own examples, the real command."""

import os
import subprocess
import sys
from pathlib import Path

from harness.domain.sandbox import SandboxResult
from tests.fakes.people import FakeSandbox


def ended(exit_code=0, *, stdout=b"", stderr=b"", killed_by=None) -> SandboxResult:
    return SandboxResult(
        form="bwrap-root",
        unheld=(),
        exit_code=exit_code,
        signal=None,
        killed_by=killed_by,
        seconds=0.1,
        peak_memory_mb=1,
        stdout=stdout,
        stderr=stderr,
    )


class CommandSandbox(FakeSandbox):
    """Answers a command by a function of the folder it runs in; tests are faked as everywhere."""

    def __init__(self, answer) -> None:
        super().__init__()
        self.answer, self.commands = answer, []

    def run(self, spec, *, stdin=b""):
        if spec.name != "command":
            return super().run(spec, stdin=stdin)
        self.commands.append(spec)
        return self.answer(spec, Path(spec.binds[0].source))


def really(spec, folder) -> SandboxResult:
    """Run it in its folder, without a sandbox: only for what is in our own examples."""
    argv = [sys.executable if word == "python" else word for word in spec.argv]
    done = subprocess.run(
        argv,
        cwd=folder,
        capture_output=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1", **spec.env},
    )
    return ended(done.returncode, stdout=done.stdout, stderr=done.stderr)
