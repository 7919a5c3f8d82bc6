"""The conversation with the model. It only grows, so that the provider's cache serves all earlier
parts.

Properties:

- Tools and system come first and are the same bytes in every request. Each request begins with all
  of the one before it, but for the cache marks, which are no part of what is cached.
- The marks are at the ends of the system, of the task, of the newest message, and of the message
  that was newest in the request before. That is four, the most that a request may have. The last
  two are never further apart than one answer, however many blocks it has.
- When room has to be made, the results of older calls are reduced to one line each, with the path
  of the whole. The system, the task, the model's texts and calls, and the newest turns are never
  reduced. This breaks the cache, so it is counted, and done for all old results at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .answers import ModelAnswer, ToolCall, clean
from .tools import Result

_MARK = {"cache_control": {"type": "ephemeral"}}
# Turns whose results are never reduced. The less room there is, the fewer.
KEPT = (8, 4, 2)
# The part of the budget that may be used after making room. With more, it would be made again soon.
ROOMY = 0.7
# Few, so that the estimate is rather too high.
_CHARACTERS_A_TOKEN = 3


@dataclass(slots=True)
class Conversation:
    """The conversation so far.

    `compactions` counts how often room was made, `size` estimates its tokens.
    """

    system: tuple[dict[str, Any], ...]
    messages: list[dict[str, Any]]
    briefs: dict[str, str]
    size: int = 0
    compactions: int = 0

    @classmethod
    def of_task(cls, system: Sequence[str], task: str) -> "Conversation":
        """A conversation that begins with a task."""
        return cls(
            tuple(text(block) for block in system), [{"role": "user", "content": [text(task)]}], {}
        )

    def add_answer(self, answer: ModelAnswer) -> None:
        """Append the model's answer. (A message needs content, and the model's own may be
        empty.)"""
        self.messages.append(
            {"role": "assistant", "content": answer.content or [text("(nothing)")]}
        )
        self.size = answer.tokens

    def add_results(self, results: Sequence[tuple[ToolCall, Result]], *words: str) -> None:
        """Append the results of the newest answer's calls, and then texts of our own."""
        blocks = [
            {
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": clean(result.text) or "(nothing)",
                "is_error": result.failed,
            }
            for call, result in results
        ]
        self.briefs |= {call.id: result.brief for call, result in results if result.brief}
        self.messages.append(
            {"role": "user", "content": [*blocks, *(text(word) for word in words)]}
        )
        self.size += sum(len(result.text) for _, result in results) // _CHARACTERS_A_TOKEN

    def with_cache_marks(self) -> dict[str, Any]:
        """The system and the messages as they are sent, with the cache marks."""
        ends = {0, len(self.messages) - 1, max(len(self.messages) - 3, 0)}
        return {
            "system": [*self.system[:-1], self.system[-1] | _MARK],
            "messages": [
                _marked(message) if number in ends else message
                for number, message in enumerate(self.messages)
            ],
        }

    def make_room(self, most: int) -> bool:
        """Reduce old results to a line each, until `most` tokens have room again. Returns whether
        it could.

        It keeps the results of the newest eight turns, then four, then two, until that is enough.
        """
        before = self.messages
        for keep in KEPT:
            newest = max(len(before) - 2 * keep, 1)
            self.messages = [
                *before[:1],
                *(self._reduced(message) for message in self.messages[1:newest]),
                *before[newest:],
            ]
            if self.size <= most * ROOMY:
                break
        self.compactions += self.messages != before
        return self.messages != before

    def _reduced(self, message: dict[str, Any]) -> dict[str, Any]:
        return message | {"content": [self._brief(block) for block in message["content"]]}

    def _brief(self, block: dict[str, Any]) -> dict[str, Any]:
        brief = self.briefs.get(block.get("tool_use_id", ""))
        if brief is None or len(text := f"[left out to make room: {brief}]") >= len(
            block["content"]
        ):
            return block
        self.size -= (len(block["content"]) - len(text)) // _CHARACTERS_A_TOKEN
        return block | {"content": text}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _marked(message: Mapping[str, Any]) -> dict[str, Any]:
    *before, last = message["content"]
    return {**message, "content": [*before, last | _MARK]}
