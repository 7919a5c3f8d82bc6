"""Models, agents, boxes and the judge, scripted. Each keeps what it was asked, so that a test can
look."""

import hashlib
import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from threading import Lock

from harness.domain.budget import Usage
from harness.domain.errors import BudgetExhausted
from harness.domain.plain import plain
from harness.domain.sandbox import Layer, SandboxResult
from harness.domain.verdict import Binding, Controls, Regression, Verdict, VerdictOutcome
from harness.factory.project.pytest_run import signing
from harness.factory.stages.duplicates import PAIR_SCHEMA
from harness.ports.agent import AgentReport
from harness.ports.model import Session
from harness.ports.validator import (
    Authored,
    Journeys,
    JourneyShown,
    Judged,
    Observed,
    Standing,
)

KEY = "key-of-the-launcher"


class FakeBroker:
    def __init__(self, *, exhausted=False) -> None:
        self.exhausted, self.opened = exhausted, []
        self._opening = Lock()  # each session has a name of its own, however many hands ask at once

    @contextmanager
    def open(self, request):
        if self.exhausted:
            raise BudgetExhausted("the issue's cap of $2 is reached")
        with self._opening:
            self.opened.append(request)
            name = f"s{len(self.opened)}"
        yield Session(name, Path("/nowhere.sock"), request.model)

    def usage(self, session):
        return Usage(calls=1, input_tokens=100, output_tokens=10, cost_usd=Decimal("0.01"))


class FakeModel:
    """Answers by issue title; `answers` maps a piece of the question to the answer. Two issues that
    it compares are not the same, where `same` does not say otherwise; these questions are in
    `compared`."""

    def __init__(self, answers, *, same="not the same") -> None:
        self.answers, self.same, self.asked, self.compared = answers, same, [], []

    def answer(self, session, *, system, question, schema):
        if schema == PAIR_SCHEMA:
            self.compared.append(question)
            return {"answer": self.same}
        self.asked.append((tuple(system), question))
        return next(answer for piece, answer in self.answers.items() if piece in question)


