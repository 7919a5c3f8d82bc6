"""One element, the way a person names it: by role and name, by label, by where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.values import Template


@dataclass(frozen=True, slots=True)
class Target:
    """One element. Exactly one of `role` or `label` is set.

    `name` is the accessible name, exact; of a `definition` it is the term that is defined, of
    `words` and `summary`, which are no ARIA roles, the element's whole text. `words` must occur
    inside the element (how rows and list items are told apart: they have no name of their own).
    `level` is a heading's. `within` narrows the search to another element, `under` to the section
    below the heading of that name."""

    line: int
    role: str = ""
    name: Template | None = None
    label: Template | None = None
    words: Template | None = None
    within: Target | None = None
    level: int | None = None
    under: Template | None = None

    def __str__(self) -> str:
        own = f'field "{self.label.source}"' if self.label else self.role
        own += f' "{self.name.source}"' if self.name else ""
        own += f" of level {self.level}" if self.level else ""
        own += f' with "{self.words.source}"' if self.words else ""
        own += f' under "{self.under.source}"' if self.under else ""
        return f"{own} in {self.within}" if self.within else own
