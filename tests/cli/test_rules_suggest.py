"""`factory rules coverage`, `impact` and `suggest` over a home's ledger: what they tell, and what
they never write to."""

import json
import os
from pathlib import Path

import pytest

from harness.domain.facts import ChangeFacts
from harness.domain.lifecycle import Event, State
from harness.governance.past.factsjson import facts_as_json
from harness.home.document import HomeFile, write_home
from harness.store.ledger.sqlite import SqliteLedger
from tests import warm
from tests.events import event_of
from tests.fakes.clock import FakeClock
from tests.governance.policy_texts import FRONT, change, files, rule_text

SIZE = "level: enforced\ncheck: {changed_lines: {max: 10}}\non_fail: split"


def lines(*counts: int, names: tuple[str, ...] = ("a.py", "uv.lock")) -> ChangeFacts:
    return ChangeFacts(
        files=tuple(change(name, count) for name, count in zip(names, counts, strict=False)),
        attempts=1,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    write_home(
        home,
        HomeFile(
            owner="o", name="n", forge="embedded", port=1, number=1, token_file="keys/forge.token"
        ),
    )
    ledger = SqliteLedger(home, FakeClock())
    for issue, count in ((1, 12), (2, 31)):
        ledger.append(
            event_of(
                "facts",
                {
                    "base": "b",
                    "head": str(issue),
                    "applies": "pr",
                    "facts": facts_as_json(lines(count)),
                    "action": "split",
                    "findings": [
                        {
                            "rule": "F-ONE",
                            "status": "enforce",
                            "says": f"{count} changed lines",
                            "passed": False,
                        }
                    ],
                },
            ),
            f"facts/{issue}",
            issue=issue,
        )
        for event, to in ((Event.SPLIT, State.NEEDS_HUMAN), (Event.LANDED_BY_PERSON, State.MERGED)):
            ledger.append(
                event_of(
                    "transition",
                    {"event": event.value, "from": "untriaged", "to": to.value, "says": ""},
                ),
                f"{issue}/{to}",
                issue=issue,
            )
    ledger.append(
        event_of("triage", {"cites": [{"id": "M-NOPAY"}], "quote": "tips"}), "triage/3", issue=3
    )
    ledger.close()
    for name, content in files(FRONT + rule_text(SIZE)).items():
        (home / name).write_bytes(content)
    return home


def rules(home: Path, *arguments: str | Path):
    return warm.run(
        ("rules", *arguments), env={**os.environ, "FACTORY_HOME": str(home)}, timeout=600, cwd=home
    )


def test_coverage_tells_what_the_ledger_holds(home) -> None:
    found = json.loads(rules(home, "coverage", "--json").stdout)
    one = next(row for row in found["rules"] if row["rule"] == "F-ONE")
    assert (one["asked"], one["held"], [refused["change"] for refused in one["refused"]]) == (
        2,
        0,
        [1, 2],
    )
    assert [row["how"] for row in one["overridden"]] == ["merged by a person"] * 2
    assert {row["id"]: row["cited"] for row in found["entries"]} == {
        "M-BOOK": 0,
        "M-NOPAY": 1,
        "M-TIDE": 0,
    }
    shown = rules(home, "coverage").stdout
    assert "never asked" in shown
    assert "F-ONE" in shown


def test_impact_replays_the_ledger_where_no_file_is_named(home) -> None:
    found = json.loads(rules(home, "impact", "--json").stdout)
    assert (found["changes"], found["refused"]) == (2, [1, 2])


def test_suggest_prints_or_writes_to_a_new_file(home, tmp_path) -> None:
    shown = rules(home, "suggest")
    assert (shown.returncode, "max: 31" in shown.stdout) == (0, True)
    out = tmp_path / "drafts.md"
    assert rules(home, "suggest", "--out", out).returncode == 0
    assert out.read_text("utf-8").strip() == shown.stdout.strip()
    again = rules(home, "suggest", "--out", out)
    assert (again.returncode, "nothing is written over" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    "name",
    ["factory_rules.md", "MISSION.md", "clаude.md", ".github/x.md", "factory.toml", "AGENTS.md"],
)
def test_suggest_never_writes_to_what_steers_the_factory(home, tmp_path, name) -> None:
    (tmp_path / ".github").mkdir()
    said = rules(home, "suggest", "--out", tmp_path / name)
    assert (said.returncode, "for people to edit" in said.stderr) == (2, True)
    assert not (tmp_path / name).exists()
