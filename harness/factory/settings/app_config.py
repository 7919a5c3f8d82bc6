"""`[app]`, `[dependencies]` and `[tests]` of `factory.toml`: how the project starts, what it needs,
and how it tests itself."""

from dataclasses import dataclass

from harness.domain.setting import MOST, setting


@dataclass(frozen=True, slots=True)
class App:
    """How production starts the app, so that the judge starts it the same way. Without `start`
    there is no app, and journeys may run `commands` alone; without both there is nothing to
    judge."""

    # fmt: off
    start: tuple[str, ...] = setting(
        (), "The command that starts the app, in front and not as a daemon.",
        example='["python", "-m", "shop"]',
    )
    port_env: str = setting(
        "PORT", "The variable that tells the app its port.",
        example='"HTTP_PORT"',
    )
    ready: str = setting(
        "/", "A path that answers below 400 once the app is ready.",
        example='"/health"',
    )
    ready_seconds: int = setting(
        20, "How long the app may take until then.",
        example="60", unit="seconds", least=1, most=MOST,
    )
    data: str = setting(
        "", "The variable that names the folder of the app's data; empty: it keeps none.",
        example='"SHOP_DATA"',
    )
    seed_command: tuple[str, ...] = setting(
        (), "The command that fills this folder; a journey's `needs: {seed: NAME}` adds NAME.",
        example='["python", "-m", "shop.seed"]',
    )
    clock_env: str = setting(
        "", "The variable that names the app's clock file, for journeys that travel in time.",
        example='"SHOP_CLOCK"',
    )
    env: tuple[tuple[str, str], ...] = setting(
        (), "More of the app's environment, which is otherwise empty.",
        example='{ SHOP_MODE = "production" }',
    )
    commands: tuple[tuple[str, str], ...] = setting(
        (), "The commands that journeys run, by name; a word with ./ is a file of the repository.",
        example='{ shop = "python -m shop.cli", report = "./bin/report" }',
    )
    # fmt: on

    @property
    def judged_by(self) -> str:
        """What a journey can do here: open the app, or run commands; empty: nothing."""
        if self.start:
            return f"the app's start, `{' '.join(self.start)}`"
        return f"commands: {', '.join(name for name, _ in self.commands)}" if self.commands else ""


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What is installed beside the app: lock files with hashes."""

    # fmt: off
    lock: str = setting(
        "requirements.txt", "The app's own; empty: nothing is depended on.",
        example='"requirements/production.txt"',
    )
    tests: str = setting(
        "", "The one that the tests need; empty: the app's own.",
        example='"requirements-dev.txt"',
    )
    # fmt: on


@dataclass(frozen=True, slots=True)
class Tests:
    """The project's own tests: a command that writes a JUnit report, and the paths that belong to
    them."""

    # fmt: off
    command: tuple[str, ...] = setting(
        (), "The command that runs them and writes a JUnit report; pytest is `python -m pytest`.",
        example='["python", "-m", "pytest", "-q", "--junitxml=/tmp/junit.xml"]',
    )
    report: str = setting(
        "/tmp/report.xml",  # noqa: S108 - a path in the sandbox, which has its own /tmp
        "Where in the sandbox the command writes its report.",
        example='"/tmp/junit.xml"',
    )
    paths: tuple[str, ...] = setting(
        ("tests/**",), "Globs of the files that belong to the tests.",
        example='["tests/**", "conftest.py"]',
    )
    seconds: int = setting(
        120, "How long one run of them may take.",
        example="600", unit="seconds", least=1, most=MOST,
    )
    env: tuple[tuple[str, str], ...] = setting(
        (), "The environment of the tests, and of an implementer's commands; of no secrets.",
        example='{ DATABASE_URL = "postgresql://app@127.0.0.1/shop" }',
    )
    # fmt: on
