"""Prose that governs, held against itself and against the repository: eight contradictions at their
places, and no noise."""

import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.onboarding import contradictions_of
from harness.onboarding.contradictions import contradictions_in
from harness.operations.setup.prose import contradictions_at
from tests.onboarding.texts import TEXT
from tests.tiers import share

FACTORY = Path(__file__).with_name("public-factory-prose")
ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("MISSION.md", "FACTORY_RULES.md", "CLAUDE.md")
TEXTS = {
    path.relative_to(FACTORY).as_posix(): path.read_text()
    for path in sorted(FACTORY.rglob("*"))
    if path.is_file()
}
CORRECTIONS = (
    (
        "FACTORY_RULES.md",
        "These rules take precedence over all other documents.",
        "The mission comes first.",
    ),
    ("MISSION.md", "more than 500 lines", "more than 400 lines"),
    ("FACTORY_RULES.md", "See section 7", "See section 4"),
    ("FACTORY_RULES.md", "- `merge-when-green` merges what was validated.\n", ""),
    ("FACTORY_RULES.md", "Every node has a budget", "A person looks at the bill"),
    ("FACTORY_RULES.md", "deploy/Caddyfile.prod", "deploy/Caddyfile"),
    ("CLAUDE.md", "§4.2 Testing", "§4.3 Testing"),
    ("CLAUDE.md", "at most two attempts", "at most 3 attempts"),
    ("MISSION.md", "`factory:needs-human`", "`factory:rejected`"),
)
FLOWS = {
    "workflows/fix.yaml": (
        "name: fix\nnodes:\n  - {id: plan, prompt: p, timeout: 5m}\n  - {id: build, prompt: p}\n"
    ),
    ".github/workflows/ci.yml": (
        "name: CI\njobs:\n  tests:\n    timeout-minutes: 5\n    steps:\n      - run: make\n"
    ),
}


def found(documents, files=None, **known):
    """The kinds that are found, each with its place and with the place that it speaks against."""
    return [
        (
            one.kind.value,
            f"{one.here.file}:{one.here.line}",
            one.there and f"{one.there.file}:{one.there.line}",
        )
        for one in contradictions_in(
            documents, {**documents, **(FLOWS if files is None else files)}, **known
        )
    ]


def kinds(text, files=None, *, name="CLAUDE.md", others=None, **known):
    return [kind for kind, *_ in found({name: text, **(others or {})}, files, **known)]


def test_the_contradictions_of_a_public_factory_are_found_each_at_its_place() -> None:
    assert found({name: TEXTS[name] for name in DOCUMENTS}, TEXTS) == [
        ("term-unknown", "MISSION.md:21", None),
        ("two-authorities", "FACTORY_RULES.md:3", "MISSION.md:6"),
        ("limits-differ", "FACTORY_RULES.md:12", "MISSION.md:20"),
        ("section-elsewhere", "FACTORY_RULES.md:12", None),
        ("workflow-missing", "FACTORY_RULES.md:19", None),
        ("promise-unkept", "FACTORY_RULES.md:21", "workflows/fix-issue.yaml:4"),
        ("path-missing", "FACTORY_RULES.md:43", "deploy/Caddyfile:0"),
        ("section-elsewhere", "CLAUDE.md:4", "FACTORY_RULES.md:29"),
        ("limits-differ", "CLAUDE.md:5", "MISSION.md:21"),
    ]


def test_each_quotes_both_places() -> None:
    clauses = {
        one.kind.value: str(one)
        for one in contradictions_in({name: TEXTS[name] for name in DOCUMENTS}, TEXTS)
    }
    assert (
        clauses["limits-differ"]
        == "CLAUDE.md:5 “An issue gets at most two attempts.”: the limit is 2 attempts here and 3"
        " there; make it one number; see MISSION.md:21 “An issue gets at most 3 attempts, and"
        " then the label `factory:needs-human`.”"
    )
    assert "; `Testing` is section 4.3" in clauses["section-elsewhere"]
    assert "FACTORY_RULES.md:29 “4.2 Deployment”" in clauses["section-elsewhere"]
    assert (
        "none of the 9 nodes sets one (budget): plan (workflows/fix-issue.yaml:4)"
        in clauses["promise-unkept"]
    )


def test_nothing_is_found_in_the_corrected_documents() -> None:
    texts = dict(TEXTS)
    for name, wrong, right in CORRECTIONS:
        assert wrong in texts[name], wrong
        texts[name] = texts[name].replace(wrong, right)
    assert found({name: texts[name] for name in DOCUMENTS}, texts) == []


