"""Over HTTP: a person opens a pull request that edits the rules, and the check on its head shows
the effect."""

from dataclasses import replace

import pytest

from harness.domain.errors import GitError
from harness.domain.facts import ChangeFacts, ChangeKind, FileChange
from harness.factory.policy_gate.policy_edits import CHECK, show_edit_effects
from harness.factory.run.policy_snapshot import policy_at
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.governance.past.factsjson import facts_as_json
from harness.repository.candidate import TrustedCandidates
from harness.repository.remote import Remote
from harness.repository.trusted import TrustedRepository
from tests.events import event_of
from tests.factory.world import EXAMPLE, World

RULES = "factory_rules.md"
STATED = (
    ("max: 300", "max: 400"),
    ("at most 300", "at most 400"),
    ("changed_lines: 300", "changed_lines: 400"),
    ("changed_lines: 301", "changed_lines: 401"),
)


@pytest.fixture
def services(place, tmp_path):
    """A factory on the local forge over HTTP: real git, the real adapter, and Tidebook's rules with
    a limit of 400 lines."""
    rules = (EXAMPLE / RULES).read_text("utf-8")
    for now, then in STATED:
        rules = rules.replace(now, then)
    others = {
        name: (EXAMPLE / name).read_text("utf-8")
        for name in ("mission.md", "CLAUDE.md", "factory.toml")
    }
    place.push({**others, RULES: rules})
    hub = GitHubForge(Access(place.name, place.factory.token, place.forge.api))
    trusted = TrustedRepository(
        tmp_path / "trusted.git", Remote(place.repository.clone_url, lambda: place.factory.token)
    )
    world = World(tmp_path / "world")
    files = (
        FileChange(
            b"tidebook/store.py",
            ChangeKind.MODIFIED,
            "100644",
            "100644",
            "1" * 40,
            "2" * 40,
            350,
            0,
            size=9,
        ),
    )
    world.ledger.append(
        event_of(
            "facts",
            {
                "base": "b" * 40,
                "head": "a" * 40,
                "applies": "pr",
                "rules": "x",
                "facts": facts_as_json(ChangeFacts(files=files)),
                "action": None,
                "findings": [],
            },
        ),
        "facts/31",
        issue=31,
    )
    return replace(
        world.services(),
        forge=hub,
        writer=hub,
        repository=trusted,
        candidates=TrustedCandidates(trusted),
    )


def proposed(place, text, *, branch="edit"):
    """A person pushes a branch and opens a pull request from it."""
    mara = place.person("mara", role="write")
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    if place.api("GET", f"/branches/{branch}").status_code == 404:
        place.api("POST", "/git/refs", by=mara, json={"ref": f"refs/heads/{branch}", "sha": main})
    head = place.push({RULES: text}, branch=branch, token=mara.token)
    place.api(
        "POST", "/pulls", by=mara, json={"title": "Smaller changes", "head": branch, "base": "main"}
    )
    return head


def look(services) -> None:
    services.repository.fetch("main")
    show_edit_effects(services, policy_at(services, services.repository.tip("main")))


def checks(place, sha):
    runs = place.api("GET", f"/commits/{sha}/check-runs?filter=all").json()["check_runs"]
    return [
        (run["conclusion"], run["output"]["title"], run["output"]["summary"])
        for run in runs
        if run["name"] == CHECK
    ]


def test_the_check_appears_on_the_head_with_the_flips_then_names_the_broken_line(
    place, services
) -> None:
    main = place.api("GET", "/branches/main").json()["commit"]["sha"]
    text = (EXAMPLE / RULES).read_text("utf-8")  # 400 → 300
    head = proposed(place, text)
    look(services)
    look(services)
    ((conclusion, title, summary),) = checks(place, head)
    assert (conclusion, title) == (
        "success",
        "1 of 1 recorded change would be decided differently; edits F-SIZE",
    )
    assert "350 changed lines, and at most 300 are allowed" in summary
    with pytest.raises(GitError):  # nothing of it came into the trusted repository
        services.repository.tree_of(head)

    broken = text.replace("check: {changed_lines", "chekc: {changed_lines")
    head = proposed(place, broken)
    look(services)
    ((conclusion, _, summary),) = checks(place, head)
    assert conclusion == "failure"
    assert f"{RULES}:{1 + broken.split('chekc')[0].count(chr(10))}" in summary
    assert place.api("GET", "/branches/main").json()["commit"]["sha"] == main, "nothing was merged"
