"""Answers to people's questions about the ledger, as plain documents: status, why, logs. The CLI
prints them, `--json` is them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from harness.domain.errors import ConfigError
from harness.domain.events import (
    ContextShown,
    EffectDone,
    EffectIntended,
    LessonNoted,
    NodeEnded,
    PolicyEditReported,
    ReviewGiven,
    RunEnded,
    RunStarted,
    TransitionRecorded,
    UsageRecorded,
    VerdictRecorded,
)
from harness.domain.ledger import Entry, of_kind
from harness.domain.plain import JsonDict, JsonObject, plain
from harness.domain.presence import Presence
from harness.factory.records.brakes import why_frozen
from harness.factory.records.chain import chain, why_served
from harness.factory.records.history import History, histories
from harness.factory.records.link import Chain, Link
from harness.factory.records.model_advice import advice_in
from harness.factory.records.own_runs import OwnRunIndex
from harness.factory.records.regressions import broken_words, last_look, look_words, origin_links
from harness.factory.records.releases import ReleaseIndex, live_words
from harness.factory.records.rule_texts import RuleBook, rule_books
from harness.factory.reporting.digest import open_outages
from harness.factory.reporting.releases import carried_words, releases_now
from harness.factory.reporting.shown import shown
from harness.factory.reporting.signs import condition, facts, waits_for
from harness.factory.reporting.workflow_runs import workflow_rows
from harness.factory.run.pause import pause_in_force, paused_issues
from harness.ports.ledger import Ledger, recorded


def status(
    ledger: Ledger, presence: Presence | None, now: datetime, *, stopped: bool, full: str = ""
) -> JsonDict:
    """Who works, what holds the factory back, and where every issue stands. `condition` is one
    word, `factory` the last sign of life, `outages` are those that have not ended. `frozen` is why
    merging is frozen, `broken` what of landed work is red on the default branch, `full` how little
    disk space is left, `paused` why and until when no model is asked; `releases` is what was
    released last and what is served where, `watched` the last look at the tip, `workflows` where
    the runs of the project's own stand."""
    entries, paused = ledger.entries(), pause_in_force(ledger, now)
    found, outages = histories(entries), open_outages(entries)
    word = condition(presence, now, down=bool(outages), stopped=stopped, paused=paused is not None)
    return {
        "condition": word.value,
        "factory": facts(presence, now),
        "waits_for": list(waits_for(found, word, stopped=stopped, paused=paused, outages=outages)),
        "outages": [{"since": one.since.isoformat(), "message": one.message} for one in outages],
        "stopped": stopped,
        "full": full,
        "paused": paused.summary if paused else "",
        "paused_issues": {
            str(issue): pause.summary for issue, pause in paused_issues(ledger, now).items()
        },
        "frozen": why_frozen(ledger),
        "broken": [*broken_words(ledger)],
        "watched": _watched(ledger),
        "workflows": [one.document() for one in workflow_rows(OwnRunIndex(ledger, entries))],
        "releases": releases_now(ReleaseIndex(ledger, entries)).document(),
        "issues": [issue_line(history) for history in found],
    }


def _watched(ledger: Ledger) -> JsonDict | None:
    last = last_look(ledger)
    if last is None:
        return None
    seen = last.event
    return {"commit": seen.commit, "at": last.at, "red": len(seen.red), "words": look_words(seen)}


def issue_line(history: History) -> JsonDict:
    """One issue as one row. `state` is the stored one, `shown` what people read; `outcome` is
    merged, rejected, duplicate, needs-human or open; `suspicion` is the attack that is
    suspected."""
    last = history.transitions[-1].event if history.transitions else None
    verdict, landed = history.verdict, history.landed
    return {
        "number": history.issue,
        "title": history.title,
        "state": history.state.value,
        "shown": shown(history).phrase,
        "outcome": outcome(history),
        "cites": cites(history),
        "duplicate_of": last.duplicate_of if last and history.is_duplicate else None,
        "attempts": history.runs_of("implement"),
        "verdict": verdict.outcome.value if verdict else None,
        "verdicts": [entry.event.outcome.value for entry in history.verdicts],
        "commit": landed.commit if landed else None,
        "cost_usd": float(history.usage.cost_usd),
        "seconds": seconds(history),
        "message": last.reason if last else "",
        "suspicion": plain(history.suspicion),
        "evidence": verdict.page if verdict else None,
    }


def outcome(history: History) -> str:
    """How the issue ended, in the words of the demo's contract."""
    return shown(history).outcome


def cites(history: History) -> list[str]:
    """The ids that the last decision rests on: rules where they refused, else entries of the
    mission."""
    last = history.transitions[-1].event if history.transitions else None
    triaged = history.triage.cites if history.triage else ()
    return list((last and last.cites) or (cite.id for cite in triaged))


def seconds(history: History) -> float:
    """Wall-clock seconds of all ended runs of the issue together."""

    began = {entry.run: entry.moment for entry in history.runs}
    ended = {entry.run: entry.moment for entry in history.of(RunEnded)}
    return round(
        sum((ended[run] - at).total_seconds() for run, at in began.items() if run in ended), 2
    )


