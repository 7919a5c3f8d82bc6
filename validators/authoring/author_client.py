"""Asking the author: a brief goes into its box, journeys come out, and every one of them is read
again out here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import validators
from validators.app.sandboxes import Bind, Sandboxes, SandboxSpec
from validators.domain.stops import Inconclusive, UsageError
from validators.launcher.library import LIBRARY, judge_library
from validators.launcher.request import BrokerSocket, Request
from validators.roles.author import (
    MAX_CHARACTERS,
    MAX_JOURNEYS,
    AuthorAnswer,
    Brief,
    ReturnedJourney,
    SubmittedJourney,
)

PORT = 8090
ARGV = ("python", "-m", "validators.roles.author_program")
MAX_OUTPUT = 1 << 20


def asked(
    request: Request,
    *,
    language: str,
    sandboxes: Sandboxes,
    folder: Path,
    seconds: int,
    returned: tuple[ReturnedJourney, ...] = (),
    held: int = 0,
) -> AuthorAnswer:
    """What the author wrote for the request's issue, in at most `seconds`. Raises Inconclusive when
    its box or model failed.

    `returned`: those of its journeys that did not hold, to be written once more; `held`: how many
    of its others did."""
    if request.broker is None:
        raise UsageError("request: broker is missing; an author needs a socket of the model broker")
    name = "author-again" if returned else "author"
    output, log = folder / f"{name}.out", folder / f"{name}.log"
    with sandboxes.started(
        _spec(request.broker, seconds, library=judge_library(folder)), log=log, stdout=output
    ) as box:
        brief = replace(
            _brief(request, request.broker.model, language), returned=returned, held=held
        )
        box.send(json.dumps({"brief": asdict(brief), "port": PORT}).encode())
        box.waited(seconds + 5)
    result = box.result()
    if result.exit_code != 0 or result.killed_by:
        raise Inconclusive(
            f"the author's box ended with {result.killed_by or result.exit_code}:"
            f" {_last_words(log)}"
        )
    return _read(output, most=MAX_JOURNEYS - held)


def _brief(request: Request, model: str, language: str) -> Brief:
    issue = request.issue
    return Brief(
        model=model,
        number=issue.number,
        kind=issue.kind,
        title=issue.title,
        body=issue.body,
        files=request.governance.files,
        language=language,
        instructions=(Path(validators.__file__).parent / "roles" / "author.md").read_text(),
    )


def _spec(broker: BrokerSocket, seconds: int, *, library: Bind) -> SandboxSpec:
    return SandboxSpec(
        name="author",
        argv=ARGV,
        cwd="/tmp",  # noqa: S108 (the box's own)
        wall_seconds=seconds,
        env={"PYTHONPATH": LIBRARY},
        binds=(library,),
        distributions=("pyyaml",),
        dial=((PORT, Path(broker.socket)),),
    )


def read_written(text: bytes) -> AuthorAnswer:
    """What an author's box printed. Raises ValueError for anything else: the box is not trusted,
    and its bounds are kept here."""
    try:
        found = json.loads(text)
        return AuthorAnswer(
            tuple(_submitted(one) for one in found["journeys"]),
            str(found["reason"]),
            found["declined"] is True,
        )
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not the journeys of an author") from error


def _read(output: Path, *, most: int) -> AuthorAnswer:
    try:
        with output.open("rb") as file:
            told = read_written(file.read(MAX_OUTPUT))
    except ValueError as error:
        raise Inconclusive("the author's box printed something other than its journeys") from error
    if len(told.journeys) > most:
        raise Inconclusive(
            f"the author's box printed {len(told.journeys)} journeys; at most {most}"
        )
    return told


def _submitted(found: Mapping[str, Any]) -> SubmittedJourney:
    yaml, passes = found["yaml"], found["passes"]
    if not isinstance(yaml, str) or not isinstance(passes, bool) or len(yaml) > MAX_CHARACTERS:
        raise TypeError("a journey that is not a text of a journey's length")
    return SubmittedJourney(yaml, passes)


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
