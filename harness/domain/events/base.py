"""What every event of the ledger has in common: its kind, and how it is written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.domain.plain import plain


class LedgerEvent:
    """One thing that happened, by its kind. The document that the ledger keeps of it is part of a
    hash chain: a key is never renamed, and a new field has a default for older entries."""

    __slots__ = ()
    kind: ClassVar[str]

    def document(self) -> dict[str, Any]:
        """The event as the JSON object that the ledger keeps. Raises TypeError for what JSON cannot
        hold."""
        document: dict[str, Any] = plain(self)
        return document


@dataclass(frozen=True, slots=True)
class Unknown(LedgerEvent):
    """An event of a kind that this version does not know: another version wrote it."""

    # elsewhere the class has it
    kind: str  # type: ignore[misc]
    content: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return dict(self.content)
