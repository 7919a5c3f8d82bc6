"""What a node hands to the nodes after it, typed. Ledger and engine keep it as JSON, in which the
conditions of a workflow read it; so a key is never renamed."""

from dataclasses import dataclass, field

from harness.domain.events import HiddenText
from harness.domain.issue import CommitSha, TreeSha
from harness.domain.plain import stored_as


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment of the filer. `marked` names its lines that quote somebody or are folded away."""

    text: str
    marked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenIssue:
    """The issue as triage may read it. `text` is the hash of what stands on the forge, `last_reply`
    the number of the newest comment."""

    number: int
    title: str
    body: str
    marked: tuple[str, ...] = ()
    replies: tuple[Reply, ...] = ()
    last_reply: int = field(default=0, metadata=stored_as("heard"))
    hidden: tuple[HiddenText, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class StartingPoint:
    """The base of an attempt, and the commit that the agent starts from."""

    base: CommitSha
    start: CommitSha


@dataclass(frozen=True, slots=True)
class Build:
    """What an agent did, in which sandbox and worktree, as which model."""

    summary: str
    turns: int
    sandbox_form: str = field(metadata=stored_as("box"))
    worktree: str
    model: str
    agent: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The commit of an agent's files."""

    head: CommitSha
    tree: TreeSha


@dataclass(frozen=True, slots=True)
class MergeCandidate:
    """The commit that would land: the proposal's head merged with the base."""

    base: CommitSha
    head: CommitSha
    candidate: CommitSha
    tree: TreeSha
    pull_request: int
