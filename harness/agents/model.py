"""One question, one answer by a schema: the `Model` port over a session's socket.

It is one request to our own broker, so it does without the provider's SDK, whose import alone took
0.8 s.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from harness.agents.unix_http import unix_http_client
from harness.domain.errors import AnswerError, BudgetExhausted, ModelError, ModelsPaused
from harness.domain.plain import JsonDict, JsonObject
from harness.ports.model import Session

TOOL = "answer"
_SECONDS = 600
_ASK = "Answer by calling the tool `answer`, once. Nothing else that you write is read."


class BrokeredModel:
    """Asks through the broker, with a single tool whose input is the answer."""

    def __init__(self, *, max_tokens: int = 8_000) -> None:
        self._max_tokens = max_tokens

    def answer(
        self, session: Session, *, system: Sequence[str], question: str, schema: JsonObject
    ) -> JsonObject:
        """The answer, valid against `schema`, which is a schema of an object.

        Raises AnswerError when the model itself is to blame, ModelError on any other failure,
        BudgetExhausted at a cap, and ModelsPaused while no provider is asked. The tool is offered,
        not forced: models that always think refuse to be forced.
        """
        message = self._message(session, system=system, question=question, schema=schema)
        match [block for block in message["content"] if block["type"] == "tool_use"]:
            case [call] if call["name"] == TOOL:
                return _valid(call["input"], schema)
            case []:
                raise AnswerError(
                    f"{session.model} did not call `{TOOL}`; it ended with {message['stop_reason']}"
                )
            case calls:
                called = ", ".join(call["name"] for call in calls)
                raise AnswerError(f"{session.model} was to call `{TOOL}` once; it called {called}")

    def _message(
        self, session: Session, *, system: Sequence[str], question: str, schema: JsonObject
    ) -> JsonObject:
        """A message (https://docs.anthropic.com/en/api/messages). The broker has checked its
        form."""
        import httpx2

        request = self._request(session, system=system, question=question, schema=schema)
        with unix_http_client(session.socket, seconds=_SECONDS) as http:
            try:
                answer = http.post(
                    "/v1/messages", json=request, headers={"anthropic-version": "2023-06-01"}
                )
                found: JsonDict = json.loads(answer.content)
            except (httpx2.TransportError, ValueError) as error:
                raise ModelError(
                    f"the broker does not answer at {session.socket}: {error}", retryable=True
                ) from error
        if answer.is_success:
            return found
        raise stop_or_error(found["error"], status=answer.status_code)

    def _request(
        self, session: Session, *, system: Sequence[str], question: str, schema: JsonObject
    ) -> JsonDict:
        blocks: list[JsonDict] = [{"type": "text", "text": block} for block in system]
        # The first block is nearly always the same, so a provider can cache it.
        for block in blocks[:1]:
            block["cache_control"] = {"type": "ephemeral"}
        effort = {"output_config": {"effort": session.effort}} if session.effort else {}
        return {
            "model": session.model,
            "max_tokens": session.max_tokens or self._max_tokens,
            **effort,
            "system": blocks,
            "messages": [{"role": "user", "content": f"{question}\n\n{_ASK}"}],
            "tools": [
                {"name": TOOL, "description": "Gives the answer.", "input_schema": dict(schema)}
            ],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        }


def stop_or_error(error: JsonObject, *, status: int) -> BudgetExhausted | ModelsPaused | ModelError:
    """The exception for a refusal of the broker. It is retryable only when a provider may answer
    otherwise later."""
    kind, message = str(error["type"]), str(error["message"])
    match error:
        case {"type": "budget_exhausted"}:
            return BudgetExhausted(message)
        case {"type": "factory_paused", "cause": str(cause), "again_at": str(moment)}:
            # Whoever shows a pause names its end; without it the same cause has the same words.
            why = message.removesuffix(f"; it goes on at {moment}")
            return ModelsPaused(why, cause=cause, again_at=datetime.fromisoformat(moment))
    return ModelError(f"{kind}: {message}", retryable=status == 429 or status >= 500)


def _valid(answer: Any, schema: JsonObject) -> JsonObject:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    if not isinstance(answer, dict):
        raise AnswerError(f"the answer is not an object: {str(answer)[:200]}")
    if wrong := best_match(Draft202012Validator(schema).iter_errors(answer)):
        raise AnswerError(
            f"the answer does not fit its schema: {wrong.json_path}: {wrong.message[:300]}"
        )
    return answer
