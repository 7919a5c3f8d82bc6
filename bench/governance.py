"""How long governance takes: an old history replayed, a long file of rules linted, many issues
normalised.

    python bench/governance.py [--json]

Each row is a process of its own. `seconds` is processor time, so that a busy machine tells the
same, and of the work alone: without imports and without making up its input. `peak` is the resident
memory (MB) of the whole process at its highest, input included. The history is as large as that of
a factory that worked for years; all is drawn from a fixed seed."""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.domain.governance import Governance

CHANGES, RULES, MANY_RULES, ISSUES, LETTERS = 10_000, 30, 500, 10_000, 4_000
TARGETS = {
    "replay": (2.0, 150),
    "lint": (1.0, None),
    "prose": (3.0, None),
    "filed": (3.0, None),
    "dense": (3.0, None),
}
"""Seconds, and megabytes where they count."""
WHAT = {
    "replay": f"{CHANGES} changes through {RULES} rules",
    "lint": f"a file of {MANY_RULES} rules",
    "prose": f"{ISSUES} plain issues of {LETTERS // 1000} kB",
    "filed": f"{ISSUES} filled-in forms of {LETTERS // 1000} kB",
    "dense": f"{ISSUES} of {LETTERS // 1000} kB full of markup",
}

FRONT = "---\nschema: 1\n---\n"
CHECKS = (
    "{changed_lines: {max: 3%02d, exclude: ['*.lock', 'docs/**']}}",
    "{files: {max: 1%d, exclude: ['tests/**']}}",
    "{file_bytes: {max: 3%d000}}",
    "{paths: {deny: ['deploy/**', '*.tf', 'secrets/**', 'area-%d/**']}}",
    "{paths: {allow: ['src/**', 'tests/**', 'docs/**', '*.md', 'area-%d/**']}}",
    "{dependencies: {allow: [name-%d]}}",
    "{secrets: {exclude: ['tests/area-%d/**']}}",
    "{attempts: {max: %d}}",
    "{spend_usd: {max: %d}}",
    "{tests_kept: {}}",
)


def rules(count: int) -> Governance:
    """`count` enforced rules, of every kind that a change answers, beside the built-in ones. Most
    changes hold most of them, as at work."""
    from harness.governance import read_governance

    return read_governance(
        {"mission.md": b"# Mission\n", "CLAUDE.md": b"# Code\n", "factory_rules.md": text(count)}
    )


def text(count: int) -> bytes:
    blocks = []
    for number in range(count):
        check = CHECKS[number % len(CHECKS)]
        check = check % (number + 3) if "%" in check else check
        when = '\nwhen: kind == "bug" or changed_lines > 10' if number % 5 == 4 else ""
        blocks.append(
            f"## Rule number {number} {{#F-{number}}}\nIt MUST hold, because of rule"
            f" {number}.\n```yaml rule\nid: F-{number}\nlevel: enforced\ncheck:"
            f" {check}{when}\ncases:\n  - {{given: {{changed_lines: 3, kind: bug}}, expect:"
            " unknown}\n```\n"
        )
    return (FRONT + "\n".join(blocks)).encode()


def replay() -> float:
    from harness.governance.past.impact import impact

    governance, history = rules(RULES), recorded(random.Random(7))
    began = time.process_time()
    found = impact(None, governance, history)
    seconds = time.process_time() - began
    assert found.changes == CHANGES
    assert sum(row.asked for row in found.rules) > CHANGES * RULES * 0.9
    return seconds


