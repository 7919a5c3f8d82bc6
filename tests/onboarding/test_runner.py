"""The workflow for a hosted runner: valid, short, and with nothing in it that a stranger's change
could use."""

import re

import jsonschema
import pytest
import yaml

from harness.domain.errors import ConfigError
from harness.onboarding.hosted_runner import PATH, runner_of

SOURCE = "acme/lights-out-factory@" + "0123456789" * 4
# docs.github.com, "Events that trigger workflows": the types of the events that may be used here
TYPES = {
    "issues": [
        "opened",
        "edited",
        "deleted",
        "transferred",
        "pinned",
        "unpinned",
        "closed",
        "reopened",
        "assigned",
        "unassigned",
        "labeled",
        "unlabeled",
        "locked",
        "unlocked",
        "milestoned",
        "demilestoned",
    ],
    "issue_comment": ["created", "edited", "deleted"],
}
TEXT = {"type": "string", "minLength": 1}
STEP = {
    "type": "object",
    "additionalProperties": False,
    "oneOf": [{"required": ["run"]}, {"required": ["uses"]}],
    "properties": {
        "name": TEXT,
        "run": TEXT,
        "uses": {"type": "string", "pattern": r"^[\w.-]+/[\w.-]+@[0-9a-f]{40}$"},
        "with": {"type": "object"},
        "env": {"type": "object", "additionalProperties": TEXT},
    },
}
# docs.github.com, "Workflow syntax for GitHub Actions": the part of it that is used here, and no
# other
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "on", "permissions", "concurrency", "jobs"],
    "properties": {
        "name": TEXT,
        "on": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "schedule": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["cron"],
                        "properties": {
                            "cron": {
                                "type": "string",
                                "pattern": r"^\d{1,2} [\d,*/-]+ [\d,*/-]+ [\d,*/-]+ [\d,*/-]+$",
                            }
                        },
                    },
                },
                "workflow_dispatch": {"type": ["object", "null"]},
                **{
                    event: {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["types"],
                        "properties": {
                            "types": {"type": "array", "minItems": 1, "items": {"enum": types}}
                        },
                    }
                    for event, types in TYPES.items()
                },
            },
        },
        "permissions": {"type": "object", "additionalProperties": {"enum": ["read", "none"]}},
        "concurrency": {
            "type": "object",
            "additionalProperties": False,
            "required": ["group", "cancel-in-progress"],
            "properties": {"group": TEXT, "cancel-in-progress": {"const": False}},
        },
        "jobs": {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": {
                "type": "object",
                "additionalProperties": False,
                "required": ["runs-on", "timeout-minutes", "environment", "steps"],
                "properties": {
                    "if": TEXT,
                    "runs-on": {"enum": ["ubuntu-24.04"]},
                    "environment": TEXT,
                    "timeout-minutes": {"type": "integer", "minimum": 1, "maximum": 360},
                    "steps": {"type": "array", "minItems": 1, "items": STEP},
                },
            },
        },
    },
}


@pytest.fixture
def text():
    return runner_of(SOURCE).text


def read(text):
    """As GitHub reads it: `on` is a word there."""
    return yaml.load(text.replace("\non:", '\n"on":'), Loader=yaml.SafeLoader)


def steps(text):
    (job,) = read(text)["jobs"].values()
    return job["steps"]


def test_it_is_a_workflow_of_at_most_thirty_lines(text) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(read(text))
    assert len(text.splitlines()) <= 30
    assert max(map(len, text.splitlines())) <= 130
    assert "<" not in text, "nothing of the template is left open"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("issues: {types: [opened", "pull_request_target: {types: [opened"),
        ("issue_comment: {types: [created]", "issue_comment: {types: [written]"),
        ("contents: read", "contents: write"),
        ("cancel-in-progress: false", "cancel-in-progress: true"),
        ("@08c6903cd8c0fde910a37f88322edcfb5dd907a8", "@v5"),
        ("    environment: factory", "    cache: factory"),
        ("- run: .ci/setup", "- rum: .ci/setup"),
    ],
)
def test_what_must_not_be_in_it_would_be_found(text, good, bad) -> None:
    assert good in text
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(read(text.replace(good, bad, 1)))


def test_the_only_code_that_is_fetched_is_the_factory_at_the_pinned_commit_and_no_token_stays(
    text,
) -> None:
    fetched = [step["with"] for step in steps(text) if "checkout" in step.get("uses", "")]
    assert fetched == [
        {
            "repository": "acme/lights-out-factory",
            "ref": "0123456789" * 4,
            "persist-credentials": False,
        }
    ]
    assert not [
        step for step in steps(text) if "uses" in step and "checkout" not in step["uses"]
    ], "no cache, no artifact"


def test_secrets_are_in_the_environment_of_the_pass_alone_and_no_text_of_a_stranger_is_in_a_command(
    text,
) -> None:
    holders = [step for step in steps(text) if "secrets." in str(step)]
    assert [step["run"].split(" ")[:2] for step in holders] == [[".venv/bin/factory", "tick"]]
    assert all("${{" not in step.get("run", "") for step in steps(text))
    secrets = set(re.findall(r"secrets\.(\w+)", text))
    assert secrets == {"FACTORY_DATABASE", "FACTORY_HOME_KEY", "ANTHROPIC_API_KEY"}


def test_it_runs_off_the_hour() -> None:
    minutes = {
        int(read(runner_of(f"a/b@{n:040x}").text)["on"]["schedule"][0]["cron"].split()[0])
        for n in range(60)
    }
    assert min(minutes) >= 5
    assert max(minutes) <= 55
    assert len(minutes) > 10, "not everybody at once"


@pytest.mark.parametrize(
    "source",
    [
        "acme/factory",
        "acme/factory@v1",
        "acme/factory@" + "0" * 39,
        "acme@" + "0" * 40,
        "a/b@" + "0" * 40 + "\n",
        "a/b, ref: x@" + "0" * 40,
        "a/b@" + "A" * 40,
    ],
)
def test_what_is_no_commit_of_a_repository_is_refused(source) -> None:
    with pytest.raises(ConfigError, match="OWNER/NAME@COMMIT"):
        runner_of(source)


def test_it_goes_where_workflows_are() -> None:
    assert runner_of(SOURCE).path == PATH == ".github/workflows/factory.yml"
