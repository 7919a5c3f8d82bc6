"""Workflows that would loosen the seal, out of malice or out of carelessness, and the words each is
refused with."""

PREPARE = "id: prepare, use: implement.prepare"
AUTHOR = "id: author, use: seal.author"
BUILD = (
    "id: build, agent: implementer, prompt: implement.md.j2, tools: [run, read, search, edit,"
    " finish, give_up]"
)
SNAPSHOT = "id: snapshot, use: implement.snapshot"
TESTS = "id: tests, run: tests"
LAW = "id: law, gate: law"
PROPOSE = "id: propose, use: implement.propose"

INTAKE = "id: intake, use: triage.intake"
CLASSIFY = "id: classify, agent: triage, tools: []"
DECIDE = "id: decide, use: triage.decide"

CANDIDATE = "id: candidate, use: validate.candidate"
CANDIDATE_LAW = "id: law, gate: candidate-law"
JUDGE = "id: judge, validate: sealed"
CONCLUDE = "id: conclude, use: validate.conclude"
HAND_OVER = "id: over, use: validate.hand_over"

GATES = "id: gates, gate: merge"
LAND = "id: land, use: merge.land"
CONFIRM = "id: confirm, use: merge.confirm"
CLOSE = "id: close, use: merge.close"

MINE = "id: mine, run: [make, check]"


def row(name: str, *nodes: str) -> str:
    """A workflow of these nodes, each needing the one before it, but for those that say themselves
    what they need."""
    lines, before = [f"name: {name}", "nodes:"], ""
    for node in nodes:
        needs = f", needs: [{before}]" if before and "needs:" not in node else ""
        lines.append(f"  - {{{node.removesuffix(', needs: []')}{needs}}}")
        before = node.split(",")[0].removeprefix("id: ")
    return "\n".join(lines) + "\n"


