"""Sums what models cost by issue, role, model, day or run. Each grouping of the same lines has the
same sum, to the nanodollar."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Self

BY = ("issue", "role", "model", "day", "run")
"""What lines can be grouped by."""


@dataclass(frozen=True, slots=True)
class SpendingLine:
    """The calls of one session on one UTC day. Money is in US dollars: `settled` by the provider's
    own count, `held` in full because nobody knows how the call ended, `open` while it is reserved
    for a call that has not ended. `input_tokens` are all that were read, `cache_read_tokens` those
    of them that came from the provider's cache."""

    session: str
    run: str
    role: str
    issue: int
    model: str
    day: str
    # its answers came from a recording, so none of this was paid
    replayed: bool
    calls: int
    input_tokens: int
    cache_read_tokens: int
    output_tokens: int
    settled: Decimal
    held: Decimal
    open: Decimal


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of lines. `spent` is what was paid or has to be taken for paid, `held` of that what is
    not known for certain, `open` what is reserved beside it, and `replayed` what a replay would
    have cost and did not."""

    calls: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0
    spent: Decimal = Decimal(0)
    held: Decimal = Decimal(0)
    open: Decimal = Decimal(0)
    replayed: Decimal = Decimal(0)

    def __add__(self, other: Self) -> "Total":
        return Total(
            *(getattr(self, field.name) + getattr(other, field.name) for field in fields(Total))
        )


def total(lines: Iterable[SpendingLine]) -> Total:
    """All of them together."""
    return sum(map(_of, lines), Total())


def folded(
    lines: Iterable[SpendingLine], by: Sequence[str]
) -> tuple[tuple[tuple[int | str, ...], Total], ...]:
    """A sum for each combination of what is named in `by`, in their order; each of them is one of
    BY."""
    sums: dict[tuple[int | str, ...], Total] = {}
    for line in lines:
        key = tuple(getattr(line, name) for name in by)
        sums[key] = sums.get(key, Total()) + _of(line)
    return tuple(sorted(sums.items()))


def _of(line: SpendingLine) -> Total:
    counted = (line.calls, line.input_tokens, line.cache_read_tokens, line.output_tokens)
    # Counted beside the money: a replay would otherwise look as if it had been paid.
    if line.replayed:
        return Total(*counted, replayed=line.settled + line.held + line.open)
    return Total(*counted, spent=line.settled + line.held, held=line.held, open=line.open)
