"""What lands is what was judged, on what it was judged on, once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from harness.domain.errors import GitError
from harness.ports.git import Conflict, Landing
from harness.repository.prune import prune
from harness.repository.remote import Remote
from tests.repository.conftest import NOON
from tests.repository.naive import git, word


def main_of(town) -> str:
    return word(town.forge, "rev-parse", "refs/heads/main")


@pytest.fixture
def judged(town):
    """A base, a head, their candidate, and the arguments it lands by."""
    base = town.started({"a": "1\n", "b": "1\n"})
    head = town.change({"a": "2\n"}, start=base)
    candidate = town.merged(base, head)
    return candidate, {"base": base, "head": head, "tree": town.trusted.tree_of(candidate)}


def hook(town, name: str, script: str) -> None:
    path: Path = town.forge / "hooks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_the_judged_candidate_lands_and_its_tree_is_on_the_branch(town, judged) -> None:
    candidate, bound = judged
    assert town.candidates.land(candidate, "main", **bound) == Landing(
        "landed", candidate, f"{candidate:.12} is on main"
    )
    assert main_of(town) == candidate
    assert word(town.forge, "rev-parse", "main^{tree}") == bound["tree"]


def test_asking_again_changes_nothing_also_under_later_commits(town, judged) -> None:
    candidate, bound = judged
    town.candidates.land(candidate, "main", **bound)
    assert town.candidates.land(candidate, "main", **bound).outcome == "landed"
    town.author.switch("main", start=bound["head"])
    git(town.author.folder, "pull", "--quiet", "--ff-only", "origin", "main")
    later = town.author.commit({"c": "1\n"})
    assert town.candidates.land(candidate, "main", **bound) == Landing(
        "landed", later, f"{candidate:.12} is on main"
    )
    assert main_of(town) == later


def test_a_base_that_moved_is_a_stop_and_the_branch_is_left_alone(town, judged) -> None:
    candidate, bound = judged
    moved = town.change({"b": "2\n"}, start=bound["base"], branch="main")
    landing = town.candidates.land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("base-moved", moved)
    assert main_of(town) == moved


def test_a_branch_that_is_gone_is_a_base_that_moved(town, judged) -> None:
    candidate, bound = judged
    git(town.forge, "update-ref", "-d", "refs/heads/main")
    landing = town.candidates.land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("base-moved", None)


def test_a_matching_lease_alone_lands_an_orphan_and_we_do_not(town, judged) -> None:
    _candidate, bound = judged
    orphan = town.candidates.commit(bound["tree"], [], message="orphan", at=NOON)
    landing = town.candidates.land(orphan, "main", **bound)
    assert landing.outcome == "refused"
    assert "has parents none" in landing.message
    assert main_of(town) == bound["base"]

    git(
        town.trusted.git_dir,
        "push",
        "--quiet",
        f"--force-with-lease=refs/heads/main:{bound['base']}",
        str(town.forge),
        f"{orphan}:refs/heads/main",
    )
    assert main_of(town) == orphan  # the trick is real


def test_a_candidate_with_another_parent_order_head_or_tree_is_refused(town, judged) -> None:
    _candidate, bound = judged
    other_head = town.change({"a": "3\n"}, start=bound["base"], branch="other")
    swapped = town.candidates.commit(
        bound["tree"], [bound["head"], bound["base"]], message="x", at=NOON
    )
    third = town.candidates.commit(
        bound["tree"], [bound["base"], bound["head"], other_head], message="x", at=NOON
    )
    other_tree = town.candidates.commit(
        town.trusted.tree_of(other_head), [bound["base"], bound["head"]], message="x", at=NOON
    )
    for odd, words in (
        (swapped, "expected base and judged head"),
        (third, "expected base and judged head"),
        (town.merged(bound["base"], other_head), "expected base and judged head"),
        (other_tree, "was judged"),
    ):
        landing = town.candidates.land(odd, "main", **bound)
        assert landing.outcome == "refused"
        assert words in landing.message
    assert main_of(town) == bound["base"]


def test_a_protected_branch_refuses_in_the_forges_words(town, judged) -> None:
    candidate, bound = judged
    hook(town, "pre-receive", "echo 'main is protected' >&2; exit 1")
    landing = town.candidates.land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("refused", bound["base"])
    assert "pre-receive hook declined" in landing.message


def rival(town, branch: str, commit: str) -> Remote:
    """The forge, on which somebody moves a branch after our look at it and before our push.

    The token is asked for before each call to the forge: first to look, then to push.
    """
    calls: list[str] = []

    def token() -> None:
        calls.append("call")
        if len(calls) == 2:
            git(town.forge, "update-ref", f"refs/heads/{branch}", commit)

    return Remote(str(town.forge), token)


def test_a_push_between_our_look_and_ours_is_noticed_by_the_lease(town, judged) -> None:
    candidate, bound = judged
    moved = town.change({"b": "2\n"}, start=bound["base"], branch="elsewhere")
    landing = town.candidates_at(rival(town, "main", moved)).land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("base-moved", moved)
    assert main_of(town) == moved


def test_the_base_set_back_between_our_look_and_ours_is_noticed_too(town, judged) -> None:
    """To an ancestor of the base: the push would still be a fast-forward, onto what was not
    judged."""
    candidate, bound = judged
    earlier = town.candidates.commit(bound["tree"], [], message="x", at=NOON)
    later = town.candidates.commit(bound["tree"], [earlier], message="x", at=NOON)
    git(
        town.trusted.git_dir,
        "push",
        "--quiet",
        "--force",
        str(town.forge),
        f"{later}:refs/heads/main",
    )
    head = town.candidates.commit(bound["tree"], [later], message="h", at=NOON)
    candidate = town.merged(later, head)
    landing = town.candidates_at(rival(town, "main", earlier)).land(
        candidate, "main", base=later, head=head, tree=bound["tree"]
    )
    assert (landing.outcome, main_of(town)) == ("base-moved", earlier)


def test_a_branch_made_between_our_look_and_our_push_is_not_overwritten(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    with pytest.raises(GitError, match=r"while .* was pushed"):
        town.candidates_at(rival(town, "mine", base)).push(ours, "mine", expected=None)
    assert branch_of(town, "mine") == base


def test_a_push_within_the_forges_own_swap_is_noticed_by_the_forge(town, judged) -> None:
    """At the very last instant: here by the forge's hook."""
    candidate, bound = judged
    moved = town.change({"b": "2\n"}, start=bound["base"], branch="elsewhere")
    hook(town, "pre-receive", f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/main {moved}")
    landing = town.candidates.land(candidate, "main", **bound)
    assert (landing.outcome, landing.tip) == ("base-moved", moved)
    assert main_of(town) == moved


def test_a_forge_that_took_it_and_hung_up_has_taken_it(town, judged) -> None:
    candidate, bound = judged
    hook(town, "post-receive", "kill -9 $PPID")
    assert town.candidates.land(candidate, "main", **bound).outcome == "landed"
    assert main_of(town) == candidate


def test_two_that_race_for_one_base_do_not_both_land(town, judged) -> None:
    candidate, bound = judged
    head = town.change({"b": "2\n"}, start=bound["base"], branch="other")
    rival = town.merged(bound["base"], head)
    rivals = {
        candidate: bound,
        rival: {"base": bound["base"], "head": head, "tree": town.trusted.tree_of(rival)},
    }
    with ThreadPoolExecutor(2) as both:
        landings = dict(
            zip(
                rivals,
                both.map(lambda one: town.candidates.land(one, "main", **rivals[one]), rivals),
                strict=True,
            )
        )
    assert sorted(landing.outcome for landing in landings.values()) == ["base-moved", "landed"]
    assert landings[main_of(town)].outcome == "landed"


def test_an_unreachable_forge_is_an_error_and_no_outcome(town, judged) -> None:
    candidate, bound = judged
    with pytest.raises(GitError):
        town.candidates_at(Remote(str(town.home / "nowhere"))).land(candidate, "main", **bound)
    with pytest.raises(GitError) as refused:
        town.candidates_at(Remote("http://127.0.0.1:9/x.git")).land(candidate, "main", **bound)
    assert refused.value.retryable


# a branch of our own


def branch_of(town, name: str) -> str:
    return word(town.forge, "for-each-ref", "--format=%(objectname)", f"refs/heads/{name}")


def test_a_branch_is_made_moved_and_left_when_it_is_there(town) -> None:
    base = town.started()
    first = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    second = town.candidates.commit(town.trusted.tree_of(base), [base], message="2", at=NOON)
    town.candidates.push(first, "factory/issue-7", expected=None)
    town.candidates.push(first, "factory/issue-7", expected=None)
    assert branch_of(town, "factory/issue-7") == first
    town.candidates.push(second, "factory/issue-7", expected=first)
    assert branch_of(town, "factory/issue-7") == second


def test_a_branch_that_somebody_else_made_or_moved_is_not_touched(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    theirs = town.change({"x": "1"}, start=base, branch="factory/issue-7")
    for expected in (None, base):
        with pytest.raises(GitError, match="somebody else moved it") as refused:
            town.candidates.push(ours, "factory/issue-7", expected=expected)
        assert not refused.value.retryable
    assert branch_of(town, "factory/issue-7") == theirs


def test_a_branch_that_moves_under_the_push_is_not_overwritten(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    hook(town, "pre-receive", f"unset GIT_QUARANTINE_PATH; git update-ref refs/heads/mine {base}")
    with pytest.raises(GitError, match=r"while .* was pushed"):
        town.candidates.push(ours, "mine", expected=None)
    assert branch_of(town, "mine") == base


def test_a_push_that_the_forge_declines_is_reported_and_final(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    hook(town, "update", "exit 1")
    with pytest.raises(GitError, match=r"the forge refuses 'mine'.*hook declined") as refused:
        town.candidates.push(ours, "mine", expected=None)
    assert not refused.value.retryable


def test_a_push_of_something_that_is_not_ours_to_name_never_starts(town) -> None:
    base = town.started()
    with pytest.raises(GitError, match="not a ref name"):
        town.candidates.push(base, "--mirror", expected=None)
    with pytest.raises(GitError, match="40 hex digits"):
        town.candidates.push("main", "x", expected=None)


def test_a_push_sends_the_branch_and_nothing_else_of_ours(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    before = set(word(town.forge, "for-each-ref", "--format=%(refname)").split())
    town.candidates.push(ours, "mine", expected=None)
    assert set(word(town.forge, "for-each-ref", "--format=%(refname)").split()) - before == {
        "refs/heads/mine"
    }


def test_a_branch_of_ours_is_taken_back_and_only_where_it_is_ours(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    town.candidates.push(ours, "factory/candidate/merge-7-1", expected=None)
    assert town.candidates.remove("factory/candidate/merge-7-1", expected=ours) is None
    assert branch_of(town, "factory/candidate/merge-7-1") == ""
    assert town.candidates.remove("factory/candidate/merge-7-1", expected=ours) is None
    assert town.candidates.remove("main", expected=ours) == base
    assert main_of(town) == base


def test_a_branch_that_moves_while_it_is_taken_back_is_left(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    town.candidates.push(ours, "mine", expected=None)
    assert town.candidates_at(rival(town, "mine", base)).remove("mine", expected=ours) == base
    assert branch_of(town, "mine") == base


def test_a_branch_that_the_forge_keeps_is_said(town) -> None:
    base = town.started()
    town.candidates.push(base, "mine", expected=None)
    hook(town, "pre-receive", "exit 1")
    with pytest.raises(GitError, match=r"the forge keeps 'mine'.*hook declined") as kept:
        town.candidates.remove("mine", expected=base)
    assert not kept.value.retryable


def test_what_is_kept_has_a_ref_of_its_own_and_survives_a_sweep(town) -> None:
    base = town.started()
    ours = town.candidates.commit(town.trusted.tree_of(base), [base], message="1", at=NOON)
    town.candidates.keep(ours, "revert/7/abc")
    town.candidates.keep(ours, "revert/7/abc")
    assert word(town.trusted.git_dir, "rev-parse", "refs/factory/revert/7/abc") == ours
    prune(town.trusted, (), patience=timedelta())
    assert town.trusted.parents_of(ours) == (base,)


def test_a_revert_is_a_merge_of_a_commit_on_the_landing_and_keeps_what_came_since(
    town, judged
) -> None:
    """Real git's three-way merge: the landing is the merge base, the tree before it is the other
    side."""
    candidate, bound = judged
    town.candidates.land(candidate, "main", **bound)
    back = town.candidates.commit(
        town.trusted.tree_of(bound["base"]), [candidate], message="back", at=NOON
    )
    git(town.author.folder, "fetch", "--quiet", "origin")
    later = town.change({"c": "later\n"}, start=candidate, branch="main")
    taken_back = town.merged(later, back)
    tree = town.trusted.tree_of(taken_back)
    assert (
        town.candidates.land(taken_back, "main", base=later, head=back, tree=tree).outcome
        == "landed"
    )
    assert {name: town.trusted.read(taken_back, name) for name in "abc"} == {
        "a": b"1\n",
        "b": b"1\n",
        "c": b"later\n",
    }
    onto = town.change({"a": "3\n"}, start=candidate, branch="other")
    assert town.candidates.merge(onto, back, message="back", at=NOON) == Conflict((b"a",))
