"""Keep the words of the rules in the ledger, once for every text that a run began under.

A decision names its rules by id. With their words beside it, a chain can be shown without the
repository as it was then."""

from collections.abc import Iterable, Mapping

from harness.domain.events import RuleText, RuleTextsKept
from harness.domain.governance import Governance, Rule, ScopeEntry
from harness.domain.issue import CommitSha
from harness.domain.ledger import Entry, of_kind
from harness.domain.plain import JsonObject
from harness.ports.ledger import Ledger

LONGEST = 600
"""Characters of a rule's prose that are kept: a paragraph."""


RuleBook = Mapping[tuple[str, str], RuleText]
"""The rules of one text by file and id; a file in a folder may state an id again."""


def keep_rule_texts(
    ledger: Ledger, governance: Governance, *, base: CommitSha, digest: str
) -> None:
    """Write down what the rules say at this base, where the text of this digest is not written down
    yet."""
    clauses = tuple(
        RuleText(
            one.id,
            one.title,
            file=one.source.file,
            line=one.source.line,
            prose=_cut(one.prose),
            level=one.level.value if isinstance(one, Rule) else one.kind.value,
        )
        for one in _clauses(governance)
    )
    # An append under a known key changes nothing, so every run may call this.
    ledger.append(RuleTextsKept(base, governance.digest, clauses), f"{RuleTextsKept.kind}/{digest}")


def rule_books(entries: Iterable[Entry]) -> Mapping[str, RuleBook]:
    """The texts that were written down, by the digest that runs and decisions name."""
    return {
        entry.key.removeprefix(f"{RuleTextsKept.kind}/"): {
            (rule.file, rule.id): rule for rule in entry.event.clauses
        }
        for entry in of_kind(entries, RuleTextsKept)
    }


def _clauses(governance: Governance) -> Iterable[Rule | ScopeEntry]:
    return (*governance.rules, *governance.scope)


def _cut(prose: str) -> str:
    """The first paragraphs, in whole words."""
    flat = "\n\n".join(" ".join(part.split()) for part in prose.split("\n\n")).strip()
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST].rsplit(None, 1)[0]} …"


def rule_text_of(book: RuleBook, finding: JsonObject) -> RuleText:
    """The text of the rule: by file and id if the finding names a file, else by its id alone."""
    rule, file = str(finding["rule"]), str(finding.get("file", ""))
    found = book.get((file, rule)) or next(
        (one for one in book.values() if one.id == rule and not file), None
    )
    return found or RuleText(rule, str(finding["title"]), file, int(finding.get("line", 0)), "")
