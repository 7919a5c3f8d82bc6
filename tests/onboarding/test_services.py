"""Which databases and caches a repository tells of, and which of them are drafted."""

import shutil
from pathlib import Path

import pytest

from harness.factory.settings.config import read_config
from harness.onboarding import gaps_of, survey_of
from tests.onboarding.conftest import GOVERNED
from tests.onboarding.reading import adopted, is_clean

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMPOSE = """services:
  shop: {build: .}
  db:
    image: %s
    environment:
      POSTGRES_USER: ${KEEPER:-keeper}
      POSTGRES_DB: shop
"""


def services(folder, *, compose="", packages=""):
    files = {"compose.yaml": compose, "requirements.txt": packages}
    return survey_of(folder({name: text for name, text in files.items() if text}))


@pytest.mark.parametrize("name", ["larder", "matinee"])
def test_the_examples_are_read_as_their_own_factory_toml_has_them(tmp_path, name) -> None:
    app = EXAMPLES / name / "app"
    folder = shutil.copytree(app, tmp_path / name, ignore=shutil.ignore_patterns(*GOVERNED))
    survey = survey_of(folder)
    drafted = read_config(adopted(survey)["factory.toml"].text)
    own = read_config((app / "factory.toml").read_text())
    assert (drafted.services, drafted.app) == (own.services, own.app)
    assert (drafted.dependencies, drafted.tests) == (own.dependencies, own.tests)
    assert len(own.services) == {"larder": 1, "matinee": 2}[name]
    assert gaps_of(survey) == ()


def test_a_service_that_a_compose_file_and_a_driver_tell_of_is_drafted(folder) -> None:
    survey = services(folder, compose=COMPOSE % "postgres:16", packages="flask\npsycopg\n")
    draft = adopted(survey)["factory.toml"]
    [service] = read_config(draft.text).services
    assert service.name == "db"
    assert "createdb -h 127.0.0.1 -U keeper shop" in service.setup[-1]
    because = "compose.yaml:4 runs postgres:16, and requirements.txt:2 names psycopg"
    assert f"service db: PostgreSQL, because {because}" in draft.guesses
    assert because in draft.text


@pytest.mark.parametrize(
    "told",
    [
        {"compose": COMPOSE % "postgres"},
        {"packages": "psycopg\n"},
        {"compose": COMPOSE % "mongo:7", "packages": "psycopg\n"},
        {"compose": "services: [", "packages": "psycopg\n"},
    ],
)
def test_a_service_that_one_place_alone_tells_of_may_be_an_option(folder, told) -> None:
    survey = services(folder, **told)
    assert read_config(adopted(survey)["factory.toml"].text).services == ()
    [line] = [gap for gap in gaps_of(survey) if gap.startswith("no PostgreSQL")]
    assert "compose.yaml:4 runs postgres" in line or "requirements.txt:1 names psycopg" in line


@pytest.mark.parametrize(
    ("image", "packages", "program"),
    [
        ("docker.io/library/postgres:16@sha256:00", "asyncpg", "postgres"),
        ("mysql:8", "mysqlclient", "mariadbd"),
        ("registry.example.org:5000/valkey/valkey", "redis", "redis-server"),
    ],
)
def test_an_image_is_known_by_its_bare_name(folder, image, packages, program) -> None:
    survey = services(folder, compose=COMPOSE % image, packages=packages)
    [service] = read_config(adopted(survey)["factory.toml"].text).services
    assert program in " ".join(service.start)


@pytest.mark.parametrize(
    "hostile",
    [
        "services:\n  db: {image: postgres, environment: {POSTGRES_DB: 'x; reboot'}}\n",
        "services:\n  db: {image: postgres, environment: ['POSTGRES_USER=$(reboot)', 4, [5]]}\n",
        'services:\n  "a\\"]\\nb": {image: "postgres:1\\u202e\\n[[services]]"}\n',
        "services:\n  db: {image: postgres}\n  db: {image: redis}\n  x: {image: [1]}\n  y: null\n",
        "services:\n" + "".join(f"  a{n}: {{image: postgres}}\n" for n in range(500)),
        "services: &a [*a, *a]\n",
        "services: " + "[" * 5000,
    ],
)
def test_what_a_stranger_wrote_there_becomes_no_command_and_no_line(folder, hostile) -> None:
    survey = services(folder, compose=hostile, packages="psycopg\nredis\n")
    drafts = adopted(survey)
    assert is_clean(drafts, [])
    text = drafts["factory.toml"].text
    assert len(read_config(text).services) <= 2
    assert "reboot" not in text
