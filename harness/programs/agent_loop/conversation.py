"""The conversation with the model. It only grows, so that the provider's cache serves all that was
said before.

Properties kept:
- tools and system come first and are the same bytes in every request; each request begins with all
  of the one before it, but for the marks of the cache, which are no part of what is cached;
- marked are the ends of the system, of the task, of the newest message and of the one that was
  newest in the request before: four, the most that a request may have, and the last two never
  further apart than one answer, however many blocks it has;
- when room has to be made, the results of older calls become one line each, with the place of the
  whole. Never the system, never the task, never what was said or called, never the newest turns.
  That breaks the cache, so it is counted, and done for all old results at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .answers import Answer, Call, clean
from .tools import Result

_MARK = {"cache_control": {"type": "ephemeral"}}
# turns whose results are never reduced; the fewer, the less room there is
KEPT = (8, 4, 2)
# of the budget is used when room has been made: or it would have to be made again at once
ROOMY = 0.7
# few, so that what is estimated is rather too much
_CHARACTERS_A_TOKEN = 3


@dataclass(slots=True)
class Conversation:
    """What was said so far. `compactions` counts how often room was made, `size` estimates its
    tokens."""

    system: tuple[dict[str, Any], ...]
    messages: list[dict[str, Any]]
    briefs: dict[str, str]
    size: int = 0
    compactions: int = 0

    @classmethod
    def about(cls, system: Sequence[str], task: str) -> "Conversation":
        """One that begins with a task."""
        return cls(
            tuple(text(block) for block in system), [{"role": "user", "content": [text(task)]}], {}
        )

    def hear(self, answer: Answer) -> None:
        """Append what the model said. (Each message needs content, and the model's own may be
        empty.)"""
        self.messages.append(
            {"role": "assistant", "content": answer.content or [text("(nothing)")]}
        )
        self.size = answer.tokens

    def tell(self, results: Sequence[tuple[Call, Result]], *words: str) -> None:
        """Append what came of the calls of the newest answer, and then words of our own."""
        blocks = [
            {
                "type": "tool_result",
                "tool_use_id": call.id,
                "content": clean(result.said) or "(nothing)",
                "is_error": result.wrong,
            }
            for call, result in results
        ]
        self.briefs |= {call.id: result.brief for call, result in results if result.brief}
        self.messages.append(
            {"role": "user", "content": [*blocks, *(text(word) for word in words)]}
        )
        self.size += sum(len(result.said) for _, result in results) // _CHARACTERS_A_TOKEN

    def marked(self) -> dict[str, Any]:
        """The system and the messages as they are sent, with the marks of the cache."""
        ends = {0, len(self.messages) - 1, max(len(self.messages) - 3, 0)}
        return {
            "system": [*self.system[:-1], self.system[-1] | _MARK],
            "messages": [
                _marked(message) if number in ends else message
                for number, message in enumerate(self.messages)
            ],
        }

    def make_room(self, most: int) -> bool:
        """Reduce old results to a line each, until there is room again in `most` tokens: all but
        those of the newest eight turns; where that is not enough, four; two. Whether there was
        anything to reduce."""
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
        if brief is None or len(said := f"[left out to make room: {brief}]") >= len(
            block["content"]
        ):
            return block
        self.size -= (len(block["content"]) - len(said)) // _CHARACTERS_A_TOKEN
        return block | {"content": said}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def _marked(message: Mapping[str, Any]) -> dict[str, Any]:
    *before, last = message["content"]
    return {**message, "content": [*before, last | _MARK]}
