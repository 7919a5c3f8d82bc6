"""The sandbox: where everything untrusted runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from harness.domain.sandbox import Layer, SandboxResult, SandboxSpec


class Sandbox(Protocol):
    """Runs one command in a sandbox and waits until the sandbox is dead."""

    def run(self, spec: SandboxSpec, *, stdin: bytes = b"") -> SandboxResult:
        """Run to the end; stdout and stderr come back capped. Raises SandboxError when no sandbox
        could be made."""
        ...

    def form(self) -> str:
        """The form of sandbox that holds on this machine, found by running one; `unsealed` when
        none does."""
        ...

    def layer(
        self,
        lock: bytes,
        *,
        name: str,
        wheels: Path,
        read: Callable[[str], bytes | None],
        root: str = "",
    ) -> Layer:
        """The dependencies that a lock file names, prepared once per lock digest. `name` is the
        lock's path in the repository; its last part tells the ecosystem. `read` gives the
        repository's other files, which some locks need; `root` is where the root file system
        of what will use them is prepared."""
        ...
