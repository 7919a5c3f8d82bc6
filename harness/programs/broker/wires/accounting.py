"""What both APIs of the OpenAI wire share: token counts, refusals, and how a text is split."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harness.domain.plain import JsonDict, JsonObject
from harness.programs.broker.prices import MOST_COUNTED, Tokens
from harness.programs.broker.refusal import BUDGET, PAUSED, SCRIPT, Refusal

# About. Only to notice a runaway stream before its own count comes.
_LETTERS_A_TOKEN = 4
# Tokens. What is beyond the reservation is held in such steps, and each is written to disk.
_STEP = 256
# Tokens of an answer when the sandbox names no limit: the reservation has to be finite.
MOST_OUTPUT = 32_000
# Characters per delta.
_PIECE = 24
_CODES = {BUDGET: "insufficient_quota", PAUSED: "rate_limit_exceeded", SCRIPT: SCRIPT}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the two counts, input and output, in an API."""

    read: str
    written: str


CHAT, RESPONSES = (
    Names("prompt_tokens", "completion_tokens"),
    Names("input_tokens", "output_tokens"),
)


def counted(usage: Any, names: Names) -> Tokens | None:
    """The tokens of a `usage`; None when there is none. Raises ValueError on counts that are not
    numbers.

    Tokens read from a cache, or written to one, are part of the input; reasoning is part of the
    output. A provider that counts its reasoning apart shows that in the total, and then the total
    counts.
    """
    if usage is None:
        return None
    if not isinstance(usage, dict):
        raise ValueError(f"usage: {usage!r:.40}")
    details = usage.get(f"{names.read}_details") or {}
    read, cached, cache_write = (
        _count(usage, names.read),
        _count(details, "cached_tokens"),
        _count(details, "cache_write_tokens"),
    )
    written = max(_count(usage, names.written), _count(usage, "total_tokens") - read)
    return Tokens(
        input=max(0, read - cached - cache_write),
        output=written,
        cache_read=cached,
        cache_write=cache_write,
    )


def usage_of(tokens: Tokens | None) -> dict[str, int]:
    """Tokens as the Messages API counts them."""
    tokens = tokens or Tokens()
    return {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_creation_input_tokens": tokens.cache_write + tokens.cache_write_1h,
        "cache_read_input_tokens": tokens.cache_read,
    }


def usage_in(usage: JsonObject, names: Names) -> JsonDict:
    """The Messages API's counts in this API's form."""
    cached, cache_write = (
        usage.get("cache_read_input_tokens") or 0,
        usage.get("cache_creation_input_tokens") or 0,
    )
    read, written = (
        (usage.get("input_tokens") or 0) + cached + cache_write,
        usage.get("output_tokens") or 0,
    )
    return {
        names.read: read,
        names.written: written,
        "total_tokens": read + written,
        f"{names.read}_details": {"cached_tokens": cached, "cache_write_tokens": cache_write},
        f"{names.written}_details": {"reasoning_tokens": 0},
    }


def refused(refusal: Refusal) -> JsonDict:
    """`{"error": {"message", "type", "param", "code", …}}`."""
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.kind,
            "param": None,
            "code": _CODES.get(refusal.kind, refusal.kind),
            **refusal.about,
        }
    }


def fault(error: Any) -> tuple[str, str]:
    """The kind and the message of an error object; of anything else, its text."""
    if isinstance(error, dict):
        kind = next(
            (each for each in (error.get("code"), error.get("type")) if isinstance(each, str)),
            "api_error",
        )
        return kind, str(error.get("message"))
    return "api_error", repr(error)


def estimated(letters: int) -> int:
    """The tokens that so many letters are likely to be, in steps."""
    return letters // (_LETTERS_A_TOKEN * _STEP) * _STEP


def pieces(words: str) -> Iterator[str]:
    """A text in the pieces in which a provider would send it."""
    return (words[start : start + _PIECE] for start in range(0, len(words), _PIECE))


def _count(counts: JsonObject, name: str) -> int:
    found = counts.get(name) or 0
    if type(found) is not int or not 0 <= found <= MOST_COUNTED:
        raise ValueError(f"usage: {name} is {found!r:.40}")
    return found
