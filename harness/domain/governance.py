"""The policy as values: three documents, the rules and the scope they state, and what the rules say
of a change.

Reading the documents and deciding over them is `harness.governance`; these are only the shapes.
Composition is Cedar's: what no rule speaks of falls to the document's default, and one standing
refusal outweighs every consent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from harness.domain.facts import ChangeFacts, Maybe

MISSION = "mission.md"
RULES = "factory_rules.md"
CODE = "CLAUDE.md"
DOCUMENTS: tuple[str, ...] = (MISSION, RULES, CODE)
"""The three governance files, in the order in which every prompt has them. Nested files of rules
come after them."""


class Level(StrEnum):
    """Who decides. ENFORCED: code, over facts. JUDGED: votes of models, counted by code. ADVISORY:
    nobody; it is read in prompts."""

    ENFORCED = "enforced"
    JUDGED = "judged"
    ADVISORY = "advisory"


class Status(StrEnum):
    """How much a rule weighs: ENFORCE blocks, SHADOW is reported and blocks nothing, OFF is not
    asked."""

    ENFORCE = "enforce"
    SHADOW = "shadow"
    OFF = "off"


class OnFail(StrEnum):
    """What follows a refusal, mildest first; of several, the strictest is done."""

    RETRY = "retry"
    SPLIT = "split"
    NEEDS_HUMAN = "needs-human"
    REJECT = "reject"

    @property
    def strictness(self) -> int:
        """0 for the mildest."""
        return tuple(OnFail).index(self)


class Applies(StrEnum):
    """When a rule is asked: at triage, before a change is proposed, before a candidate lands."""

    ISSUE = "issue"
    PR = "pr"
    MERGE = "merge"


class ScopeKind(StrEnum):
    """What an entry of the mission states: wanted, never wanted, or true whatever else changes."""

    IN = "in"
    OUT = "out"
    INVARIANT = "invariant"


class ChangeDefault(StrEnum):
    """factory_rules.md's `default:`: a change that no enforced rule speaks of is let through, or
    shown to a person."""

    ALLOW = "allow"
    NEEDS_HUMAN = "needs-human"


class ScopeDefault(StrEnum):
    """mission.md's `default:`: a request that no entry speaks of is accepted, or shown to a
    person."""

    IN = "in"
    NEEDS_HUMAN = "needs-human"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is written: enough for a permalink at the governing commit. Lines start at 1,
    ends included."""

    file: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One governance file: its canonical name, the name it is found under, and its text to the
    byte.

    That of a nested file is its path, which is "packages/api/factory_rules.md" below `folder`
    "packages/api/"."""

    name: str
    file: str
    text: str
    digest: str

    @property
    def folder(self) -> str:
        """The folder that it speaks of, with a slash at its end; empty at the root."""
        return self.name[: self.name.rfind("/") + 1]

    @property
    def kind(self) -> str:
        """Which of the three files it is."""
        return self.name[self.name.rfind("/") + 1 :]


@dataclass(frozen=True, slots=True)
class CheckAnswer:
    """One check's answer about the facts. `passed` UNKNOWN means a fact it needs was not
    established. `follows` is what follows from this refusal, in place of the rule's `on_fail`."""

    passed: Maybe[bool]
    message: str
    evidence: tuple[str, ...] = ()
    follows: OnFail | None = field(default=None, repr=False)


class Check(Protocol):
    """A typed question over facts. Pure, total, and a frozen value."""

    def answer(self, facts: ChangeFacts) -> CheckAnswer:
        """This check's answer about `facts`. Never raises."""
        ...


class Condition(Protocol):
    """A `when:`: whether a rule is asked at all."""

    def holds(self, facts: ChangeFacts) -> Maybe[bool]:
        """True, False, or UNKNOWN when a fact it names is. Never raises."""
        ...


class Expect(StrEnum):
    """The answer that a rule's case expects."""

    PASS = "pass"  # noqa: S105 - a word of the rule language, not a password
    FAIL = "fail"
    UNKNOWN = "unknown"


class Sight(StrEnum):
    """What a vote on a judged rule may be shown. ISSUE: as it was triaged. DIFF: what changed, with
    some lines around it. FILES: the changed files whole. TESTS: the changed tests whole.
    GOVERNANCE: the three files, which every vote is given anyway, as a part of the view."""

    ISSUE = "issue"
    DIFF = "diff"
    FILES = "files"
    TESTS = "tests"
    GOVERNANCE = "governance"


class Vote(StrEnum):
    """What one vote counts as. UNQUOTED: a no that quotes nothing which is there, and so an
    abstention."""

    YES = "yes"
    NO = "no"
    UNQUOTED = "unquoted"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True)
