"""Documents in the workflow language, and who must refuse each.

FORM: the reader and the editors' schema both refuse it. MEANING: only the reader can know. GOOD:
both accept it."""

from __future__ import annotations

PROMPTS = {"triage.md.j2": "Decide about {{ issue }}.", "implement.md.j2": "Make it."}


def one(node: str, before: str = "") -> str:
    return f"name: w\nnodes:\n{before}  - {{{node}}}\n"


ASKED = (
    "  - {id: ask, agent: triage, output: {verdict: {enum: [in, out]}, detail: {type: object, "
    'properties: {deep: {type: integer}}}, "note?": {type: string}}}\n'
)

GOOD = {
    "one action": one("id: a, use: room.action"),
    "all of it": (
        """
name: nightly-sweep
on: {schedule: "17 2 * * *", event: [issue_opened]}
input: {why: {type: string}}
nodes:
  - {id: a, use: triage.intake, retry: {attempts: 3, wait: 10s, factor: 1.5}, timeout: 90s}
  - id: ask
    agent: triage
    role: judge
    prompt: triage.md.j2
    needs: [a]
    tools: [run, give_up]
    budget: {calls: 3, usd: 0.25}
    output:
      verdict: {enum: [in, out]}
      score?: {type: number}
      items: {type: array}
  - {id: tests, run: tests, needs: [ask], when: ask.verdict == "in", env: {WHY: {from: ask.verdict}, LANG: C}}
  - {id: build, run: [make, -C, app, all], needs: [a], when: a.succeeded, files: [docs/a.md]}
  - {id: law, gate: [size, secrets], needs: [tests]}
  - {id: judge, validate: sealed, needs: [law], budget: {usd: 2}}
  - {id: person, approve: admin, needs: [judge, build], when: judge.failed, shows: {from: build.head}, expires: 72h, revises: build}
  - {id: last, use: a.b, needs: [ask], when: ask.score >= 0.8, with: {text: {from: ask.verdict}, more: words}}
  - {id: rest, wait: 90m}
  - {id: monday, wait: {until: "0 9 * * 1"}, needs: [rest]}
  - {id: other, call: tidy-up, needs: [ask], with: {why: {from: input.why}}, output: {done: {type: boolean}}}
  - {id: many, each: ask.items, do: tidy-up, limit: 5, needs: [ask]}
"""
    ),
    "later nodes first": one("id: b, use: x.y, needs: [a]") + "  - {id: a, use: x.y}\n",
    "a nested field": one("id: b, use: x.y, needs: [ask], when: ask.detail.deep < 3", ASKED),
    "words that YAML 1.1 took for booleans": one('id: "on", use: x.y') + "  - {id: no, use: x.y}\n",
    "a gate with one check": one("id: a, gate: size"),
    "no tools": one("id: a, agent: triage, tools: []"),
}

