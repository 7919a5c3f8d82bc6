"""A persona as a request carries it: the maintainers' words, their shape checked before anything is
explored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import ConfigDict, Field

from validators.domain.exploring.persona import Allowance, Persona

STRICT = ConfigDict(extra="forbid", strict=True)

Sentence = Annotated[str, Field(min_length=1, max_length=500)]
Label = Annotated[
    str, Field(pattern=r"[A-Za-z0-9]", max_length=100)
]  # something that a slug can be made of
AppPath = Annotated[str, Field(pattern=r"^/([!-.0-\[\]-~][!-\[\]-~]*)?$")]


@dataclass(frozen=True, slots=True)
class PersonaText:
    """What `validators.domain.exploring.persona` says, as it is written down. `kept_at` may be
    empty; `shown` may not."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    who: Sentence
    goal: Sentence
    promise: Annotated[str, Field(pattern=r"^(issue|[A-Z][A-Z0-9]*(-[A-Z0-9]+)*)$")]
    shown: Annotated[tuple[Label, ...], Field(min_length=1, max_length=10)]
    starts_at: AppPath = "/"
    kept_at: AppPath | None = None
    claims: Annotated[tuple[Sentence, ...], Field(max_length=10)] = ()
    acts: Annotated[int, Field(ge=1, le=200)] = 25
    seconds: Annotated[int, Field(ge=1, le=900)] = 120
    tokens: Annotated[int, Field(ge=1_000, le=1_000_000)] = 40_000
    __pydantic_config__ = STRICT

    def persona(self) -> Persona:
        """The persona itself."""
        return Persona(
            name=self.name,
            who=self.who,
            goal=self.goal,
            promise=self.promise,
            shown=self.shown,
            kept_at=self.kept_at or "",
            starts_at=self.starts_at,
            allowance=Allowance(self.acts, self.seconds, self.tokens),
            claims=self.claims,
        )
