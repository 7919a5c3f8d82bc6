"""Decides what may reach the default branch, and what follows once something has. No repository
needed.

Git is asked in `harness/repository/landing.py`, by these rules; the model in `tests/model` asks the
same ones."""

from dataclasses import dataclass
from enum import StrEnum

from harness.domain.issue import CommitSha, TreeSha
from harness.domain.lifecycle import Event


class Outcome(StrEnum):
    """What became of a landing in the days in which it was followed."""

    OPEN = "open"
    STAYED = "stayed"
    AMENDED = "amended"
    REGRESSED = "regressed"
    REVERTED = "reverted"

    @property
    def settled(self) -> bool:
        return self is not Outcome.OPEN

    @property
    def broke(self) -> bool:
        """Whether it takes a level back: it broke what worked, or was taken back."""
        return self in (Outcome.REGRESSED, Outcome.REVERTED)


@dataclass(frozen=True, slots=True)
class JudgedCandidate:
    """What a verdict binds of a landing: the candidate's first parent, its second, and its tree."""

    base: CommitSha
    head: CommitSha
    tree: TreeSha


def objection(judged: JudgedCandidate, *, parents: tuple[CommitSha, ...], tree: TreeSha) -> str:
    """Why a commit is not the candidate that was judged; empty when it is. A lease alone also lets
    an orphan land."""
    # The order matters: a candidate's first parent is the base.
    if parents != (judged.base, judged.head):
        return (
            f"has parents {_names(parents)}, expected base and judged head:"
            f" {_names((judged.base, judged.head))}"
        )
    if tree != judged.tree:
        return f"has tree {tree:.12}, the tree that was judged is {judged.tree:.12}"
    return ""


def after_landing(*, judged: TreeSha, found: TreeSha, contained: bool) -> Event:
    """What a landing was, by the tree that is found on the branch afterwards."""
    # The forge may merge otherwise than asked; only the tree on the branch shows it.
    return Event.LANDED if found == judged and contained else Event.LANDED_TREE_DIFFERS


def _names(commits: tuple[CommitSha, ...]) -> str:
    return ", ".join(f"{commit:.12}" for commit in commits) or "none"
