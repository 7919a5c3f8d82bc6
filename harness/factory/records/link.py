"""One link of the chain behind an issue, and the chain: what terminal, comment, `--json` and page
all show."""

from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from harness.domain.lifecycle import State


class Stage(StrEnum):
    """Where in an issue's life something was decided."""

    TRIAGE = "triage"
    PROPOSAL = "proposal"
    CANDIDATE = "candidate"
    VERDICT = "verdict"
    MERGE = "merge"
    LANDING = "landing"
    PERSON = "person"


class LinkOutcome(StrEnum):
    """What came of it. WOULD_REFUSE: a rule in shadow. OVERRIDDEN: refused, and a person went on
    all the same. DONE: it happened, and nothing was asked."""

    HOLDS = "holds"
    REFUSES = "refuses"
    WOULD_REFUSE = "would refuse"
    CANNOT_TELL = "cannot tell"
    OVERRIDDEN = "overridden"
    DONE = "done"


NO = frozenset({LinkOutcome.REFUSES, LinkOutcome.CANNOT_TELL})


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `rule` is an id of the law, empty where no rule but code decided. `permalink` and
    what stands in `evidence` are paths below the repository's address (`blob/…`, `commit/…`,
    `pull/…`), paths below the home (`evidence/…`), digests (`sha256:…`), entries of the ledger
    (`entry 12`) or words. `quote` and `evidence` hold text from outside."""

    stage: Stage
    outcome: LinkOutcome
    rule: str
    title: str
    permalink: str
    fact: str
    quote: str
    evidence: tuple[str, ...]
    entry: int
    at: str
    run: str
    rules: str  # the digest of the law in force


def is_routine(link: Link) -> bool:
    """Whether one line is enough for it: a rule of the law that holds."""
    return link.outcome is LinkOutcome.HOLDS and bool(link.rule) and link.stage is not Stage.TRIAGE


@dataclass(frozen=True, slots=True)
class Chain:
    """All links of one issue, and those that it stands on where it goes no further."""

    issue: int
    title: str
    state: State
    outcome: str
    cost_usd: Decimal
    pull_request: int | None
    links: tuple[Link, ...]
    deciding: tuple[Link, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Keys that stay: `issue title state outcome cost_usd pull_request`, `chain`, whose links
        have the fields of `Link`, and `deciding`, the places of the deciding ones in it, from 0."""
        return {
            "issue": self.issue,
            "title": self.title,
            "state": self.state.value,
            "outcome": self.outcome,
            "cost_usd": float(self.cost_usd),
            "pull_request": self.pull_request,
            "deciding": [self.links.index(link) for link in self.deciding],
            "chain": [_link_document(link) for link in self.links],
        }


def _link_document(link: Link) -> dict[str, Any]:
    """The fields of a link as JSON. `outcome` keeps its public key, `standing`."""
    return {
        "standing" if name == "outcome" else name: value for name, value in asdict(link).items()
    }
