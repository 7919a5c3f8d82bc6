"""Starts the validator program. Exit code 0 means that it ran; its findings are in files, and only
a signature counts."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.domain.errors import ConfigError, ValidatorError
from harness.domain.judge_request import JudgeRequest
from harness.domain.plain import JsonDict, plain
from harness.domain.shortened import printable
from harness.domain.verdict import Verdict
from harness.ports.validator import Authored, Journeys, Judged, Observed
from harness.validator.envelope import verified_observation, verified_verdict

COMMAND = (sys.executable, "-I", "-m", "validators")
STOP_SECONDS = 60
# The program gives a journey and its negative control less.
TRY_SECONDS = 900
SAID, COMPLAINED = 400, 16_000


@dataclass(frozen=True, slots=True)
class ValidatorProgram:
    """The ports Validator and EvidenceReader over `python -m validators`. `environment` is all that
    its process gets."""

    public_key: Path
    environment: Mapping[str, str]
    # requests and logs go below it, by run; what may leave goes to `out`
    papers: Path
    command: Sequence[str] = COMMAND
    # the judge's store, which this process never opens
    sealed: Path = Path()

    def author(self, request: JudgeRequest, out: Path) -> Authored:
        """See the port."""
        self._run("author", request, out)
        document = _document(out / "authored.json")
        return Authored(
            outcome=str(document["outcome"]),
            reason=str(document.get("reason", "")),
            journeys=int(document.get("journeys", 0)),
            digest=str(document.get("digest") or ""),
            red_on_base=document.get("red_on_base") is True,
            guarding=int(document.get("standing", 0)),
        )

    def judge(self, request: JudgeRequest, out: Path) -> Judged:
        """See the port."""
        self._run("judge", request, out)
        try:
            # Exit code 0 alone proves nothing: only a file with a valid signature is a verdict.
            envelope = (out / "verdict.json").read_bytes()
        except OSError as error:
            raise ValidatorError(
                "the validator ended without a verdict, and no verdict is a no"
            ) from error
        return Judged(
            verified_verdict(envelope, self.public_key),
            _document(out / "public.json"),
            out / "index.html",
        )

    def observe(self, request: JudgeRequest, out: Path) -> Observed:
        """See the port."""
        self._run("observe", request, out)
        found = verified_observation(out / "observation.json", self.public_key, run=request.run)
        if (found.commit, found.tree) != (request.base.commit, request.base.tree):
            raise ValidatorError("the validator observed another commit than it was asked about")
        living = request.living
        asked = (living.url, living.environment) if living else ("", "")
        if (found.url, found.environment) != asked:
            raise ValidatorError("the validator observed another place than it was asked about")
        return found

    def verified(self, envelope: Path) -> Verdict | None:
        """See the port."""
        try:
            return verified_verdict(envelope.read_bytes(), self.public_key)
        except (OSError, ValidatorError):
            return None

    def journeys(self, request: JudgeRequest) -> Journeys:
        """See the port."""
        try:
            said = self.store(request, "digest")
        # The request is the factory's own, so no person can mend it: the judge cannot run.
        except ConfigError as error:
            raise ValidatorError(f"the validator could not run (exit 2): {error}") from error
        try:
            document = json.loads(said)
            digest = None if document["digest"] is None else str(document["digest"])
            return Journeys(
                int(document["journeys"]),
                int(document["standing"]),
                document["declined"] is True,
                digest,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValidatorError(
                f"the validator did not say which journeys stand: {said[:200]!r}"
            ) from error

    def store(
        self,
        request: JudgeRequest,
        action: str,
        *arguments: str,
        seconds: float = STOP_SECONDS,
    ) -> str:
        """What `store ACTION` prints, a finding (exit 1) too. Raises ConfigError with its last
        words when what was asked is no question (exit 2), ValidatorError when it could not run."""
        prefix = f"factory-request-{os.getpid()}-"
        with tempfile.NamedTemporaryFile(
            "w", prefix=prefix, suffix=".json", encoding="utf-8"
        ) as asked:
            json.dump(plain(request), asked)
            asked.flush()
            argv = [*self.command, "store", action, "--request", asked.name, *arguments]
            return _run(argv, self.environment, seconds=seconds, finding=True)

    def tried(self, file: Path, *arguments: str, show: Callable[[str], None]) -> bool:
        """Whether a journey passes on the app that the arguments name, and its negative control
        does not. Nothing is sealed.

        `show` gets each line that the program prints, as soon as it is printed. Raises ConfigError
        when the file or the app cannot be used, ValidatorError when the journey could not be
        performed."""
        argv = [*self.command, "try", str(file), "--lifeline", *arguments]
        with (
            tempfile.TemporaryFile() as errors,
            _started(argv, self.environment, errors) as program,
        ):
            watchdog = threading.Timer(TRY_SECONDS, program.terminate)
            watchdog.start()
            try:
                for line in program.stdout or ():
                    show(line.decode("utf-8", "replace").rstrip("\n"))
                program.wait()
            finally:
                watchdog.cancel()
            errors.seek(0)
            complaint = _shown(errors.read(COMPLAINED))
        match program.returncode:
            case 0 | 1 as code:
                return code == 0
            case 2:
                raise ConfigError(complaint)
            case 5:
                raise ValidatorError(complaint, retryable=True)
            case code:
                raise ValidatorError(f"the validator could not run (exit {code}): {complaint}")

    def drafted(self, issue: Path | None, answers: JsonDict | None = None) -> JsonDict:
        """A journey as a form makes it: `draft`, `problems` (what `check` would refuse in it), and
        `shown`, the answers that the issue's text gives. Raises ValidatorError."""
        argv = [*self.command, "new", "--json", *((f"--issue={issue}",) if issue else ())]
        argv += [f"--answers={json.dumps(answers)}"] if answers else []
        found = json.loads(_run(argv, self.environment, seconds=STOP_SECONDS))
        if not isinstance(found, dict):
            raise ValidatorError("the validator did not draft a journey: expected an object")
        return found

    def recorded(
        self, url: str, name: str, screen: Mapping[str, str], *, show: Callable[[str], None]
    ) -> JsonDict:
        """What a person performs in a window, whose `screen` is named by variables: `draft`, the
        text of a journey, `done`, whether anything was, and `problems`, what `check` would refuse.

        `show` gets each step once it is over. Ends when the window is closed, or when this process
        is interrupted. Raises ConfigError when no window can be opened, else ValidatorError."""
        argv = [*self.command, "record", f"--url={url}", f"--name={name}", "--json", "--lifeline"]
        last = ""
        with (
            tempfile.TemporaryFile() as errors,
            _started(argv, {**self.environment, **screen}, errors) as program,
            _passing_on_interrupts(program),
        ):
            for line in program.stdout or ():
                last = line.decode("utf-8", "replace").rstrip("\n")
                if not last.startswith("{"):
                    show(last)
            program.wait()
            errors.seek(0)
            complaint = _shown(errors.read(COMPLAINED))
        match program.returncode:
            case 0:
                document: JsonDict = json.loads(last)
                return document
            case 2:
                raise ConfigError(complaint)
            case 5:
                raise ValidatorError(complaint, retryable=True)
            case code:
                raise ValidatorError(f"nothing was recorded (exit {code}): {complaint}")

    def evidence_faults(self, envelopes: Sequence[Path]) -> Mapping[Path, str]:
        """See `EvidenceReader`."""
        if not envelopes:
            return {}
        argv = [
            *self.command,
            "store",
            "evidence",
            "--sealed",
            str(self.sealed),
            "--public-key",
            str(self.public_key),
        ]
        said = _run(
            [*argv, *map(str, envelopes)], self.environment, seconds=STOP_SECONDS * len(envelopes)
        )
        try:
            document = json.loads(said)
            return {envelope: str(document[str(envelope)]) for envelope in envelopes}
        except (ValueError, KeyError, TypeError) as error:
            raise ValidatorError(
                f"the validator did not say how the evidence is: {said[:200]!r}"
            ) from error

    def _run(self, verb: str, request: JudgeRequest, out: Path) -> None:
        out.mkdir(parents=True, exist_ok=True)
        papers = self.papers / request.run
        papers.mkdir(parents=True, exist_ok=True)
        path = papers / f"{verb}-request.json"
        path.write_text(json.dumps(plain(request), indent=1, sort_keys=True), "utf-8")
        seconds = request.limits.wall_seconds + STOP_SECONDS
        argv = [*self.command, verb, "--request", str(path), "--out", str(out), "--lifeline"]
        _run(argv, self.environment, seconds=seconds, log=papers / f"{verb}.log")


