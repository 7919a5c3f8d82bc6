"""The real clock and the real context, and one function for each command."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from validators.domain.errors import JourneyInvalid
from validators.domain.stops import Inconclusive, UsageError

if TYPE_CHECKING:
    from validators.authoring.local_request import LocalApp
    from validators.authoring.prove import ProofOptions
    from validators.launcher.context import Context

# The sandbox supervisor for the commands that people use; a factory's request names its own.
SUPERVISOR = (sys.executable, "-I", "-m", "harness.programs.sandbox")
JOURNEY_SECONDS = 60
UNAVAILABLE = 5
LARGEST_ISSUE = 64 * 1024


def judge(request: Path, out: Path) -> int:
    """Judge the request's candidate. Writes verdict.json, public.json, index.html and evidence/ to
    `out`."""
    from validators.judging.judging import judgement_of
    from validators.judging.publish import EVIDENCE, publish

    out.mkdir(parents=True, exist_ok=True)
    # An old verdict must not outlive this judgement, however it ends.
    (out / "verdict.json").unlink(missing_ok=True)
    context = context_of(request)
    kept = _unfinished(context)
    judgement = judgement_of(context, keep=kept / EVIDENCE)
    publish(judgement, kept=kept, out=out, ended=now())
    _log(context)
    print(f"{judgement.verdict.outcome}: {judgement.verdict.reason}")
    return 0


def observe(request: Path, out: Path) -> int:
    """Perform journeys of landed work on the request's base. Writes observation.json to `out`."""
    import shutil

    from validators.judging.observing import observation_of, publish_observation
    from validators.judging.publish import EVIDENCE, moved_to_store
    from validators.store.files import place_file

    out.mkdir(parents=True, exist_ok=True)
    # An old observation must not outlive this one, however it ends.
    (out / "observation.json").unlink(missing_ok=True)
    context = context_of(request)
    kept = _unfinished(context)
    found = observation_of(context, keep=kept / EVIDENCE)
    envelope = publish_observation(found, kept=kept / EVIDENCE, ended=now())
    place_file(kept / "observation.json", envelope, replace=True)
    if found.is_red:
        moved_to_store(context, kept)
    else:
        shutil.rmtree(kept)
    place_file(out / "observation.json", envelope, replace=True, mode=0o644)
    _log(context)
    print(found.reason or f"{len(found.shown)} journeys performed")
    return 0


def _unfinished(context: Context) -> Path:
    """A fresh folder in the store for the evidence of what begins now."""
    judged = context.journey_store.folder / "judged"
    judged.mkdir(mode=0o700, exist_ok=True)
    prefix = f".unfinished-{context.request.run}-{context.request.round}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=judged))


def author(request: Path, out: Path) -> int:
    """Have journeys written for the request's issue, prove them on base and seal them. Writes
    authored.json to `out`."""
    from validators.authoring.authoring import authored
    from validators.store.files import place_file

    out.mkdir(parents=True, exist_ok=True)
    (out / "authored.json").unlink(missing_ok=True)
    context = context_of(request)
    found = authored(context)
    document = json.dumps(asdict(found), indent=1).encode()
    place_file(out / "authored.json", document, replace=True, mode=0o644)
    _log(context)
    print(f"{found.outcome}: {found.reason}")
    return 0


def prove(
    files: Sequence[Path],
    options: ProofOptions,
    *,
    request: Path | None,
    local_app: LocalApp,
    as_json: bool,
) -> int:
    """Show that journeys can fail and can pass, and write a proof beside each that does. Seals
    nothing."""
    from validators.authoring.prove import proof_lines, proof_report, proved, read_journeys
    from validators.launcher.workplace import work_folder

    written = read_journeys(files)
    with work_folder() as folder:
        context = (
            context_of(request)
            if request
            else _local_context(local_app, folder=folder, journeys=len(written.journeys))
        )
        found = proved(context, written, options)
    report = proof_report(written, found)
    if as_json:
        print(json.dumps(report, indent=1))
    else:
        for line in proof_lines(written, found):
            print(line)
    return 0 if report["proved"] else 1


def try_(
    file: Path,
    *,
    local_app: LocalApp,
    url: str,
    seed: int | None,
    keep: Path | None,
    as_json: bool,
    live: bool,
) -> int:
    """Perform a journey once and print what each step and look saw, as soon as it is done. Exit 0
    when it passed and its negative control failed, 5 when it could not be performed."""
    import secrets
    import shutil

    from validators.authoring.prove import read_journeys
    from validators.authoring.trying import (
        TryReport,
        address_of,
        outcome_of,
        tried,
        try_document,
    )
    from validators.domain.evidence import Part, RunId
    from validators.domain.run_result import Result
    from validators.launcher.workplace import work_folder

    address = address_of(url) if url else None
    try:
        (journey,) = read_journeys((file,), may_only_look=True).journeys.values()
    except JourneyInvalid as invalid:
        raise UsageError(str(invalid)) from None
    report = TryReport(journey, url, live)
    seed = secrets.randbits(31) if seed is None else seed

    def show(lines: Iterable[str]) -> None:
        for line in () if as_json else lines:
            # Whoever waits reads it now.
            print(line, flush=True)

    def watch(run: RunId, part: Part) -> None:
        show(report.done_lines(run, part))

    show(report.begin_lines(file))
    with work_folder() as folder:
        app = _without_folder(local_app, folder) if url else local_app
        context = _local_context(app, folder=folder, journeys=1)
        try:
            runs = tried(context, journey, folder=folder, seed=seed, address=address, watch=watch)
        except Inconclusive as stop:
            print(stop, file=sys.stderr)
            return UNAVAILABLE
        show(report.end_lines(runs, kept=folder / "kept"))
        if keep:
            shutil.copytree(folder / "kept", keep, dirs_exist_ok=True)
    show((f"seed {seed}",))
    if as_json:
        print(json.dumps(try_document(report, runs, seed=seed, kept=keep), indent=1))
    return 0 if outcome_of(runs) is Result.PASSED else 1


