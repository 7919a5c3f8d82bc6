"""What a journey has at stake: the texts that it requires, and the data of its steps in them.

Fault injectors aim at exactly this, and a fault that hits it must be noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from validators.domain.errors import ExpressionInvalid
from validators.domain.journeys.calls import AnswerIs
from validators.domain.journeys.claim import NUMERIC, Claim, Listing, Match, templates
from validators.domain.journeys.commands import OutputHas
from validators.domain.journeys.journey import CountIs, Journey, Look, RowHas
from validators.domain.journeys.looks import ColumnHas, LeadsTo, RowsAre, StatusIs
from validators.domain.journeys.values import Draw, Filled, Named, Template, Values
from validators.domain.journeys.walk import (
    claims_of,
    counts_in_a_file,
    looks,
    positive,
    required,
    values_of,
)
from validators.domain.journeys.wording import folded, whole_words

# Between the seed of a run and that of what could have been put in instead: no run has both.
ANOTHER = 500_009
MOST_DRAWS = 60

Address = tuple[Match, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Stakes:
    """`texts` are required on the page; `data` are the values of the steps in them. `addresses` are
    where links must lead; `ordered` are headers of columns whose order is looked at. `counted`,
    `numeric`, `status`: whether there is such a look.

    Of answers to calls: `statuses` are those that are expected, `headers` the names of headers that
    are looked at. Of these and of printed JSON: `fields` are the pointers at which something must
    stand, `sorted_at` those of arrays whose order is looked at. `others` are pairs of a value that
    was drawn for the calls and one that could have been drawn in its place."""

    texts: frozenset[str] = frozenset()
    data: frozenset[str] = frozenset()
    addresses: frozenset[Address] = frozenset()
    ordered: frozenset[str] = frozenset()
    counted: bool = False
    numeric: bool = False
    status: bool = False
    statuses: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    sorted_at: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()
    others: tuple[tuple[str, str], ...] = ()


def stakes(journey: Journey, values: Values) -> Stakes:
    """The stakes that are known at this point of the run. A text whose values are not set yet is
    left out."""
    texts = frozenset(_known(required(journey), values))
    put_in = {folded(value) for value in (*values.fields.values(), *values.names.values())}
    mentioned = {
        value
        for value in put_in
        if value and any(whole_words(value).search(text) for text in texts)
    }
    every = (*journey.looks_on_the_way, *looks(journey.expect))
    wanted = [look for look in every if positive(look)]
    answers = [look for look in wanted if isinstance(look, AnswerIs)]
    documents = [look for look in wanted if isinstance(look, AnswerIs | OutputHas)]
    claims = [claim for look in documents for claim in look.json]
    sorted_claims = [claim for claim in claims if claim.order is not None]
    counts = CountIs | RowsAre | StatusIs
    return Stakes(
        texts - {""},
        frozenset(mentioned),
        addresses=frozenset(_addresses(wanted, values)),
        ordered=frozenset(
            _known((template for look in wanted for template in _ordered(look)), values)
        ),
        counted=any(
            isinstance(look, CountIs | RowsAre) or counts_in_a_file(look) for look in wanted
        )
        or any(claim.count for claim in claims),
        numeric=any(
            claim.match in NUMERIC
            for look in wanted
            if not isinstance(look, counts)
            for claim in _claims(look)
        ),
        status=any(isinstance(look, StatusIs) for look in wanted),
        statuses=frozenset(
            _known((one for look in answers for one in templates(look.status)), values)
        ),
        fields=frozenset(_known((one.pointer for one in claims if not one.negative), values)),
        sorted_at=frozenset(_known((claim.pointer for claim in sorted_claims), values)),
        headers=frozenset(
            header.name.lower() for look in answers for header in look.headers if not header.absent
        ),
        others=tuple(_others(journey, values)) if journey.calls else (),
    )


def _others(journey: Journey, values: Values) -> Iterator[tuple[str, str]]:
    """What the steps put in, beside what another draw would have put in."""
    other = replace(values, draw=_other_draw(journey, values.draw), names=dict(values.names))
    for name, template in journey.let:
        try:
            other.names[name] = other.text(template)
        except ExpressionInvalid:
            continue
        yield values.names.get(name, ""), other.names[name]
    for template in (one for step in journey.steps for one in values_of(step) if one.holes):
        try:
            yield values.text(template), other.text(template)
        except ExpressionInvalid:
            continue


@lru_cache(maxsize=64)
def _other_draw(journey: Journey, draw: Draw) -> Draw:
    """Of several draws, the one in which most is different.

    One of three choices is drawn again every third time. The answer to another input would then be
    the journey's own, and a good app was said to answer whatever it is asked."""
    own, best, most = _drawn(journey, draw), draw, -1
    for number in range(1, MOST_DRAWS):
        other = replace(draw, seed=draw.seed + ANOTHER * number)
        differ = sum(mine != its for mine, its in zip(own, _drawn(journey, other), strict=True))
        if differ > most:
            best, most = other, differ
        if differ == len(own):
            break
    return best


def _drawn(journey: Journey, draw: Draw) -> list[str]:
    """What is drawn for `let`, and in steps beside any name."""
    values = Values(draw)
    for name, template in journey.let:
        values.names[name] = values.text(template)
    let = [values.names[name] for name, template in journey.let if template.holes]
    in_steps = (one for step in journey.steps for one in values_of(step) if one.generates)
    bare = (one for one in in_steps if not any(isinstance(h, Filled | Named) for h in one.holes))
    return [*let, *map(values.text, bare)]


def _known(wanted: Iterable[Template], values: Values) -> Iterator[str]:
    for one in wanted:
        try:
            yield folded(values.text(one))
        except ExpressionInvalid:
            continue


def _addresses(wanted: Iterable[Look], values: Values) -> Iterator[Address]:
    for claim in (
        claim
        for look in wanted
        if isinstance(look, LeadsTo)
        for claim in look.claims
        if not claim.negative
    ):
        known = tuple(_known(claim.wanted, values))
        if len(known) == len(claim.wanted):
            yield claim.match, known


def _ordered(look: Look) -> Iterator[Template]:
    """The header of the column whose order a look reads."""
    match look:
        case ColumnHas(header=header, lists=lists, order=order):
            if order or any(
                claim.match is Listing.EQUALS and len(claim.wanted) > 1 for claim in lists
            ):
                yield header
        case RowHas(named=(cell, *_), at=int()):
            yield cell.header
        case _:
            return


def _claims(look: Look) -> Iterator[Claim]:
    return (claim for claim in claims_of(look) if isinstance(claim, Claim))
