"""Reads the looks at single elements (options, state, description, link), at the page's status and
at the accessibility tree."""

from __future__ import annotations

from validators.domain.journeys.aria import STATES, AriaPattern, aria_key
from validators.domain.journeys.looks import (
    DescriptionIs,
    ItemsAre,
    LeadsTo,
    OptionsAre,
    ParameterIs,
    State,
    StateIs,
    StatusIs,
    TreeIs,
)
from validators.language.calls import status_claims
from validators.language.claims import (
    ADDRESS,
    COUNT,
    claims_in,
    list_claims_in,
    number_claims,
    sort_order,
    text_claims,
)
from validators.language.targets import ROLES, maybe_target_in, target, target_in, template_in
from validators.language.tree import (
    Items,
    Mapping,
    Node,
    Scalar,
    items,
    mapping,
    nearest,
    refusal,
    text,
)


def options(line: int, node: Node, place: str) -> OptionsAre:
    """`{label: Walk, includes: [Seal watch]}`. Raises JourneyInvalid."""
    fields = mapping(node, "options")
    where, lists = target_in(fields, place=place), list_claims_in(fields, place)
    fields.done()
    if not lists:
        raise refusal(line, "options needs one of equals, includes, excludes")
    return OptionsAre(line, where, lists)


def items_are(line: int, node: Node, place: str) -> ItemsAre:
    """`{list: Walks, equals: [Mussel banks, Seal watch]}`, `sorted: ascending` and the like. Raises
    JourneyInvalid."""
    fields = mapping(node, "items")
    where, lists = target_in(fields, place=place), list_claims_in(fields, place)
    order = fields.maybe("sorted")
    fields.done()
    if not (lists or order):
        raise refusal(line, "items needs one of equals, includes, excludes, sorted")
    return ItemsAre(line, where, lists, sort_order(order) if order else None)


def parameter(line: int, node: Node, place: str) -> ParameterIs:
    """`{name: sort, equals: day}`, with `of: {link: Next}` of where a link leads; a list for a
    parameter that stands there several times, or `count`. Raises JourneyInvalid."""
    fields = mapping(node, "parameter")
    name, link = template_in(fields.need("name"), f"{place}.name"), fields.maybe("of")
    same, count = fields.maybe("equals"), fields.maybe("count")
    lists = list_claims_in(fields, place)
    fields.done()
    if same is not None:
        several = same if isinstance(same, Items) else Items(same.line, (same,))
        whole = mapping(Mapping(line, (("equals", several),)), "parameter")
        lists = (*list_claims_in(whole, place), *lists)
    if not (lists or count):
        raise refusal(line, "parameter needs one of equals, includes, excludes, count")
    claims = text_claims(count, "count", f"{place}.count", kinds=COUNT) if count else ()
    return ParameterIs(
        line,
        name,
        target(link, place=f"{place}.of") if link else None,
        lists,
        number_claims(claims, line) if claims else (),
    )


def state(line: int, node: Node, place: str) -> StateIs:
    """`{checkbox: I can swim, is: checked}`, or `is` with a list. Raises JourneyInvalid."""
    fields = mapping(node, "state")
    where, node_is = target_in(fields, place=place), fields.need("is")
    fields.done()
    nodes = items(node_is, "is") if isinstance(node_is, Items) else (node_is,)
    return StateIs(line, where, tuple(map(_state, nodes)))


def description(line: int, node: Node, place: str) -> DescriptionIs:
    """`{label: Group size, contains: at most 8}`. Raises JourneyInvalid."""
    fields = mapping(node, "description")
    found = DescriptionIs(line, target_in(fields, place=place), claims_in(fields, place))
    fields.done()
    return found


def leads_to(line: int, node: Node, place: str) -> LeadsTo:
    """`{link: Next, equals: /walks?page=2}`. Raises JourneyInvalid."""
    fields = mapping(node, "leads_to")
    found = LeadsTo(line, target_in(fields, place=place), claims_in(fields, place, kinds=ADDRESS))
    fields.done()
    return found


def status(line: int, node: Node, place: str) -> StatusIs:
    """`200`, or `{one_of: [200, 404]}`. Raises JourneyInvalid."""
    return StatusIs(line, status_claims(node, line, place))


def aria(line: int, node: Node, place: str) -> TreeIs:
    """`{in: {navigation: Main}, has: [list: [listitem: Walks]]}`: what the tree must contain.
    Raises JourneyInvalid."""
    fields = mapping(node, "aria")
    has, where = fields.need("has"), fields.maybe("in")
    fields.done()
    found = maybe_target_in(mapping(where, "an element"), place=f"{place}.in") if where else None
    if where and found is None:
        raise refusal(where.line, "in must name an element: label, role, table, region, …")
    return TreeIs(line, _patterns(has, f"{place}.has"), found)


def _state(node: Node) -> State:
    word = text(node, "is")
    if word not in tuple(State):
        raise refusal(node.line, f"no state {word!r}{nearest(word, State)}")
    return State(word)


def _patterns(node: Node, place: str) -> tuple[AriaPattern, ...]:
    entries = enumerate(items(node, "has"))
    return tuple(_pattern(item, f"{place}.{index}") for index, item in entries)


def _pattern(node: Node, place: str) -> AriaPattern:
    """`link "Home"`, `heading "Walks" [level=2]`, `text: words`, `listitem: words`, or `list:` with
    the elements in it."""
    match node:
        case Scalar(line=line, text=head):
            return _element(head, line, place)
        case Mapping(line=line, entries=((head, Scalar() as words),)):
            return _element(head, line, place, text_=words)
        case Mapping(line=line, entries=((head, Items() as inside),)):
            return _element(head, line, place, children=_patterns(inside, place))
        case _:
            raise refusal(node.line, 'write one element per entry, like `- link "Home"`')


def _element(
    head: str,
    line: int,
    place: str,
    *,
    text_: Scalar | None = None,
    children: tuple[AriaPattern, ...] = (),
) -> AriaPattern:
    found = aria_key(head)
    if found is None:
        raise refusal(
            line,
            f"{head!r} is no element: a role, a name in double quotes, states, like heading"
            ' "Walks" [level=2]',
        )
    if found.role not in (*ROLES, "text"):
        raise refusal(line, f"no role {found.role!r}{nearest(found.role, (*ROLES, 'text'))}")
    for state_, _ in found.states:
        if state_ not in STATES:
            raise refusal(line, f"the tree has no state {state_!r}{nearest(state_, STATES)}")
    if found.role == "text" and text_ is None:
        raise refusal(line, "text needs its words, like `- text: 3 walks`")
    name = (
        template_in(Scalar(line, found.name), f"{place}.name") if found.name is not None else None
    )
    words = template_in(text_, f"{place}.text") if text_ and text_.text.strip() else None
    return AriaPattern(line, found.role, name, words, found.states, children)