def shown_chain(
    history: History,
    rule_texts: Mapping[str, RuleBook],
    releases: ReleaseIndex | None = None,
    origin: Sequence[Link] = (),
) -> Chain:
    """The chain of an issue, with its state as every surface shows it, the releases that carry it,
    and what it was filed about."""
    state = shown(history)
    found = chain(
        history,
        outcome=state.outcome,
        shown=state.phrase,
        rule_texts=rule_texts,
        releases=releases,
        origin=origin,
    )
    released = carried_words(releases, history.issue) if releases else ""
    return replace(found, released=released)


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
    return shown_chain(
        history, rule_books(entries), ReleaseIndex(ledger, entries), origin_links(ledger, issue)
    )


def chain_of_commit(ledger: Ledger, beginning: str) -> Chain:
    """The chain of the issue whose landing this commit is, as the answer to why it is served.
    Raises ConfigError where the ledger has no landing, or more than one, that begins so."""
    index = ReleaseIndex(ledger)
    found = [one for one in index.landings() if one.commit.startswith(beginning.lower())]
    if len({one.commit for one in found}) != 1 or not found[-1].issue:
        known = ", ".join(live_words(one) for one in index.live()) or "nothing is released yet"
        what = "more than one landing begins" if found else "no landing of the factory begins"
        raise ConfigError(
            f"{what} with {beginning:.40}; a person's push goes with the next landing ({known})"
        )
    landing = found[-1]
    return why_served(chain_of_issue(ledger, landing.issue), landing, index.serving(landing))


def chain_of_pull_request(ledger: Ledger, pull_request: int) -> Chain:
    """The chain of the issue behind a pull request of the factory. Raises ConfigError if there is
    none."""
    entries = ledger.entries()
    proposed = {
        history.proposal.number: history for history in histories(entries) if history.proposal
    }
    if pull_request not in proposed:
        numbers = ", ".join(f"#{number}" for number in sorted(proposed)) or "none yet"
        raise ConfigError(
            f"no pull request #{pull_request} of the factory is in the ledger; it has {numbers}"
        )
    history = proposed[pull_request]
    return shown_chain(history, rule_books(entries))


def policy_edit_effect(ledger: Ledger, pull_request: int) -> JsonDict | None:
    """The last check of a pull request that edits the policy; None for any other."""
    checks = [
        entry
        for entry in recorded(ledger, PolicyEditReported)
        if entry.event.pull_request == pull_request and entry.event.conclusion
    ]
    if not checks:
        return None
    return {**checks[-1].event.document(), "entry": checks[-1].seq, "at": checks[-1].at}


def logs(ledger: Ledger, run: str | None) -> JsonDict:
    """What happened in one run, entry by entry. Without a run: the list of runs."""
    entries = ledger.entries()
    if run is None:
        return {
            "runs": [
                {
                    "run": entry.run,
                    "issue": entry.issue,
                    "began": entry.at,
                    "workflow": entry.event.workflow,
                }
                for entry in of_kind(entries, RunStarted)
            ]
        }
    found = [entry for entry in entries if entry.run == run]
    if not found:
        raise ConfigError(f"there is no run `{run}`; `factory logs` without an argument lists them")
    return {
        "run": run,
        "issue": found[0].issue,
        "entries": [
            {"entry": entry.seq, "at": entry.at, "kind": entry.kind, "message": _log_line(entry)}
            for entry in found
        ],
    }


def _log_line(entry: Entry) -> str:
    match entry.event:
        case NodeEnded(node, attempt, result):
            step = f"{node} ({attempt})"
            return f"{step}: {result.outcome} {result.message}".rstrip()
        case RunStarted() as run:
            return f"{run.workflow} began at base {run.base:.10}"
        case RunEnded() as run:
            return f"ended: {run.status}"
        case UsageRecorded() as used:
            return f"{used.role} on {used.model}: {used.calls} calls, ${used.cost_usd:.4f}"
        case EffectIntended(effect):
            return f"about to {effect}"
        case TransitionRecorded() as moved:
            because = f" — {moved.reason}" if moved.reason else ""
            return f"{moved.before} → {moved.after}: {moved.event}{because}"
        case VerdictRecorded(outcome, reason):
            return f"sealed verdict: {outcome} — {reason}"
        case ReviewGiven() as review:
            return f"{review.lens}: {review.model} gave {len(review.answer['findings'])} findings"
        case ContextShown() as shown:
            return (
                f"repository context: {', '.join(shown.files) or 'nothing'}; {shown.tokens}"
                f" tokens in all, lessons: {len(shown.lessons)}, left out: {shown.left_out}"
            )
        case LessonNoted() as lesson:
            return f"the {lesson.role} noted: {lesson.sentence}"
        case EffectDone() as done:
            return f"done: {done.effect} {_short(done.result)}"
        case event if one := advice_in(event):
            return f"{one.title}: {one.fact}"
        case _:
            return entry.kind


def _short(result: JsonObject) -> str:
    return ", ".join(
        f"{key} {str(value)[:12]}" for key, value in result.items() if key not in ("verdict",)
    )
