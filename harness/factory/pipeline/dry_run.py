"""The lap in thought: what would become of an issue, and what it leaves open, before it is paid
for.

Properties kept:
- the real triage, the real planner and the real law are asked; what they write goes to the ledger
  that they were given, which is one in memory, and nothing is written to the forge;
- it spends at most its cap: each session may have what is left of it and no more;
- it is advice. No rule is settled by it: of the predicted files only what the law refuses in any
  case is told;
- a gap is told only with words that are in the issue, or where the issue is silent.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from statistics import median_low
from typing import Any

from harness.domain.budget import Usage
from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.essay import EssayRequest
from harness.domain.events import IssueSeen, Plan, RunStarted, TriageDecided
from harness.domain.facts import REGULAR, UNKNOWN, ChangeFacts, ChangeKind, FileChange
from harness.domain.governance import Applies
from harness.domain.issue import Issue
from harness.domain.lifecycle import Event
from harness.domain.plain import plain
from harness.domain.workflow import AgentNode, Node, UseNode
from harness.factory.models import prompts as context
from harness.factory.models.selection import first_answer
from harness.factory.pipeline.actions import action_for
from harness.factory.records.estimate import Estimate, estimate, has_ended, length_of
from harness.factory.records.history import History
from harness.factory.run.node import Job
from harness.factory.run.policy_snapshot import PolicySnapshot
from harness.factory.run.services import Services
from harness.factory.stages.plan import ROLE as PLANNER
from harness.factory.stages.plan import plan_in, plan_schema
from harness.governance.decide import decide
from harness.governance.paths import text_of
from harness.ports.model import Broker, Session, SessionRequest
from harness.workflow import rendered

CAP = Decimal("0.25")
"""US dollars that a dry run may spend where nobody says otherwise."""
PROMPT, MOST_GAPS, MOST_SHOWN = "gaps.md.j2", 8, 2000
_PLAN_PROMPT = "planner.md.j2"


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that somebody would have to guess: the issue's own words (empty where it is
    silent), what to ask, why it matters, and whether the code or the journey hangs on it."""

    quote: str
    asks: str
    matters: str
    who: str


