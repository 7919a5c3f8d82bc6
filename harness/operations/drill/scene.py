"""What all attacks of a drill stand on: a scratch folder, the user's law, boxes, and a forge in the
box."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from harness.ports.sandbox import Sandbox

if TYPE_CHECKING:
    from harness.factory.run.services import Services
    from harness.operations.drill.court import Court
    from harness.operations.drill.pipeline import Lap
    from harness.programs.local_forge.start import RunningForge


def as_it_is(services: "Services") -> "Services":
    """A plant with all its own parts."""
    return services


@dataclass(eq=False)
class Ground:
    """`law` are the documents of the user by path, `judge` is how the sealed judge is started.
    `equipped` may exchange parts of every plant that is built: so a brake can be taken out, and the
    drill be seen to notice."""

    folder: Path
    law: Mapping[str, str]
    sandbox: Sandbox
    forge: "RunningForge"
    wheels: Path
    judge: tuple[str, ...]
    equipped: "Callable[[Services], Services]" = as_it_is
    _court: "Court | None" = None
    _making: Lock = field(default_factory=Lock)

    def apart(self, name: str) -> Path:
        """A folder of this name for one attack, made where it is not there."""
        folder = self.folder / name.replace(" ", "-")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    @property
    def court(self) -> "Court":
        """The user's law over a small project, opened once."""
        from harness.operations.drill.court import Court

        with self._making:
            if self._court is None:
                self._court = Court(self)
            return self._court

    def lap(self, name: str, *, law: Mapping[str, str] | None = None) -> "Lap":
        """A factory of its own on the forge, under the drill's own law or the one given."""
        from harness.operations.drill.pipeline import Lap
        from harness.operations.drill.shop import OWN_LAW

        return Lap(self, name, OWN_LAW if law is None else law)
