"""The inbox: what the forge reported by webhook and nobody has acted on yet. All of it is hints."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery, without its contents: `number` is the issue or pull request that it is
    about, None where it is about neither; `digest` is the SHA-256 of its bytes, in hexadecimal."""

    id: str
    event: str
    number: int | None
    digest: str


class Inbox(Protocol):
    """A queue that survives a crash. Every method raises PortError where its store fails; then
    nothing was changed."""

    def put(self, delivery: Delivery) -> bool:
        """Keep it. Once this has returned, it is not lost. False, and nothing is kept, where one
        with the same id or the same bytes came before, acted on or not."""
        ...

    def waiting(self) -> tuple[tuple[int, Delivery], ...]:
        """What nobody has acted on, oldest first, each under the place it has here."""
        ...

    def settle(self, places: tuple[int, ...]) -> None:
        """Somebody has acted on these."""
        ...

    def forget(self, before: datetime) -> None:
        """Drop what was acted on and came before that moment: a double of it would be taken for
        new."""
        ...
