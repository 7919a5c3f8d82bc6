"""Which packages a repository names, in each ecosystem's own manifest, and where."""

import pytest

from harness.onboarding import survey_of

SETUP = """\
from setuptools import setup

BASE = ["Flask>=2", "click"]
setup(
    name="shore",
    install_requires=BASE + ["py_yaml ; python_version < '4'"],
    extras_require={"test": ["pytest>=8"], "all": ["shore[test]"]},
)
"""
SETUP_CFG = """\
[options]
install_requires =
    flask>=2
    jinja2
[options.extras_require]
test =
    pytest
"""
POM = (
    "<project><dependencies>\n<dependency>\n  <groupId>org.slf4j</groupId>\n"
    "  <artifactId>slf4j-api</artifactId></dependency></dependencies></project>"
)


@pytest.mark.parametrize(
    ("file", "text", "named"),
    [
        ("setup.py", SETUP, ("flask", "click", "py-yaml", "pytest")),
        ("setup.cfg", SETUP_CFG, ("flask", "jinja2", "pytest")),
        (
            "pyproject.toml",
            '[tool.poetry.dependencies]\npython = "^3"\nrich = "*"\n'
            '[tool.poetry.group.dev.dependencies]\nPy_Test = "*"\n',
            ("rich", "py-test"),
        ),
        (
            "pyproject.toml",
            '[dependency-groups]\ndev = ["pytest>=8", {include-group = "x"}]\n',
            ("pytest",),
        ),
        ("pyproject.toml", '[tool.pdm.dev-dependencies]\ntest = ["pytest"]\n', ("pytest",)),
        ("Pipfile", '[packages]\nflask = "*"\n[dev-packages]\npytest = "*"\n', ("flask", "pytest")),
        ("requirements/base.txt", "-r other.txt\nFlask==3.0\n    --hash=sha256:x\n", ("flask",)),
        (
            "package.json",
            '{"dependencies": {"express": "4"}, "optionalDependencies": {"@a/b": "1"}}',
            ("express", "@a/b"),
        ),
        (
            "go.mod",
            "module example.com/x\n\ngo 1.22\n\nrequire github.com/a/b v1.2.0\nrequire (\n"
            "\tgolang.org/x/net v0.1.0 // indirect\n)\n",
            ("github.com/a/b", "golang.org/x/net"),
        ),
        (
            "Cargo.toml",
            '[dependencies]\nserde = "1"\n[workspace.dependencies]\ntokio = "1"\n',
            ("serde", "tokio"),
        ),
        ("Gemfile", "source 'https://x'\ngem 'rails', '~> 7'\n# gem 'not'\n", ("rails",)),
        ("composer.json", '{"require": {"php": ">=8", "ext-json": "*", "a/b": "1"}}', ("a/b",)),
        ("pom.xml", POM, ("org.slf4j:slf4j-api",)),
        ("build.gradle", 'dependencies {\n  implementation "a.b:c:1.0"\n}\n', ("a.b:c",)),
    ],
)
def test_every_manifest_is_read(file, text, named, folder) -> None:
    assert survey_of(folder({file: text})).dependencies == named


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("setup.py", "setup(install_requires=["),
        ("setup.py", "X = X + ['a']\nsetup(install_requires=X, **more)"),
        ("setup.cfg", "[options\ninstall_requires = flask"),
        ("pyproject.toml", "[project\n"),
        ("pyproject.toml", 'project = "no table"\n'),
        ("package.json", '{"dependencies": ["express"]}'),
        ("package.json", "[" * 5000),
        ("Cargo.toml", "dependencies = 1"),
        ("Pipfile", "= ="),
        ("composer.json", "null"),
    ],
)
def test_a_manifest_that_cannot_be_read_names_nothing_and_ends_nothing(file, text, folder) -> None:
    assert set(survey_of(folder({file: text})).dependencies) <= {"a"}


def test_each_package_has_the_line_that_names_it(folder) -> None:
    survey = survey_of(folder({"setup.py": SETUP, "requirements.txt": "click==8\n"}))
    places = {package.name: package.because.place for package in survey.packages}
    assert places == {
        "click": "requirements.txt:1",
        "flask": "setup.py:3",
        "py-yaml": "setup.py:6",
        "pytest": "setup.py:7",
    }


def test_a_setup_file_is_what_the_missing_locks_are_made_from(folder) -> None:
    survey = survey_of(
        folder(
            {
                "setup.py": SETUP,
                "setup.cfg": "[wheel]\nuniversal = 1\n",
                "test_x.py": "def test(): pass\n",
            }
        )
    )
    assert survey.lock.make.endswith("--generate-hashes setup.py -o requirements.lock")
    assert survey.tests_lock.make.endswith("setup.py --extra test -o requirements-dev.lock")
