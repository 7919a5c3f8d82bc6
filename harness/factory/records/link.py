"""One link of an issue's chain, and the chain: what the terminal, the comments, `--json` and the
page show."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum

from harness.domain.lifecycle import State
from harness.domain.plain import JsonDict


class Stage(StrEnum):
    """Where in an issue's life a decision was made."""

    TRIAGE = "triage"
    PROPOSAL = "proposal"
    CANDIDATE = "candidate"
    VERDICT = "verdict"
    MERGE = "merge"
    LANDING = "landing"
    RELEASE = "release"
    PERSON = "person"


class LinkOutcome(StrEnum):
    """What a decision came to. WOULD_REFUSE: a rule in shadow. OVERRIDDEN: refused, but a person
    went on. DONE: it happened without a question."""

    HOLDS = "holds"
    REFUSES = "refuses"
    WOULD_REFUSE = "would refuse"
    CANNOT_TELL = "cannot tell"
    OVERRIDDEN = "overridden"
    DONE = "done"


NO = frozenset({LinkOutcome.REFUSES, LinkOutcome.CANNOT_TELL})


UrlFor = Callable[[str], str]
"""Turns a path in the repository (or one of the forge, with a leading slash) into a URL; "" where
there is none."""


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `rule` is the id of a rule, empty if code decided without one. `permalink` and the
    items of `evidence` are paths below the repository's address (`blob/…`, `commit/…`, `pull/…`),
    paths below the home (`evidence/…`), digests (`sha256:…`), ledger entries (`entry 12`) or plain
    words. `rules` is the digest of the policy in force. `quote` and `evidence` contain text from
    outside."""

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
    rules: str


def is_routine(link: Link) -> bool:
    """Whether one line is enough to show it: a rule that holds."""
    return link.outcome is LinkOutcome.HOLDS and bool(link.rule) and link.stage is not Stage.TRIAGE


@dataclass(frozen=True, slots=True)
class Chain:
    """All links of one issue; `deciding` are those that explain why it goes no further, or why its
    `commit` is served, where a commit was asked for. `shown` is its state as people read it,
    `released` in a sentence what became of its landing, and `served` where its change is served
    now."""

    issue: int
    title: str
    state: State
    outcome: str
    cost_usd: Decimal
    pull_request: int | None
    links: tuple[Link, ...]
    deciding: tuple[Link, ...] = ()
    shown: str = ""
    commit: str = ""
    served: tuple[str, ...] = ()
    released: str = ""

    def as_json(self) -> JsonDict:
        """The public document. Its keys are stable: `issue title state shown outcome cost_usd
        pull_request commit served released`, `chain` with the fields of `Link` (its `outcome` is
        called `standing`), and `deciding`: positions in the chain, from 0."""
        return {
            "issue": self.issue,
            "title": self.title,
            "state": self.state.value,
            "shown": self.shown,
            "outcome": self.outcome,
            "cost_usd": float(self.cost_usd),
            "pull_request": self.pull_request,
            "commit": self.commit,
            "served": list(self.served),
            "released": self.released,
            "deciding": [self.links.index(link) for link in self.deciding],
            "chain": [_link_document(link) for link in self.links],
        }


def _link_document(link: Link) -> JsonDict:
    """The fields of a link as JSON. `outcome` keeps its public key, `standing`."""
    return {
        "standing" if name == "outcome" else name: value for name, value in asdict(link).items()
    }