HOSTILE = {
    "implement without the law": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, TESTS, PROPOSE),
        "has no `gate: law`",
    ),
    "implement that asks the law beside the tests": (
        row(
            "implement",
            PREPARE,
            AUTHOR,
            BUILD,
            SNAPSHOT,
            TESTS,
            f"{LAW}, needs: [snapshot]",
            PROPOSE,
        ),
        "does not need `tests`",
    ),
    "implement that proposes beside the law": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, LAW, f"{PROPOSE}, needs: [snapshot]"),
        "does not need `law`",
    ),
    "implement that proposes when the law says no": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, LAW, f"{PROPOSE}, when: law.failed"),
        "can never hold",
    ),
    "implement without a journey for the judge": (
        row("implement", PREPARE, BUILD, SNAPSHOT, LAW, PROPOSE),
        "has no `use: seal.author`",
    ),
    "implement that writes the journey after the code": (
        row("implement", PREPARE, BUILD, SNAPSHOT, AUTHOR, LAW, PROPOSE),
        "belongs before `use: implement.snapshot`",
    ),
    "implement with two agents": (
        row(
            "implement",
            PREPARE,
            AUTHOR,
            BUILD,
            BUILD.replace("id: build", "id: again"),
            SNAPSHOT,
            LAW,
            PROPOSE,
        ),
        "is there already",
    ),
    "implement that lands": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, LAW, PROPOSE, LAND),
        "`use: merge.land` is no part of implement.yaml",
    ),
    "implement that opens the gates for itself": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, "id: law, gate: [law, merge]", PROPOSE),
        "`gate: merge` is no part of implement.yaml",
    ),
    "implement with a command before there is a tree of ours": (
        row("implement", PREPARE, MINE, AUTHOR, BUILD, SNAPSHOT, LAW, PROPOSE),
        "runs before",
    ),
    "implement with a command after the last word": (
        row("implement", PREPARE, AUTHOR, BUILD, SNAPSHOT, LAW, PROPOSE, MINE),
        "comes after the last word",
    ),
    "implement with tools that nobody gave": (
        row(
            "implement", PREPARE, AUTHOR, BUILD.replace("give_up", "merge"), SNAPSHOT, LAW, PROPOSE
        ),
        "there is no tool of `implementer`: `merge`",
    ),
    "implement with fewer tools, which nobody would keep to": (
        row("implement", PREPARE, AUTHOR, BUILD.replace("run, ", ""), SNAPSHOT, LAW, PROPOSE),
        "`implementer` has run, read",
    ),
    "triage with tools": (
        row("triage", INTAKE, CLASSIFY.replace("[]", "[run]"), DECIDE),
        "there is no tool of `triage`: `run`",
    ),
    "triage by the implementer": (
        row("triage", INTAKE, BUILD, DECIDE),
        "`agent: implementer` is no part of triage.yaml",
    ),
    "triage where the model's word is the decision": (
        row("triage", INTAKE, CLASSIFY),
        "has no `use: triage.decide`",
    ),
    "triage that reads what is hidden": (
        row("triage", CLASSIFY, DECIDE),
        "has no `use: triage.intake`",
    ),
    "triage with a command": (
        row("triage", INTAKE, MINE, CLASSIFY, DECIDE),
        "triage.yaml has no tree",
    ),
    "triage whose decision is void by its form": (
        row("triage", INTAKE, CLASSIFY, f"{DECIDE}, output: {{verdict: {{const: in}}}}"),
        "stays done",
    ),
    "validate without the law": (
        row("validate", CANDIDATE, JUDGE, CONCLUDE),
        "has no `gate: candidate-law`",
    ),
    "validate without the judge": (
        row("validate", CANDIDATE, CANDIDATE_LAW, CONCLUDE),
        "nothing merges without a sealed verdict",
    ),
    "validate that takes a command for the judge": (
        row(
            "validate",
            CANDIDATE,
            CANDIDATE_LAW,
            """id: judge, run: [echo, '{"outcome": "passed"}']""",
            CONCLUDE,
        ),
        "nothing merges without a sealed verdict",
    ),
    "validate without a conclusion": (
        row("validate", CANDIDATE, CANDIDATE_LAW, JUDGE),
        "nothing would follow from the verdict",
    ),
    "validate that concludes and hands over": (
        row("validate", CANDIDATE, CANDIDATE_LAW, JUDGE, CONCLUDE, HAND_OVER),
        "not both",
    ),
    "validate that judges before the law": (
        row("validate", CANDIDATE, JUDGE, CANDIDATE_LAW, CONCLUDE),
        "belongs before `validate: sealed`",
    ),
    "validate that concludes when the judge could not": (
        row("validate", CANDIDATE, CANDIDATE_LAW, JUDGE, f"{CONCLUDE}, when: judge.failed"),
        "can never hold",
    ),
    "validate that tries a command until it passes": (
        row(
            "validate", CANDIDATE, f"{MINE}, retry: {{attempts: 9}}", CANDIDATE_LAW, JUDGE, CONCLUDE
        ),
        "a command is run once",
    ),
    "validate that waits for somebody who cannot answer": (
        row(
            "validate",
            CANDIDATE,
            CANDIDATE_LAW,
            "id: person, approve: admin, shows: a change, expires: 1h",
            JUDGE,
            CONCLUDE,
        ),
        "waits for nobody",
    ),
    "validate that another workflow could hold up": (
        row("validate", CANDIDATE, CANDIDATE_LAW, "id: other, call: tidy-up", JUDGE, CONCLUDE),
        "calls nobody",
    ),
    "validate whose command leaves files": (
        row("validate", CANDIDATE, f"{MINE}, files: [a.txt]", CANDIDATE_LAW, JUDGE, CONCLUDE),
        "can change nothing here",
    ),
    "merge that is told what to land": (
        row("merge", GATES, f"{LAND}, with: {{commit: abc}}", CONFIRM, CLOSE),
        "takes what it needs by itself",
    ),
    "validate with a budget that nobody would spend": (
        row("validate", CANDIDATE, CANDIDATE_LAW, f"{JUDGE}, budget: {{usd: 1}}", CONCLUDE),
        "asks no model",
    ),
    "merge without gates": (row("merge", LAND, CONFIRM, CLOSE), "has no `gate: merge`"),
    "merge that lands first": (
        row("merge", LAND, GATES, CONFIRM, CLOSE),
        "`gate: merge` belongs before `use: merge.land`",
    ),
    "merge beside its gates": (
        row("merge", GATES, f"{LAND}, needs: []", CONFIRM, CLOSE),
        "does not need `gates`",
    ),
    "merge that nobody compares": (row("merge", GATES, LAND, CLOSE), "has no `use: merge.confirm`"),
    "merge that is given up half-way": (
        row("merge", GATES, f"{LAND}, timeout: 1s", CONFIRM, CLOSE),
        "not given up half-way",
    ),
    "merge whose landing is void by its form": (
        row("merge", GATES, f"{LAND}, output: {{verdict: {{type: string}}}}", CONFIRM, CLOSE),
        "stays done",
    ),
    "merge on a condition": (
        row("merge", GATES, f"{LAND}, when: gates.succeeded", CONFIRM, CLOSE),
        "no conditions but the gates",
    ),
    "merge with a command of its own": (
        row("merge", GATES, LAND, CONFIRM, CLOSE, MINE),
        "merge.yaml has no tree",
    ),
    "merge under another's name": (
        row("validate", CANDIDATE, CANDIDATE_LAW, JUDGE, CONCLUDE),
        "calls itself `validate`",
    ),
}
"""By what it is, whose first word names its file."""
