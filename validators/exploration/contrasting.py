"""Ask the contrastive judge: what base and candidate show goes into its sandbox, ballots come out
and are counted here."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import validators
from validators.app.sandboxes import Sandboxes, SandboxResult, SandboxSpec
from validators.domain.ballots import (
    Answer,
    Exhibits,
    Sense,
    read_ballots,
    tally,
    votes,
)
from validators.domain.errors import DocumentInvalid
from validators.domain.journeys.wording import visible
from validators.domain.stops import Inconclusive
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.request import BrokerSocket
from validators.roles.contrast import LONGEST_EXHIBIT, ContrastBrief, Exhibit

PORT = 8090
ARGV = ("python", "-m", "validators.roles.contrast")
MOST_CHARACTERS = 1 << 20
LARGEST_PICTURE = 4 << 20
# The file of a run for each sense: its page as a tree and as a picture, and the page of the visitor
# after it.
FILES = {Sense.DOM: "aria.txt", Sense.SCREENSHOT: "page.png", Sense.STATE: "aria-1.txt"}


@dataclass(frozen=True, slots=True)
class ContrastResult:
    """The result of the votes on each claim, in the claims' order, and how the sandbox ended."""

    answers: tuple[Answer, ...]
    sandbox: SandboxResult


def judged_claims(
    claims: Sequence[str],
    sides: Mapping[str, Path],
    *,
    broker: BrokerSocket,
    files: Mapping[str, str],
    sandboxes: Sandboxes,
    folder: Path,
    seconds: int,
) -> ContrastResult:
    """The answers to the claims. `sides` has the folder of a run's files for `base` and
    `candidate`, `files` the governance files. Raises Inconclusive."""
    exhibits = tuple(exhibits_of(sides))
    output, log = folder / "contrast.out", folder / "contrast.log"
    brief = ContrastBrief(broker.model, _instructions(), files, tuple(claims), exhibits)
    with sandboxes.started(
        _spec(broker, seconds, folder=folder), log=log, stdout=output
    ) as sandbox:
        sandbox.send(json.dumps({"brief": asdict(brief), "port": PORT}).encode())
        sandbox.waited(seconds)
    result = sandbox.result()
    if result.exit_code != 0 or result.killed_by:
        how = result.killed_by or result.exit_code
        raise Inconclusive(f"the contrastive judge's sandbox ended with {how}")
    return ContrastResult(_answers(output, exhibits, claims=len(claims)), result)


def _answers(output: Path, exhibits: Sequence[Exhibit], *, claims: int) -> tuple[Answer, ...]:
    try:
        with output.open() as file:
            ballots = read_ballots(file.read(MOST_CHARACTERS))
    except (OSError, UnicodeDecodeError, DocumentInvalid) as error:
        raise Inconclusive(
            f"the contrastive judge's sandbox printed something other than ballots ({error})"
        ) from error
    texts = {(one.sense, one.side): one.text for one in exhibits}

    def shown(sense: Sense) -> Exhibits:
        return Exhibits(sense, texts.get((sense, "base"), ""), texts.get((sense, "candidate"), ""))

    cast = [votes(one, shown(one.sense), claims=claims) for one in ballots]
    return tuple(tally(ballot[number] for ballot in cast) for number in range(claims))


def exhibits_of(sides: Mapping[str, Path]) -> Iterator[Exhibit]:
    """The exhibits in these folders. A missing file or a too large picture shows nothing to its
    sense."""
    for side, files in sides.items():
        for sense, name in FILES.items():
            file = files / name
            if not file.is_file():
                continue
            if sense is not Sense.SCREENSHOT:
                with file.open(errors="replace") as opened:
                    yield Exhibit(sense, side, text=visible(opened.read(LONGEST_EXHIBIT)))
            elif file.stat().st_size <= LARGEST_PICTURE:
                yield Exhibit(sense, side, picture=base64.b64encode(file.read_bytes()).decode())


def _instructions() -> str:
    return (Path(validators.__file__).parent / "roles" / "contrast.md").read_text()


def _spec(broker: BrokerSocket, seconds: int, *, folder: Path) -> SandboxSpec:
    return SandboxSpec(
        name="contrast",
        argv=ARGV,
        cwd="/tmp",  # noqa: S108 (the sandbox's own)
        wall_seconds=seconds,
        env={"PYTHONPATH": LIBRARY},
        binds=(judge_library(folder),),
        dial=((PORT, Path(broker.socket)),),
    )
