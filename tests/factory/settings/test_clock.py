"""The app's clock: named in factory.toml, and the judge gets the variable that shows an app
it."""

import pytest

from harness.factory.settings.config import read_config
from tests.factory.world import World

APP = '[app]\nstart = ["python", "app.py"]\n'


@pytest.mark.parametrize(
    ("setting", "asked"), [("", None), ('clock_env = "TIDEBOOK_CLOCK"\n', "TIDEBOOK_CLOCK")]
)
def test_the_judge_learns_which_variable_names_the_clock(tmp_path, setting, asked) -> None:
    world = World(tmp_path)
    tree = dict(world.git.trees[world.git.tree_of(world.remote["main"])])
    text = tree["factory.toml"].decode()
    tree["factory.toml"] = (
        text.replace("[app]\n", f"[app]\n{setting}") if "[app]" in text else text + APP + setting
    ).encode()
    world.remote["main"] = world.base = world.git.commit(world.git.tree(tree), [], message="base")
    world.file()
    world.tick()
    assert {request["app"]["clock_env"] for request in world.validator.requests} == {asked}


def test_an_app_has_no_clock_unless_it_names_one() -> None:
    assert read_config("schema = 1\n" + APP).app.clock_env == ""