@pytest.mark.parametrize("correction", range(len(CORRECTIONS)))
def test_each_correction_takes_away_one(correction) -> None:
    name, wrong, right = CORRECTIONS[correction]
    texts = {**TEXTS, name: TEXTS[name].replace(wrong, right)}
    assert len(found({name: texts[name] for name in DOCUMENTS}, texts)) == 8


def test_a_folder_is_read_as_it_lies_there() -> None:
    assert len(contradictions_of(FACTORY)) == 9
    assert {one.here.file for one in contradictions_of(FACTORY)} == set(DOCUMENTS)


@pytest.mark.parametrize(
    "folder",
    [
        ".",
        "examples/tidebook",
        "examples/workflows/library",
        "examples/workflows/docs",
        "examples/workflows/own",
        "examples/workflows/two-services",
    ],
)
def test_our_own_documents_contradict_nothing(folder) -> None:
    listed = subprocess.run(
        ["git", "-C", str(ROOT / folder), "ls-files", "-z"], capture_output=True, check=True
    ).stdout
    tracked = {
        path: "100644"
        for path in listed.split(b"\0")
        if path and not path.startswith(b"tests/onboarding/")
    }
    assert contradictions_at(ROOT / folder, tracked=tracked) == ()


def test_no_page_of_ours_contradicts_anything() -> None:
    pages = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    }
    flows = {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for path in ROOT.glob("workflows/*.yaml")
    }
    there = {
        path: ""
        for folder in ("examples", "harness", "docs", "tests")
        for path in (
            file.relative_to(ROOT).as_posix()
            for file in (ROOT / folder).rglob("*")
            if file.is_file()
        )
    }
    drafted = {
        ".github/workflows/factory.yml": ""
    }  # by `factory init --runner`, in a repository of the reader's
    assert (
        contradictions_in(pages, {**there, **flows, **pages, **drafted}, workflows=("triage",))
        == ()
    )


@pytest.mark.parametrize(
    ("one", "other", "is_found"),
    [
        ("A pull request has at most 500 lines.", "Changes are limited to 400 lines.", True),
        ("A pull request has at most 500 lines.", "There is a 500-line cap on changes.", False),
        ("An issue gets at most 3 attempts.", "An issue gets at most three tries.", False),
        ("An issue gets at most 3 attempts.", "An issue gets at most 2 retries.", False),
        ("A pull request has at most 500 lines.", "Aim for changes under 200 lines.", False),
        (
            "A pull request has at most 500 lines.",
            "A bug fix changes at most 200 lines per pull request.",
            False,
        ),
        ("A pull request has at most 500 lines.", "Functions have at most 40 lines.", False),
        (
            "A pull request has at most 500 lines.",
            "Pull requests over 900 lines are fine with the `large` label.",
            False,
        ),
        (
            "A pull request has at most 500 lines.",
            "Until 2024 a pull request was limited to 300 lines.",
            False,
        ),
        ("An issue may cost at most $5.", "An issue may cost up to 4 dollars.", True),
        ("An issue may cost at most $5.", "An issue may cost at most $2 a day.", False),
        ("A change touches at most 20 files.", "No more than 15 files in a change.", True),
        (
            "An issue gets at most 3 attempts.",
            "The review of a change is tried at most 2 times, up to 2 attempts.",
            False,
        ),
    ],
)
def test_two_numbers_contradict_each_other_where_they_measure_the_same(
    one, other, is_found
) -> None:
    assert kinds(one, others={"AGENTS.md": other}) == (["limits-differ"] if is_found else [])


def test_a_prompt_with_another_number_is_found_at_its_line() -> None:
    flow = (
        "nodes:\n  - id: review\n    prompt: |\n      Look at the diff.\n      Close a pull request"
        " of more than 600 lines.\n"
    )
    assert found(
        {"CLAUDE.md": "A pull request has at most 500 lines."}, {"workflows/review.yaml": flow}
    ) == [("limits-differ", "workflows/review.yaml:5", "CLAUDE.md:1")]


SECTIONS = "# Rules\n\n## 1. Size\n\n## 2. Tests\n\n### 2.1 Naming\n\n## 3. Deployment\n\n"


