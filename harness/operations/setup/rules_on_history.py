"""What the rules of a repository would have stopped of its own newest changes. Needs no factory, no
key and no network."""

from dataclasses import dataclass
from pathlib import Path

from harness.domain.errors import ConfigError, GitError, GovernanceError
from harness.domain.governance import Status
from harness.governance import governance_in
from harness.governance.past.impact import impact

MOST_RULES = 5


@dataclass(frozen=True, slots=True)
class RulesOnHistory:
    """How many changes were replayed, how many of them a rule in force would have stopped, and by
    which rules, the most frequent first. `shadow` counts those that only rules in shadow refuse."""

    changes: int
    stopped: int
    by_rule: tuple[tuple[str, int], ...]
    shadow: int

    def __str__(self) -> str:
        changes = "change" if self.changes == 1 else f"{self.changes} changes"
        names = ", ".join(f"{rule} {count}" for rule, count in self.by_rule[:MOST_RULES])
        words = f"of your last {changes} these rules would have stopped {self.stopped}"
        shadow = f"; rules in shadow would refuse {self.shadow} more" if self.shadow else ""
        return f"{words}{f': {names}' if names else ''}{shadow}"


def rules_on_history(folder: Path) -> RulesOnHistory | None:
    """Replay the newest changes under the rules that stand in `folder`. None where there is no
    change, the history cannot be read, or a rule cannot: `factory rules lint` names that fault."""
    from harness.repository.original.past_changes import past_changes

    try:
        found = impact(None, governance_in(folder), past_changes(folder))
    # A shallow or damaged clone lacks old commits; the drafts are written all the same.
    except (ConfigError, GitError, GovernanceError):
        return None
    if not found.changes:
        return None
    in_force = [row for row in found.rules if row.status is Status.ENFORCE and row.refused]
    stopped = {change for row in in_force for change in row.refused}
    refused = {change for row in found.rules for change in row.refused}
    return RulesOnHistory(
        found.changes,
        len(stopped),
        tuple(sorted(((row.rule, len(row.refused)) for row in in_force), key=lambda row: -row[1])),
        len(refused - stopped),
    )
