"""Events and entries of the ledger as tests write them down: what a test leaves open is filled in."""

from harness.domain.events import LedgerEvent
from harness.domain.ledger import Entry, Recorded
from harness.store.ledger.decoding import decoded

_SHA = "a" * 40
LEFT_OPEN = {
    "command": {"command": "resume"},
    "done": {"effect": "close", "result": {"issue": 1}},
    "intent": {"effect": "close"},
    "issue": {"title": ""},
    "lesson": {"says": "", "file": "", "quote": "", "base": _SHA, "role": "implementer"},
    "model": {"role": "implementer", "model": "m", "sound": "failed"},
    "facts": {"base": _SHA, "head": _SHA, "applies": "pr", "rules": "", "facts": {}, "action": None}
    | {"findings": []},
    "node": {"node": "build", "attempt": 1},
    "pause": {"cause": "day", "why": "", "until": "2030-01-01T00:00:00+00:00"},
    "run": {"workflow": "implement", "number": 1, "base": _SHA, "rules": ""},
    "run-ended": {"status": "succeeded"},
    "transition": {"event": "dispatched", "from": "accepted", "to": "implementing"},
    "triage": {"event": "triage-accepted"},
    "usage": {
        "role": "implementer",
        "model": "m",
        "calls": 0,
        "input_tokens": 0,
        "output_tokens": 0,
        "cost_usd": "0",
    },
    "verdict": {
        "outcome": "passed",
        "reason": "",
        "binds": dict.fromkeys(
            ("base", "head", "candidate", "tree", "journeys", "governance"), _SHA
        ),
        "controls": {
            "twins": 1,
            "twins_failed": 1,
            "saboteurs": 1,
            "caught": 1,
            "red_on_base": True,
        },
        "journeys": {"sealed": 1, "executed": 1, "passed": 1},
        "box": "bubblewrap",
        "envelope": "evidence/verdict.json",
        "envelope_sha256": "",
        "key_id": "",
    },
}
"""By kind: the keys that an entry must have, and what stands there where a test does not say."""
_RESULT = {"outcome": "produced", "output": {}, "message": "", "event": None, "retryable": True}


def event_of(kind: str, data: dict) -> LedgerEvent:
    filled = {**LEFT_OPEN.get(kind, {}), **data}
    if kind == "node":
        filled["result"] = {**_RESULT, **data.get("result", {})}
    if kind == "verdict":
        for part in ("binds", "controls", "journeys"):
            filled[part] = {**LEFT_OPEN[kind][part], **data.get(part, {})}
    return decoded(kind, filled)


def entry_of(seq, at, kind, key, issue, run, data, prev="", hash="") -> Entry:
    event = event_of(kind, data)
    return Recorded(seq, at, kind, key, issue, run, event.document(), prev, hash, event)
