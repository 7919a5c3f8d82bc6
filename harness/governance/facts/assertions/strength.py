"""Two readings of one test, compared: which claims ask less than they did.

A claim is matched by its words, then by what it is about, then by its turn; it is weaker when its
operator, its bound, its tolerance, its exceptions or its conditions let more through. Another
expected value is no weakness: whether the program still gives the old one is what the base's own
tests are run for."""

import ast
import builtins
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from harness.domain.shortened import shortened
from harness.governance.facts.assertions.claims import NEVER, Claim, last_name

_RANKS = {
    "==": 3,
    "is": 3,
    "in": 2,
    "not in": 2,
    "<": 2,
    "<=": 2,
    ">": 2,
    ">=": 2,
    "not": 2,
    "!=": 1,
    "is not": 1,
    "truth": 1,
}
# a named assertion, which is taken to mean something
_CALLED = 3
_LOOSER = {"<": "<=", ">": ">="}
_WIDER_IF_MORE = dict.fromkeys(
    ("abs", "rel", "delta", "atol", "rtol", "rel_tol", "abs_tol", "tolerance")
)
_WIDER_IF_LESS = dict.fromkeys(("places", "decimal", "ndigits"))
_BY_PLACE = {
    "approx": ("", "rel", "abs"),
    "assertAlmostEqual": ("", "", "places"),
    "round": ("", "ndigits"),
}
_SHOWN = 70


def weaker(before: Sequence[Claim], after: Sequence[Claim]) -> Iterator[str]:
    """What became weaker, in words, in the order of the claims before."""
    left, right = list(before), list(after)
    # First the claims whose words stayed: only their place can have become weaker.
    for one in before:
        same = min((other for other in right if other.text == one.text), key=_weight, default=None)
        if same is not None:
            left.remove(one)
            right.remove(same)
            if same.truism and not one.truism:
                yield f"`{cut(same.text)}` became always true"
            yield from _placement(one, same)
    for one, other in _pairs(left, right):
        if other is None:
            yield f"`{cut(one.text)}` is claimed no more"
        else:
            yield from _weaknesses(one, other)


def _weight(claim: Claim) -> tuple[bool, bool, int]:
    return claim.truism, claim.swallowed, len(claim.under)


def _pairs(left: list[Claim], right: list[Claim]) -> Iterator[tuple[Claim, Claim | None]]:
    """Each old claim with the new one that took its place: the same subject first, then one about
    it, then in turn."""
    paired: dict[int, Claim] = {}
    # The surest match first, over all claims, so that no looser one takes its partner away.
    for matches in (_same_subject, _about_it, _any_of_its_kind):
        for at, one in enumerate(left):
            found = (
                next((other for other in right if matches(one, other)), None)
                if at not in paired
                else None
            )
            if found is not None:
                paired[at] = found
                right.remove(found)
    return ((one, paired.get(at)) for at, one in enumerate(left))


def _same_subject(one: Claim, other: Claim) -> bool:
    return (one.kind == "raises") == (other.kind == "raises") and one.subject == other.subject


def _about_it(one: Claim, other: Claim) -> bool:
    return "raises" not in (one.kind, other.kind) and _written(one.of) in _parts(other.of)


@lru_cache(maxsize=1024)
def _written(of: ast.expr) -> str:
    return ast.dump(of)


@lru_cache(maxsize=1024)
def _parts(of: ast.expr) -> frozenset[str]:
    return frozenset(map(ast.dump, ast.walk(of)))


def _any_of_its_kind(one: Claim, other: Claim) -> bool:
    return (one.kind == "raises") == (other.kind == "raises")


def _weaknesses(one: Claim, other: Claim) -> Iterator[str]:
    if other.truism and not one.truism:
        yield f"`{cut(one.text)}` became `{cut(other.text)}`, which is always true"
        return
    yield from _placement(one, other)
    if one.kind == other.kind == "raises":
        yield from _wider_exceptions(one, other)
    # `assert a or b` holds where `assert a` does not.
    elif _ways_out(other.of) > _ways_out(one.of):
        yield f"`{cut(one.text)}` got a way out: `{cut(other.text)}`"
    elif _rank(other) < _rank(one) or _LOOSER.get(one.kind) == other.kind:
        yield f"`{_word(one)}` became `{_word(other)}`: `{cut(other.text)}`"
    elif _rank(other) == _rank(one) and one.subject != other.subject and _about_it(one, other):
        yield f"`{cut(one.text)}` became `{cut(other.text)}`, which looks at less"
    elif (_name(one.of), _name(other.of)) == ("all", "any"):
        yield f"`all` became `any`: `{cut(other.text)}`"
    else:
        yield from _wider_bounds(one, other)