def recorded(chance: random.Random) -> tuple[Any, ...]:
    """A history as a factory keeps it: one to twelve files a change, most of them seen before."""
    from decimal import Decimal

    from harness.domain.facts import ChangeFacts, ChangeKind, FileChange, TestFacts
    from harness.governance.past.history import RecordedChange

    paths = [
        f"{chance.choice(('src', 'tests', 'docs', 'area-9'))}/{chance.choice('abcdef')}/module_{number}.py".encode()
        for number in range(3_000)
    ]

    def file() -> FileChange:
        return FileChange(
            chance.choice(paths),
            ChangeKind.MODIFIED,
            "100644",
            "100644",
            None,
            None,
            chance.randrange(60),
            chance.randrange(20),
            size=chance.randrange(40_000),
        )

    kept = TestFacts(frozenset({"test_a"}), frozenset({"test_a", "test_b"}))
    return tuple(
        RecordedChange(
            number,
            ChangeFacts(
                files=tuple(file() for _ in range(chance.randint(1, 12))),
                dependencies=(),
                secrets=(),
                tests=kept,
                kind=chance.choice(("bug", "feature")),
                attempts=chance.randint(1, 4),
                spend_usd=Decimal(chance.randint(1, 900)) / 100,
            ),
        )
        for number in range(1, CHANGES + 1)
    )


def lint() -> float:
    from harness.governance import lint as findings

    began = time.process_time()
    found = findings(
        rules(MANY_RULES), paths=[f"src/a/module_{number}.py".encode() for number in range(1_000)]
    )
    seconds = time.process_time() - began
    assert found
    return seconds


WORDS = (
    "tide",
    "walk",
    "guide",
    "the",
    "a",
    "is",
    "wrong",
    "shows",
    "page",
    "when",
    "I",
    "book",
    "places",
    "of",
)
FORM = """### What happened?

<!-- one thing an issue, please -->
{0}
- {1}
- I open [the page of the walk](https://example.org/walks/12) and see `None`

### What did you expect?

{2}
> {1}

```
Traceback (most recent call last):
  File "app.py", line 12, in cancel
KeyError: 'places'
```

### Anything else?

{3} See **#12**, and https://example.org/walks/13 &amp; its café.
"""
MARKUP = (
    "**booking**",
    "`total`",
    "[page](https://example.org)",
    "café",
    "\n\n- first\n- second\n\n",
    "<!-- note -->",
    "<b>bold</b>",
    "&amp;",
    "\n\n",
    "\n```\nTraceback\n```\n",
)


def prose(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=LETTERS // 4))[:LETTERS]


def filed(chance: random.Random) -> str:
    """An issue form, filled in."""
    parts = [" ".join(chance.choices(WORDS, k=LETTERS // 24)) for _ in range(4)]
    return FORM.format(*parts)[:LETTERS]


def dense(chance: random.Random) -> str:
    """One word in fifteen is markup: about sixty constructs, a dozen of them hidden."""
    return " ".join(chance.choices(WORDS * 10 + MARKUP, k=LETTERS // 4))[:LETTERS]


def normalising(text_of: Callable[[random.Random], str]) -> float:
    from harness.governance import normalise

    chance = random.Random(7)
    issues = [text_of(chance) for _ in range(ISSUES)]
    began = time.process_time()
    for issue in issues:
        normalise(issue)
    return time.process_time() - began


WORK: dict[str, Callable[[], float]] = {
    "replay": replay,
    "lint": lint,
    "prose": partial(normalising, prose),
    "filed": partial(normalising, filed),
    "dense": partial(normalising, dense),
}


def measured(name: str) -> dict[str, Any]:
    """One row, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", name],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    seconds, megabytes = TARGETS[name]
    met = found["seconds"] < seconds and (megabytes is None or found["peak_mb"] < megabytes)
    return {"what": name, **found, "target_seconds": seconds, "target_mb": megabytes, "met": met}


def one(name: str) -> dict[str, float]:
    seconds = WORK[name]()
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", choices=tuple(WORK), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one)))
        return 0
    rows = [measured(name) for name in WORK]
    met = all(row["met"] for row in rows)
    if options.json:
        print(json.dumps({"ok": met, "rows": rows}))
        return 0 if met else 1
    print(f"{'':>44}  {'seconds':>8}  {'target':>7}  {'peak':>7}  {'target':>7}")
    for row in rows:
        most = f"{row['target_mb']} MB" if row["target_mb"] else ""
        print(
            f"{row['what'] + ': ' + WHAT[row['what']]:>44}  {row['seconds']:>7.2f}s "
            f" {row['target_seconds']:>6.1f}s  {row['peak_mb']:>4.0f} MB  {most:>7} "
            f" {'met' if row['met'] else 'missed'}"
        )
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
