"""Answers to people's questions about the ledger, as plain documents: status, why, logs. The CLI
prints them, `--json` is them."""

from collections.abc import Mapping
from typing import Any

from harness.domain.errors import ConfigError
from harness.domain.ledger import Entry
from harness.domain.lifecycle import State
from harness.factory.records.chain import chain
from harness.factory.records.history import History, histories, why_frozen
from harness.factory.records.link import Chain
from harness.factory.records.model_advice import advice_in
from harness.factory.records.rule_texts import books
from harness.ports.ledger import Ledger

OUTCOMES: Mapping[State, str] = {
    State.MERGED: "merged",
    State.REJECTED: "rejected",
    State.NEEDS_HUMAN: "needs-human",
    State.NEEDS_INFO: "needs-human",
    State.PAUSED: "needs-human",
}


def status(ledger: Ledger, *, stopped: bool, full: str = "", paused: str = "") -> dict[str, Any]:
    """Where every issue stands, and what holds the factory back. `frozen` is why merging is frozen,
    `full` how little disk space is left, `paused` why and until when no model is asked."""
    return {
        "stopped": stopped,
        "full": full,
        "paused": paused,
        "frozen": why_frozen(ledger),
        "issues": [issue_line(history) for history in histories(ledger.entries())],
    }


def issue_line(history: History) -> dict[str, Any]:
    """One issue as one row. `outcome` is merged, rejected, duplicate, needs-human or open."""
    last = history.transitions[-1].data if history.transitions else {}
    usage, verdict, landed = history.usage, history.verdict or {}, history.landed or {}
    return {
        "number": history.issue,
        "title": history.title,
        "state": history.state.value,
        "outcome": outcome(history),
        "cites": cites(history),
        "duplicate_of": last.get("duplicate_of") if history.is_duplicate else None,
        "attempts": history.runs_of("implement"),
        "verdict": verdict.get("outcome"),
        "verdicts": [entry.data["outcome"] for entry in history.verdicts],
        "commit": landed.get("commit"),
        "cost_usd": float(usage.cost_usd),
        "seconds": seconds(history),
        "says": last.get("says", ""),
        "evidence": verdict.get("page"),
    }


def outcome(history: History) -> str:
    """How the issue ended, in the words of the demo's contract."""
    return "duplicate" if history.is_duplicate else OUTCOMES.get(history.state, "open")


def cites(history: History) -> list[str]:
    """The ids that the last decision rests on: rules where they refused, else entries of the
    mission."""
    last = history.transitions[-1].data if history.transitions else {}
    triaged = [cite["id"] for cite in (history.triage or {}).get("cites", ())]
    return [str(cite) for cite in last.get("cites") or triaged]


def seconds(history: History) -> float:
    """Wall-clock seconds of all ended runs of the issue together."""
    from datetime import datetime

    began = {
        entry.run: datetime.fromisoformat(entry.at)
        for entry in history.entries
        if entry.kind == "run"
    }
    ended = {
        entry.run: datetime.fromisoformat(entry.at)
        for entry in history.entries
        if entry.kind == "run-ended"
    }
    return round(
        sum((ended[run] - at).total_seconds() for run, at in began.items() if run in ended), 2
    )


def chain_of_issue(ledger: Ledger, issue: int) -> Chain:
    """The chain of one issue: rule → fact → quote → evidence, oldest first. Raises ConfigError for
    an unknown issue."""
    entries = ledger.entries()
    history = next((one for one in histories(entries) if one.issue == issue), None)
    if history is None:
        raise ConfigError(
            f"issue #{issue} is not in the ledger; `factory status` lists the issues that are,"
            " `factory tick` reads new ones from the forge"
        )
    return chain(history, outcome=outcome(history), rule_texts=books(entries))


def chain_of_pull_request(ledger: Ledger, pull_request: int) -> Chain:
    """The chain of the issue behind a pull request of the factory. Raises ConfigError if there is
    none."""
    entries = ledger.entries()
    proposed = {
        history.proposal["number"]: history for history in histories(entries) if history.proposal
    }
    if pull_request not in proposed:
        numbers = ", ".join(f"#{number}" for number in sorted(proposed)) or "none yet"
        raise ConfigError(
            f"no pull request #{pull_request} of the factory is in the ledger; it has {numbers}"
        )
    history = proposed[pull_request]
    return chain(history, outcome=outcome(history), rule_texts=books(entries))


def policy_edit_effect(ledger: Ledger, pull_request: int) -> dict[str, Any] | None:
    """The last check of a pull request that edits the policy; None for any other."""
    # Imported late: it loads everything that reads rules, and most commands do not need it.
    from harness.governance.past.edit_effects import CONSEQUENCE

    checks = [
        entry
        for entry in ledger.entries(kind=CONSEQUENCE)
        if entry.data["pull_request"] == pull_request and entry.data["conclusion"]
    ]
    return {**checks[-1].data, "entry": checks[-1].seq, "at": checks[-1].at} if checks else None


def logs(ledger: Ledger, run: str | None) -> dict[str, Any]:
    """What happened in one run, entry by entry. Without a run: the list of runs."""
    entries = ledger.entries()
    if run is None:
        return {
            "runs": [
                {
                    "run": entry.run,
                    "issue": entry.issue,
                    "began": entry.at,
                    "workflow": entry.data["workflow"],
                }
                for entry in entries
                if entry.kind == "run"
            ]
        }
    found = [entry for entry in entries if entry.run == run]
    if not found:
        raise ConfigError(f"there is no run `{run}`; `factory logs` without an argument lists them")
    return {
        "run": run,
        "issue": found[0].issue,
        "entries": [
            {"entry": entry.seq, "at": entry.at, "kind": entry.kind, "says": _log_line(entry)}
            for entry in found
        ],
    }


def _log_line(entry: Entry) -> str:
    data = entry.data
    match entry.kind:
        case "node":
            result = data["result"]
            step = f"{data['node']} ({data['attempt']})"
            return f"{step}: {result['outcome']} {result['message']}".rstrip()
        case "run":
            return f"{data['workflow']} began at base {data['base']:.10}"
        case "run-ended":
            return f"ended: {data['status']}"
        case "usage":
            return (
                f"{data['role']} on {data['model']}: {data['calls']} calls,"
                f" ${float(data['cost_usd']):.4f}"
            )
        case "intent":
            return f"about to {data['effect']}"
        case "transition":
            return f"{data['from']} → {data['to']}: {data['event']}" + (
                f" — {data['says']}" if data.get("says") else ""
            )
        case "verdict":
            return f"sealed verdict: {data['outcome']} — {data['reason']}"
        case "escalation" | "cast" | "model" | "diagnosis" | "plan" if one := advice_in(entry):
            return f"{one.title}: {one.fact}"
        case "review":
            return (
                f"{data['lens']}: {data['model']} gave {len(data['answer']['findings'])} findings"
            )
        case "context":
            return (
                f"repository context: {', '.join(data['files']) or 'nothing'}; {data['tokens']}"
                f" tokens in all, lessons: {len(data['lessons'])}, left out: {data['left_out']}"
            )
        case "lesson":
            return f"the {data['role']} noted: {data['says']}"
        case "done":
            return f"done: {data['effect']} {_short(data['result'])}"
        case _:
            return entry.kind


def _short(result: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {str(value)[:12]}" for key, value in result.items() if key not in ("verdict",)
    )
