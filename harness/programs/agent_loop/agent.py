"""The loop: ask the model, carry out its calls, send it the results, until it is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .answers import DECLINED, TOO_LONG, ModelAnswer, StreamCut, ToolCall, answer_of
from .conversation import Conversation
from .tools import ENDINGS, TOOLS, Result, Tools
from .watch import Step, only_reads, stall

NO_CALL = (
    "You called no tool. Go on with one; call finish when the work is done, and give_up when it"
    " cannot be done."
)
NO_ROOM = "Your answer reached its longest length before it called a tool. Say less, and call one."
NO_WISH = (
    "You declined to answer. If you can do the work, or a part of it, go on with a tool; if not,"
    " call give_up and say why."
)
NUDGE = (
    "{} That leads nowhere. Try something else, or end: finish when the work is done, give_up when"
    " it cannot be. The next time this run is ended."
)
HASTY = (
    "`{}` ends the run, so nothing may come after it or have failed before it in the same answer."
    " Look at the results, then call it alone."
)
IDLE = {"called no tool": 2, "declined to answer": 2, "made only calls that could not be read": 3}
"""How many answers in a row without anything to carry out end the run, by reason."""
FINAL = ("budget_exhausted", "factory_paused", "replay_mismatch")
"""The broker's error types for a session that is over."""
# How often a question is asked again when its answer was cut, or when it was too long.
ASKED_AGAIN = 2


@dataclass(frozen=True)
class Assignment:
    """What to do, with which model, and how much to use.

    `system` is the same from run to run, so the provider can cache it.
    """

    system: list[str]
    task: str
    model: str
    base_url: str
    max_turns: int = 40
    max_tokens: int = 16_000
    effort: str = ""
    context_tokens: int = 150_000
    run_seconds: int = 120
    output_characters: int = 16_000


@dataclass(frozen=True, slots=True)
class End:
    """How a run ends. `reason` and `evidence` are there when it was given up."""

    outcome: str
    summary: str
    reason: str | None = None
    evidence: tuple[str, ...] = ()


