"""Where a home's signs of life are kept."""

from typing import Protocol

from harness.domain.presence import Presence


class PresenceStore(Protocol):
    """Keeps the last sign of life of a home, for whoever looks. Both methods raise PortError."""

    def read(self) -> Presence | None:
        """The last one; None if there never was one, or if it cannot be understood."""
        ...

    def write(self, presence: Presence) -> None:
        """Replace it."""
        ...