@pytest.mark.parametrize(
    ("sentence", "is_found"),
    [
        ("See section 2.", False),
        ("See section 4.", True),
        ("As §2.1 says.", False),
        ("As §2.4 says.", True),
        ("See §3 (Tests).", True),
        ("See §2 (Tests).", False),
        ('See section 2, "Testing".', False),
        ("See §3 Testing.", True),
        ("Section 3 Of course applies.", False),
        ("See section 9 of RFC 2119.", False),
        ("GDPR section 7 applies.", False),
        ("See section 7 of OTHER.md.", False),
        ("The GPL licence, section 15, applies.", False),
        ("Per §3 Claude must stop.", False),
        ("There are 7 sections.", False),
        ("Sections 1 and 2 apply.", False),
    ],
)
def test_a_section_is_looked_up_where_its_document_is_known(sentence, is_found) -> None:
    assert kinds(SECTIONS + sentence) == (["section-elsewhere"] if is_found else [])


def test_a_section_of_another_document_is_looked_up_there() -> None:
    assert kinds("See §4 of factory_rules.md.", others={"FACTORY_RULES.md": SECTIONS}) == [
        "section-elsewhere"
    ]
    assert (
        kinds(
            "FACTORY_RULES.md, section 2 (Tests), says how.", others={"FACTORY_RULES.md": SECTIONS}
        )
        == []
    )


def test_a_document_without_numbered_headings_has_no_section_to_miss() -> None:
    assert kinds("# Size\n\nSee section 7.\n\n# 3 tries\n\nThen a person.") == []


@pytest.mark.parametrize(
    ("sentence", "is_found"),
    [
        ("The `fix` workflow runs.", False),
        ("The `archon-fix-issue` workflow runs.", True),
        ("The workflow `fixit` runs.", True),
        ("Run it with `factory workflow run mend`.", True),
        ("See `workflows/fix.yaml`.", False),
        ("See workflows/mend.yaml.", True),
        ("See `.github/workflows/ci.yml`.", False),
        ("See `.github/workflows/ci.yaml`.", True),
        ("The `tests` workflow.", False),
        ("Add a file `workflows/mend.yaml` for that.", False),
        ("The nightly workflow sweeps.", True),
        ("Our workflow is simple.", False),
        ("The same workflow again.", False),
        ("The end-to-end workflow is long.", False),
        ("uses: `org/repo/.github/workflows/x.yml@v1`", False),
    ],
)
def test_a_workflow_that_is_named_is_there(sentence, is_found) -> None:
    assert kinds(sentence) == (["workflow-missing"] if is_found else [])


def test_a_workflow_with_a_schedule_is_the_nightly_one() -> None:
    assert (
        kinds(
            "The nightly workflow sweeps.",
            {"workflows/sweep.yaml": "name: sweep\non: {schedule: '1 2 * * *'}\n"},
        )
        == []
    )


def test_the_nearest_name_is_shown() -> None:
    assert found({"CLAUDE.md": "See workflows/fxi.yaml, the `fixes` workflow."}) == [
        ("workflow-missing", "CLAUDE.md:1", "workflows/fix.yaml:0"),
        ("workflow-missing", "CLAUDE.md:1", "workflows/fix.yaml:1"),
    ]


def test_where_there_are_no_workflows_a_name_is_no_contradiction() -> None:
    assert kinds("The `deploy` workflow runs elsewhere.", {}) == []


def test_a_factorys_own_workflows_need_no_file() -> None:
    assert kinds("The `merge` workflow runs; see workflows/merge.yaml.", workflows=("merge",)) == []


@pytest.mark.parametrize(
    ("sentence", "is_found"),
    [
        ("Every node has a timeout.", True),
        ("Each node must have its own time limit.", True),
        ("Every job has a timeout.", False),
        ("All steps run with a timeout.", False),
        ("Every node has a name.", False),
        ("Not every node has a timeout.", False),
        ("Each workflow has a timeout.", False),
        ("Every node declares a budget.", True),
        ("Each node has a purpose.", False),
        ("Every node in a workflow has a cost cap.", True),
        ("Every person has a budget.", False),
        ("Every workflow sets a concurrency group.", True),
    ],
)
def test_a_promise_about_every_part_is_kept_by_every_part(sentence, is_found) -> None:
    assert kinds(sentence) == (["promise-unkept"] if is_found else [])


def test_a_flag_of_a_command_and_a_key_around_a_part_keep_a_promise() -> None:
    flag = {"workflows/a.yaml": "nodes:\n  - {id: a, bash: 'agent --max-budget-usd 2 -p x'}\n"}
    around = {"workflows/a.yaml": "max_cost_usd: 3\nnodes:\n  - {id: a, bash: x}\n"}
    prose = {"workflows/a.yaml": "nodes:\n  - {id: a, prompt: 'Mind the budget of the family.'}\n"}
    assert [kinds("Every node has a budget.", files) for files in (flag, around, prose)] == [
        [],
        [],
        ["promise-unkept"],
    ]


