"""What the law said, kept in the ledger: each rule's words and place, once for every text that a
run was begun under.

A decision names its rules by id. Without this a chain could be told only with the repository at
hand, as it was then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.domain.governance import Governance, Rule, ScopeEntry
from harness.domain.ledger import Entry

if TYPE_CHECKING:
    from harness.factory.run.policy_snapshot import PolicySnapshot
    from harness.factory.run.services import Services

LAW = "law"
LONGEST = 600
"""Characters of a rule's prose that are kept: a paragraph."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One rule or one entry of the mission, as it stood. A built-in rule has no file that anybody
    could open."""

    id: str
    title: str
    file: str
    line: int
    prose: str
    level: str = ""

    @property
    def is_in_a_file(self) -> bool:
        return bool(self.file) and not self.file.startswith("(")


Book = Mapping[tuple[str, str], Clause]
"""The clauses of one text by file and id; a file in a folder may state an id again."""


def keep_rule_texts(services: Services, policy: PolicySnapshot) -> None:
    """Write down what the law says at this base, where this very text is not written down yet."""
    law = policy.governance
    services.ledger.append(
        LAW,
        f"{LAW}/{policy.digest}",
        data={
            "base": policy.base,
            "governance": law.digest,
            "clauses": [
                {
                    "id": one.id,
                    "title": one.title,
                    "file": one.source.file,
                    "line": one.source.line,
                    "prose": _cut(one.prose),
                    "level": one.level.value if isinstance(one, Rule) else one.kind.value,
                }
                for one in _clauses(law)
            ],
        },
    )


def books(entries: Iterable[Entry]) -> Mapping[str, Book]:
    """The texts that were written down, by the digest that runs and decisions name."""
    return {
        entry.key.removeprefix(f"{LAW}/"): _book(entry.data["clauses"])
        for entry in entries
        if entry.kind == LAW
    }


def _book(clauses: Iterable[Mapping[str, Any]]) -> Book:
    return {(clause["file"], clause["id"]): Clause(**clause) for clause in clauses}


def _clauses(law: Governance) -> Iterable[Rule | ScopeEntry]:
    return (*law.rules, *law.scope)


def _cut(prose: str) -> str:
    """The first paragraphs, in whole words."""
    flat = "\n\n".join(" ".join(part.split()) for part in prose.split("\n\n")).strip()
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST].rsplit(None, 1)[0]} …"
