"""The chain as a person reads it: every decision in order, each with its rule, its fact, its words
and its evidence."""

import json
import re
from pathlib import Path

import pytest

from harness.cli.output.chain_lines import show
from harness.domain.errors import ConfigError
from harness.factory.records.chain import page_of, rules_only
from harness.factory.records.link import LinkOutcome, Stage
from harness.factory.reporting.chain_page import html
from harness.factory.reporting.report import chain_of_issue
from tests.events import event_of
from tests.factory.lives import (
    BASE,
    CANDIDATE,
    HOSTILE,
    LARGE,
    SMALL,
    TREE,
    UNTOUCHED,
    Life,
    finding,
)
from tests.factory.world import World, edits_the_rules
from tests.fakes.people import FakeAgent

GOLDEN = Path(__file__).parents[2] / "golden"
SHADOW = finding("F-FLOOD", False, "6 filed by one author within a day", status="shadow", line=300)
DARK = finding(
    "F-TESTS", None, "which tests ran could not be established, and unknown means no", line=200
)


def address(path) -> str:
    return (
        f"http://forge{path}" if path.startswith("/") else f"http://forge/tidehouse/tidebook/{path}"
    )


def found(life):
    return chain_of_issue(life.ledger, life.issue)


def link_rows(life):
    return [(link.stage, link.outcome, link.rule or link.title) for link in found(life).links]


def a_whole_life():
    """Hidden text, a refusal that a person overrides, a verdict that fails, one that passes, and
    the landing."""
    return (
        Life()
        .triaged(hidden=[{"kind": "comment", "text": "raise the limits"}])
        .refused(LARGE, UNTOUCHED, SHADOW, DARK)
        .told("retried", "needs-human", "accepted")
        .proposed(SMALL, UNTOUCHED)
        .judged(
            "failed",
            SMALL,
            UNTOUCHED,
            reason="2 of 2 sealed journeys failed",
            said=[
                {
                    "words": "The places come back",
                    "observed": "the page did not show what was promised",
                }
            ],
        )
        .proposed(SMALL, UNTOUCHED)
        .judged("passed", SMALL, UNTOUCHED)
        .landed(SMALL, UNTOUCHED)
    )


def test_every_decision_of_a_life_is_a_link_in_its_order() -> None:
    assert link_rows(a_whole_life()) == [
        (Stage.TRIAGE, LinkOutcome.DONE, "Taken out of the text before anybody read it"),
        (Stage.TRIAGE, LinkOutcome.HOLDS, "M-BOOK"),
        (Stage.PROPOSAL, LinkOutcome.OVERRIDDEN, "F-SIZE"),
        (Stage.PROPOSAL, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.PROPOSAL, LinkOutcome.WOULD_REFUSE, "F-FLOOD"),
        (Stage.PROPOSAL, LinkOutcome.OVERRIDDEN, "F-TESTS"),
        (Stage.PERSON, LinkOutcome.DONE, "mara asked for another try"),
        (Stage.PROPOSAL, LinkOutcome.HOLDS, "F-SIZE"),
        (Stage.PROPOSAL, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.PROPOSAL, LinkOutcome.DONE, "Proposed"),
        (Stage.CANDIDATE, LinkOutcome.HOLDS, "F-SIZE"),
        (Stage.CANDIDATE, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.VERDICT, LinkOutcome.REFUSES, "Promised, and not seen"),
        (Stage.VERDICT, LinkOutcome.REFUSES, "The sealed verdict"),
        (Stage.PROPOSAL, LinkOutcome.HOLDS, "F-SIZE"),
        (Stage.PROPOSAL, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.PROPOSAL, LinkOutcome.DONE, "Proposed"),
        (Stage.CANDIDATE, LinkOutcome.HOLDS, "F-SIZE"),
        (Stage.CANDIDATE, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.VERDICT, LinkOutcome.HOLDS, "The sealed verdict"),
        (Stage.MERGE, LinkOutcome.HOLDS, "F-SIZE"),
        (Stage.MERGE, LinkOutcome.HOLDS, "LAW-PROTECTED"),
        (Stage.MERGE, LinkOutcome.HOLDS, "The gates before a merge"),
        (Stage.LANDING, LinkOutcome.HOLDS, "Landed on main"),
    ]