@dataclass(frozen=True, slots=True)
class DryRun:
    """What came of it. `event` is triage's; without a plan nothing was predicted. `minutes` is the
    middle of what such issues took, None without history. `dropped` is what models said and code
    did not find to hold; `cut` why it ended early."""

    issue: int
    title: str
    event: str
    says: str
    cites: tuple[str, ...]
    asks: str
    plan: Plan | None
    files: tuple[str, ...]
    refusals: tuple[str, ...]
    gaps: tuple[Gap, ...]
    dropped: tuple[str, ...]
    context: tuple[tuple[str, int], ...]
    cost: Estimate
    minutes: float | None
    spent: Decimal
    cut: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether an implementer may start: accepted, no gap, nothing that the law would refuse
        anyway."""
        return self.event == Event.TRIAGE_ACCEPTED and not (self.gaps or self.refusals or self.cut)

    def document(self) -> dict[str, Any]:
        """As JSON; dollars are decimal texts."""
        told = {
            **asdict(self),
            "clear": self.is_clear,
            "spent": f"{self.spent:f}",
            "cost": self.cost.event.document(),
            "plan": None if self.plan is None else plain(self.plan),
            "context": [{"name": name, "tokens": tokens} for name, tokens in self.context],
        }
        document: dict[str, Any] = json.loads(json.dumps(told))
        return document


def dry_run(
    services: Services, policy: PolicySnapshot, issue: Issue, *, run: str, cap: Decimal = CAP
) -> DryRun:
    """Think the lap through for an issue. The ledger of `services` is written to, so it is to be one
    that nobody keeps.

    Raises what the forge and the broker raise; a cap that is reached ends it early, and it says
    so."""
    purse = _Purse(services.broker, cap)
    thinking = _Thinking(replace(services, broker=purse), policy, issue, run, purse)
    thinking.begin()
    cut = ""
    try:
        thinking.triage()
        if thinking.event == Event.TRIAGE_ACCEPTED:
            thinking.plan()
            thinking.look_for_gaps()
    except (BudgetExhausted, ModelError) as error:
        cut = str(error)
    return thinking.told(cut)


class _Thinking:
    """One dry run, step by step."""

    def __init__(
        self, services: Services, policy: PolicySnapshot, issue: Issue, run: str, purse: "_Purse"
    ) -> None:
        self._services, self._policy, self._issue, self._run, self._purse = (
            services,
            policy,
            issue,
            run,
            purse,
        )
        self.event, self._says, self._gaps = "", "", tuple[Gap, ...]()
        self._plan: Plan | None = None
        self._dropped: tuple[str, ...] = ()
        self._outputs: dict[str, Mapping[str, Any]] = {}

    def begin(self) -> None:
        """As if the issue had been taken in, and a run had begun."""
        issue, ledger = self._issue, self._services.ledger
        ledger.append(
            IssueSeen(issue.title, issue.author.id, issue.author.login),
            f"issue/{issue.number}",
            issue=issue.number,
        )
        ledger.append(
            RunStarted("triage", 1, base=self._policy.base, rules=self._policy.digest),
            f"run/{self._run}",
            issue=issue.number,
            run=self._run,
        )

    def triage(self) -> None:
        """The nodes of triage, up to the decision. What follows it would act."""
        for node in self._policy.workflows["triage"].nodes:
            if isinstance(node, AgentNode) or (
                isinstance(node, UseNode) and node.action in ("triage.intake", "triage.decide")
            ):
                result = action_for(node)(self._job(node))
                self._outputs[node.id], self._says = result.output, result.message or self._says
                self.event = result.event or self.event
                if not result.outcome.succeeded:
                    if not result.event:
                        raise ModelError(result.message)
                    return

    def plan(self) -> None:
        """What a planner would do. Where nobody is named for it, whoever triages is asked."""
        paths = sorted(text_of(path) for path in self._services.repository.files(self._policy.base))
        values = {
            "spec_card": self._card,
            "paths": json.dumps(paths[:MOST_SHOWN], indent=0),
            "diagnosis": "",
            "findings": [],
            "left_out": max(0, len(paths) - MOST_SHOWN),
        }
        question = rendered(_PLAN_PROMPT, values, prompts=self._policy.prompts)
        answer = self._asked(question, plan_schema(), attempt=1)
        self._plan = planned = plan_in(answer, paths=paths)
        self._dropped = planned.dropped

    def look_for_gaps(self) -> None:
        """What the issue leaves to be guessed."""
        plan = json.dumps(plain(self._plan), indent=1, ensure_ascii=False) if self._plan else ""
        question = rendered(
            PROMPT, {"spec_card": self._card, "plan": plan, "most": MOST_GAPS}, prompts=_prompts()
        )
        answer = self._asked(question, gaps_schema(), attempt=2)
        triaged = self._told.triage
        text = "\n".join((triaged.title, triaged.body, *triaged.replies)) if triaged else ""
        self._gaps, dropped = gaps_in(answer, text=text)
        self._dropped += dropped

    def told(self, cut: str) -> DryRun:
        """All of it."""
        triaged = self._told.triage
        others = tuple(
            history
            for history in self._services.issue_index.filter(has_ended)
            if history.issue != self._issue.number
        )
        files = tuple(
            dict.fromkeys(
                path for step in (self._plan.steps if self._plan else ()) for path in step.touches
            )
        )
        return DryRun(
            self._issue.number,
            (triaged and triaged.title) or self._issue.title,
            self.event,
            self._says,
            tuple(cite.id for cite in triaged.cites) if triaged else (),
            self._question_back,
            self._plan,
            files,
            self._refused(files),
            self._gaps,
            self._dropped,
            self._context(triaged),
            estimate(
                triaged.issue_kind if triaged else "",
                length_of(self._issue.title, self._issue.body),
                others,
            ),
            minutes_of(others),
            self._purse.spent,
            cut,
        )

    @property
    def _told(self) -> History:
        return self._services.issue_index.of(self._issue.number)

    @property
    def _card(self) -> str:
        return context.spec_card(self._job(self._policy.workflows["triage"].nodes[0]))

    @property
    def _question_back(self) -> str:
        asks = (self._outputs.get(node, {}).get("ask") for node in self._outputs)
        return (
            next((str(one) for one in asks if one), "")
            if self.event == Event.TRIAGE_NEEDS_INFO
            else ""
        )

    def _job(self, node: Node) -> Job:
        return Job(
            self._services,
            self._policy,
            self._issue.number,
            self._run,
            1,
            node,
            dict(self._outputs),
        )

    def _asked(
        self, question: str, schema: Mapping[str, Any], *, attempt: int
    ) -> Mapping[str, Any]:
        models = self._policy.config.models
        system, model = context.system_blocks(self._policy), self._services.model
        answer, _ = first_answer(
            self._job(self._policy.workflows["triage"].nodes[0]),
            PLANNER,
            models.planner or models.triage,
            lambda line: model.answer(line, system=system, question=question, schema=schema),
            attempt=attempt,
        )
        return answer

    def _refused(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """What the law refuses of a change to these files, whatever else is in it. Of all other
        facts nothing is known yet."""
        if not files:
            return ()
        there = frozenset(
            text_of(path) for path in self._services.repository.files(self._policy.base)
        )
        changes = tuple(_predicted(path, there=path in there) for path in files)
        decision = decide(self._policy.governance, ChangeFacts(files=changes), applies=Applies.PR)
        return tuple(
            f"{one.rule}: {one.says}"
            for one in decision.findings
            if one.passed is False and one.refuses
        )

    def _context(self, triaged: TriageDecided | None) -> tuple[tuple[str, int], ...]:
        """What an implementer would be shown of the repository, by name and tokens."""
        essays, config = self._services.essays, self._policy.config
        is_wanted = bool(config.context.tokens) and self.event == Event.TRIAGE_ACCEPTED
        if essays is None or triaged is None or not is_wanted:
            return ()
        essay = essays.essay(
            EssayRequest(
                base=self._policy.base,
                heading=triaged.title,
                question=triaged.body,
                tokens=config.context.tokens,
                files=config.context.files,
                tests=config.tests.paths,
            )
        )
        return tuple((one.name, one.tokens) for one in essay.manifest.included)


class _Purse:
    """A broker whose sessions together may spend no more than the cap."""

    def __init__(self, broker: Broker, cap: Decimal) -> None:
        self._broker, self._cap, self._used = broker, cap, dict[str, Usage]()

    @property
    def spent(self) -> Decimal:
        return sum((usage.cost_usd for usage in self._used.values()), Decimal(0))

    def open(self, request: SessionRequest) -> AbstractContextManager[Session]:
        return self._open(request)

    @contextmanager
    def _open(self, request: SessionRequest) -> Iterator[Session]:
        left = self._cap - self.spent
        if left <= 0:
            raise BudgetExhausted(
                f"a dry run may spend ${self._cap}, and has spent ${self.spent:.4f}; --cap"
                " raises it"
            )
        with self._broker.open(replace(request, usd=min(request.usd, left))) as opened:
            try:
                yield opened
            finally:
                self._used[opened.id] = self._broker.usage(opened)

    def usage(self, session: Session) -> Usage:
        return self._broker.usage(session)


def gaps_schema() -> dict[str, Any]:
    """The JSON schema of the one answer."""
    words = {"type": "string", "maxLength": 500}
    properties = {
        "quote": words,
        "asks": {**words, "minLength": 1},
        "matters": words,
        "who": {"enum": ["code", "browser"]},
    }
    gap = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"gaps": {"type": "array", "maxItems": MOST_GAPS, "items": gap}},
        "required": ["gaps"],
        "additionalProperties": False,
    }


def gaps_in(answer: Mapping[str, Any], *, text: str) -> tuple[tuple[Gap, ...], tuple[str, ...]]:
    """The gaps whose quotes are in the issue, and what was dropped of the answer."""
    found = tuple(
        Gap(one["quote"].strip(), one["asks"].strip(), one["matters"].strip(), one["who"])
        for one in answer["gaps"]
    )
    return (
        tuple(gap for gap in found if gap.quote in text),
        tuple(
            f"a gap quotes {gap.quote[:80]!r}, which is not in the issue"
            for gap in found
            if gap.quote not in text
        ),
    )


def minutes_of(others: tuple[History, ...]) -> float | None:
    """The middle of what issues that ended took, in minutes of work from a run's beginning to its
    end; None without any."""
    worked = [_worked(told) for told in others]
    return round(median_low(worked) / 60, 1) if worked else None


def _worked(history: History) -> float:
    ended = {
        entry.run: datetime.fromisoformat(entry.at)
        for entry in history.entries
        if entry.kind == "run-ended"
    }
    return sum(
        (ended[entry.run] - datetime.fromisoformat(entry.at)).total_seconds()
        for entry in history.entries
        if entry.kind == "run" and entry.run in ended
    )


def _predicted(path: str, *, there: bool) -> FileChange:
    """A change of a file of which only the name is known."""
    name, kind = (
        path.encode("utf-8", "surrogateescape"),
        ChangeKind.MODIFIED if there else ChangeKind.ADDED,
    )
    return FileChange(name, kind, REGULAR if there else UNKNOWN, REGULAR, None, None, None, None)


@cache
def _prompts() -> Mapping[str, str]:
    return {PROMPT: Path(__file__).with_name(PROMPT).read_text("utf-8")}
