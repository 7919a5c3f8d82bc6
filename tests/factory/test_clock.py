"""The app's clock: named in factory.toml, and the judge is told by which variable an app is shown
it."""

import pytest

from harness.factory.settings.config import read_config
from tests.factory.world import World

APP = '[app]\nstart = ["python", "app.py"]\n'


@pytest.mark.parametrize(
    ("told", "asked"), [("", None), ('clock_env = "TIDEBOOK_CLOCK"\n', "TIDEBOOK_CLOCK")]
)
def test_the_judge_is_told_which_variable_names_the_clock(tmp_path, told, asked) -> None:
    world = World(tmp_path)
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    text = tree["factory.toml"].decode()
    tree["factory.toml"] = (
        text.replace("[app]\n", f"[app]\n{told}") if "[app]" in text else text + APP + told
    ).encode()
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    world.file()
    world.tick()
    assert {request["app"]["clock_env"] for request in world.validator.requests} == {asked}


def test_an_app_has_no_clock_unless_it_says_so() -> None:
    assert read_config("schema = 1\n" + APP).app.clock_env == ""
