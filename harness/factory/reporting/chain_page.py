"""The page of one issue: its chain as one HTML document, written beside the evidence each time
something is decided.

Properties kept: no network and no script (a content security policy forbids all but the page's own
style); everything that came from an issue, an agent or an app is escaped, and what cannot be seen
is shown as such; the same chain gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.events import RuleTextsKept
from harness.factory.records.chain import chain, page_of
from harness.factory.records.history import History
from harness.factory.records.link import Chain, Link, Stage, Standing, is_routine
from harness.factory.records.rule_texts import rule_books
from harness.factory.reporting.report import outcome
from harness.ports.ledger import recorded

if TYPE_CHECKING:
    import jinja2

    from harness.factory.run.services import Services

HERE = Path(__file__).parent
STAGES: Mapping[Stage, str] = {
    Stage.TRIAGE: "Triage",
    Stage.PROPOSAL: "The proposal",
    Stage.CANDIDATE: "The law, on what would land",
    Stage.VERDICT: "The sealed verdict",
    Stage.MERGE: "The merge",
    Stage.LANDING: "The landing",
    Stage.PERSON: "People",
}
TONES: Mapping[Standing, str] = {
    Standing.HOLDS: "yes",
    Standing.REFUSES: "no",
    Standing.WOULD_REFUSE: "unsure",
    Standing.CANNOT_TELL: "unsure",
    Standing.OVERRIDDEN: "plain",
    Standing.DONE: "plain",
}
_OUTCOME_TONES = {"merged": "yes", "rejected": "no", "needs-human": "unsure"}

Address = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Step:
    """Links that were made in one stage of one run. `same` counts rules that said before what they
    say here."""

    stage: Stage
    run: str
    links: tuple[Link, ...]
    same: int = 0

    @property
    def title(self) -> str:
        return STAGES[self.stage]

    @property
    def parts(self) -> tuple[tuple[Link, ...], ...]:
        """The links in their order; those for which one line is enough are together."""
        return tuple(tuple(part) for _, part in groupby(self.links, is_routine))


def write_page(services: Services, history: History) -> None:
    """Write the page of an issue, whole or not at all."""
    found = chain(
        history, outcome=outcome(history), law=rule_books(recorded(services.ledger, RuleTextsKept))
    )
    path = services.places.home / page_of(history.issue)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(html(found, services.link), "utf-8")
    partial.replace(path)


def steps(found: Chain) -> tuple[Step, ...]:
    """The links as a person reads them: by stage and run, without the rules that hold as they held
    before."""
    held: set[tuple[str, str]] = set()
    told = []
    for (stage, run), links in groupby(found.links, lambda link: (link.stage, link.run)):
        group = tuple(links)
        new = tuple(
            link for link in group if not (_is_rule(link) and (link.rule, link.fact) in held)
        )
        refused = {link.rule for link in group if not is_routine(link)}
        held = {pair for pair in held if pair[0] not in refused} | {
            (link.rule, link.fact) for link in group if _is_rule(link)
        }
        told.append(Step(stage, run, new, len(group) - len(new)))
    return tuple(told)


def html(found: Chain, address: Address) -> str:
    """The page as one HTML document; `address` gives a path below the repository as a link, ""
    where there is none."""
    import markupsafe

    style = (HERE / "chain.css").read_text("utf-8")
    return _template().render(
        chain=found,
        steps=steps(found),
        tones=TONES,
        tone=_OUTCOME_TONES.get(found.outcome, "plain"),
        href=lambda path: href(path, address),
        style=markupsafe.Markup(style),  # noqa: S704 - our own file, and hashed
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


@cache
def _template() -> jinja2.Template:
    """Compiled once a process: that takes ten times as long as writing a page."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"seen": seen, "written_at": written_at, "shortened": shortened}
    environment.tests["routine"] = is_routine
    return environment.from_string((HERE / "chain.html.j2").read_text("utf-8"))


def href(path: str, address: Address) -> str:
    """The address of something that a link names, "" where it is no place. A page of evidence lies
    beside this one."""
    if path.startswith("evidence/"):
        return f"../{path.removeprefix('evidence/')}"
    return address(path) if path.startswith(("blob/", "commit/", "pull/", "issues/")) else ""


def written_at(path: str) -> str:
    """A path for a person: file and line, and the commit at which it is read, where it names
    those."""
    at = re.fullmatch(r"blob/([0-9a-f]{7,64})/([^?#]+)(?:\?plain=1)?#L(\d+)", path)
    return f"{at[2]}:{at[3]} at {at[1]:.7}" if at else path


def seen(text: str) -> str:
    """Outside text as it may be shown: what is not printable is shown as a replacement character,
    lines stay lines."""
    return "\n".join(
        "".join(
            char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
            for char in line.expandtabs()
        )
        for line in text.splitlines()
    )


def shortened(words: str) -> str:
    """Digests by their beginnings, for a line that a person reads; `--json` has all of them."""
    return re.sub(r"\b([0-9a-f]{16})[0-9a-f]{16,}\b", r"\1…", words)


def _is_rule(link: Link) -> bool:
    return link.stage in (Stage.PROPOSAL, Stage.CANDIDATE, Stage.MERGE) and is_routine(link)