def _ways_out(of: ast.expr) -> int:
    return len(of.values) if isinstance(of, ast.BoolOp) and isinstance(of.op, ast.Or) else 1


def _name(of: ast.expr | None) -> str:
    return last_name(of.func) if isinstance(of, ast.Call) else ""


def _rank(claim: Claim) -> int:
    return _RANKS.get(claim.kind, _CALLED)


def _word(claim: Claim) -> str:
    return "not" if claim.kind == "not" else "assert" if claim.kind == "truth" else claim.kind


def _placement(one: Claim, other: Claim) -> Iterator[str]:
    """The same claim in a place where it claims less."""
    if other.swallowed and not one.swallowed:
        yield f"the failure of `{cut(other.text)}` is caught"
    # Each as often as it stands there: a second loop that may end the test is one more.
    fresh = [*(Counter(other.under) - Counter(one.under))]
    # Said before the other conditions: a claim that is never reached is gone.
    if NEVER in other.under and NEVER not in one.under:
        yield f"`{cut(other.text)}` is not reached: after {NEVER}"
    elif fresh and NEVER not in one.under:
        yield f"`{cut(other.text)}` is only claimed under `{cut(fresh[0])}`"


def _wider_bounds(one: Claim, other: Claim) -> Iterator[str]:
    before, after = one.against, other.against
    if _name(after) == "approx" != _name(before):
        yield f"`{cut(one.text)}` became approximate: `{cut(other.text)}`"
        return
    for name, was, now in _tolerances(one, other):
        yield f"the tolerance `{name}` widened from {was} to {now}"
    old, new = _number(before), _number(after)
    if (
        old is not None
        and new is not None
        and (one.kind, one.subject) == (other.kind, other.subject)
    ):
        more = {"<": new > old, "<=": new > old, ">": new < old, ">=": new < old}
        if more.get(one.kind):
            yield f"the bound of `{cut(other.text)}` widened from {old:g} to {new:g}"


def _tolerances(one: Claim, other: Claim) -> Iterator[tuple[str, str, str]]:
    """Tolerances that let more through, each with its old and new words. One that is computed may;
    nobody can tell."""
    olds, news = _given(one), _given(other)
    for name in _WIDER_IF_MORE | _WIDER_IF_LESS:
        was, now = olds.get(name), news.get(name)
        if now is None or (was is not None and ast.dump(was) == ast.dump(now)):
            continue
        old, new = _number(was), _number(now)
        # A computed tolerance may be any: it counts as wider.
        if old is None or new is None or ((new < old) if name in _WIDER_IF_LESS else (new > old)):
            yield name, ast.unparse(was) if was else "its default", ast.unparse(now)


def _given(claim: Claim) -> dict[str, ast.expr]:
    """The named arguments of every call in a claim, and those of the well-known ones that go by
    their place."""
    found: dict[str, ast.expr] = {}
    for node in (claim.of, *([claim.against] if claim.against else [])):
        for call in (inner for inner in ast.walk(node) if isinstance(inner, ast.Call)):
            found |= dict(zip(_BY_PLACE.get(_name(call), ()), call.args, strict=False))
            found |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    return found


def _number(node: ast.expr | None) -> float | None:
    try:
        value = ast.literal_eval(node) if node is not None else None
    except (ValueError, TypeError):
        return None
    return float(value) if isinstance(value, int | float) else None


def _wider_exceptions(one: Claim, other: Claim) -> Iterator[str]:
    before, after = _exceptions(one.of), _exceptions(other.of)
    fresh = [name for name in after if name not in before]
    # Another exception is no weakness by itself; a wider one, or one more, is.
    if fresh and (
        len(after) > len(before) or any(_is_over(name, was) for name in fresh for was in before)
    ):
        yield f"`{cut(one.text)}` takes more for its exception: `{cut(other.text)}`"
    was, now = (_given(claim).get("match") for claim in (one, other))
    if was is not None and now is None:
        yield f"the exception's words `{cut(ast.unparse(was))}` are not looked at any more"
    elif was is not None and now is not None and ast.dump(was) != ast.dump(now):
        yield f"the exception's words `{cut(ast.unparse(was))}` became `{cut(ast.unparse(now))}`"


def _exceptions(of: ast.expr) -> list[str]:
    return [last_name(one) for one in of.elts] if isinstance(of, ast.Tuple) else [last_name(of)]


def _is_over(name: str, other: str) -> bool:
    """Whether one exception is above the other. Of those that Python does not know, only the two at
    the top are."""
    one, two = getattr(builtins, name, None), getattr(builtins, other, None)
    if isinstance(one, type) and isinstance(two, type):
        return issubclass(two, one)
    return name in ("Exception", "BaseException")


def cut(text: str) -> str:
    """One line of it, not long."""
    return shortened(text, _SHOWN)
