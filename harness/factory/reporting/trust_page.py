"""The HTML page of `factory trust`, with the reliability diagram.

Properties: it needs no network and no script; its content security policy allows its own style
alone; names from the repository are escaped; the same report gives the same bytes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from harness.domain.landing import Outcome
from harness.domain.shortened import count, printable

if TYPE_CHECKING:
    from harness.domain.trust import Bin
    from harness.factory.reporting.trust_report import TrustReport

HERE = Path(__file__).parent
MEANINGS: Mapping[Outcome, str] = {
    Outcome.OPEN: "its days are not over",
    Outcome.STAYED: "as it landed, for all its days",
    Outcome.AMENDED: "a person changed its lines within its days",
    Outcome.REGRESSED: "it broke what worked",
    Outcome.REVERTED: "it was taken back",
}
SIDE = 300
"""The side of the diagram's square, in its own units; a share of 1 is as long."""
SMALLEST, LARGEST = 4.0, 12.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A bin as it is drawn: its point, its radius, and the ends of its interval. Up is less."""

    x: float
    y: float
    radius: float
    top: float
    bottom: float
    title: str


def html(found: TrustReport) -> str:
    """The page as one HTML document."""
    import jinja2
    import markupsafe

    style = "".join((HERE / name).read_text("utf-8") for name in ("chain.css", "trust.css"))
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"visible": printable, "percent": percent, "counted": count}
    return environment.from_string((HERE / "trust.html.j2").read_text("utf-8")).render(
        report=found,
        index=found.autonomy,
        meanings=MEANINGS,
        marks=tuple(marks(found.bins)),
        side=SIDE,
        style=markupsafe.Markup(style),  # noqa: S704 - our own files, and hashed
        style_hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def percent(share: float) -> str:
    """A share for people. What is less than all of it is never shown as 100 %, nor is something
    shown as nothing."""
    if 0 < share < 0.001:
        return "< 0.1 %"
    return "> 99.9 %" if 0.999 < share < 1 else f"{100 * share:.1f} %"


def marks(bins: tuple[Bin, ...]) -> Iterator[Mark]:
    """The bins as points: what was predicted to the right, what came upwards."""
    most = max((one.count for one in bins), default=1)
    for one in bins:
        yield Mark(
            x=round(SIDE * one.predicted, 1),
            y=round(SIDE * (1 - one.observed), 1),
            radius=round(SMALLEST + (LARGEST - SMALLEST) * sqrt(one.count / most), 1),
            top=round(SIDE * (1 - one.high), 1),
            bottom=round(SIDE * (1 - one.low), 1),
            title=(
                f"predicted {percent(one.predicted)}, stayed {percent(one.observed)}"
                f" of {count(one.count, 'landing')}"
            ),
        )
