"""A repository that somebody filled to make its reader wait: what it costs grows with its bytes."""

from time import thread_time

import pytest

from harness.onboarding import survey_of

MOST_SECONDS = 1.0
SIZES = 16_000, 32_000
REDIRECTIONS = {
    "outputs": ">a",
    "outputs of a number": ">a1",
    "appended outputs": ">>a",
}


def spent(place, **options) -> float:
    """Processor seconds of a survey."""
    began = thread_time()
    survey_of(place, **options)
    return thread_time() - began


@pytest.mark.parametrize("one", REDIRECTIONS.values(), ids=REDIRECTIONS)
def test_a_command_with_many_outputs_is_read_at_once(folder, one) -> None:
    """A line of a README took longer with each output, twice as long as with one less."""
    assert spent(folder({"README.md": f"nohup x {one * 22} |\n"})) < MOST_SECONDS


@pytest.mark.parametrize("word", ["docker compose up ", "gunicorn ", "node "])
def test_a_start_command_that_nobody_wrote_is_not_read(folder, word) -> None:
    assert spent(folder({"Procfile": f"web: {word * 20_000}\n"})) < MOST_SECONDS


MANIFESTS = {
    "empty lines of setup.cfg": ("setup.cfg", "", "\n", ""),
    "empty lines of setup.py": ("setup.py", "", "\n", ""),
    "empty lines of a Gemfile": ("Gemfile", "", "\n", ""),
    "empty lines of go.mod": ("go.mod", "", "\n", ""),
    "empty lines of Gradle": ("build.gradle", "", "\n", ""),
    "blanks of Gradle": ("build.gradle", "api", " ", ""),
    "a description's blanks": ("setup.py", "description = a", " ", "b"),
    "plugins that never end": ("pom.xml", "", "<plugin>", ""),
}


@pytest.mark.parametrize(("file", "begin", "part", "end"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_costs_about_as_much_as_it_is_long(folder, file, begin, part, end) -> None:
    once, twice = (
        spent(folder({file: begin + part * (size // len(part)) + end})) for size in SIZES
    )
    assert twice < MOST_SECONDS
    assert twice < 4 * once + MOST_SECONDS / 4


def test_many_packages_cost_about_as_much_as_they_are(folder) -> None:
    once, twice = (
        spent(folder({"requirements.txt": "".join(f"p{at:05}\n" for at in range(size // 7))}))
        for size in SIZES
    )
    assert twice < MOST_SECONDS
    assert twice < 4 * once + MOST_SECONDS / 4


def test_a_chain_of_links_is_followed_as_far_as_the_kernel_does(folder) -> None:
    """A chain of a thousand ended the survey in a RecursionError, one of 900 took two seconds."""
    place, names = folder({"a.py": ""}), [f"link{at}" for at in range(2_000)]
    for name, after in zip(names, [*names[1:], "../../outside"], strict=True):
        (place / name).symlink_to(after)
        (place / f"gone-{name}").symlink_to(f"gone/../gone-{after}")
    tracked = {f"{gone}{name}".encode(): "120000" for gone in ("", "gone-") for name in names}
    assert survey_of(place, tracked=tracked).links_out == (names[-1],)


def test_odd_names_cost_about_as_much_as_there_are(folder) -> None:
    place = folder({})
    once, twice = (
        spent(place, tracked={b"a\xff%d" % at: "100644" for at in range(size // 2)})
        for size in SIZES
    )
    assert twice < MOST_SECONDS
    assert twice < 4 * once + MOST_SECONDS / 4


def test_no_pattern_of_a_strangers_attributes_is_matched(folder) -> None:
    """One more star or letter took it several times as long."""
    files = {".gitattributes": f"{'*a' * 7}*b filter=lfs\n", "a" * 60: ""}
    assert spent(folder(files)) < MOST_SECONDS


@pytest.mark.parametrize(("begin", "part", "end"), [("", "a.", "b = 1"), ("[", "a.", "b]")])
def test_a_key_of_many_parts_is_not_read(folder, begin, part, end) -> None:
    text = begin + part * 40_000 + end
    assert spent(folder({"pyproject.toml": text})) < MOST_SECONDS


@pytest.mark.parametrize("file", ["pyproject.toml", "Cargo.toml", "Pipfile"])
def test_a_number_of_many_digits_is_no_manifest(folder, file) -> None:
    """It ended the survey in a ValueError."""
    assert survey_of(folder({file: f"version = {'1' * 5_000}\n"})).dependencies == ()


def test_a_sum_of_many_lists_names_its_packages(folder) -> None:
    """It ended the survey in a RecursionError."""
    text = f"from setuptools import setup\nsetup(install_requires={'[] + ' * 1_200}['flask'])\n"
    assert survey_of(folder({"setup.py": text})).dependencies == ("flask",)


def test_defaults_of_many_sections_cost_about_as_much_as_they_are_long(folder) -> None:
    once, twice = (
        spent(
            folder(
                {
                    "setup.cfg": "[DEFAULT]\n"
                    + "".join(f"k{at}=1\n" for at in range(size // 16))
                    + "".join(f"[s{at}]\n" for at in range(size // 16))
                }
            )
        )
        for size in SIZES
    )
    assert twice < MOST_SECONDS
    assert twice < 4 * once + MOST_SECONDS / 4


def test_a_variable_of_a_compose_file_is_read_to_a_bound(folder) -> None:
    value = "${a-" * 16_000
    files = {
        "compose.yml": f"services: {{db: {{image: postgres, environment: ['POSTGRES_DB={value}']}}}}",
        "requirements.txt": "psycopg\n",
    }
    assert spent(folder(files)) < MOST_SECONDS


def test_no_more_console_scripts_are_looked_up_than_a_project_has(folder) -> None:
    lines = "".join(f'a{at:04} = "b{at:04}:c"\n' for at in range(2_500))
    assert spent(folder({"pyproject.toml": f"[project.scripts]\n{lines}"})) < MOST_SECONDS
