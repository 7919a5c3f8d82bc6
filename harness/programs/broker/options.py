"""How a broker is set up: one mode, and the folders of that mode."""

from dataclasses import dataclass
from pathlib import Path

JUDGES = frozenset({"author", "judge", "actor"})
"""Roles whose conversations must never be where an implementer's sandbox could see them."""


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one broker.

    It has either `replay` (answers come from recordings), or `upstream` (the default provider's
    URL) and `providers` (a file of others, see `providers.py`), never both.

    `sealed_log`, `replay_sealed` and `record_sealed` are the folders for the judging roles. Without
    `sealed_log` their log is not written. Without a folder to replay from or record to, a session
    of such a role is refused.
    """

    home: Path
    control: Path
    replay: Path | None = None
    replay_sealed: Path | None = None
    record: Path | None = None
    record_sealed: Path | None = None
    sealed_log: Path | None = None
    upstream: str | None = None
    providers: Path | None = None
    prices: Path | None = None

    @property
    def mode(self) -> str:
        """`replay`, `record` or `forward`."""
        if self.upstream is None and self.providers is None:
            return "replay"
        return "record" if self.record is not None or self.record_sealed is not None else "forward"

    def wire_log(self, role: str) -> Path | None:
        """The folder for the session's wire log."""
        return self.sealed_log if role in JUDGES else self.home / "wire"

    def recordings(self, role: str) -> Path | None:
        """The folder that the role is replayed from, or recorded to."""
        if self.mode == "replay":
            return self.replay_sealed if role in JUDGES else self.replay
        return self.record_sealed if role in JUDGES else self.record
