"""Checks, statuses and what a branch demands of them, at the wire; annotations in parts; issues of
our own, and pins."""

import pytest

from harness.domain.checks import ReportedCheck, RequiredCheck
from harness.domain.errors import ForgeError
from harness.domain.issue import Annotation, AnnotationLevel
from harness.forge.connection import Access
from harness.forge.github import GitHubForge
from harness.forge.required_checks import of_protection, of_rule
from tests.adapters.worlds import FakeWorld, RealWorld
from tests.fakes.faulty_forge import inject

MARKER = "<!-- lights-out-factory:dashboard -->"


@pytest.fixture
def adapter(place):
    return GitHubForge(Access(place.name, place.factory.token, place.forge.api))


@pytest.fixture(params=["fake", "embedded"])
def world(request):
    return FakeWorld() if request.param == "fake" else RealWorld(request.getfixturevalue("place"))


@pytest.fixture
def sha(place):
    return place.api("GET", "/branches/main").json()["commit"]["sha"]


def reported(place, sha, by, **said):
    answer = place.api("POST", "/check-runs", by=by, json={"head_sha": sha, **said})
    assert answer.status_code == 201, answer.text
    return answer.json()["app"]["id"]


def bot(place, name):
    return place.admin.create_user(f"{place.prefix}-{name}[bot]", role="write", kind="Bot")


def test_of_each_app_the_latest_run_of_each_name_counts(place, adapter, sha) -> None:
    ours, theirs = bot(place, "ci"), bot(place, "other")
    first = reported(place, sha, ours, name="ci", conclusion="failure")
    reported(place, sha, ours, name="ci", conclusion="success")
    second = reported(place, sha, theirs, name="ci", conclusion="neutral")
    reported(place, sha, theirs, name="lint", status="in_progress")
    assert set(adapter.check_runs(sha)) == {
        ReportedCheck("ci", first, "success"),
        ReportedCheck("ci", second, "neutral"),
        ReportedCheck("lint", second, None),
    }


def test_what_an_app_says_of_its_run_is_read_and_cut(place, adapter, sha) -> None:
    output = {"title": "1 failed", "summary": "x" * 30_000, "text": "E  assert 3 == 4"}
    reported(place, sha, bot(place, "ci"), name="ci", conclusion="failure", output=output)
    (check,) = adapter.check_runs(sha)
    assert check.output.endswith("x\nE  assert 3 == 4")
    assert len(check.output) == 16_000
    assert adapter.check_log(check.run) == "", "the forge in the box runs no jobs"


def test_checks_of_another_commit_are_not_this_ones(place, adapter, sha) -> None:
    reported(place, sha, bot(place, "ci"), name="ci", conclusion="success")
    assert adapter.check_runs(place.push({"app.py": "print(2)\n"}, branch="main")) == ()


def test_the_newest_status_of_each_context_counts(place, adapter, sha) -> None:
    for context, state in (
        ("ci", "pending"),
        ("ci", "success"),
        ("slow", "success"),
        ("slow", "pending"),
        ("bad", "error"),
    ):
        place.api(
            "POST", f"/statuses/{sha}", by=place.owner, json={"context": context, "state": state}
        )
    assert set(adapter.statuses(sha)) == {
        ReportedCheck("ci", None, "success"),
        ReportedCheck("slow", None, None),
        ReportedCheck("bad", None, "error"),
    }


def test_what_protection_and_rulesets_demand_is_read_by_app(place, adapter) -> None:
    assert adapter.required_checks("main") == ()
    protected = place.api(
        "PUT",
        "/branches/main/protection",
        by=place.owner,
        json={
            "required_status_checks": {
                "strict": False,
                "checks": [{"context": "ci", "app_id": 41}, {"context": "any", "app_id": -1}],
            },
            "enforce_admins": True,
            "required_pull_request_reviews": None,
            "restrictions": None,
        },
    )
    assert protected.status_code == 200, protected.text
    ruled = place.api(
        "POST",
        "/rulesets",
        by=place.owner,
        json={
            "name": "main",
            "target": "branch",
            "enforcement": "active",
            "conditions": {"ref_name": {"include": ["refs/heads/main"], "exclude": []}},
            "rules": [
                {
                    "type": "required_status_checks",
                    "parameters": {
                        "strict_required_status_checks_policy": False,
                        "required_status_checks": [
                            {"context": "ci", "integration_id": 41},
                            {"context": "lint"},
                        ],
                    },
                }
            ],
        },
    )
    assert ruled.status_code == 201, ruled.text
    assert adapter.required_checks("main") == (
        RequiredCheck("any", None),
        RequiredCheck("ci", 41),
        RequiredCheck("lint", None),
    )