FORM = {
    "a list": ("- a\n", "expected a mapping"),
    "no nodes key": ("name: w\n", "has no `nodes`"),
    "no name": ("nodes: [{id: a, use: x.y}]\n", "has no `name`"),
    "no node": ("name: w\nnodes: []\n", "at least one node"),
    "nodes as a mapping": ("name: w\nnodes: {a: 1}\n", "expected a list"),
    "an unknown key at the top": (
        "name: w\nnode: 1\nnodes: [{id: a, use: x.y}]\n",
        "did you mean `nodes`",
    ),
    "a name with a space": ("name: my work\nnodes: [{id: a, use: x.y}]\n", "expected a name"),
    "a number for a name": ("name: 7\nnodes: [{id: a, use: x.y}]\n", "expected a name"),
    "an unknown key on a node": (one("id: a, use: x.y, need: [b]"), "did you mean `needs`"),
    "no kind": (one("id: a, timeout: 5s"), "found none"),
    "two kinds": (one("id: a, use: x.y, gate: size"), "found use and gate"),
    "no id": (one("use: x.y"), "has no `id`"),
    "an id in capitals": (one("id: A, use: x.y"), "expected a name"),
    "an action without a room": (one("id: a, use: action"), "expected an action"),
    "a key of another kind": (one("id: a, use: x.y, tools: []"), "means nothing on a `use` node"),
    "an empty needs": (one("id: a, use: x.y, needs: []"), "at least 1"),
    "needs as a word": (one("id: a, use: x.y, needs: b"), "expected a list"),
    "a needed node twice": (
        one("id: b, use: x.y, needs: [a, a]", "  - {id: a, use: x.y}\n"),
        "twice",
    ),
    "a when in another language": (
        one("id: b, use: x.y, needs: [a], when: a or b", "  - {id: a, use: x.y}\n"),
        "expected `node.succeeded`",
    ),
    "a when with a call": (
        one("id: b, use: x.y, needs: [a], when: a.f() == 1", "  - {id: a, use: x.y}\n"),
        "expected `node.succeeded`",
    ),
    "a bare word in a when": (
        one("id: b, use: x.y, needs: [ask], when: ask.verdict == in", ASKED),
        "expected `node.succeeded`",
    ),
    "a shell line": (one("id: a, run: make test && rm -rf /"), "no shell reads it"),
    "an empty command": (one("id: a, run: []"), "no shell reads it"),
    "a number among the arguments": (one("id: a, run: [sleep, 5]"), "no shell reads it"),
    "a timeout without a unit": (one("id: a, use: x.y, timeout: 90"), "expected a duration"),
    "a timeout of nothing": (one("id: a, use: x.y, timeout: 0s"), "expected a duration"),
    "one attempt": (one("id: a, use: x.y, retry: {attempts: 1}"), "from 2 to 10"),
    "a retry without attempts": (one("id: a, use: x.y, retry: {wait: 5s}"), "expected `attempts`"),
    "an unknown key in retry": (
        one("id: a, use: x.y, retry: {attempts: 2, delay: 5s}"),
        "no such key",
    ),
    "a shrinking wait": (one("id: a, use: x.y, retry: {attempts: 2, factor: 0.5}"), "from 1 to 10"),
    "true attempts": (one("id: a, use: x.y, retry: {attempts: true}"), "whole number"),
    "an empty budget": (one("id: a, agent: triage, budget: {}"), "`calls`, `usd` or both"),
    "free money": (one("id: a, agent: triage, budget: {usd: 0}"), "dollars above 0"),
    "words for money": (one("id: a, agent: triage, budget: {usd: lots}"), "dollars above 0"),
    "half a call": (one("id: a, agent: triage, budget: {calls: 0.5}"), "whole number"),
    "an unknown kind of journey": (one("id: a, validate: open"), "known: sealed"),
    "a question that shows nothing": (one("id: a, approve: admin, expires: 1h"), "has no `shows`"),
    "a question without an end": (one("id: a, approve: admin, shows: x"), "has no `expires`"),
    "a question tried again": (
        one("id: a, approve: admin, shows: x, expires: 1h, timeout: 1h"),
        "means nothing on a `approve` node",
    ),
    "a wait for nothing": (one("id: a, wait: {}"), "expected a duration"),
    "a wait until a word": (one("id: a, wait: {until: monday}"), "a cron line"),
    "a fan-out without a limit": (
        one("id: b, each: ask.detail, do: w, needs: [ask]", ASKED),
        "has no `limit`",
    ),
    "a fan-out beyond the most": (
        "name: w\nnodes:\n  - {id: ask, run: [x], output: {all: {type: array}}}\n"
        "  - {id: b, each: ask.all, do: w, limit: 51, needs: [ask]}\n",
        "from 1 to 50",
    ),
    "a file outside": (one("id: a, run: [x], files: [../b]"), "expected a path"),
    "an unknown permission": (
        one("id: a, approve: admn, shows: x, expires: 1h"),
        "did you mean `admin`",
    ),
    "a gate without a check": (one("id: a, gate: []"), "at least 1"),
    "a variable with a hyphen": (
        one("id: a, run: tests, env: {MY-VAR: x}"),
        "no name for an environment variable",
    ),
    "a number in the environment": (one("id: a, run: tests, env: {N: 5}"), "expected a mapping"),
    "an unknown key in env": (one("id: a, run: tests, env: {N: {of: a.b}}"), "no such key"),
    "no declared field": (one("id: a, use: x.y, output: {}"), "at least one field"),
    "a field in capitals": (one("id: a, use: x.y, output: {Verdict: {}}"), "no name for a field"),
    "a field that is no schema": (
        one("id: a, use: x.y, output: {verdict: {type: colour}}"),
        "is no JSON schema",
    ),
    "an output of a file": (one("id: a, use: x.y, output: triage.json"), "expected a mapping"),
    "a prompt that is no template": (
        one("id: a, agent: triage, prompt: ../../etc/passwd"),
        "expected a template",
    ),
    "a cron line of four fields": (
        'name: w\non: {schedule: "1 2 3 4"}\nnodes: [{id: a, use: x.y}]\n',
        "five fields",
    ),
    "an empty trigger": (
        "name: w\non: {}\nnodes: [{id: a, use: x.y}]\n",
        "`schedule`, `event` or both",
    ),
    "an unknown trigger": ("name: w\non: {push: [x]}\nnodes: [{id: a, use: x.y}]\n", "no such key"),
    "no event": ("name: w\non: {event: []}\nnodes: [{id: a, use: x.y}]\n", "at least 1"),
}