def work(
    assignment: Assignment, client: Any, tools: Tools, report: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Work to an end, and report it: {outcome, summary, reason, evidence, turns, tool_calls,
    compactions}."""
    run = Run(
        assignment, client, tools, report, Conversation.of_task(assignment.system, assignment.task)
    )
    end = run.run_to_end()
    return {
        "outcome": end.outcome,
        "summary": end.summary,
        "reason": end.reason,
        "evidence": list(end.evidence),
        "turns": run.turn,
        "tool_calls": run.calls,
        "compactions": run.conversation.compactions,
    }


@dataclass(slots=True)
class Run:
    """One assignment at work."""

    assignment: Assignment
    client: Any
    tools: Tools
    report: Callable[[dict[str, Any]], None]
    conversation: Conversation
    turn: int = 0
    calls: int = 0
    idle: int = 0
    steps: list[Step] = field(default_factory=list)
    nudged: set[str] = field(default_factory=set)

    def run_to_end(self) -> End:
        while self.turn < self.assignment.max_turns:
            self.turn += 1
            answer = self.next_answer()
            if isinstance(answer, End):
                return answer
            self.conversation.add_answer(answer)
            results = self.results_of(answer)
            if end := ending(results):
                return end
            words = self.feedback_on(answer)
            if isinstance(words, End):
                return words
            self.conversation.add_results(results, *words)
        return End("out-of-turns", f"not done after {self.turn} turns")

    def next_answer(self) -> ModelAnswer | End:
        """The model's answer, asked for again when its stream was cut. The broker does all other
        retries."""
        from anthropic import AnthropicError
        from httpx2 import HTTPError

        most = self.assignment.context_tokens
        if self.conversation.size > most:
            self.conversation.make_room(most)
        left = ASKED_AGAIN
        while True:
            try:
                with self.client.messages.create(**self.request(), stream=True) as stream:
                    return answer_of(event.to_dict() for event in stream)
            except (AnthropicError, HTTPError, ValueError, StreamCut) as error:
                is_too_long = "prompt is too long" in str(error) and self.conversation.make_room(0)
                if not left or not (is_too_long or was_cut(error)):
                    return refused(error)
                left -= 1

    def request(self) -> dict[str, Any]:
        """One request. What does not change comes first, for the provider's cache."""
        effort = (
            {"output_config": {"effort": self.assignment.effort}} if self.assignment.effort else {}
        )
        return {
            "model": self.assignment.model,
            "max_tokens": self.assignment.max_tokens,
            **effort,
            "timeout": 900,
            "tools": TOOLS,
            **self.conversation.with_cache_marks(),
        }

    def results_of(self, answer: ModelAnswer) -> list[tuple[ToolCall, Result]]:
        """The result of each call of an answer, in order."""
        results: list[tuple[ToolCall, Result]] = []
        for call in answer.calls:
            hasty = call is not answer.calls[-1] or any(result.failed for _, result in results)
            fault = call.fault or (
                HASTY.format(call.name) if hasty and call.name in ENDINGS else ""
            )
            result = Result(fault, failed=True) if fault else self.tools.use(call.name, call.given)
            results.append((call, result))
            self.calls += 1
            self.steps.append(step(self.turn, call, result))
            self.report(
                {
                    "turn": self.turn,
                    "tool": call.name,
                    "input": json.dumps(call.given)[:300],
                    "error": result.failed,
                }
            )
        return results

    def feedback_on(self, answer: ModelAnswer) -> tuple[str, ...] | End:
        """What the model gets beside the results, or the end when it got that before."""
        idle, *words = idleness(answer)
        self.idle = self.idle + 1 if idle else 0
        if idle and self.idle >= IDLE[idle]:
            return End(
                "stalled", f"{self.idle} answers in a row led to nothing; the last one {idle}"
            )
        if found := stall(self.steps):
            kind, summary = found
            if kind in self.nudged:
                return End("stalled", summary)
            self.nudged.add(kind)
            self.steps.clear()
            words.append(NUDGE.format(summary))
        return tuple(words)


def idleness(answer: ModelAnswer) -> tuple[str, ...]:
    """Why nothing of an answer could be carried out (empty when something could), and texts for
    the model."""
    if answer.stop == DECLINED:
        return "declined to answer", NO_WISH
    if not answer.calls:
        return "called no tool", NO_ROOM if answer.stop in TOO_LONG else NO_CALL
    if all(call.fault for call in answer.calls):
        return ("made only calls that could not be read",)
    return ("",)


def ending(results: list[tuple[ToolCall, Result]]) -> End | None:
    """The end that the model chose, if it did."""
    call, result = results[-1] if results else (None, None)
    if call is None or result is None or result.failed or call.name not in ENDINGS:
        return None
    return End(
        ENDINGS[call.name],
        result.text,
        call.given.get("reason"),
        tuple(call.given.get("evidence", ())),
    )


def refused(error: Exception) -> End:
    """The end when no answer came, with the message of the refusal."""
    return End(
        "budget" if getattr(error, "type", None) == "budget_exhausted" else "error", str(error)
    )


def was_cut(error: Exception) -> bool:
    """Whether the error cut a stream that had begun well, or reports such a cut.

    502 is what a recording of such a call plays.
    """
    return (
        getattr(error, "status_code", 200) in (200, 502)
        and getattr(error, "type", None) not in FINAL
    )


def step(turn: int, call: ToolCall, result: Result) -> Step:
    """A call and its result, as `watch` compares them.

    The path of a kept output is new each time and means nothing, so it is left out.
    """
    reads = call.name in ("read", "search") or (
        call.name == "run" and only_reads(str(call.given.get("command", "")))
    )
    text = result.text.replace(result.place, "") if result.place else result.text
    made = Step(turn, call.name, json.dumps(call.given, sort_keys=True), text, result.failed, reads)
    return (
        replace(made, path=edited.path, before=edited.before, after=edited.after)
        if (edited := result.edited)
        else made
    )