def test_what_an_unknown_branch_demands_is_not_nothing(adapter) -> None:
    with pytest.raises(ForgeError, match="404"):
        adapter.required_checks("no/such")


@pytest.mark.parametrize(
    ("demanded", "found"),
    [
        (
            {
                "checks": [
                    {"context": "ci", "app_id": 7},
                    {"context": "any", "app_id": -1},
                    {"context": "old", "app_id": None},
                ]
            },
            [RequiredCheck("ci", 7), RequiredCheck("any", None), RequiredCheck("old", None)],
        ),
        (
            {"checks": [{"context": "ci", "app_id": 7}], "contexts": ["ci", "status"]},
            [RequiredCheck("ci", 7), RequiredCheck("status", None)],
        ),
        ({"contexts": ["status"]}, [RequiredCheck("status", None)]),
        ({"enforcement_level": "off", "contexts": ["status"]}, []),
        (None, []),
    ],
)
def test_protection_names_checks_by_app_where_it_knows_one(demanded, found) -> None:
    assert (
        list(of_protection({"protection": {"enabled": True, "required_status_checks": demanded}}))
        == found
    )


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        (
            {
                "type": "required_status_checks",
                "parameters": {
                    "required_status_checks": [
                        {"context": "ci", "integration_id": 7},
                        {"context": "any", "integration_id": -1},
                        {"context": "x"},
                    ]
                },
            },
            [RequiredCheck("ci", 7), RequiredCheck("any", None), RequiredCheck("x", None)],
        ),
        ({"type": "non_fast_forward"}, []),
    ],
)
def test_a_rule_names_checks_by_app_where_it_knows_one(rule, found) -> None:
    assert list(of_rule(rule)) == found


def test_a_forge_that_does_not_tell_its_rules_has_not_none(place, adapter) -> None:
    inject(place.forge, "forbidden", path=r".*/rules/branches/main")
    with pytest.raises(ForgeError, match="403"):
        adapter.required_checks("main")


def test_a_server_older_than_rulesets_has_none(place, adapter) -> None:
    inject(place.forge, "missing", path=r".*/rules/branches/main")
    assert adapter.required_checks("main") == ()


def annotations(count):
    return tuple(
        Annotation(
            "app.py", line, line, AnnotationLevel.WARNING, f"title {line}", f"message {line}"
        )
        for line in range(1, count + 1)
    )


def on_the_run(place, sha):
    runs = place.api("GET", f"/commits/{sha}/check-runs?filter=all").json()["check_runs"]
    found = [
        [
            one["start_line"]
            for page in (1, 2)
            for one in place.api(
                "GET", f"/check-runs/{run['id']}/annotations?per_page=100&page={page}"
            ).json()
        ]
        for run in runs
    ]
    return [run["conclusion"] for run in runs], found


@pytest.mark.parametrize("count", [0, 1, 50, 51, 120])
def test_all_annotations_stand_on_one_run_however_many(place, adapter, sha, count) -> None:
    for _ in range(2):
        adapter.set_check(
            sha,
            "factory/law",
            conclusion="failure",
            title="t",
            summary="s",
            annotations=annotations(count),
        )
    assert on_the_run(place, sha) == (["failure"], [list(range(1, count + 1))])


def test_another_set_of_annotations_is_another_run(place, adapter, sha) -> None:
    for count in (2, 1):
        adapter.set_check(
            sha,
            "factory/law",
            conclusion="failure",
            title="t",
            summary="s",
            annotations=annotations(count),
        )
    assert on_the_run(place, sha)[1] in ([[1, 2], [1]], [[1], [1, 2]])