MEANING = {
    "a question that sends back what is not there": (
        one("id: a, approve: admin, shows: x, expires: 1h, revises: b"),
        "there is no node `b`",
    ),
    "a fan-out over what is no list": (
        one("id: b, each: ask.detail, do: w, limit: 3, needs: [ask]", ASKED),
        "is declared as no list",
    ),
    "an input that nobody declared": (
        one("id: a, run: [x], env: {A: {from: input.b}}"),
        "declares no `input`",
    ),
    "a node that takes the input's name": (one("id: input, use: x.y"), "choose another"),
    "an output that code sets": (
        one("id: a, run: [x], files: [b], output: {head: {type: string}}"),
        "is set by code",
    ),
    "an unknown node": (
        one("id: b, use: x.y, needs: [intakee]", "  - {id: intake, use: x.y}\n"),
        "did you mean `intake`",
    ),
    "one id twice": (
        one("id: a, use: x.y", "  - {id: a, use: x.y}\n"),
        "is the id of an earlier node (line 3)",
    ),
    "a node that needs itself": (one("id: a, use: x.y, needs: [a]"), "a → a"),
    "a circle": (
        "name: w\nnodes:\n  - {id: free, use: x.y}\n  - {id: a, use: x.y, needs: [c, free]}\n"
        "  - {id: b, use: x.y, needs: [a]}\n  - {id: c, use: x.y, needs: [b]}\n",
        "a → c → b → a",
    ),
    "a missing template": (one("id: a, agent: triager"), "did you mean `triage.md.j2`"),
    "a missing named template": (
        one("id: a, agent: triage, prompt: implment.md.j2"),
        "did you mean `implement.md.j2`",
    ),
    "a when of a node that is not needed": (
        one("id: b, use: x.y, when: a.failed", "  - {id: a, use: x.y}\n"),
        "not in this node's `needs`",
    ),
    "an outcome that is none": (
        one("id: b, use: x.y, needs: [a], when: a.faild", "  - {id: a, use: x.y}\n"),
        "did you mean `failed`",
    ),
    "a field that is not declared": (
        one('id: b, use: x.y, needs: [ask], when: ask.verdic == "in"', ASKED),
        "did you mean `verdict`",
    ),
    "a field of a node without output": (
        one("id: b, use: x.y, needs: [a], when: a.x == 1", "  - {id: a, use: x.y}\n"),
        "declares no output field `x`",
    ),
    "a field within a field that has none": (
        one("id: b, use: x.y, needs: [ask], when: ask.verdict.x == 1", ASKED),
        "declares no output field `verdict.x`",
    ),
    "a value that the field never has": (
        one('id: b, use: x.y, needs: [ask], when: ask.verdict == "ot"', ASKED),
        "did you mean `out`",
    ),
    "a variable from a node that is not needed": (
        one("id: b, run: tests, env: {V: {from: ask.verdict}}", ASKED),
        "not in this node's `needs`",
    ),
    "a variable from an undeclared field": (
        one("id: b, run: tests, needs: [ask], env: {V: {from: ask.verdit}}", ASKED),
        "did you mean `verdict`",
    ),
    "a schema that points elsewhere": (
        one("id: a, use: x.y, output: {v: {$ref: 'https://x.org'}}"),
        "write it out",
    ),
    "a key twice": ("name: w\nnodes:\n  - id: a\n    use: x.y\n    use: x.z\n", "is given twice"),
    "an alias": ("name: w\nnodes:\n  - &x {id: a, use: x.y}\n  - *x\n", "anchors and aliases"),
}
