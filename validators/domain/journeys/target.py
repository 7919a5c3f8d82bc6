"""A target: one element, named as a person names it, by role and name, by label, or by its
place."""

from __future__ import annotations

from dataclasses import dataclass

from validators.domain.journeys.values import Template


@dataclass(frozen=True, slots=True)
class Target:
    """One element. Exactly one of `role` and `label` is set.

    `name` is the exact accessible name. For a `definition` it is the term that is defined; for
    `words` and `summary`, which are not ARIA roles, it is the whole text of the element. `words`
    must occur inside the element; rows and list items have no name and are identified by them.
    `level` is the level of a heading. `within` narrows the search to another element, `under` to
    the section below the heading of that name. `beside` are words that stand nearer to it than to
    any other of its kind; `leads_to` is where the link leads. `at` chooses one of several, in the
    order of the page: from 1 at the top, or from -1 at the end."""

    line: int
    role: str = ""
    name: Template | None = None
    label: Template | None = None
    words: Template | None = None
    within: Target | None = None
    level: int | None = None
    under: Template | None = None
    beside: Template | None = None
    leads_to: Template | None = None
    at: int | None = None

    def __str__(self) -> str:
        own = f'field "{self.label.source}"' if self.label else self.role
        own += f' "{self.name.source}"' if self.name else ""
        own += f" of level {self.level}" if self.level else ""
        own += f' with "{self.words.source}"' if self.words else ""
        own += f' under "{self.under.source}"' if self.under else ""
        own += f' beside "{self.beside.source}"' if self.beside else ""
        own += f' that leads to "{self.leads_to.source}"' if self.leads_to else ""
        own += f" at {self.at}" if self.at else ""
        return f"{own} in {self.within}" if self.within else own
