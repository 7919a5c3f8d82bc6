"""The durable engine: each call runs at least once, is recorded exactly once, and survives a
kill."""

from collections.abc import Callable
from typing import Protocol

from harness.domain.plain import JsonObject

Action = Callable[[JsonObject], JsonObject]


class Engine(Protocol):
    """Starts named actions under ids of our choosing. The same id again attaches to the same
    work."""

    def register(self, name: str, action: Action) -> None:
        """Make an action known. Must happen before `launch`, because recovery calls actions by
        name."""
        ...

    def launch(self) -> None:
        """Open the store and take up what a dead process left."""
        ...

    def start(self, key: str, name: str, payload: JsonObject) -> None:
        """Start `name` under the id `key`, or attach to it where it is already known."""
        ...

    def wait_any(self, keys: frozenset[str], *, seconds: float) -> tuple[str, JsonObject] | None:
        """The first of `keys` to be done, with its recorded result; None when the time is up.
        Without keys it waits.

        An action that raised has a result too: a NodeResult's document, `stopped` for a stop,
        `failed` for the rest. Raises PortError when the store fails."""
        ...

    def cancel(self, key: str) -> None:
        """Give the work up: it is recorded as cancelled, unless its result already is. The action
        may still be running; whoever cancels kills what it started."""
        ...

    def doze(self) -> None:
        """Let go of the store until something is started again, unless work is under way. For
        whoever has nothing to do."""
        ...

    def close(self) -> None:
        """Let go of the store. Work that runs is finished first or taken up by the next launch."""
        ...