class Question:
    """What a judged rule asks of models: `sees` is a closed list, `never_sees` are globs whose
    content is left out of it. Of `votes` votes, `need` yeses hold it; `abstain` follows where it
    neither holds nor is refused."""

    text: str
    sees: tuple[Sight, ...]
    never_sees: tuple[str, ...] = ()
    votes: int = 3
    need: int = 3
    abstain: OnFail = OnFail.NEEDS_HUMAN


@dataclass(frozen=True, slots=True)
class Case:
    """A rule's own example: given facts, a recorded pull request, or for a judged rule the votes,
    and what it answers."""

    expect: Expect
    line: int
    given: ChangeFacts | None = None
    pull_request: int | None = None
    votes: tuple[Vote, ...] | None = None


GRANTABLE = ("issue.file", "issue.comment", "change.propose", "notice.send")
"""The effects that a workflow of the project's own may be granted. To land a change is none."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Effects that a workflow may have. What no grant names, no workflow has."""

    workflow: str
    effects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of factory_rules.md, or one the factory is built with (`built_in`), which no
    document can loosen.

    A rule of a nested file looks at what is `below` its folder ("packages/api/"); one that nested
    files restate looks at what is `outside` theirs."""

    id: str
    title: str
    level: Level
    source: Source
    prose: str = ""
    applies: Applies = Applies.PR
    status: Status = Status.ENFORCE
    check: Check | None = None
    question: Question | None = None
    grant: Grant | None = None
    when: Condition | None = None
    on_fail: OnFail = OnFail.NEEDS_HUMAN
    locked: bool = False
    built_in: bool = False
    cases: tuple[Case, ...] = ()
    below: str = ""
    outside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScopeEntry:
    """One entry of mission.md: what is wanted, or never will be, in the maintainers' words."""

    id: str
    title: str
    kind: ScopeKind
    source: Source
    prose: str = ""
    asks_like: tuple[str, ...] = ()
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Governance:
    """The policy at one commit. `digest` names it everywhere: in prompts, ledger, verdicts,
    comments and trailers. `owners` are the people who are asked about what it protects, as the
    forge names them."""

    documents: tuple[Document, ...]
    rules: tuple[Rule, ...]
    scope: tuple[ScopeEntry, ...]
    digest: str
    change_default: ChangeDefault = ChangeDefault.ALLOW
    scope_default: ScopeDefault = ScopeDefault.NEEDS_HUMAN
    owners: tuple[str, ...] = ()

    @property
    def grants(self) -> frozenset[tuple[str, str]]:
        """Each effect that a workflow is granted, as workflow and effect. A rule in shadow or off
        grants nothing."""
        return frozenset(
            (rule.grant.workflow, effect)
            for rule in self.rules
            if rule.grant and rule.status is Status.ENFORCE
            for effect in rule.grant.effects
        )

    def document(self, name: str) -> Document:
        """The document with this canonical name. Raises KeyError for any other."""
        return {document.name: document for document in self.documents}[name]

    def rule(self, rule_id: str) -> Rule | None:
        """The rule with this id."""
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def entry(self, entry_id: str) -> ScopeEntry | None:
        """The scope entry with this id."""
        return next((entry for entry in self.scope if entry.id == entry_id), None)

    @property
    def files(self) -> Mapping[str, str]:
        """Canonical name → text, in the fixed order."""
        return {document.name: document.text for document in self.documents}


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's answer about one change, with the facts it rests on."""

    rule: str
    title: str
    passed: Maybe[bool]
    status: Status
    on_fail: OnFail
    message: str
    source: Source
    evidence: tuple[str, ...] = ()
    # by a person, for exactly this commit
    lifted: bool = False

    @property
    def refuses(self) -> bool:
        """Whether this blocks. Anything but a plain yes does, from a rule that is enforced, until a
        person lifts it."""
        return self.status is Status.ENFORCE and self.passed is not True and not self.lifted

    @property
    def would_refuse(self) -> bool:
        """Whether this would block if its rule were enforced and not in shadow."""
        return self.status is Status.SHADOW and self.passed is not True


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer about one change: every finding, and the one thing that follows. `action`
    None: go on."""

    governance: str
    applies: Applies
    findings: tuple[Finding, ...]
    action: OnFail | None
    why: tuple[str, ...] = field(default=())

    @property
    def allowed(self) -> bool:
        """Whether the change may go on."""
        return self.action is None

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """The findings that block, strictest first."""
        blocking = [finding for finding in self.findings if finding.refuses]
        return tuple(sorted(blocking, key=lambda finding: -finding.on_fail.strictness))
