"""`when:`, the one tiny language in a rule: comparisons, and / or / not, membership. No calls, no
loops, no I/O.

    kind == "bug" and changed_lines > 100
    "docs" in labels or not (author == "dependabot[bot]")

Properties: every text is either refused with the column and what was expected, or is an expression
that answers True, False or UNKNOWN for all facts (Kleene's three values); it never raises and its
cost is the length of its text."""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

from harness.domain.facts import UNKNOWN, ChangeFacts, FileChange, Maybe

LONGEST = 500
DEEPEST = 24


class WhenError(ValueError):
    """The text is not a condition. The message has the column and what was expected."""


class ValueType(Enum):
    """What an operand is."""

    NUMBER = "a number"
    WORD = "a word"
    WORDS = "a set of words"


def _lines(count: Callable[[FileChange], int | None]) -> Callable[[ChangeFacts], Maybe[int]]:
    """One kind of line, in all files together."""

    def total(facts: ChangeFacts) -> Maybe[int]:
        numbers = None if facts.files is UNKNOWN else [count(change) for change in facts.files]
        known = [number for number in numbers or () if number is not None]
        return UNKNOWN if numbers is None or len(known) < len(numbers) else sum(known)

    return total


NAMES: dict[str, tuple[ValueType, Callable[[ChangeFacts], Any]]] = {
    "added_lines": (ValueType.NUMBER, _lines(lambda change: change.added)),
    "attempts": (ValueType.NUMBER, lambda facts: facts.attempts),
    "author": (ValueType.WORD, lambda facts: facts.author),
    "changed_lines": (ValueType.NUMBER, lambda facts: facts.changed_lines),
    "deleted_lines": (ValueType.NUMBER, _lines(lambda change: change.deleted)),
    "dependencies": (
        ValueType.NUMBER,
        lambda facts: UNKNOWN if facts.dependencies is UNKNOWN else len(facts.dependencies),
    ),
    "files": (
        ValueType.NUMBER,
        lambda facts: UNKNOWN if facts.files is UNKNOWN else len(facts.files),
    ),
    "kind": (ValueType.WORD, lambda facts: facts.kind),
    "labels": (ValueType.WORDS, lambda facts: facts.labels),
    "spend_usd": (ValueType.NUMBER, lambda facts: facts.spend_usd),
}
"""Every fact a condition may name."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A fact by its name, or a constant."""

    kind: ValueType
    name: str = ""
    value: Any = None

    def of(self, facts: ChangeFacts) -> Any:
        """Its value now; UNKNOWN where the fact is."""
        return NAMES[self.name][1](facts) if self.name else self.value


@dataclass(frozen=True, slots=True)
class FactComparison:
    """Two operands and an operator."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    term: "Tree"


@dataclass(frozen=True, slots=True)
class Both:
    """Two conditions joined by `and` or `or`."""

    word: str
    left: "Tree"
    right: "Tree"


Tree: TypeAlias = FactComparison | Not | Both


@dataclass(frozen=True, slots=True)
class When:
    """A condition, with the text it was written as."""

    text: str
    tree: Tree

    def holds(self, facts: ChangeFacts) -> Maybe[bool]:
        """True, False, or UNKNOWN when the answer hangs on a fact that is."""
        return _value(self.tree, facts)


def _value(tree: Tree, facts: ChangeFacts) -> Maybe[bool]:
    match tree:
        case Not():
            inner = _value(tree.term, facts)
            return UNKNOWN if inner is UNKNOWN else not inner
        case Both():
            # Kleene's logic: one decisive side settles it, even where the other is unknown.
            decisive = tree.word == "or"
            left = _value(tree.left, facts)
            if left is decisive:
                return decisive
            right = _value(tree.right, facts)
            return right if left is not UNKNOWN or right is decisive else UNKNOWN
        case FactComparison():
            left, right = tree.left.of(facts), tree.right.of(facts)
            return UNKNOWN if UNKNOWN in (left, right) else _OPERATORS[tree.operator](left, right)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
    "not in": lambda left, right: left not in right,
}

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[0-9]{1,18}(?:\.[0-9]{1,9})?)|"(?P<word>[^"\n]*)"|(?P<name>[A-Za-z_]+)"""
    r"""|(?P<sign>==|!=|<=|>=|<|>|\(|\)|\[|\]|,)|(?P<end>\Z)|(?P<other>.))""",
    re.DOTALL,
)
_WORDS = ("and", "or", "not", "in")


