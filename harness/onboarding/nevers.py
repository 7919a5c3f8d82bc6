"""Proposals for what a product should never become. A person keeps them one by one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from harness.onboarding.survey import ClauseKind, Survey
from harness.onboarding.words import is_harmless

SEVEN = 7


@dataclass(frozen=True, slots=True)
class Never:
    """One proposal, as a scope entry. `source` is the place where the repository itself states it;
    `of` and `already` decide which products get it."""

    id: str
    title: str
    asks_like: tuple[str, ...]
    reply: str
    prose: str = ""
    kind: str = "out"
    source: str = ""
    of: frozenset[str] = frozenset()
    already: str = r"(?!)"


@lru_cache(maxsize=1)
def catalogue() -> tuple[Never, ...]:
    """Every proposal in `nevers.yaml`, in order."""
    import yaml

    text = (files("harness.onboarding") / "nevers.yaml").read_text("utf-8")
    return tuple(
        Never(**{**entry, "asks_like": tuple(entry["asks_like"]), "of": frozenset(entry["of"])})
        for entry in yaml.safe_load(text)
    )


def nevers_of(survey: Survey) -> tuple[Never, ...]:
    """Seven proposals: first what the repository's own prose rules out, then what suits
    this kind of product."""
    suited = [
        never
        for never in catalogue()
        if survey.product in never.of and not _is_already(never, survey)
    ]
    # The repository's own words first: they survive the cut.
    return (*_own(survey), *suited)[:SEVEN]


def _is_already(never: Never, survey: Survey) -> bool:
    """Whether the product already is this: nobody wants to read "no payments" in a shop."""
    signs = (
        *survey.dependencies,
        *(route.path for route in survey.routes),
        *survey.parts,
    )
    return any(re.search(never.already, sign, re.IGNORECASE) for sign in signs)


def _own(survey: Survey) -> Iterator[Never]:
    """What the repository's own mission rules out."""
    stated = [
        clause for clause in survey.clauses if clause.kind is ClauseKind.NEVER and clause.values
    ]
    for number, clause in enumerate(
        (clause for clause in stated if is_harmless(clause.values[0])), 1
    ):
        what = clause.values[0]
        yield Never(
            f"M-OWN-{number}",
            f"Not {what[:60].rstrip()}",
            (what,),
            "This is left out on purpose.",
            source=clause.place,
        )
