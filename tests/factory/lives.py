"""Lives of issues, written into a ledger entry by entry, as the factory writes them."""

from tests.events import event_of
from tests.fakes.ledger import FakeLedger

BASE, HEAD, CANDIDATE, TREE = "b" * 40, "a" * 40, "c" * 40, "d" * 40
POLICY = f"sha256:{'1' * 64}"
CLAUSES = [
    {
        "id": "F-SIZE",
        "title": "Changes stay small",
        "file": "factory_rules.md",
        "line": 9,
        "level": "enforced",
        "prose": "A change can be read in ten minutes, so it has at most 300 lines.",
    },
    {
        "id": "LAW-PROTECTED",
        "title": "The factory does not edit what steers it",
        "file": "(built in)",
        "line": 1,
        "level": "enforced",
        "prose": "",
    },
    {
        "id": "F-FLOOD",
        "title": "Nobody floods",
        "file": "factory_rules.md",
        "line": 300,
        "level": "enforced",
        "prose": "One account gets 5 of its issues triaged within a day.",
    },
    {
        "id": "F-TESTS",
        "title": "Tests are kept",
        "file": "factory_rules.md",
        "line": 200,
        "level": "enforced",
        "prose": "A test that stands in the way is usually right.",
    },
    {
        "id": "M-BOOK",
        "title": "Booking a walk",
        "file": "mission.md",
        "line": 9,
        "level": "in",
        "prose": "Guests book walks.",
    },
]
CONTROLS = {"twins": 2, "twins_failed": 2, "saboteurs": 3, "caught": 3, "red_on_base": True}
HOSTILE = "<script>alert(1)</script> [x](http://x.example) \x1b[2J‮ @everyone"


def finding(rule, passed, says, *, status="enforce", evidence=(), file="factory_rules.md", line=9):
    title = next((clause["title"] for clause in CLAUSES if clause["id"] == rule), rule)
    return {
        "rule": rule,
        "title": title,
        "passed": passed,
        "status": status,
        "on_fail": "needs-human",
        "says": says,
        "evidence": list(evidence),
        "file": file,
        "line": line,
    }


SMALL = finding("F-SIZE", True, "8 changed lines, at most 300")
LARGE = finding(
    "F-SIZE",
    False,
    "412 changed lines, and at most 300 are allowed",
    evidence=["tidebook/store.py: 400"],
)
UNTOUCHED = finding(
    "LAW-PROTECTED", True, "touches 2 paths, none of them protected", file="(built in)", line=1
)


