"""Why a run was given up, and what shows it: code looks, before it is believed.

An honest end is a good one, so it costs nothing but to point at what was found: at the command that
was tried, or at the words that contradict each other."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

Reason = Literal["cannot-reproduce", "spec-conflict", "blocked"]
REASONS: tuple[str, ...] = get_args(Reason)
# characters of a quote: fewer are found anywhere
_LEAST = 12


def lacking(
    reason: str, evidence: Sequence[str], *, ran: Mapping[str, int | None], told: str
) -> str:
    """What the evidence lacks, as the model should be told; nothing when it holds.

    `ran` are the commands that were run, with their newest exit codes (None: stopped), `told` is
    all that the model was given."""
    if reason == "spec-conflict":
        return _unquoted(evidence, told)
    tried = [command for command in evidence if command in ran]
    if not tried:
        return (
            "evidence names no command that was run here; give, word for word, the `command` of a"
            " call of `run` that shows it" + (f", such as {list(ran)[-1]!r:.200}" if ran else "")
        )
    if reason == "blocked" and all(ran[command] == 0 for command in tried):
        return (
            "what `evidence` names has ended with exit 0, so it blocks nothing; name the command"
            " that failed"
        )
    if reason == "cannot-reproduce" and all(ran[command] is None for command in tried):
        return (
            "what `evidence` names was stopped before it had an end; run what shows how it behaves,"
            " to its end"
        )
    return ""


def _unquoted(evidence: Sequence[str], told: str) -> str:
    words = _flat(told)
    for quote in evidence:
        if len(_flat(quote)) < _LEAST or _flat(quote) not in words:
            return (
                f"{quote!r:.200} is not in what you were given, or is too short; quote the"
                " specification and the files of governance word for word, each a sentence or so"
            )
    if len({_flat(quote) for quote in evidence}) < 2:
        return (
            "evidence of a contradiction is two quotes, word for word: what the specification says,"
            " and what speaks against it"
        )
    return ""


def _flat(text: str) -> str:
    """Words as they are read: spaces are one, and what a JSON string had to escape is as it was."""
    return " ".join(text.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"').split())
