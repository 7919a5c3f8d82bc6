"""Evidence as JSON: the driver writes it in its sandbox, and the launcher reads it afterwards.

The reader is strict, because a process that looked at an untrusted page could write in the driver's
output folder. The launcher reads only when all sandboxes have ended."""

from __future__ import annotations

import json
from dataclasses import asdict

from validators.domain.evidence import (
    Breach,
    ExpectationOutcome,
    FaultFacts,
    Part,
    RunEvidence,
    RunId,
    StepOutcome,
    Trouble,
)
from validators.domain.shapes import Shape, shape
from validators.performance.plan import read_run, run_document


def evidence_json(evidence: tuple[RunEvidence, ...]) -> str:
    """All runs as one document, `{"runs": […]}`, for `read_evidence`."""
    return json.dumps({"runs": [evidence_document(item) for item in evidence]}, indent=1)


def evidence_document(item: RunEvidence) -> dict[str, object]:
    """One run as JSON values."""
    document = asdict(item)
    # Stored evidence and reports that people parse call the injected fault by its first name.
    document["sabotage"] = document.pop("fault")
    return {**document, "run": run_document(item.run)}


def read_evidence(text: str) -> tuple[RunEvidence, ...]:
    """The runs in a document. Raises DocumentInvalid for anything missing, extra or of a wrong
    type."""
    root = shape(text, "evidence")
    runs = tuple(_run(item) for item in root.list("runs"))
    root.done()
    return runs


def part_line(run: RunId, part: Part) -> str:
    """One step or look of a run as a line of JSON, for `read_part`."""
    kind = "step" if isinstance(part, StepOutcome) else "look"
    return json.dumps({"run": run_document(run), kind: asdict(part)}) + "\n"


def read_part(line: str) -> tuple[RunId, Part]:
    """The run and the part in a line. Raises DocumentInvalid for anything missing, extra or of a
    wrong type."""
    root = shape(line, "part")
    run = root.at("run")
    found = read_run(run)
    part = _step(root.at("step")) if root.has("step") else _expectation(root.at("look"))
    run.done()
    root.done()
    return found, part


def _run(item: Shape) -> RunEvidence:
    identity = item.at("run")
    fault, at_first = item.at("sabotage"), item.at("there_at_first")
    run = RunEvidence(
        run=read_run(identity),
        app_ready=item.at("app_ready").truth(),
        complete=item.at("complete").truth(),
        steps=tuple(_step(step) for step in item.list("steps")),
        expectations=tuple(_expectation(look) for look in item.list("expectations")),
        breaches=tuple(_breach(breach) for breach in item.list("breaches")),
        errors=_texts(item, "errors"),
        skipped=item.at("skipped").text(),
        fault=None if fault.is_null() else _fault(fault),
        there_at_first=None if at_first.is_null() else at_first.truth(),
        notes=_texts(item, "notes"),
        files=_texts(item, "files"),
        millis=item.at("millis").whole(),
    )
    identity.done()
    item.done()
    return run


def _step(item: Shape) -> StepOutcome:
    outcome = StepOutcome(
        index=item.at("index").whole(),
        line=item.at("line").whole(),
        verb=item.at("verb").text(),
        passed=item.at("passed").truth(),
        trouble=_trouble(item),
        observed=item.at("observed").text(),
        millis=item.at("millis").whole(),
    )
    item.done()
    return outcome


def _expectation(item: Shape) -> ExpectationOutcome:
    outcome = ExpectationOutcome(
        index=item.at("index").whole(),
        line=item.at("line").whole(),
        kind=item.at("kind").text(),
        vantage=item.at("vantage").text(),
        passed=item.at("passed").truth(),
        expected=item.at("expected").text(),
        observed=item.at("observed").text(),
        trouble=_trouble(item),
        millis=item.at("millis").whole(),
    )
    item.done()
    return outcome


def _breach(item: Shape) -> Breach:
    breach = Breach(
        item.at("kind").text(),
        item.at("line").whole(),
        item.at("observed").text(),
        item.at("page").truth(),
    )
    item.done()
    return breach


def _fault(item: Shape) -> FaultFacts:
    facts = FaultFacts(
        changed=item.at("changed").whole(),
        touched=item.at("touched").truth(),
        put_in=item.at("put_in").truth(),
        reached=item.at("reached").truth(),
    )
    item.done()
    return facts


def _trouble(item: Shape) -> Trouble | None:
    trouble = item.at("trouble")
    return None if trouble.is_null() else trouble.one_of(Trouble)


def _texts(item: Shape, key: str) -> tuple[str, ...]:
    return tuple(entry.text() for entry in item.list(key))
