"""The base class of ledger events: a kind, and the document that the ledger keeps."""

from dataclasses import dataclass
from typing import ClassVar

from harness.domain.plain import JsonDict, JsonObject, plain


class LedgerEvent:
    """One thing that happened, by its kind. The document that the ledger keeps of it is part of a
    hash chain: a key is never renamed, and a new field has a default for older entries."""

    __slots__ = ()
    kind: ClassVar[str]

    def document(self) -> JsonDict:
        """The event as the JSON object that the ledger keeps. Raises TypeError for what JSON cannot
        hold."""
        document: JsonDict = plain(self)
        return document


@dataclass(frozen=True, slots=True)
class UnknownEvent(LedgerEvent):
    """An event of a kind that this version does not know: another version wrote it."""

    # elsewhere the class has it
    kind: str  # type: ignore[misc]
    content: JsonObject

    def document(self) -> JsonDict:
        return dict(self.content)