def read_when(text: str) -> When:
    """Parse a condition. Raises WhenError."""
    if len(text) > LONGEST:
        raise WhenError(f"a condition has at most {LONGEST} characters, this one {len(text)}")
    parser = _Parser(text)
    tree = parser.either(0)
    parser.expect("the end", kind="end")
    return When(text, tree)


class _Parser:
    """Recursive descent, one method per line of the grammar."""

    def __init__(self, text: str) -> None:
        self._tokens = [match for match in _TOKEN.finditer(text) if match.lastgroup]
        self._at = 0

    def either(self, depth: int) -> Tree:
        """all ("or" all)*"""
        tree = self.all(depth)
        while self._takes("name", "or"):
            tree = Both("or", tree, self.all(depth))
        return tree

    def all(self, depth: int) -> Tree:
        """one ("and" one)*"""
        tree = self.one(depth)
        while self._takes("name", "and"):
            tree = Both("and", tree, self.one(depth))
        return tree

    def one(self, depth: int) -> Tree:
        """ "not" one | "(" either ")" | comparison"""
        # Recursive descent: without a limit a text of parentheses exhausts the stack.
        if depth > DEEPEST:
            raise self._fault(f"at most {DEEPEST} levels of nesting")
        if self._takes("name", "not"):
            return Not(self.one(depth + 1))
        if self._takes("sign", "("):
            tree = self.either(depth + 1)
            self.expect("`)`", kind="sign", text=")")
            return tree
        return self._comparison()

    def _comparison(self) -> FactComparison:
        left = self._operand()
        start = self._at
        operator = self._operator()
        right = self._operand()
        wanted = _compatible(left.kind, operator)
        if right.kind is not wanted:
            self._at = start
            fits = wanted.value if wanted else "something else before it"
            raise self._fault(
                f"after {left.kind.value}, `{operator}` to have {fits}, not {right.kind.value}"
            )
        return FactComparison(left, operator, right)

    def _operator(self) -> str:
        if self._takes("name", "not"):
            self.expect("`in` after `not`", kind="name", text="in")
            return "not in"
        if self._takes("name", "in"):
            return "in"
        return self.expect("a comparison such as == or in", kind="sign", one_of=tuple(_OPERATORS))

    def _operand(self) -> Operand:
        kind, text = self._peek()
        if kind == "number":
            self._at += 1
            return Operand(ValueType.NUMBER, value=Decimal(text))
        if kind == "word":
            self._at += 1
            return Operand(ValueType.WORD, value=text)
        if self._takes("sign", "["):
            return Operand(ValueType.WORDS, value=self._list())
        return self._name()

    def _list(self) -> frozenset[str]:
        words = [self.expect("a word in quotes", kind="word")]
        while self._takes("sign", ","):
            words.append(self.expect("a word in quotes", kind="word"))
        self.expect("`]`", kind="sign", text="]")
        return frozenset(words)

    def _name(self) -> Operand:
        kind, text = self._peek()
        if kind != "name" or text in _WORDS:
            raise self._fault("a fact, a number or a word in quotes")
        if text not in NAMES:
            near = difflib.get_close_matches(text, NAMES, n=1)
            hint = f"did you mean `{near[0]}`?" if near else f"known: {', '.join(NAMES)}"
            raise self._fault(f"a fact; there is none called `{text}`, {hint}")
        self._at += 1
        return Operand(NAMES[text][0], name=text)

    def expect(
        self, what: str, *, kind: str, text: str | None = None, one_of: tuple[str, ...] = ()
    ) -> str:
        """The next token, which must be this one; else WhenError saying `what` was expected."""
        found_kind, found = self._peek()
        if (
            found_kind != kind
            or (text is not None and found != text)
            or (one_of and found not in one_of)
        ):
            raise self._fault(what)
        self._at += 1
        return found

    def _takes(self, kind: str, text: str) -> bool:
        taken = self._peek() == (kind, text)
        self._at += taken
        return taken

    def _peek(self) -> tuple[str, str]:
        token = self._tokens[min(self._at, len(self._tokens) - 1)]
        kind = token.lastgroup or "end"
        return kind, token.group(kind)

    def _fault(self, what: str) -> WhenError:
        token = self._tokens[min(self._at, len(self._tokens) - 1)]
        return WhenError(f"column {token.start(token.lastgroup or 0) + 1}: expected {what}")


def _compatible(left: ValueType, operator: str) -> ValueType | None:
    """What must stand on the right, or None when nothing fits."""
    if operator in ("in", "not in"):
        return ValueType.WORDS if left is ValueType.WORD else None
    if operator in ("==", "!="):
        return left if left is not ValueType.WORDS else None
    return ValueType.NUMBER if left is ValueType.NUMBER else None