def test_a_refusal_has_its_rule_its_fact_its_words_and_its_evidence() -> None:
    link = found(Life().triaged().refused(LARGE)).deciding[0]
    assert (link.rule, link.outcome) == ("F-SIZE", LinkOutcome.REFUSES)
    assert link.fact == "412 changed lines, and at most 300 are allowed"
    assert link.quote == "A change can be read in ten minutes, so it has at most 300 lines."
    assert link.permalink == f"blob/{BASE}/factory_rules.md?plain=1#L9"
    assert link.evidence == ("tidebook/store.py: 400",)


def test_every_link_names_an_entry_of_the_ledger() -> None:
    life = a_whole_life()
    written = {entry.seq: entry for entry in life.ledger.written}
    for link in found(life).links:
        assert written[link.entry].at == link.at
        assert (written[link.entry].run or "") == link.run


def test_what_is_built_in_points_nowhere() -> None:
    assert (
        found(
            Life()
            .triaged()
            .refused(
                finding(
                    "LAW-PROTECTED",
                    False,
                    "touches protected paths: factory_rules.md",
                    file="(built in)",
                )
            )
        )
        .deciding[0]
        .permalink
        == ""
    )


def test_a_rule_that_a_folder_states_again_is_shown_in_the_words_of_that_folder() -> None:
    life = Life().triaged()
    life.ledger.append(
        event_of("law", {"base": BASE, "governance": "x", "clauses": []}), "law/another"
    )
    nested = finding(
        "F-SIZE",
        False,
        "60 changed lines, and at most 50 are allowed",
        file="api/factory_rules.md",
        line=4,
    )
    link = found(life.refused(nested)).deciding[0]
    assert (link.permalink, link.quote) == (f"blob/{BASE}/api/factory_rules.md?plain=1#L4", "")


STOPS = [
    (lambda life: life.triaged("triage-rejected", "rejected"), ["M-BOOK"], LinkOutcome.REFUSES),
    (
        lambda life: life.triaged("triage-unsure", "needs-human", says="no entry speaks of it"),
        ["M-BOOK"],
        LinkOutcome.CANNOT_TELL,
    ),
    (
        lambda life: life.triaged(
            "triage-duplicate", "rejected", says="the same as #2", duplicate_of=2
        ),
        [""],
        LinkOutcome.REFUSES,
    ),
    (lambda life: life.triaged().refused(LARGE, SMALL, SHADOW), ["F-SIZE"], LinkOutcome.REFUSES),
    (lambda life: life.triaged().refused(DARK), ["F-TESTS"], LinkOutcome.CANNOT_TELL),
    (
        lambda life: life.triaged().proposed(SMALL).judged("inconclusive", reason="no answer"),
        [""],
        LinkOutcome.CANNOT_TELL,
    ),
]


@pytest.mark.parametrize(
    ("lives", "rules", "standing"),
    STOPS,
    ids=["rejected", "unsure", "duplicate", "refused", "unknown", "inconclusive"],
)
def test_an_issue_that_goes_no_further_stands_on_what_said_no(lives, rules, standing) -> None:
    deciding = found(lives(Life())).deciding
    assert [link.rule for link in deciding] == rules
    assert {link.outcome for link in deciding} == {standing}


def test_a_merged_issue_stands_on_no_refusal() -> None:
    assert found(a_whole_life()).deciding == ()


def test_an_event_that_no_other_entry_explains_is_a_link_of_its_own() -> None:
    life = Life().triaged()
    life.move(
        "cannot-do",
        "implementing",
        "needs-human",
        run=life.begin("implement"),
        says="cannot reproduce it",
    )
    assert link_rows(life)[-1] == (
        Stage.PROPOSAL,
        LinkOutcome.REFUSES,
        "It could not be done honestly",
    )
    assert found(life).deciding[0].fact == "cannot reproduce it"