def _shown(complaint: bytes) -> str:
    """A program's last words, which may quote a page."""
    return printable(complaint.decode("utf-8", "replace").strip())


@contextmanager
def _passing_on_interrupts(program: "subprocess.Popen[bytes]") -> Iterator[None]:
    """An interrupt ends what the program does, not this process: its answer is still to come."""
    before = signal.signal(signal.SIGINT, lambda *_: program.send_signal(signal.SIGINT))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _document(path: Path) -> JsonDict:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValidatorError(
            f"the validator did not leave a readable {path.name}: {error}"
        ) from error
    if not isinstance(found, dict):
        raise ValidatorError(f"{path.name}: expected an object")
    return found


def _run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    log: Path | None = None,
    finding: bool = False,
) -> str:
    """Standard output of a run that ended with 0, or with 1 where a `finding` is an answer, too;
    its whole process group is gone when this returns."""
    with _started(argv, environment, subprocess.PIPE) as process:
        try:
            said, complained = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise ValidatorError(
                f"the validator took longer than {seconds:.0f} s and was stopped", retryable=True
            ) from error
    if log:
        log.write_bytes(complained)
    if process.returncode != 0 and not (finding and process.returncode == 1 and said):
        last = complained.decode("utf-8", "replace").strip().rpartition("\n")[2][-SAID:]
        if finding and process.returncode == 2:
            # whoever asked has to change what they asked for
            raise ConfigError(last)
        raise ValidatorError(f"the validator could not run (exit {process.returncode}): {last}")
    return said.decode("utf-8", "replace")


@contextmanager
def _started(
    argv: Sequence[str], environment: Mapping[str, str], errors: IO[bytes] | int
) -> Iterator["subprocess.Popen[bytes]"]:
    """The program, which is gone when this ends. Its standard input is a pipe that only this
    process holds: killed at any moment, we leave no judge at work for nobody."""
    reading, lifeline = os.pipe()
    process = subprocess.Popen(
        argv,
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=errors,
        env=dict(environment),
        start_new_session=True,
        cwd="/",
    )
    os.close(reading)
    try:
        yield process
    finally:
        _end(process)
        os.close(lifeline)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM first, so that the launcher can end its sandboxes; they die with it in any case."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
