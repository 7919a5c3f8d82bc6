"""Ask the author: send a brief into its sandbox and read the journeys that come out.

The sandbox is not trusted. Everything that it prints is parsed and bounded here."""

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
from validators.roles.app_view import AppView
from validators.roles.author import (
    MAX_CHARACTERS,
    MAX_JOURNEYS,
    AuthorAnswer,
    AuthorBrief,
    ReturnedJourney,
    SubmittedJourney,
)

PORT = 8090
ARGV = ("python", "-m", "validators.roles.author")
MAX_OUTPUT = 1 << 20


def ask_author(
    request: Request,
    *,
    language: str,
    sandboxes: Sandboxes,
    folder: Path,
    seconds: int,
    returned: tuple[ReturnedJourney, ...],
    held: int,
    app: AppView,
) -> AuthorAnswer:
    """The author's answer for the request's issue, within `seconds`.

    `app`: what the base shows of itself; `returned`: its journeys that did not hold, to be written
    once more; `held`: how many of its other journeys did. Raises Inconclusive when its sandbox or
    its model failed."""
    if request.broker is None:
        raise UsageError("request: broker is missing; an author needs a socket of the model broker")
    name = "author-again" if returned else "author"
    output, log = folder / f"{name}.out", folder / f"{name}.log"
    brief = replace(
        _brief(request, request.broker.model, language), returned=returned, held=held, app=app
    )
    spec = _spec(request.broker, seconds, library=judge_library(folder))
    with sandboxes.started(spec, log=log, stdout=output) as sandbox:
        sandbox.send(json.dumps({"brief": asdict(brief), "port": PORT}).encode())
        # The sandbox enforces the time limit itself; a little more lets it write its result.
        sandbox.waited(seconds + 5)
    result = sandbox.result()
    if result.exit_code != 0 or result.killed_by:
        how = result.killed_by or result.exit_code
        raise Inconclusive(f"the author's sandbox ended with {how}: {_last_line(log)}")
    return _read(output, most=MAX_JOURNEYS - held)


def _brief(request: Request, model: str, language: str) -> AuthorBrief:
    issue = request.issue
    return AuthorBrief(
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
        cwd="/tmp",  # noqa: S108 (the sandbox's own)
        wall_seconds=seconds,
        env={"PYTHONPATH": LIBRARY},
        binds=(library,),
        distributions=("pyyaml",),
        dial=((PORT, Path(broker.socket)),),
    )


def parse_answer(text: bytes) -> AuthorAnswer:
    """The answer that an author's sandbox printed. Raises ValueError for anything else."""
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
            answer = parse_answer(file.read(MAX_OUTPUT))
    except ValueError as error:
        raise Inconclusive(
            "the author's sandbox printed something other than its journeys"
        ) from error
    if len(answer.journeys) > most:
        raise Inconclusive(
            f"the author's sandbox printed {len(answer.journeys)} journeys; at most {most}"
        )
    return answer


def _submitted(found: Mapping[str, Any]) -> SubmittedJourney:
    yaml, passes = found["yaml"], found["passes"]
    if not isinstance(yaml, str) or not isinstance(passes, bool) or len(yaml) > MAX_CHARACTERS:
        raise TypeError(f"expected a journey of at most {MAX_CHARACTERS} characters")
    return SubmittedJourney(yaml, passes)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it printed nothing"