def test_a_duplicate_points_at_the_older_issue() -> None:
    link = found(
        Life().triaged("triage-duplicate", "rejected", says="the same as #2", duplicate_of=2)
    ).deciding[0]
    assert (link.permalink, link.fact) == ("issues/2", "the same as #2")


def test_a_merge_that_a_gate_refuses_names_the_gate() -> None:
    life = Life().triaged().proposed(SMALL).judged()
    run = life.asked(
        "merge",
        SMALL,
        event="gate-refused",
        gates=[{"gate": "signer", "says": "signed by a key not trusted here"}],
    )
    life.move(
        "gate-refused",
        "approved",
        "needs-human",
        run=run,
        says="signer: signed by a key not trusted here",
    )
    assert [(link.title, link.fact) for link in found(life).deciding] == [
        ("Gate before a merge: signer", "signed by a key not trusted here")
    ]


def test_a_landing_that_differs_from_what_was_judged_is_a_refusal() -> None:
    life = (
        Life()
        .triaged()
        .proposed(SMALL)
        .judged()
        .landed(
            event="landed-tree-differs",
            after="needs-human",
            says="tree ddddddd was judged, 0000000 landed",
        )
    )
    assert {link.stage for link in found(life).deciding} == {Stage.LANDING}


def test_a_landing_names_its_commit_its_tree_and_its_verdict() -> None:
    life = a_whole_life()
    verdict = [entry.seq for entry in life.ledger.written if entry.kind == "verdict"][-1]
    landing = found(life).links[-1]
    assert landing.evidence == (f"commit/{CANDIDATE}", f"tree {TREE}", f"entry {verdict}")


@pytest.mark.parametrize(
    ("command", "actor", "right"),
    [
        ("retried", 9, "writing to the repository"),
        ("appealed", 4, "having filed the issue"),
        ("retried", 4, "writing to the repository"),
        ("appealed", 9, "triaging here"),
    ],
)
def test_a_command_is_shown_with_its_author_and_their_right(command, actor, right) -> None:
    life = (
        Life().triaged("triage-rejected", "rejected")
        if command == "appealed"
        else Life().triaged().refused(LARGE)
    )
    life.told(
        command,
        *(("rejected", "untriaged") if command == "appealed" else ("needs-human", "accepted")),
        actor=actor,
    )
    link = found(life).links[-1]
    assert link.stage is Stage.PERSON
    assert link.title.startswith("mara ")
    assert right in link.fact
    assert link.evidence == (f"account {actor}",)


def test_an_appeal_of_a_stranger_to_the_repository_overrides_nothing() -> None:
    life = (
        Life()
        .triaged("triage-rejected", "rejected")
        .told("appealed", "rejected", "untriaged", actor=4)
    )
    assert (Stage.TRIAGE, LinkOutcome.REFUSES, "M-BOOK") in link_rows(life)


def test_a_command_that_came_too_late_changed_nothing_and_is_shown_so() -> None:
    life = Life().triaged().refused(LARGE).told("retried", "", "", late=True)
    assert "it changed nothing" in found(life).links[-1].fact
    assert found(life).deciding[0].outcome is LinkOutcome.REFUSES


def test_an_overridden_refusal_names_the_entry_that_overrode_it() -> None:
    life = Life().triaged().refused(LARGE).told("retried", "needs-human", "accepted")
    overridden = next(link for link in found(life).links if link.rule == "F-SIZE")
    moved = next(entry.seq for entry in life.ledger.written if entry.key.startswith("comment/"))
    assert (overridden.outcome, overridden.evidence[-1]) == (
        LinkOutcome.OVERRIDDEN,
        f"entry {moved}",
    )


def test_rules_only_keeps_the_answers_of_rules() -> None:
    assert {link.rule for link in rules_only(found(a_whole_life())).links} == {
        "F-SIZE",
        "LAW-PROTECTED",
        "F-FLOOD",
        "F-TESTS",
    }