class Life:
    """One issue, as it goes on: each method is one thing that happened."""

    def __init__(
        self, issue=7, *, title="Cancelled bookings keep their places", ledger=None
    ) -> None:
        self.ledger, self.issue, self.runs = ledger or FakeLedger(), issue, {}
        self.ledger.append(
            event_of("law", {"base": BASE, "governance": POLICY, "clauses": CLAUSES}),
            f"law/{POLICY}",
        )
        self.add("issue", f"issue/{issue}", title=title, author=4, login="kim", text="x")

    def add(self, kind, key, /, *, run=None, **data):
        return self.ledger.append(event_of(kind, data), key, issue=self.issue, run=run)

    def begin(self, workflow):
        self.runs[workflow] = self.runs.get(workflow, 0) + 1
        run = f"{workflow}-{self.issue}-{self.runs[workflow]}"
        self.add(
            "run",
            f"run/{run}",
            run=run,
            workflow=workflow,
            number=self.runs[workflow],
            base=BASE,
            rules=POLICY,
        )
        if workflow == "implement":
            self.move("dispatched", "accepted", "implementing", run=run, key=f"{run}/dispatched")
        return run

    def move(
        self, event, before, after, *, run=None, says="", key=None, cites=(), duplicate_of=None
    ):
        key = key or f"{run or 'event'}/{len(self.ledger.written)}/event"
        return self.add(
            "transition",
            key,
            run=run,
            event=event,
            says=says,
            rules=POLICY,
            cites=list(cites),
            duplicate_of=duplicate_of,
            **{"from": before, "to": after},
        )

    def triaged(
        self,
        event="triage-accepted",
        after="accepted",
        *,
        says="",
        hidden=(),
        quote="The places are gone",
        reply="",
        duplicate_of=None,
    ):
        run = self.begin("triage")
        self.add(
            "triage",
            f"{run}/triage",
            run=run,
            event=event,
            quote=quote,
            reply=reply,
            kind="bug",
            priority="normal",
            title="t",
            body="b",
            hidden=list(hidden),
            text="x",
            rules=POLICY,
            cites=[
                {
                    "id": "M-BOOK",
                    "title": "Booking a walk",
                    "path": f"blob/{BASE}/mission.md?plain=1#L9",
                }
            ],
        )
        self.move(event, "untriaged", after, run=run, says=says, duplicate_of=duplicate_of)
        return self

    def asked(self, workflow, *findings, event=None, run=None, **output):
        run = run or self.begin(workflow)
        self.add(
            "node",
            f"{run}/law/1",
            run=run,
            node="law",
            attempt=1,
            result={
                "outcome": "produced",
                "message": "",
                "event": event,
                "output": {"findings": list(findings), **output},
            },
        )
        return run

    def refused(self, *findings, event="law-refused", after="needs-human"):
        run = self.asked("implement", *findings)
        cites = [
            one["rule"]
            for one in findings
            if one["passed"] is not True and one["status"] == "enforce"
        ]
        self.move(event, "implementing", after, run=run, says="refused", cites=cites)
        return self

    def proposed(self, *findings):
        run = self.asked("implement", *findings)
        self.add(
            "done",
            f"{run}/propose/done",
            run=run,
            effect="propose",
            result={"number": 12, "branch": "factory/issue-7", "head": HEAD, "base": BASE},
        )
        self.move("change-ready", "implementing", "validating", run=run)
        return self

    def judged(
        self,
        outcome="passed",
        *findings,
        reason="all 2 sealed journeys passed, and each could fail",
        said=(),
        head=HEAD,
    ):
        run = self.asked("validate", *findings)
        self.add(
            "verdict",
            f"{run}/verdict",
            run=run,
            outcome=outcome,
            reason=reason,
            controls=CONTROLS,
            box="bwrap-root",
            binds={"tree": TREE, "head": head},
            journeys={"sealed": 2, "executed": 2, "passed": 2 if outcome == "passed" else 0},
            envelope=f"evidence/{run}/verdict.json",
            envelope_sha256="e" * 64,
            key_id="f" * 64,
            findings=list(said),
        )
        event, after = {
            "passed": ("verdict-passed", "approved"),
            "failed": ("changes-requested", "changes-requested"),
        }.get(outcome, ("inconclusive", "needs-human"))
        self.move(event, "validating", after, run=run, says=reason)
        return self

    def landed(
        self, *findings, event="landed", after="merged", says="tree ddddddd landed as judged"
    ):
        run = self.asked("merge", *findings, event="gates-open")
        self.move("gates-open", "approved", "merging", run=run)
        verdict = [entry for entry in self.ledger.written if entry.kind == "verdict"][-1].key
        self.add(
            "done",
            f"{run}/land/done",
            run=run,
            effect="land",
            result={
                "commit": CANDIDATE,
                "tree": TREE,
                "branch": "main",
                "base": BASE,
                "verdict": verdict,
            },
        )
        self.move(event, "merging", after, run=run, says=says)
        return self

    def told(self, command, before, after, *, login="mara", actor=9, late=False):
        key = f"comment/{len(self.ledger.written)}"
        if not late:
            self.move(command, before, after, key=f"{key}/event", says=f"by {login}")
        self.add("command", key, command=command, actor=actor, login=login)
        return self
