"""What all attacks of a drill share: a scratch folder, the user's policy, sandboxes
and a local forge."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from harness.domain.sandbox import Form, SandboxResult, SandboxSpec
from harness.operations.drill.attack import AttackOutcome, not_held
from harness.ports.sandbox import Sandbox

if TYPE_CHECKING:
    from harness.factory.run.services import Services
    from harness.operations.drill.policy_bench import PolicyBench
    from harness.operations.drill.scratch_factory import ScratchFactory
    from harness.programs.local_forge.start import RunningForge

NO_SANDBOX_FIX = (
    "give the factory a machine on which a sandbox holds:"
    " `python -m harness.programs.sandbox probe` names the cause"
)


def unchanged(services: "Services") -> "Services":
    """Services with all their own parts."""
    return services


@dataclass(eq=False)
class DrillEnvironment:
    """`policy_files` are the user's documents by path; `judge` is the command that starts the
    sealed judge. `customize` may replace parts of all services that are built: a test takes a brake
    out with it and sees the drill notice."""

    folder: Path
    policy_files: Mapping[str, str]
    sandbox: Sandbox
    forge: "RunningForge"
    wheels: Path
    judge: tuple[str, ...]
    customize: "Callable[[Services], Services]" = unchanged
    _policy_bench: "PolicyBench | None" = None
    _making: Lock = field(default_factory=Lock)

    def folder_for(self, name: str) -> Path:
        """A private folder for one attack; created if it does not exist."""
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def policy_bench(self) -> "PolicyBench":
        """The user's policy over a small project, opened once for all attacks."""
        from harness.operations.drill.policy_bench import PolicyBench

        with self._making:
            if self._policy_bench is None:
                self._policy_bench = PolicyBench(self)
            return self._policy_bench

    def factory(
        self, name: str, *, policy_files: Mapping[str, str] | None = None
    ) -> "ScratchFactory":
        """A new factory on the forge, under the drill's own minimal policy or the one given."""
        from harness.operations.drill.scratch_factory import ScratchFactory
        from harness.operations.drill.shop import MINIMAL_POLICY

        return ScratchFactory(self, name, MINIMAL_POLICY if policy_files is None else policy_files)

    def run_sandboxed(self, source: str, **more: Any) -> SandboxResult:
        """Run a Python program in a sandbox of its own; `more` are fields of its SandboxSpec."""
        return self.sandbox.run(SandboxSpec("drill", ("python", "-c", source), **more))

    def without_sandbox(self) -> AttackOutcome | None:
        """The outcome of an attack that needs a sandbox, on a machine where none holds."""
        if self.sandbox.form() != Form.UNSEALED:
            return None
        return not_held("no sandbox holds on this machine", NO_SANDBOX_FIX)
