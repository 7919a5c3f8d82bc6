"""`[judge]` of factory.toml: read strictly, at the base commit, and what the judge gets."""

from dataclasses import asdict, fields, replace

import pytest

from harness.domain.errors import ConfigError
from harness.factory.settings.config import read_config
from harness.factory.settings.limits_config import LONGEST_SECONDS, Judge
from tests.factory.world import World
from validators.domain.bounds import MOST_SECONDS, Bounds


def judge(table: str, *, journey_seconds: int = 30) -> Judge:
    return read_config(
        f"schema = 1\n[limits]\njourney_seconds = {journey_seconds}\n[judge]\n{table}\n"
    ).judge


def test_without_it_the_judge_waits_as_usual() -> None:
    assert read_config("schema = 1\n").judge == Judge()


def test_the_judge_knows_the_same_bounds_by_the_same_names_with_the_same_ends() -> None:
    assert asdict(Judge()) == asdict(Bounds())
    assert LONGEST_SECONDS == MOST_SECONDS


def test_a_bound_is_a_number_with_a_point_or_without() -> None:
    value = judge("step_seconds = 10\nread_seconds = 4.5", journey_seconds=60)
    assert value == replace(Judge(), step_seconds=10, read_seconds=4.5)


@pytest.mark.parametrize("name", [field.name for field in fields(Judge)])
@pytest.mark.parametrize(
    "value",
    ["-1", "0", "0.5", "inf", "-inf", "nan", "601", pytest.param("1" + "0" * 400, id="huge")],
)
def test_what_is_no_time_to_wait_or_less_than_usual_is_refused_by_its_key(name, value) -> None:
    with pytest.raises(
        ConfigError, match=r"expected seconds from [\d.]+ to 600, found "
    ) as refused:
        judge(f"{name} = {value}")
    assert (refused.value.file, refused.value.key) == ("factory.toml", f"judge.{name}")


@pytest.mark.parametrize(
    ("table", "key", "words"),
    [
        ("step_secs = 9", "judge.step_secs", "did you mean `judge.step_seconds`?"),
        ('step_seconds = "9"', "judge.step_seconds", "such as `10`, found '9'"),
        ("step_seconds = true", "judge.step_seconds", "such as `10`, found True"),
        (
            "step_seconds = 10",
            "judge.step_seconds",
            "a sixth of `limits.journey_seconds` (30); for 10, make that 60",
        ),
    ],
)
def test_what_is_no_bound_is_refused_with_what_was_expected(table, key, words) -> None:
    with pytest.raises(ConfigError) as refused:
        judge(table)
    assert refused.value.key == key
    assert words in str(refused.value)


def test_the_judge_gets_what_the_base_commit_has(tmp_path) -> None:
    world = World(tmp_path)
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    tree["factory.toml"] += b"\n[judge]\nread_seconds = 8\n"
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    world.file()
    world.tick()
    assert world.validator.requests
    assert all(
        request["bounds"] == asdict(Judge(read_seconds=8)) for request in world.validator.requests
    )
