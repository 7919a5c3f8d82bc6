"""A dry run: what would become of an issue, and what it leaves open, before anybody pays for it.

Properties:
- it asks the real triage, the real planner and the real rules; it writes to the ledger that it was
  given, which is one in memory, and never to the forge;
- it spends at most its cap: each session may spend what is left of the cap and no more;
- it is advice and settles no rule: of the predicted files it reports only what the rules refuse in
  any case;
- it reports a gap only with words that are in the issue, or where the issue is silent.
"""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from statistics import median_low

from harness.domain.budget import Usage
from harness.domain.errors import BudgetExhausted, ModelError
from harness.domain.events import IssueSeen, Plan, RunEnded, RunStarted, TriageDecided
from harness.domain.facts import REGULAR, UNKNOWN, ChangeFacts, ChangeKind, FileChange
from harness.domain.governance import Applies
from harness.domain.issue import Issue
from harness.domain.lifecycle import Event
from harness.domain.plain import JsonDict, JsonObject, plain
from harness.domain.repository_context import ContextRequest
from harness.domain.workflow import AgentNode, Node, UseNode
from harness.factory.models import prompts
from harness.factory.models.selection import first_answer
from harness.factory.pipeline.actions import action_for
from harness.factory.pipeline.gaps import Gap, gaps_in, gaps_question, gaps_schema
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
"""US dollars that a dry run may spend unless the caller names another cap."""
MOST_SHOWN = 2000
"""Paths of the repository that the planner is shown."""
_PLAN_PROMPT = "planner.md.j2"


@dataclass(frozen=True, slots=True)
class DryRun:
    """The result of a dry run.

    `event` is triage's, with its `reason`; `asks` is what triage would ask the filer. Without a
    `plan` no files were predicted. `minutes` is the median of what such issues took, None without
    history. `dropped` is what models wrote and code could not confirm. `cut` is why the dry run
    ended early, empty where it did not."""

    issue: int
    title: str
    event: str
    reason: str
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
        """Whether an implementer may start: triage accepts it, nothing is open or cut short, and
        the rules refuse none of the predicted files."""
        return self.event == Event.TRIAGE_ACCEPTED and not (self.gaps or self.refusals or self.cut)

    def document(self) -> JsonDict:
        """The result as JSON; dollars are decimal texts."""
        fields = asdict(self)
        fields["message"] = fields.pop("reason")
        values = {
            **fields,
            "clear": self.is_clear,
            "spent": f"{self.spent:f}",
            "cost": self.cost.event.document(),
            "plan": None if self.plan is None else plain(self.plan),
            "context": [{"name": name, "tokens": tokens} for name, tokens in self.context],
        }
        document: JsonDict = json.loads(json.dumps(values))
        return document


def dry_run(
    services: Services, policy: PolicySnapshot, issue: Issue, *, run: str, cap: Decimal = CAP
) -> DryRun:
    """Dry-run the pipeline for an issue. It writes to the ledger of `services`, so that has to be
    one that nobody keeps.

    A cap that is reached ends it early, and `cut` is why. Raises what the forge and the broker
    raise otherwise."""
    broker = _CappedBroker(services.broker, cap)
    steps = _Steps(replace(services, broker=broker), policy, issue, run)
    steps.begin()
    cut = ""
    try:
        steps.triage()
        if steps.event == Event.TRIAGE_ACCEPTED:
            steps.plan()
            steps.look_for_gaps()
    except (BudgetExhausted, ModelError) as error:
        cut = str(error)
    return steps.result(spent=broker.spent, cut=cut)


