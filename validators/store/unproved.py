"""What an author wrote and nobody could prove yet: a machine that was too busy is no reason to pay
for the same text again."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from validators.store.files import placed


@dataclass(frozen=True, slots=True)
class PendingAnswers:
    """Authors' answers by issue and by the digest of what was asked, in a folder of the store.

    Each is given out once: what came to no answer twice may be the text's own fault, and is written
    anew."""

    folder: Path

    def keep(self, issue: int, brief: str, answer: bytes) -> None:
        """Keep an answer until `forget`, or until it is taken."""
        placed(self._answer(issue, brief), answer, replace=True)

    def taken(self, issue: int, brief: str) -> bytes | None:
        """The answer to this very question, which is not kept any longer; None when there is
        none."""
        path = self._answer(issue, brief)
        try:
            answer = path.read_bytes()
        except FileNotFoundError:
            return None
        path.unlink()
        return answer

    def forget(self, issue: int) -> None:
        """Forget whatever was kept for an issue: its journeys are sealed, or there are none."""
        shutil.rmtree(self.folder / str(issue), ignore_errors=True)

    def _answer(self, issue: int, brief: str) -> Path:
        return self.folder / str(issue) / f"{brief}.json"