def new(issue: Path | None, *, answers: str, as_json: bool) -> int:
    """Print a draft of a journey; as JSON with what the issue shows and with what `check` would
    refuse."""
    from pydantic import TypeAdapter, ValidationError

    from validators.authoring.new_journey import Answers, drafted, guessed
    from validators.language.check import complaints

    text = _bounded_text(issue) if issue else ""
    shown = guessed(text)
    try:
        given = TypeAdapter(Answers).validate_json(answers) if answers else shown
    except ValidationError as error:
        raise UsageError(f"--answers: {error.errors()[0]['msg']}") from None
    draft = drafted(text, given)
    if as_json:
        document = {"draft": draft, "shown": asdict(shown), "problems": complaints(draft)}
        print(json.dumps(document, indent=1))
    else:
        print(draft, end="")
    return 0


def record(url: str, *, name: str, as_json: bool) -> int:
    """Open the app in a window, print each step that a person does there once it is over, and then
    the journey; as JSON on one line with what `check` would refuse. Exit 5 when there is no app."""
    import asyncio

    from playwright.async_api import Error

    from validators.authoring.recorded_journey import journey_of
    from validators.authoring.recording import Recorder, recorded, window_browser
    from validators.authoring.trying import address_of
    from validators.language.check import complaints

    address, browser = address_of(url), window_browser()
    recorder = Recorder(url.rstrip("/"), lambda line: print(f"  {line}", flush=True))
    try:
        address.dial().close()
        print("a window opens: do there what a user does, choose in its bar what must then be")
        print("seen, and close it, or press Ctrl-C here; these are the steps:", flush=True)
        actions = asyncio.run(recorded(recorder, address, executable=browser))
    except OSError as error:
        print(f"nothing answers at {url} ({error}); start the app there", file=sys.stderr)
        return UNAVAILABLE
    except Error as error:
        print(f"{browser}: {error.message.splitlines()[0]}", file=sys.stderr)
        return UNAVAILABLE
    draft = journey_of(actions, origin=recorder.origin, name=name)
    if as_json:
        print(
            json.dumps(
                {
                    "draft": draft,
                    "done": any(one.by_person for one in actions),
                    "problems": complaints(draft),
                }
            )
        )
    else:
        print(draft, end="")
    return 0


def _bounded_text(file: Path) -> str:
    """A person's file, of which the first LARGEST_ISSUE bytes count."""
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_ISSUE).decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error


def key(path: Path) -> int:
    """Print the id of the signing key at `path`. The key is made if there is none."""
    from validators.signing.key import signer_at

    print(signer_at(path).public_key.keyid)
    return 0


def check(files: Sequence[Path]) -> int:
    """Lint journeys, and print every problem and warning with its file and line. A proof beside a
    journey must belong to it."""
    from validators.authoring.prove import stale
    from validators.language.check import checked
    from validators.language.lint import warnings

    bad = 0
    for file in files:
        try:
            for warning in warnings(checked(file.read_text(), file=str(file))):
                print(f"{file}: {warning} (a warning: it may be sealed)")
            if old := stale(file):
                bad += 1
                print(f"{file}: {old}; prove it again")
        except JourneyInvalid as invalid:
            bad += 1
            print(invalid)
        except OSError as error:
            raise UsageError(f"{file}: cannot be read ({error.strerror})") from error
    print(f"{len(files) - bad} of {len(files)} journeys may be sealed", file=sys.stderr)
    return 1 if bad else 0


def verify(verdict: Path, public_key: Path, *, key_id: str | None, evidence: Path | None) -> int:
    """Check a verdict offline and print what it binds."""
    from validators.judging.verify import checked_verdict, words

    for line in words(checked_verdict(verdict, public_key, key_id=key_id, evidence=evidence)):
        print(line)
    return 0


def context_of(request: Path) -> Context:
    """The context of the request in a file."""
    from validators.launcher.context import opened_context
    from validators.launcher.request import request_at

    return opened_context(request_at(request), caller=request, now=now)


def _local_context(local_app: LocalApp, *, folder: Path, journeys: int) -> Context:
    """A context for folders that a person names. All that it needs is made below `folder`."""
    from validators.authoring.local_request import local_request
    from validators.launcher.context import opened_context

    request = local_request(
        local_app, folder=folder, supervisor=SUPERVISOR, journeys=journeys, seconds=JOURNEY_SECONDS
    )
    return opened_context(request, caller=folder, now=now)


def _without_folder(local_app: LocalApp, folder: Path) -> LocalApp:
    """The app at an address: it runs already, so its folder is empty and nothing is started."""
    nothing = folder / "nothing"
    nothing.mkdir()
    (nothing / "empty").touch()
    return replace(local_app, base=nothing, reference=None, start="true")


def _log(context: Context) -> None:
    """Print how long each phase took to standard error, which the caller keeps as a log."""
    for line in context.phases.lines():
        print(line, file=sys.stderr)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)