class _Steps:
    """The steps of one dry run, and what they found so far."""

    def __init__(self, services: Services, policy: PolicySnapshot, issue: Issue, run: str) -> None:
        self._services, self._policy, self._issue, self._run = services, policy, issue, run
        self.event, self._reason, self._gaps = "", "", tuple[Gap, ...]()
        self._plan: Plan | None = None
        self._dropped: tuple[str, ...] = ()
        self._outputs: dict[str, JsonObject] = {}

    def begin(self) -> None:
        """Record the issue and a run, as the factory does before it triages."""
        issue, ledger = self._issue, self._services.ledger
        ledger.append(
            # Nobody's rights are asked for here, so the issue counts as a stranger's.
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
        """Run the nodes of triage up to its decision. The nodes after it would act."""
        for node in self._policy.workflows["triage"].nodes:
            if isinstance(node, AgentNode) or (
                isinstance(node, UseNode) and node.action in ("triage.intake", "triage.decide")
            ):
                result = action_for(node)(self._job(node))
                self._outputs[node.id] = result.output
                self._reason = result.message or self._reason
                self.event = result.event or self.event
                if not result.outcome.succeeded:
                    # Without an event it is no decision: the model or its session failed.
                    if not result.event:
                        raise ModelError(result.message)
                    return

    def plan(self) -> None:
        """Ask for a plan. Where the configuration names no planner, ask the models of triage."""
        paths = sorted(text_of(path) for path in self._services.repository.files(self._policy.base))
        values = {
            "spec_card": self._card,
            "paths": json.dumps(paths[:MOST_SHOWN], indent=0),
            "diagnosis": "",
            "findings": [],
            "left_out": max(0, len(paths) - MOST_SHOWN),
        }
        question = rendered(_PLAN_PROMPT, values, prompts=self._policy.prompts)
        self._plan = plan_in(self._answer(question, plan_schema(), attempt=1), paths=paths)
        self._dropped = self._plan.dropped

    def look_for_gaps(self) -> None:
        """Ask what the issue leaves open."""
        plan = prompts.document(plain(self._plan)) if self._plan else ""
        answer = self._answer(gaps_question(self._card, plan), gaps_schema(), attempt=2)
        triaged = self._history.triage
        written = (triaged.title, triaged.body, *triaged.replies) if triaged else ()
        self._gaps, dropped = gaps_in(answer, text="\n".join(written))
        self._dropped += dropped

    def result(self, *, spent: Decimal, cut: str) -> DryRun:
        """What the steps found, with what such issues cost and took before."""
        triaged = self._history.triage
        ended = self._services.issue_index.filter(has_ended)
        others = tuple(history for history in ended if history.issue != self._issue.number)
        steps = self._plan.steps if self._plan else ()
        files = tuple(dict.fromkeys(path for step in steps for path in step.touches))
        length = length_of(self._issue.title, self._issue.body)
        return DryRun(
            issue=self._issue.number,
            title=(triaged and triaged.title) or self._issue.title,
            event=self.event,
            reason=self._reason,
            cites=tuple(cite.id for cite in triaged.cites) if triaged else (),
            asks=self._question_back,
            plan=self._plan,
            files=files,
            refusals=self._refused(files),
            gaps=self._gaps,
            dropped=self._dropped,
            context=self._context(triaged),
            cost=estimate(triaged.issue_kind if triaged else "", length, others),
            minutes=median_minutes(others),
            spent=spent,
            cut=cut,
        )

    @property
    def _history(self) -> History:
        return self._services.issue_index.of(self._issue.number)

    @property
    def _card(self) -> str:
        return prompts.spec_card(self._job(self._policy.workflows["triage"].nodes[0]))

    @property
    def _question_back(self) -> str:
        if self.event != Event.TRIAGE_NEEDS_INFO:
            return ""
        asks = (output.get("ask") for output in self._outputs.values())
        return next((str(one) for one in asks if one), "")

    def _job(self, node: Node) -> Job:
        outputs = dict(self._outputs)
        return Job(self._services, self._policy, self._issue.number, self._run, 1, node, outputs)

    def _answer(self, question: str, schema: JsonObject, *, attempt: int) -> JsonObject:
        models = self._policy.config.models
        system, model = prompts.system_blocks(self._policy), self._services.model
        answer, _ = first_answer(
            self._job(self._policy.workflows["triage"].nodes[0]),
            PLANNER,
            models.planner or models.triage,
            lambda line: model.answer(line, system=system, question=question, schema=schema),
            attempt=attempt,
        )
        return answer

    def _refused(self, files: tuple[str, ...]) -> tuple[str, ...]:
        """What the rules refuse of a change to these files, whatever else is in it. All other facts
        of that change are unknown."""
        if not files:
            return ()
        existing = frozenset(
            text_of(path) for path in self._services.repository.files(self._policy.base)
        )
        changes = tuple(_predicted(path, exists=path in existing) for path in files)
        decision = decide(self._policy.governance, ChangeFacts(files=changes), applies=Applies.PR)
        # Nearly every fact is unknown, so only a finding that fails already counts.
        return tuple(
            f"{one.rule}: {one.message}"
            for one in decision.findings
            if one.passed is False and one.refuses
        )

    def _context(self, triaged: TriageDecided | None) -> tuple[tuple[str, int], ...]:
        """What an implementer would be shown of the repository: names, each with its tokens."""
        contexts, config = self._services.contexts, self._policy.config
        is_wanted = bool(config.context.tokens) and self.event == Event.TRIAGE_ACCEPTED
        if contexts is None or triaged is None or not is_wanted:
            return ()
        context = contexts.context(
            ContextRequest(
                base=self._policy.base,
                heading=triaged.title,
                question=triaged.body,
                tokens=config.context.tokens,
                files=config.context.files,
                tests=config.tests.paths,
            )
        )
        return tuple((one.name, one.tokens) for one in context.manifest.included)


class _CappedBroker:
    """A broker whose sessions together spend at most `cap` US dollars."""

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
                # A session that failed has cost something too.
                self._used[opened.id] = self._broker.usage(opened)

    def usage(self, session: Session) -> Usage:
        return self._broker.usage(session)


def median_minutes(ended: tuple[History, ...]) -> float | None:
    """The median of the minutes that these issues were worked on, from each run's start to its end;
    None without any."""
    worked = [_seconds_worked(history) for history in ended]
    return round(median_low(worked) / 60, 1) if worked else None


def _seconds_worked(history: History) -> float:
    ended = {entry.run: entry.moment for entry in history.of(RunEnded)}
    return sum(
        (ended[entry.run] - entry.moment).total_seconds()
        for entry in history.runs
        if entry.run in ended
    )


def _predicted(path: str, *, exists: bool) -> FileChange:
    """A change of a file of which only the name is known."""
    name = path.encode("utf-8", "surrogateescape")
    kind = ChangeKind.MODIFIED if exists else ChangeKind.ADDED
    return FileChange(name, kind, REGULAR if exists else UNKNOWN, REGULAR, None, None, None, None)
