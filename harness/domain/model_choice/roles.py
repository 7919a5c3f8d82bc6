"""Who plays a role: its models in the order in which they are tried, and the families that may not
review each other.

Properties: whoever reviews is of another family than whoever wrote, unless `[families]` of the
repository states that two names are apart; a model that no table knows is a family of its own stem,
so two versions of it are one family."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from harness.domain.setting import required, setting

MOST_TOKENS = 1_000_000


@dataclass(frozen=True, slots=True)
class Tier:
    """One model that may play a role, and how it is asked. Empty and 0 leave it to whoever asks."""

    model: str = field(
        metadata=required(
            "The model's name; of another provider of the home, `PROVIDER/NAME`.",
            example='"claude-opus-5-5"',
        )
    )
    effort: str = setting(
        "", "`low`, `medium`, `high`, or another word of its provider.", example='"high"'
    )
    # fmt: off
    max_tokens: int = setting(
        0, "Length of one answer; 0: whoever asks decides.",
        example="32000", unit="tokens", least=0, most=MOST_TOKENS,
    )
    agent: str = setting(
        "", "A name under `[agents]`, for the implementer; empty: the built-in agent.",
        example='"theirs"',
    )
    # fmt: on


FallbackChain = tuple[Tier, ...]
"""The models of one role, the first tried first. Empty: nobody plays it."""

FAMILIES_AS_OF = "2026-11-22"
FAMILIES: Mapping[str, str] = {
    "claude-opus": "claude-opus",
    "claude-sonnet": "claude-sonnet",
    "claude-haiku": "claude-haiku",
    "gpt": "gpt",
    "chatgpt": "gpt",
    "codex": "gpt",
    "o": "gpt-reasoning",
    "gemini": "gemini",
    "gemma": "gemini",
    "grok": "grok",
    "llama": "llama",
    "codellama": "llama",
    "qwen": "qwen",
    "qwq": "qwen",
    "deepseek": "deepseek",
    "kimi": "kimi",
    "glm": "glm",
    "minimax": "minimax",
    "mistral": "mistral",
    "mixtral": "mistral",
    "codestral": "mistral",
    "devstral": "mistral",
    "magistral": "mistral",
}
"""Beginnings of stems, and the family that each is of, at `FAMILIES_AS_OF`. A family is what shares
one line of training as far as its maker tells; where a maker tells nothing of it, all of that name
are one family."""

_BREAKS = re.compile(r"[-_.:@ ]+")
_TURN = re.compile(r"\d+.*")


def stem_of(model: str) -> str:
    """A model's name without its maker, its numbers and its dates: `claude-sonnet` of
    `anthropic/claude-sonnet-5-5`."""
    # Numbers and dates go: two versions of a model share their training, and so their mistakes.
    words = [_TURN.sub("", word) for word in _BREAKS.split(model.casefold().rpartition("/")[2])]
    return (
        "-".join(word for word in words if word not in ("", "v", "latest", "preview"))
        or model.casefold()
    )


def family_of(model: str, *, own: Mapping[str, str] | None = None) -> str:
    """The family of a model: by the repository's own table (beginnings of names as they are
    written), else by ours, else its stem. Of several beginnings the longest counts."""
    name = model.casefold().rpartition("/")[2]
    # The repository's own table goes first: it knows models that no release of ours does.
    if theirs := [start for start in own or {} if name.startswith(start.casefold())]:
        return (own or {})[max(theirs, key=len)]
    stem = stem_of(model)
    ours = [start for start in FAMILIES if stem == start or stem.startswith(f"{start}-")]
    return FAMILIES[max(ours, key=len)] if ours else stem


def others(
    fallbacks: FallbackChain,
    written_by: Iterable[str],
    *,
    own: Mapping[str, str] | None = None,
    same_family: bool = False,
) -> FallbackChain:
    """Those of a ladder that may review what these models wrote: of another family, or with
    `same_family` another model."""
    # one model is itself, whoever provides it
    if same_family:
        models = {model.rpartition("/")[2] for model in written_by}
        return tuple(tier for tier in fallbacks if tier.model.rpartition("/")[2] not in models)
    families = {family_of(model, own=own) for model in written_by}
    return tuple(tier for tier in fallbacks if family_of(tier.model, own=own) not in families)
