"""Rows 85 and 86: how a dependency comes in without being seen to, from a run's worktree to the
law's words."""

from tests.governance.manifests import Locked, pnpm_lock
from tests.redteam.attack import BASE, rules, words

PIN = BASE["requirements.txt"]


def writes(**files):
    def write(worktree) -> None:
        for name, content in files.items():
            path = worktree / name.replace("__", "/").replace("_dot_", ".").replace("_dash_", "-")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return write


def test_row_85_a_misspelt_name_is_refused_and_the_right_one_is_named(attack) -> None:
    decision = attack.decision_on(
        writes(requirements_dot_txt=f"{PIN}reqeusts==2.0.0 --hash=sha256:{'b' * 64}\n")
    )
    assert rules(decision) == {"F-DEPS"}
    assert "reqeusts, a name nearly that of requests, added in requirements.txt" in words(decision)


def test_row_85_a_requirement_behind_a_comment_that_seems_to_go_on_is_seen(attack) -> None:
    decision = attack.decision_on(
        writes(requirements_dot_txt=f"{PIN}# a harmless note \\\nevil==1\n")
    )
    assert "evil added in requirements.txt" in words(decision)


def test_row_85_an_index_put_in_front_of_one_that_is_there_is_seen(attack) -> None:
    index = "--extra-index-url https://ours.example/simple\n"
    attack.begin({"requirements.txt": index + PIN})
    decision = attack.decision_on(
        writes(requirements_dot_txt=f"--extra-index-url https://evil.example/simple\n{index}{PIN}")
    )
    assert "--extra-index-url added from option" in words(decision)


def test_row_85_what_held_dependencies_back_cannot_be_taken_away(attack) -> None:
    attack.begin({"requirements.txt": f"--require-hashes\n--only-binary :all:\n{PIN}"})
    assert "--only-binary changed from option" in words(
        attack.decision_on(writes(requirements_dot_txt=PIN))
    )


def test_row_85_other_bytes_under_the_same_version_are_no_rules_to_allow(attack) -> None:
    attack.begin(
        {
            "factory_rules.md": BASE["factory_rules.md"].replace(
                "dependencies: {}", "dependencies: {add: true, change: true, allow: ['*']}"
            ),
            "pnpm-lock.yaml": pnpm_lock({"a": Locked("1.0.0", "aa")}),
        }
    )
    decision = attack.decision_on(
        writes(
            requirements_dot_txt=PIN.replace("aa", "bb"),
            patches__a_at_1_dot_patch="+evil()\n",
            pnpm_dash_lock_dot_yaml=pnpm_lock({"a": Locked("1.0.0", "ff")}),
        )
    )
    assert rules(decision) == {"F-DEPS"}
    for said in (
        "requests swapped in requirements.txt",
        "a swapped in pnpm-lock.yaml",
        "a patch of a package added from path",
    ):
        assert said in words(decision) + str(decision.findings)


def test_row_85_a_file_that_only_looks_like_a_manifest_is_unknown(attack) -> None:
    assert "F-DEPS" in rules(
        attack.decision_on(lambda worktree: (worktree / "рackage.json").write_text("{}"))
    )
