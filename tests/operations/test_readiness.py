"""Can anything merge here: yes only where it was seen, no where one thing is lacking, and one next
step."""

from pathlib import Path

import pytest

from harness.operations.readiness import (
    APP,
    BROWSER,
    FACTS,
    FORGE,
    JUDGES,
    LOCK,
    POLICY,
    READY,
    TRIAGE,
    TRUST,
    Answer,
    Fact,
    facts_of_folder,
    lacking,
    readiness,
    seen,
    untried,
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "tidebook"
WELL = {name: seen(f"{name} is well") for name in FACTS}


def answers(facts: dict[str, Fact]) -> list[str]:
    return [one.answer.value for one in readiness(facts).abilities]


def test_where_all_was_seen_all_is_yes_and_the_next_step_is_an_issue() -> None:
    found = readiness(WELL)
    assert {one.answer for one in found.abilities} == {Answer.YES}
    assert (found.can_merge, found.next_step) == (Answer.YES, READY)


@pytest.mark.parametrize("name", FACTS)
def test_what_is_lacking_anywhere_lets_nothing_merge_and_what_was_not_tried_is_no_yes(name) -> None:
    broken = readiness(WELL | {name: lacking("it is not there", "make it")})
    assert (broken.can_merge, broken.next_step) == (Answer.NO, "make it")
    assert broken.abilities[-1].because == "it is not there"
    missing = readiness({fact: found for fact, found in WELL.items() if fact != name})
    assert missing.can_merge is Answer.UNTRIED
    assert missing.next_step == READY


def test_each_question_rests_on_its_own_facts() -> None:
    no = lacking("no", "mend it")
    assert answers(WELL | {APP: no}) == ["yes", "yes", "no", "no"]
    assert answers(WELL | {TRIAGE: no}) == ["no", "yes", "yes", "no"]
    assert answers(WELL | {LOCK: no}) == ["yes", "no", "no", "no"]
    assert answers(WELL | {TRUST: no}) == ["yes", "yes", "yes", "no"]
    assert answers(WELL | {POLICY: no}) == ["no", "no", "no", "no"]


def test_the_next_step_mends_the_repository_before_a_key_and_tries_what_is_left_last() -> None:
    """A key is of no use to a repository into which nothing can merge."""
    facts = WELL | {
        FORGE: untried("no push", "connect"),
        JUDGES: lacking("no key", "set the key"),
        APP: lacking("no app", "name the app"),
    }
    assert readiness(facts).next_step == "name the app"
    assert readiness(facts | {APP: seen("")}).next_step == "set the key"
    assert readiness(facts | {APP: seen(""), JUDGES: seen("")}).next_step == "connect"
    assert readiness(facts).abilities[-1].because == "no app (and 1 more)"


def folder(**changes: tuple[str, str]) -> dict[str, Fact]:
    """The example's facts, with this in place of that in one of its files."""
    paths = [path for path in EXAMPLE.rglob("*") if path.is_file()]
    names = [path.relative_to(EXAMPLE).as_posix().encode() for path in paths]
    drafts = {
        name: (EXAMPLE / name).read_text("utf-8").replace(*change)
        for name, change in ((name.replace("__", "."), pair) for name, pair in changes.items())
    }
    return facts_of_folder(EXAMPLE, names, drafts)


def test_a_folder_with_all_of_it_lacks_nothing_but_what_nobody_tried() -> None:
    found = folder()
    assert {name for name, fact in found.items() if fact.answer is Answer.NO} <= {TRUST}
    assert found[APP].answer is found[LOCK].answer is Answer.UNTRIED


def test_a_folder_that_nobody_drafted_for_is_sent_to_init() -> None:
    found = facts_of_folder(EXAMPLE, [b"README.md"], {})
    assert found == {POLICY: lacking("there is no factory.toml here", "run `factory init`")}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (APP, {"factory__toml": ("[app]\nstart = ", "[app]\nstart = [] # ")}, "start` in factory"),
        (LOCK, {"factory__toml": ('lock = "requirements', 'lock = "nowhere')}, "is not there"),
        (LOCK, {"requirements__txt": ("--hash", "# --hash")}, "nothing can be installed from"),
        (POLICY, {"factory__toml": ("schema = 1", "schema = 9")}, "does not start on factory.toml"),
    ],
)
def test_what_a_folder_lacks_is_named(name, change, words) -> None:
    found = folder(**change)[name]
    assert found.answer is Answer.NO
    assert words in found.message
    assert found.fix


def test_a_lock_is_named_with_its_own_line() -> None:
    found = folder(requirements__txt=("--hash", "# --hash"))[LOCK]
    assert found.message.startswith("nothing can be installed from requirements.txt:")
    assert "lock:" not in found.message


@pytest.mark.parametrize(("manifest", "answer"), [("Gemfile", "not tried"), ("x.txt", "yes")])
def test_packages_that_no_lock_names_are_no_yes(tmp_path, manifest, answer) -> None:
    for name in ("mission.md", "factory_rules.md", "CLAUDE.md"):
        (tmp_path / name).write_bytes((EXAMPLE / name).read_bytes())
    (tmp_path / "factory.toml").write_text(
        'schema = 1\n[app]\nstart = ["x"]\n[dependencies]\nlock = ""\n'
    )
    (tmp_path / manifest).write_text("gem 'rails'\n")
    names = [path.name.encode() for path in tmp_path.iterdir()]
    assert facts_of_folder(tmp_path, names, {})[LOCK].answer == answer


def test_commands_are_enough_to_be_judged_by_and_need_no_browser() -> None:
    named = '[app]\ncommands = { tidebook = "python -m tidebook.cli" }\nstart = [] # '
    found = folder(factory__toml=("[app]\nstart = ", named))
    assert found[APP] == seen("by commands: tidebook")
    assert found[BROWSER] == seen("")
    assert BROWSER not in folder()
    (_, _, judged, _) = readiness(WELL | {APP: found[APP]}).abilities
    assert (judged.answer, "by commands: tidebook" in judged.because) == (Answer.YES, True)