def test_a_run_that_was_cut_off_between_two_parts_is_not_green_and_is_made_again(
    place, adapter, sha
) -> None:
    inject(place.forge, "error-before", method="PATCH", path=r".*/check-runs/\d+")
    with pytest.raises(ForgeError):
        adapter.set_check(
            sha,
            "factory/law",
            conclusion="success",
            title="t",
            summary="s",
            annotations=annotations(60),
        )
    assert [one.conclusion for one in adapter.check_runs(sha)] == [None]
    adapter.set_check(
        sha,
        "factory/law",
        conclusion="success",
        title="t",
        summary="s",
        annotations=annotations(60),
    )
    assert [one.conclusion for one in adapter.check_runs(sha)] == ["success"]


def test_a_summary_that_is_too_long_is_cut_and_set_once(place, adapter, sha) -> None:
    for _ in range(2):
        adapter.set_check(sha, "factory/law", conclusion="failure", title="t", summary="s" * 70_000)
    runs = place.api("GET", f"/commits/{sha}/check-runs?filter=all").json()["check_runs"]
    assert [len(run["output"]["summary"]) for run in runs] == [65_535]


def test_there_is_one_issue_of_ours_with_a_mark_and_it_changes_only_when_it_differs(world) -> None:
    world.file("Somebody's", f"{MARKER} I am the dashboard")
    number = world.forge.upsert_issue(MARKER, title="Dashboard", body=f"{MARKER} one")
    assert world.forge.upsert_issue(MARKER, title="Dashboard", body=f"{MARKER} two") == number
    assert (world.forge.issue(number).title, world.forge.issue(number).body) == (
        "Dashboard",
        f"{MARKER} two",
    )
    before = world.marks()
    assert world.forge.upsert_issue(MARKER, title="Dashboard", body=f"{MARKER} two") == number
    assert world.marks() == before
    world.close(number)
    assert world.forge.upsert_issue(MARKER, title="Dashboard", body=f"{MARKER} two") != number


def test_of_two_issues_of_ours_the_older_stays(place, adapter) -> None:
    said = {"by": place.factory, "json": {"title": "x", "body": MARKER}}
    made = [place.api("POST", "/issues", **said).json()["number"] for _ in range(2)]
    assert adapter.upsert_issue(MARKER, title="Dashboard", body=MARKER) == made[0]
    assert [adapter.issue(number).open for number in made] == [True, False]


def test_an_issue_that_was_filed_though_an_error_came_back_is_not_filed_again(
    place, adapter
) -> None:
    inject(place.forge, "error-after", method="POST", path=f".*/{place.name}/issues")
    number = adapter.upsert_issue(MARKER, title="Dashboard", body=MARKER)
    assert [issue.number for issue in adapter.issues()] == [number]


def test_an_issue_is_pinned_once_and_a_fourth_is_refused(world) -> None:
    numbers = [world.file(f"Issue {number}") for number in range(4)]
    assert [world.forge.pin_issue(number) for number in (*numbers[:3], numbers[0], numbers[3])] == [
        True,
        True,
        True,
        True,
        False,
    ]


def test_a_forge_that_fails_while_pinning_is_no_no(place, adapter) -> None:
    number = place.file("Pinned")
    inject(place.forge, "error-before", path=r".*/graphql")
    with pytest.raises(ForgeError, match="502") as raised:
        adapter.pin_issue(number)
    assert raised.value.retryable


@pytest.mark.parametrize("fault", [None, "error-after"])
def test_the_forge_merges_what_was_judged_once_and_nothing_else(place, fault) -> None:
    world = RealWorld(place)
    head, forge = world.push("factory/issue-1"), world.forge
    number = forge.open_pull_request(
        branch="factory/issue-1", base="main", title="[skip ci]", body="x"
    ).number
    with pytest.raises(ForgeError, match="409") as refused:
        forge.merge_pull_request(number, sha="0" * 40)
    assert not refused.value.retryable
    if fault:
        inject(place.forge, fault, method="PUT", path=r".*/merge")
    commit = forge.merge_pull_request(number, sha=head)
    assert forge.merge_pull_request(number, sha=head) == commit == world.tip()
    message = place.api("GET", f"/commits/{commit}").json()["commit"]["message"]
    assert (
        message == f"Merge pull request #{number}\n\nHead: {head}"
    )  # and not the title, which anybody may have written