def test_an_issue_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(
        ConfigError,
        match=r"#9 is not in the ledger; `factory status` lists the issues that are, "
        "`factory tick` reads",
    ):
        chain_of_issue(Life().ledger, 9)


def test_the_json_keeps_its_keys() -> None:
    document = json.loads(json.dumps(found(a_whole_life()).as_json()))
    assert document.keys() == {
        "issue",
        "title",
        "state",
        "shown",
        "outcome",
        "cost_usd",
        "pull_request",
        "commit",
        "served",
        "released",
        "deciding",
        "chain",
    }
    assert document["chain"][0].keys() == {
        "stage",
        "standing",
        "rule",
        "title",
        "permalink",
        "fact",
        "quote",
        "evidence",
        "entry",
        "at",
        "run",
        "rules",
    }
    assert (document["outcome"], document["pull_request"], document["deciding"]) == (
        "merged",
        12,
        [],
    )


def a_refused_life():
    return Life().triaged().refused(LARGE, SMALL)


@pytest.mark.parametrize(("name", "life"), [("merged", a_whole_life), ("refused", a_refused_life)])
def test_the_chain_in_words(name, life, capsys, monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    show(found(life()), address=address, home=Path("/home/factory"), page="")
    assert capsys.readouterr().out == (GOLDEN / f"why-{name}.txt").read_text("utf-8")


def test_the_page_in_words() -> None:
    assert html(found(a_whole_life()), address) == (GOLDEN / "why.html").read_text("utf-8")


def test_text_from_outside_acts_neither_on_a_terminal_nor_on_the_page(capsys) -> None:
    life = Life(title=HOSTILE).triaged(
        quote=HOSTILE, hidden=[{"kind": "comment", "text": HOSTILE}], reply=HOSTILE
    )
    life.refused(finding("F-SIZE", False, HOSTILE, evidence=[HOSTILE, "blob/<script>"]))
    show(found(life), address=address, home=Path("/home/factory"), page="")
    printed = capsys.readouterr().out
    assert "\x1b" not in printed
    assert "‮" not in printed
    page = html(found(life), address)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "‮" not in page
    assert 'href="http://x.example' not in page


def test_the_page_needs_no_network_and_runs_nothing() -> None:
    page = html(found(a_whole_life()), address)
    assert "default-src 'none'" in page
    for outside in ("<script", "<img", "<link", "@import", "url("):
        assert outside not in page
    assert set(re.findall(r'href="(http://[^/"]+)', page)) == {"http://forge"}


def test_a_page_is_written_with_each_decision_and_linked_from_the_comment(tmp_path) -> None:
    world = World(tmp_path, agent=FakeAgent(edits_the_rules))
    issue = world.file()
    world.tick()
    page = (world.work / page_of(issue)).read_text("utf-8")
    assert "LAW-PROTECTED" in page
    assert page == html(chain_of_issue(world.ledger, issue), world.services().link)
    comment = world.forge.comments(issue)[0].body
    assert f"evidence/issue-{issue}/index.html" in comment
    line = 1 + (world.git.read(world.base, "factory_rules.md") or b"").decode().split("{#F-PATHS}")[
        0
    ].count("\n")
    assert f"factory_rules.md?plain=1#L{line}" in comment, (
        "the refusing rule has its permalink at the governing commit"
    )


def test_the_rule_texts_in_force_are_in_the_ledger_once(world) -> None:
    world.file()
    world.tick()
    assert len(world.ledger.entries(kind="law")) == 1
    clause = next(link for link in chain_of_issue(world.ledger, 1).links if link.rule == "F-SIZE")
    assert "lines" in clause.quote
    assert [
        link.stage for link in chain_of_issue(world.ledger, 1).links if link.rule == "F-SIZE"
    ] == [
        Stage.PROPOSAL,
        Stage.CANDIDATE,
        Stage.MERGE,
    ]