@pytest.mark.parametrize(
    ("sentence", "is_found"),
    [
        ("Never edit `app/auth.py`.", True),
        ("Never edit `app/main.py`.", False),
        ("Never edit main.py.", False),
        ("`deploy/` is off limits.", True),
        ("Never edit `app/`.", False),
        ("Never edit `.env` or `secrets/prod.json`.", False),
        ("Never edit `*.pem`.", False),
        ("Never edit generated code.", False),
        ("Please edit `app/auth.py`.", False),
        ("Never touch `node_modules/`.", False),
        ("Do not modify /etc/hosts.", False),
        ("Never edit `APP/Main.py`.", False),
        ("`app/auth.py` is not protected.", False),
        ("Never change `poetry.lock`.", False),
        ("Never edit `inner/main.py`.", False),
    ],
)
def test_a_path_that_is_to_be_left_alone_is_there(sentence, is_found) -> None:
    assert kinds(sentence, {"app/main.py": "", "app/inner/main.py": ""}) == (
        ["path-missing"] if is_found else []
    )


def test_an_item_below_such_a_heading_is_one() -> None:
    text = (
        "# Protected files\n\n- `app/auth.py`: who may see what\n- Ask before you edit.\n\n#"
        " Layout\n\n- `app/gone.py`\n"
    )
    assert found({"CLAUDE.md": text}, {"app/main.py": ""}) == [
        ("path-missing", "CLAUDE.md:3", None)
    ]


@pytest.mark.parametrize(
    ("one", "other", "is_found"),
    [
        (
            "This file is the only authority.",
            "These rules take precedence over all other documents.",
            True,
        ),
        ("This file is the single source of truth.", "AGENTS.md is the final authority.", True),
        ("This file is the single source of truth.", "CLAUDE.md is the only authority.", False),
        (
            "This file is the single source of truth.",
            "This file is the single source of truth for style.",
            False,
        ),
        (
            "This file is the single source of truth.",
            "The database is the single source of truth.",
            False,
        ),
        ("This file is the single source of truth.", "This file is not the only authority.", False),
        ("The ledger is the sole authority.", "The schema is the sole authority.", False),
    ],
)
def test_one_document_can_be_the_only_authority(one, other, is_found) -> None:
    assert kinds(one, others={"AGENTS.md": other}) == (["two-authorities"] if is_found else [])


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("The label `bot:go` starts it, the label `bot:stop` ends it.", True),
        ("The label `bot:go` starts it, the label `good-first-issue` is kind.", True),
        ("The label `team:blue` is for people, and so is the label `team:red`.", False),
        ("Comment `/bot go`, or comment `/bot halt`.", True),
        ("Comment `/bot halt`.", False),
        ("Look in `/usr/lib`.", False),
    ],
)
def test_a_command_that_nothing_reads_is_reported_where_others_are_read(text, is_found) -> None:
    assert kinds(text, {"bot.py": "if label == 'bot:go' or text == '/bot go': start()"}) == (
        ["term-unknown"] if is_found else []
    )


def test_a_factorys_own_words_are_heard() -> None:
    text = "The label `factory:merged` is set; the label `bot:go` too."
    assert kinds(text, {"bot.py": "bot:go"}, terms=("factory:merged",)) == []


@settings(max_examples=share(60), deadline=None)
@given(
    documents=st.dictionaries(st.sampled_from(DOCUMENTS), TEXT, max_size=3),
    flow=TEXT
    | st.sampled_from(
        (
            "a: &a [*a]",
            "- " * 5000,
            "{" * 3000,
            "jobs: {a: b}",
            "nodes: [1, {id: [2]}]",
            "? [a]\n: b",
            "\0",
        )
    ),
)
def test_whatever_is_written_is_read_without_an_error(documents, flow) -> None:
    contradictions_in(documents, {**documents, "workflows/x.yaml": flow})


def test_hostile_texts_cost_no_time() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
    )
    text = (
        "see section " * 20_000
        + "\n\n"
        + "every node " * 20_000
        + "\n\n"
        + "never `a/b` " * 20_000
        + "\n\n"
        + "is the only " * 20_000
        + "\n\n"
        + "`a` workflow " * 20_000
    )
    began = time.process_time()
    contradictions_in({"CLAUDE.md": text}, {"workflows/x.yaml": bomb, "a.py": ""})
    assert time.process_time() - began < 10
