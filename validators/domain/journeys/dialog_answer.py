"""What a page's dialog must say, and what it is told: a `dialog` step with its values filled in."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.steps import Dialog, DialogKind
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import folded


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """`says` and `kind` None: whatever it says, of whatever kind. `text` is typed into a prompt."""

    says: str | None
    kind: DialogKind | None
    accept: bool
    text: str | None = None

    def fits(self, kind: str, message: str) -> bool:
        """Whether a dialog of this kind, with these words, is the one that is meant."""
        return self.kind in (None, kind) and (
            self.says is None or folded(self.says) == folded(message)
        )

    def __str__(self) -> str:
        words = f" that says {folded(self.says)!r}" if self.says is not None else ""
        return f"a dialog{f' ({self.kind})' if self.kind else ''}{words}"


def dialog_answer(dialog: Dialog, values: Values) -> DialogAnswer:
    """The answer as it stands now. Raises ExpressionInvalid for a name nothing has set."""
    says, text = (values.text(held) if held else None for held in (dialog.says, dialog.text))
    return DialogAnswer(says, dialog.kind, dialog.accept, text)
