"""Checks the evidence of a run that was given up, before anybody believes it.

An honest end is a good one, so it costs little: a pointer to the command that was tried, or to the
sentences that contradict each other.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

Reason = Literal["cannot-reproduce", "spec-conflict", "blocked"]
REASONS: tuple[str, ...] = get_args(Reason)
# Characters of a quote. Fewer are found anywhere.
_LEAST = 12


def lacking(
    reason: str, evidence: Sequence[str], *, ran: Mapping[str, int | None], given_text: str
) -> str:
    """What the evidence lacks, as a message for the model; empty when it is enough.

    `ran` are the commands that were run, with their newest exit codes (None: stopped). `given_text`
    is all that the model was given.
    """
    if reason == "spec-conflict":
        return _unquoted(evidence, given_text)
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


def _unquoted(evidence: Sequence[str], given_text: str) -> str:
    words = _flat(given_text)
    for quote in evidence:
        if len(_flat(quote)) < _LEAST or _flat(quote) not in words:
            return (
                f"{quote!r:.200} is not in what you were given, or is too short; quote the"
                " specification and the files of governance word for word, each a sentence or so"
            )
    if len({_flat(quote) for quote in evidence}) < 2:
        return (
            "evidence of a contradiction is two quotes, word for word: what the specification"
            " wants, and what speaks against it"
        )
    return ""


def _flat(text: str) -> str:
    """The text in a comparable form: single spaces, and without the escapes of a JSON string."""
    return " ".join(text.replace("\\n", " ").replace("\\t", " ").replace('\\"', '"').split())
