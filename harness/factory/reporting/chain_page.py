"""The HTML page of one issue's chain, written beside the evidence after every decision.

Properties:
- the page needs no network and no script; its content security policy allows only its own style;
- text from an issue, an agent or an app is escaped, and invisible characters become visible;
- the same chain gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.events import RuleTextsKept
from harness.domain.shortened import printable
from harness.factory.records.chain import page_of
from harness.factory.records.history import History
from harness.factory.records.link import Chain, Link, LinkOutcome, Stage, is_routine
from harness.factory.records.regressions import origin_links
from harness.factory.records.rule_texts import rule_books
from harness.factory.reporting.report import shown_chain
from harness.ports.ledger import recorded

if TYPE_CHECKING:
    import jinja2

    from harness.factory.records.link import UrlFor
    from harness.factory.run.services import Services

HERE = Path(__file__).parent
STAGES: Mapping[Stage, str] = {
    Stage.TRIAGE: "Triage",
    Stage.PROPOSAL: "The proposal",
    Stage.CANDIDATE: "The rules, on what would land",
    Stage.VERDICT: "The sealed verdict",
    Stage.MERGE: "The merge",
    Stage.LANDING: "The landing",
    Stage.RELEASE: "The release",
    Stage.PERSON: "People",
}
TONES: Mapping[LinkOutcome, str] = {
    LinkOutcome.HOLDS: "yes",
    LinkOutcome.REFUSES: "no",
    LinkOutcome.WOULD_REFUSE: "unsure",
    LinkOutcome.CANNOT_TELL: "unsure",
    LinkOutcome.OVERRIDDEN: "plain",
    LinkOutcome.DONE: "plain",
}
_OUTCOME_TONES = {"merged": "yes", "rejected": "no", "needs-human": "unsure"}


@dataclass(frozen=True, slots=True)
class ChainStep:
    """The links of one stage of one run. `unchanged` counts the rules that gave the same answer in
    an earlier step."""

    stage: Stage
    run: str
    links: tuple[Link, ...]
    unchanged: int = 0

    @property
    def title(self) -> str:
        return STAGES[self.stage]

    @property
    def parts(self) -> tuple[tuple[Link, ...], ...]:
        """The links in order, with routine links grouped together."""
        return tuple(tuple(part) for _, part in groupby(self.links, is_routine))


def write_page(services: Services, history: History) -> None:
    """Write the page of an issue. A reader never sees a half-written page."""
    rule_texts = rule_books(recorded(services.ledger, RuleTextsKept))
    origin = origin_links(services.ledger, history.issue)
    found = shown_chain(history, rule_texts, services.releases, origin)
    path = services.places.home / page_of(history.issue)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Two processes may write the page at once, so each has its own partial file.
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(html(found, services.link), "utf-8")
    partial.replace(path)


def steps(found: Chain) -> tuple[ChainStep, ...]:
    """The links grouped by stage and run. Rules that still hold for the same reason are counted,
    not repeated."""
    held: set[tuple[str, str]] = set()
    found_steps = []
    for (stage, run), links in groupby(found.links, lambda link: (link.stage, link.run)):
        group = tuple(links)
        new = tuple(
            link for link in group if not (_is_rule(link) and (link.rule, link.fact) in held)
        )
        # A rule that said no since it held is shown again, even if it holds with the same words
        # now.
        refused = {link.rule for link in group if not is_routine(link)}
        held = {pair for pair in held if pair[0] not in refused} | {
            (link.rule, link.fact) for link in group if _is_rule(link)
        }
        found_steps.append(ChainStep(stage, run, new, len(group) - len(new)))
    return tuple(found_steps)


def html(found: Chain, address: UrlFor) -> str:
    """The page as one HTML document. `address` turns a path below the repository into a URL, or ""
    where there is none."""
    import markupsafe

    style = _style()
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
def _style() -> str:
    return (HERE / "chain.css").read_text("utf-8")


@cache
def _template() -> jinja2.Template:
    """The compiled template, once for each process: compiling takes ten times as long as
    rendering."""
    import jinja2

    # A missing name fails, because a page with a silent gap would mislead.
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"visible": printable, "written_at": written_at, "shortened": shortened}
    environment.tests["routine"] = is_routine
    return environment.from_string((HERE / "chain.html.j2").read_text("utf-8"))


def href(path: str, address: UrlFor) -> str:
    """The URL of what a link names; "" if it is not a place. Evidence pages are neighbours of this
    page."""
    if path.startswith("evidence/"):
        return f"../{path.removeprefix('evidence/')}"
    # Evidence may also be a digest or plain words, which must not become a link.
    return address(path) if path.startswith(("blob/", "commit/", "pull/", "issues/")) else ""


def written_at(path: str) -> str:
    """A path for people: file, line and short commit, where the path names them."""
    at = re.fullmatch(r"blob/([0-9a-f]{7,64})/([^?#]+)(?:\?plain=1)?#L(\d+)", path)
    return f"{at[2]}:{at[3]} at {at[1]:.7}" if at else path


def shortened(words: str) -> str:
    """The text with long digests cut to 16 characters. `--json` has them whole."""
    return re.sub(r"\b([0-9a-f]{16})[0-9a-f]{16,}\b", r"\1…", words)


def _is_rule(link: Link) -> bool:
    return link.stage in (Stage.PROPOSAL, Stage.CANDIDATE, Stage.MERGE) and is_routine(link)