class FailingModel:
    """A model that gives no answer, whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def answer(self, session, *, system, question, schema):
        raise self._error


class FakeAgent:
    """Works by a function of the worktree; the last one is used again when there are more runs."""

    def __init__(self, *works) -> None:
        self.works, self.assignments = list(works), []
        self._taking = Lock()

    def work(self, assignment, session):
        with self._taking:
            self.assignments.append(assignment)
            work = self.works.pop(0) if len(self.works) > 1 else self.works[0]
        said = work(assignment.worktree)
        outcome, summary = said if isinstance(said, tuple) else ("finished", "did it")
        return AgentReport(
            outcome=outcome,
            summary=summary,
            reason=None,
            turns=3,
            tool_calls=2,
            sandbox_form="bwrap-root",
        )


def leave_signed(out, messages) -> None:
    """What pytest tells in a box, where it was ordered to sign that."""
    order = out / "order.json"
    if order.exists():
        line = signing(bytes.fromhex(json.loads(order.read_text())["key"]))
        (out / "report.signed").write_bytes(b"".join(map(line, messages)))


class FakeSandbox:
    """A project whose tests pass, unless a file says `FAILS-ITS-TESTS`."""

    def __init__(self, *, form="bwrap-root") -> None:
        self._form, self.ran = form, []

    def form(self):
        return self._form

    def layer(self, lock, *, name, wheels, read, root):
        if name.endswith("package-lock.json"):
            return Layer("/layer", within="node_modules")
        return Layer("/layer", "PYTHONPATH")

    def run(self, spec, *, stdin=b""):
        self.ran.append(spec)
        app, out = (Path(bind.source) for bind in spec.binds[:2])
        broken = any(
            b"FAILS-ITS-TESTS" in path.read_bytes() for path in app.rglob("*") if path.is_file()
        )
        tests = sorted(path.name for path in app.rglob("test_*.py"))
        body = "".join(
            f'<testcase classname="tests" name="{name}">{"<failure/>" if broken else ""}</testcase>'
            for name in tests
        )
        (out / "junit.xml").write_text(f"<testsuite>{body}</testsuite>")
        ended = "failed" if broken else "passed"
        leave_signed(
            out,
            [
                ["collected", len(tests)],
                *(["test", f"tests::{name}", ended] for name in tests),
                ["end", int(broken)],
            ],
        )
        return SandboxResult(
            form=self._form,
            unheld=(),
            exit_code=int(broken),
            signal=None,
            killed_by=None,
            seconds=0.1,
            peak_memory_mb=1,
        )


@dataclass
class Guard:
    issue: int
    words: str
    stands: Callable[[str], str]
    landed: bool


class FakeValidator:
    """Judges by a list of outcomes; binds exactly what it was asked about; its signature is a
    digest with its key. `standing`: how many journeys guard what has landed; `authored` may be
    `no-journey`, and then they alone judge."""

    def __init__(self, *outcomes, authored="sealed", standing=0) -> None:
        self.outcomes, self.authored = list(outcomes) or [VerdictOutcome.PASSED], authored
        self.standing, self.declined = standing, False
        self.digests: dict[int, str] = {}
        self.spoiled = {}
        self.requests = []
        self.guards: dict[str, Guard] = {}
        self.observed = []
        self.living, self.smoked = {}, []

    def author(self, request, out):
        request = plain(request)
        self.requests.append(request)
        self.declined = self.authored == "no-journey"
        if self.authored == "sealed" or (self.declined and self.standing):
            self.digests[request["issue"]["number"]] = "sha256:" + "1" * 64
        return Authored(
            self.authored,
            "red on base" if self.authored == "sealed" else "it passes on base",
            1,
            "sha256:" + "1" * 64,
            self.authored == "sealed",
            self.standing,
        )

    def judge(self, request, out):
        request = plain(request)
        self.requests.append(request)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        verdict = Verdict(
            outcome,
            f"it {outcome}",
            request["issue"]["number"],
            request["run"],
            request["round"],
            Binding(
                request["base"]["commit"],
                request["head"]["commit"],
                request["candidate"]["commit"],
                request["candidate"]["tree"],
                self.digests[request["issue"]["number"]],
                request["governance"]["digest"],
            ),
            1,
            1,
            int(outcome is VerdictOutcome.PASSED),
            Controls(1, 1, 4, 4, not self.declined),
            request["sandbox"]["form"],
            (),
            1,
            "same-account",
            KEY,
            "sha256:" + "2" * 64,
            Regression(own=int(not self.declined), guarding=self.standing, performed=self.standing),
        )
        out.mkdir(parents=True, exist_ok=True)
        self.kept = getattr(self, "kept", {})
        text = json.dumps({"run": verdict.run, "outcome": outcome})
        (out / "verdict.json").write_text(text)
        self.kept[hashlib.sha256(text.encode()).hexdigest()] = verdict
        findings = (
            []
            if outcome is VerdictOutcome.PASSED
            else [{"promise": "issue", "words": "it should work", "observed": "it was not shown"}]
        )
        return Judged(
            verdict, {"findings": findings, "checks_passed": 1, "checks": 1}, out / "index.html"
        )

    def guard(self, journey, stands, *, issue=0, words="guests book walks", landed=True):
        """A sealed journey: `stands` says what it shows on a commit. Unless `landed` it is only its
        issue's own yet."""
        self.guards[journey] = Guard(issue, words, stands, landed)

    def observe(self, request, out):
        if request.living:
            return self.smoke(request, out)
        asked, commit = request.watching, request.base.commit
        self.observed.append((commit, asked))
        chosen = {
            journey: one
            for journey, one in self.guards.items()
            if (journey in asked.journeys)
            or (
                not asked.journeys
                and (one.issue == request.issue.number if asked.own else one.landed)
            )
        }
        shown = []
        for journey, one in chosen.items():
            standing = Standing(one.stands(commit))
            seen = "the page did not show it" if standing is Standing.RED else ""
            shown.append(JourneyShown(journey, one.issue, "M-BOOK", one.words, standing, seen))
        out.mkdir(parents=True, exist_ok=True)
        (out / "observation.json").write_text(request.run)
        return Observed(
            commit, request.base.tree, KEY, len(shown), tuple(shown), "", out / "observation.json"
        )

    def smoke(self, request, out):
        """On a living place, the journeys of `living`: promise and what it shows there."""
        asked, commit = request.living, request.base.commit
        self.smoked.append((commit, asked.url))
        shown = tuple(
            JourneyShown(f"sha256:{promise}", 0, promise, "guests book walks", Standing(stands), "")
            for promise in asked.promises
            if (stands := self.living.get(promise, lambda *_: "green")(commit, asked.environment))
        )
        out.mkdir(parents=True, exist_ok=True)
        envelope = out / "observation.json"
        envelope.write_text(request.run)
        tree = request.base.tree
        return Observed(commit, tree, KEY, len(shown), shown, "", envelope, url=asked.url)

    def verified(self, envelope):
        try:
            return self.kept.get(hashlib.sha256(envelope.read_bytes()).hexdigest())
        except OSError:
            return None

    def evidence_faults(self, envelopes):
        return {envelope: self.spoiled.get(envelope, "") for envelope in envelopes}

    def journeys(self, request):
        digest = self.digests.get(request.issue.number)
        return Journeys(
            int(digest is not None and not self.declined), self.standing, self.declined, digest
        )
