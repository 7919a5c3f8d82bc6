"""A `dialog` step with its values filled in: the message that a dialog must have, and the
answer."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.steps import Dialog, DialogKind
from validators.domain.journeys.values import Values
from validators.domain.journeys.wording import folded


@dataclass(frozen=True, slots=True)
class DialogAnswer:
    """`message` and `kind` None: any message, any kind. `text` is typed into a prompt."""

    message: str | None
    kind: DialogKind | None
    accept: bool
    text: str | None = None

    def fits(self, kind: str, message: str) -> bool:
        """Whether a dialog of this kind, with this message, is the one that the step expects."""
        return self.kind in (None, kind) and (
            self.message is None or folded(self.message) == folded(message)
        )

    def __str__(self) -> str:
        words = f" with the message {folded(self.message)!r}" if self.message is not None else ""
        return f"a dialog{f' ({self.kind})' if self.kind else ''}{words}"


def dialog_answer(dialog: Dialog, values: Values) -> DialogAnswer:
    """The answer with the values of this moment. Raises ExpressionInvalid for a name that nothing
    has set."""
    message, text = (
        values.text(template) if template else None for template in (dialog.message, dialog.text)
    )
    return DialogAnswer(message, dialog.kind, dialog.accept, text)
